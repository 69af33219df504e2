//! Codes that could not be used: at an address for which so many wrong ones were typed that none is taken any more. A message
//! that says nothing but such a code is not sent: it would cost its sender, and its user a walk to the telephone.

use std::time::Duration;

use phone_auth_events::{Carries as Said, Limit};

use super::code_targets::wrong_codes_of;
use super::limits::Asking;
use super::texts::Guarded;
use super::{Accounts, Failure, wrong_codes};
use crate::address::AddressRecord;
use crate::challenge::ChallengeId;
use crate::limits::{Counters, Hit};
use crate::outbox::{Addressee, Carries, Purpose, To};
use crate::user::{AccountName, User};

/// By how much longer than ever a counter may be full by a clock that is behind, until it is not believed.
const CLOCKS_APART: Duration = Duration::from_mins(1);

impl Accounts {
    /// Whom a message goes to: nobody where it would say a code alone, and no code of this address is taken from a stranger as
    /// long as it lives. The same is read for everybody, and the answer is the same, so it tells nobody who is there.
    ///
    /// It takes nothing from the owner that they had: in a browser that is known for the account wrong codes of strangers do not
    /// count, so the message goes out; and so it does where it says a link.
    pub(super) async fn unless_useless<'a>(
        &self,
        purpose: Purpose,
        message: Guarded<'a>,
        carries: Carries,
    ) -> Result<Guarded<'a>, Failure> {
        match self.is_useless(purpose, message.to, carries).await {
            Ok(None) => Ok(message),
            Ok(Some(nobody)) => {
                self.not_sent(message).await;
                Ok(Guarded::uncounted(nobody))
            }
            Err(failure) => {
                self.not_sent(message).await;
                Err(failure)
            }
        }
    }

    /// Nobody, where a message would be of no use.
    async fn is_useless<'a>(
        &self,
        purpose: Purpose,
        to: Addressee<'a>,
        carries: Carries,
    ) -> Result<Option<Addressee<'a>>, Failure> {
        let (kind, settings) = (to.kind(), self.settings());
        let is_strangers = !matches!(purpose, Purpose::Verify | Purpose::Confirm);
        let is_asked_for = matches!(carries, Carries::LinkAndCode(_)) && is_strangers;
        if !is_asked_for || !settings.may_carry_code_alone(kind) {
            return Ok(None);
        }
        let (user, text) = match to {
            Addressee::User(To { user, address }) => (Some(user), address.value.as_str()),
            Addressee::Nobody { name, .. } => (None, name),
        };
        let requester = self.requester(&AccountName::default(), user);
        if !requester.is_stranger() {
            return Ok(None);
        }
        let about = wrong_codes_of(purpose, kind, text);
        let counters = wrong_codes::all(self.counters(), &about);
        let stopped = self.outlives_codes(counters).await?;
        let is_alone = user.is_some() && settings.carries(kind, text) == Said::Code;
        if stopped.is_none() || !is_alone {
            return Ok(None);
        }
        tracing::info!(%kind, "a code that could not be used is not sent");
        Ok(Some(Addressee::Nobody { kind, name: text }))
    }

    /// Refuses to send a user a code alone to an address of theirs, to verify it or to confirm who they are, where none of theirs
    /// is taken as long as it lives. Nobody else sees that answer.
    ///
    /// Their own row is all that is asked. What [all who claim the address](super::wrong_codes::of_claimants) have used up, and
    /// what networks that tried few have, are no reason: a code that cannot be typed here can be at another network, or once an
    /// attempt of all claimants is free again; and a refusal would tell one claimant what others do. What a browser may try
    /// comes back within a minute.
    pub(super) async fn refuse_useless(
        &self,
        purpose: Purpose,
        (user, address): (&User, &AddressRecord),
        challenge: &ChallengeId,
    ) -> Result<(), Failure> {
        let (flow, is_alone) = match purpose {
            // Whatever else messages carry: its link leads to where the code is typed.
            Purpose::Confirm => ("begin_reauthentication", true),
            _ => {
                let carries = self.settings().carries(address.kind, &address.value);
                ("begin_verification", carries == Said::Code)
            }
        };
        if !is_alone {
            return Ok(());
        }
        let whose = self.whose_codes(purpose, user.id, challenge);
        let about = wrong_codes_of(purpose, address.kind, &address.value);
        let own = [&about[..], &[whose.as_slice()]].concat();
        let counters = self.counters().about(Limit::WrongCodes, &own, &[]);
        let Some((hit, wait)) = self.outlives_codes(counters).await? else {
            return Ok(());
        };
        let asking = Asking {
            flow,
            user: Some(user),
            is_stranger: false,
        };
        Err(self.limited(&asking, Some(&hit), wait).await)
    }

    /// The counter that is full for longer than a code lives that is sent now, and for how long.
    async fn outlives_codes(
        &self,
        counters: Counters<'_>,
    ) -> Result<Option<(Hit, Duration)>, Failure> {
        let (now, limits) = (self.now(), &self.inner.limiter.store);
        for hit in counters.into_hits() {
            let kept = u64::try_from(hit.rule.numbers().keep).unwrap_or_default();
            let most = Duration::from_micros(kept) + CLOCKS_APART;
            let wait = limits.full_for(&hit.key, now).await?;
            let wait = wait.filter(|it| (self.settings().code_lifetime..=most).contains(it));
            if let Some(wait) = wait {
                return Ok(Some((hit, wait)));
            }
        }
        Ok(None)
    }
}
