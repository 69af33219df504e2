//! The port for challenges.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::challenge::{Challenge, ChallengeId, NewChallenge};
use crate::outbox::Purpose;

/// Keeps challenges, each under the id of its key, or if it is nobody's at its
/// [place](NewChallenge::place).
#[async_trait]
pub trait ChallengeStore: Send + Sync {
    /// Begins a challenge, in the place of one that is there, and ends the previous one of the same browser.
    ///
    /// If the previous one is alive, has the same purpose and the same addresses, the new one has no more attempts than it
    /// had left.
    async fn begin_challenge(&self, new: &NewChallenge) -> Result<(), StoreError>;

    /// Takes an attempt from a challenge that is alive at this time, has this purpose, and has attempts left; none when there
    /// is none. It is the one under its id, else the one at the place of nobody. Of many at once no more succeed than there
    /// are attempts.
    async fn attempt_challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        now: DateTime<Utc>,
    ) -> Result<Option<Challenge>, StoreError>;

    /// Ends a challenge; whether there was one under this id. One that is nobody's stays.
    async fn end_challenge(&self, id: &ChallengeId) -> Result<bool, StoreError>;

    /// Removes at most `limit` challenges that are over at this time; how many they were.
    async fn remove_expired_challenges(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError>;
}
