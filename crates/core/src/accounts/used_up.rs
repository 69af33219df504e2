//! Codes and links that are used up for what the store then does not begin: they are given back, so that who has typed the right
//! code is told to try again, and can.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::resend::ATTEMPTS;
use super::{Accounts, Failure};
use crate::challenge::{Challenge, ChallengeId};
use crate::link::{LinkTarget, RightCode};
use crate::outbox::Purpose;
use crate::password::EncodedPassword;
use crate::session::SessionKey;
use crate::store::StoreError;
use crate::user::UserId;

/// How long is waited before it is tried again to give something back: a store that is restarted is back by then.
const WAITS: [Duration; 6] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
    Duration::from_secs(30),
];

/// For how long a link is given back.
const LINK_IS_GIVEN_BACK: Duration = Duration::from_secs(10);

/// How long the first try to give something back is waited for: the second of two clicks, whose turn is after this one's, finds
/// what was given back.
const FIRST_TRY: Duration = Duration::from_millis(500);

/// What is used up by the one who has shown that an address is theirs.
pub(super) struct UsedUp {
    purpose: Purpose,
    /// Where it was sent, as it was when it was compared.
    target: LinkTarget,
    /// The challenge whose right code it is.
    challenge: Option<EndedChallenge>,
    /// Whether that has ended by it: the store has said so.
    has_ended: bool,
    /// Whether the link that logs in has ended, and the code beside it.
    is_link_ended: bool,
    /// Whether its attempt was given back, or may have been.
    was_returned: bool,
    /// The key of the session in which who is logged in has confirmed by it who they are.
    confirmed_in: Option<SessionKey>,
}

/// A challenge that its right code ends at this time.
pub(super) struct EndedChallenge {
    pub(super) id: ChallengeId,
    pub(super) code: RightCode,
    /// As it was when the attempt was taken.
    pub(super) challenge: Challenge,
    pub(super) at: DateTime<Utc>,
}

impl UsedUp {
    /// Nothing yet, of what was sent to log in there.
    pub(super) const fn nothing_to_log_in(target: LinkTarget) -> Self {
        Self {
            purpose: Purpose::LogIn,
            target,
            challenge: None,
            has_ended: false,
            is_link_ended: false,
            was_returned: false,
            confirmed_in: None,
        }
    }

    /// A right code, with its challenge.
    pub(super) fn code(target: LinkTarget, ended: EndedChallenge) -> Self {
        Self {
            has_ended: true,
            ..Self::attempt(target, ended)
        }
    }

    /// An attempt with the right code, which has ended nothing; or it has, and the answer is lost: then the second of two clicks is
    /// answered as the first, and given back the code would be good once more.
    pub(super) const fn attempt(target: LinkTarget, ended: EndedChallenge) -> Self {
        Self {
            purpose: ended.code.purpose,
            target,
            challenge: Some(ended),
            has_ended: false,
            is_link_ended: false,
            was_returned: false,
            confirmed_in: None,
        }
    }

    /// What confirms in the session of this key who is logged in.
    pub(super) fn confirming_in(self, session: SessionKey) -> Self {
        Self {
            confirmed_in: Some(session),
            ..self
        }
    }

    /// The link too.
    pub(super) const fn link_ended(&mut self) {
        self.is_link_ended = true;
    }

    /// Whether what was sent would be good for something there, which it is derived from, and nothing has come of it: a session may
    /// have begun, and only the answer be lost.
    fn is_for(&self, now: &LinkTarget) -> bool {
        let (before, user) = (&self.target, &now.user);
        now.address == before.address
            && user.id == before.user.id
            && user.is_active
            && user.password == before.user.password
            && (self.purpose != Purpose::LogIn || user.last_login == before.user.last_login)
    }
}

