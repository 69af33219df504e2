//! Codes and links that are used up for what the store then does not begin: they are given back, so that who has typed the right
//! code is told to try again, and can.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::Accounts;
use super::resend::ATTEMPTS;
use crate::challenge::{Challenge, ChallengeId};
use crate::link::{LinkTarget, RightCode};
use crate::outbox::Purpose;
use crate::store::StoreError;

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

/// What is used up by the one who has shown that an address is theirs.
#[derive(Clone)]
pub(super) enum UsedUp {
    /// A challenge, by its right code.
    Challenge {
        id: ChallengeId,
        code: RightCode,
        /// As it was when the attempt was taken.
        challenge: Challenge,
        at: DateTime<Utc>,
    },
    /// A link that logs in, and the code beside it.
    Link(Box<LinkTarget>),
}

impl Accounts {
    /// Gives these back, the last first: at once, or as soon as the store can, for which nobody waits.
    ///
    /// A link only within [`LINK_IS_GIVEN_BACK`], and nothing without it, as the code is derived from what the link is: later
    /// another may have been asked for and used, which the store cannot tell any more.
    pub(super) fn give_used_back(&self, mut used: Vec<UsedUp>) {
        if used.is_empty() {
            return;
        }
        let accounts = self.clone();
        let has_link = used.iter().any(|it| matches!(it, UsedUp::Link(_)));
        self.go_on(async move {
            let begun = Instant::now();
            for wait in std::iter::once(Duration::ZERO).chain(WAITS) {
                if has_link && begun.elapsed() + wait > LINK_IS_GIVEN_BACK {
                    break;
                }
                tokio::time::sleep(wait).await;
                if accounts.try_to_give_all_back(&mut used).await.is_ok() {
                    return;
                }
            }
            tracing::warn!("a code that was used for nothing was not given back");
        });
    }

    async fn try_to_give_all_back(&self, used: &mut Vec<UsedUp>) -> Result<(), StoreError> {
        while let Some(last) = used.last() {
            self.try_to_give_back(last).await?;
            used.pop();
        }
        Ok(())
    }

    async fn try_to_give_back(&self, used: &UsedUp) -> Result<(), StoreError> {
        match used {
            UsedUp::Challenge {
                id,
                code,
                challenge,
                at,
            } => {
                let attempts = challenge.attempts_left.saturating_add(1).min(ATTEMPTS);
                if !self
                    .store()
                    .reopen_challenge(id, code, *at, attempts)
                    .await?
                {
                    // It was not ended either: the attempt is all that was taken.
                    let until = challenge.expires_at;
                    let give_back = self
                        .store()
                        .return_attempt(id, code.purpose, until, ATTEMPTS);
                    give_back.await?;
                }
                Ok(())
            }
            UsedUp::Link(target) if target.address.id.is_claim() => Ok(()),
            UsedUp::Link(target) => self.store().restore_link(Purpose::LogIn, target).await,
        }
    }
}
