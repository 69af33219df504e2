//! Codes to an address of the one who asks, who is signed in: to verify it, or to confirm who they are.

use std::time::Duration;

use super::request_reset::SentTo;
use super::request_verification::Requested;
use super::resend::Claim;
use super::{Accounts, Failure};
use crate::address::AddressRecord;
use crate::challenge::{ChallengeKey, KeptChallenge};
use crate::outbox::{Carries, Purpose};
use crate::user::User;

/// What has become of a request for a code to an address of the one who asks.
pub(super) enum Begun {
    /// It is on its way, and good for the one who has this key.
    Waits(ChallengeKey),
    /// One was sent a moment ago, and another can be sent after this wait.
    TooSoon(Duration),
}

impl Accounts {
    /// Has a code sent to an address of the user who asks, for the challenge of this key.
    pub(super) async fn begin_own(
        &self,
        purpose: Purpose,
        (user, address): (User, AddressRecord),
        key: ChallengeKey,
    ) -> Result<Begun, Failure> {
        self.refuse_useless(purpose, (&user, &address), &key.id())
            .await?;
        let mut request = self.own_code(purpose, &address, user.id, &key);
        let claim = match self.may_send(&mut request).await? {
            Claim::Done(key) => return Ok(Begun::Waits(key)),
            Claim::TooSoon { wait, .. } => return Ok(Begun::TooSoon(wait)),
            Claim::Send(claim) => claim,
        };
        if self.ask_gate_to_prove(purpose, &user, &address).await? == Requested::Before {
            // What was sent a moment ago has the attempts that are left.
            if self.begun_challenge(request).await?.is_none() {
                let sent = SentTo::at(address.kind, address.id);
                self.keep_challenge(request, claim, sent).await?;
            }
            return Ok(Begun::Waits(key));
        }
        let (accounts, kept, key) = (self.clone(), claim.map(|(_, kept)| kept), key.clone());
        // Where the browser goes away once it is counted, what was not sent after all is given back.
        let sends = async move {
            let sent = accounts.send_own_code(purpose, (&user, &address), (&key, kept));
            sent.await
        };
        Ok(Begun::Waits(self.to_the_end(sends).await?))
    }

    /// Has a code sent to an address, for the challenge that its user has or a new one; the key of that.
    async fn send_own_code(
        &self,
        purpose: Purpose,
        (user, address): (&User, &AddressRecord),
        (key, kept): (&ChallengeKey, Option<KeptChallenge>),
    ) -> Result<ChallengeKey, Failure> {
        let request = self.own_code(purpose, address, user.id, key);
        let claim = kept.map(|kept| (key, kept));
        if !self.claim_send(request, claim).await? {
            return Ok(key.clone());
        }
        let sent = SentTo::at(address.kind, address.id);
        let asked = self.asked(request, claim)?;
        let carries = Carries::LinkAndCode(self.new_challenge(&asked, sent));
        match self.send_own(purpose, (user, address), carries).await {
            Ok(Requested::Now) => return Ok(asked.key(sent)),
            Ok(Requested::Before) => {}
            Err(failure) => {
                self.release_send(claim).await;
                return Err(failure);
            }
        }
        // What was sent a moment ago has the attempts that are left.
        if self.begun_challenge(request).await?.is_some() {
            self.release_send(claim).await;
            return Ok(key.clone());
        }
        self.keep_challenge(request, claim, sent).await
    }
}