impl Accounts {
    /// Gives this back: at once, or as soon as the store can, for which nobody waits.
    ///
    /// Not where the answer of the store alone was lost, and what was to be done with it is done: then it is over, as it would be
    /// with the answer. A link only within [`LINK_IS_GIVEN_BACK`], and nothing without it, as the code is derived from what the link
    /// is: later another may have been asked for and used, which the store cannot tell any more.
    pub(super) async fn give_used_back(&self, mut used: UsedUp) {
        if used.challenge.is_none() && !used.is_link_ended {
            return;
        }
        let (first, is_tried) = oneshot::channel::<()>();
        let (accounts, mut first) = (self.clone(), Some(first));
        // A task of its own from the beginning: a try that is given up may have given something back, and who tries again would not
        // know.
        self.go_on(async move {
            let begun = Instant::now();
            for wait in std::iter::once(Duration::ZERO).chain(WAITS) {
                if used.is_link_ended && begun.elapsed() + wait > LINK_IS_GIVEN_BACK {
                    break;
                }
                tokio::time::sleep(wait).await;
                let given_back = accounts.try_to_give_back(&mut used).await;
                drop(first.take());
                if given_back.is_ok() {
                    return;
                }
            }
            tracing::warn!("a code that was used for nothing was not given back");
        });
        let _ = timeout(FIRST_TRY, is_tried).await;
    }

    async fn try_to_give_back(&self, used: &mut UsedUp) -> Result<(), Failure> {
        // With the proof the session has got another key: it may have, and only the answer be lost.
        if let Some(session) = &used.confirmed_in {
            let found = self.session_port().find(session, self.now());
            if found.await?.is_none() {
                return Ok(());
            }
        }
        let (store, before) = (self.store(), &used.target);
        let address = (before.address.kind, before.address.id);
        let now = store.link_target(used.purpose, address.0, address.1);
        let Some(now) = now.await?.filter(|now| used.is_for(now)) else {
            return Ok(());
        };
        match now.newest {
            None if used.is_link_ended => store.restore_link(used.purpose, before).await?,
            newest if newest == before.newest => {}
            // Another was asked for; or it has ended, by this use whose answer was lost, or by another.
            _ => return Ok(()),
        }
        let Some(ended) = &used.challenge else {
            return Ok(());
        };
        let (id, code, challenge) = (&ended.id, &ended.code, &ended.challenge);
        if used.has_ended {
            let attempts = challenge.attempts_left.saturating_add(1).min(ATTEMPTS);
            let reopens = store.reopen_challenge(id, code, ended.at, attempts);
            reopens.await?;
        } else if !std::mem::replace(&mut used.was_returned, true) {
            // Once: where the answer to this is lost, the next would give back what was taken by others.
            let (purpose, until) = (code.purpose, challenge.expires_at);
            let returns = store.return_attempt(id, purpose, until, ATTEMPTS);
            returns.await?;
        }
        Ok(())
    }

    /// Ends a challenge by its right code; whether it was this that has. Where the answer of the store is lost, it is looked.
    pub(super) async fn end_by_code(&self, ended: &EndedChallenge) -> Result<bool, StoreError> {
        let (id, code, at) = (&ended.id, &ended.code, ended.at);
        match self.store().end_challenge(id, code, at).await {
            Err(_) if self.was_ended(ended).await => Ok(true),
            is_first => is_first,
        }
    }

    async fn was_ended(&self, ended: &EndedChallenge) -> bool {
        let kept = self.store().challenge(&ended.id, ended.code.purpose).await;
        let proven_at = kept.ok().flatten().and_then(|it| it.proven_at);
        proven_at.is_some_and(|at| at.timestamp_micros() == ended.at.timestamp_micros())
    }

    /// Whether a user has this password, where the answer of the store is lost: one that nobody else can have set.
    pub(super) async fn was_set(&self, user: UserId, password: &EncodedPassword) -> bool {
        let found = self.store().user(user).await.ok().flatten();
        found.is_some_and(|it| it.password == *password)
    }
}
