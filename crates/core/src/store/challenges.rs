//! The port for challenges.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::challenge::{Challenge, ChallengeId, KeptChallenge, NewChallenge, Renewal, TypedNames};
use crate::link::RightCode;
use crate::outbox::Purpose;

/// Keeps challenges, each under the id of its key, or if it is nobody's at a [place](NewChallenge::place), together with
/// its [`key_digest`](NewChallenge::key_digest). A challenge is found by its own key and by no other, nobody's as well.
#[async_trait]
pub trait ChallengeStore: Send + Sync {
    /// Begins a challenge, in the place of one that is there, and ends the previous one of the same browser, which may be
    /// nobody's: if it is of the same purpose, and verifies no address. One that does is its user's, in whatever browser.
    async fn begin_challenge(&self, new: &NewChallenge) -> Result<(), StoreError>;

    /// Begins a challenge of someone, unless there is one under its id, which stays as it is: of many at once one begins it.
    async fn open_challenge(&self, new: &NewChallenge) -> Result<(), StoreError>;

    /// The challenge of this purpose with this id, at the place of nobody as well; also one that is over.
    async fn challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
    ) -> Result<Option<KeptChallenge>, StoreError>;

    /// Notes that another message is sent for a challenge, or was not sent after all, if so many were so far; whether it was
    /// noted. It is the one that [`challenge`](Self::challenge) finds.
    async fn renew_challenge(&self, renewal: &Renewal) -> Result<bool, StoreError>;

    /// Takes an attempt from a challenge that is alive at this time, has this purpose, and has attempts left; none when there
    /// is none. It is the one that [`challenge`](Self::challenge) finds. Of many at once no more succeed than there are
    /// attempts.
    async fn attempt_challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        now: DateTime<Utc>,
    ) -> Result<Option<Challenge>, StoreError>;

    /// Gives back the attempt that [`attempt_challenge`](Self::attempt_challenge) took and that was none: to a challenge of this
    /// purpose whose code has not been right and that is over at the same time as it was then, if it has fewer than `most`. One
    /// that was renewed meanwhile, or begun anew, has its own.
    async fn return_attempt(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        expires_at: DateTime<Utc>,
        most: u32,
    ) -> Result<(), StoreError>;

    /// Ends a challenge by its right code, and notes when; and that code, which gives way to
    /// [the next](RightCode::next_code_at) of its link. Whether there was a challenge under this id that had not ended so, and
    /// the code was still that of its link: else nothing changes. Of many at once, with the code of a reset or a log-in
    /// at whatever challenges, one is told so. One that is nobody's stays.
    async fn end_challenge(
        &self,
        id: &ChallengeId,
        code: &RightCode,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError>;

    /// Takes back that a challenge was ended by its right code at this time, for what it was to begin was not begun: it has so
    /// many attempts again, and the code is its link's again, unless another has taken its place meanwhile. Whether it was ended
    /// so.
    async fn reopen_challenge(
        &self,
        id: &ChallengeId,
        code: &RightCode,
        proven_at: DateTime<Utc>,
        attempts: u32,
    ) -> Result<bool, StoreError>;

    /// Keeps the names that were typed by the one whose browser has a challenge, in place of those from before. It is the one that
    /// [`challenge`](Self::challenge) finds; where there is none nothing is kept. They go with the challenge, and with one
    /// that begins in its place.
    async fn keep_typed_names(
        &self,
        id: &ChallengeId,
        names: &TypedNames,
    ) -> Result<(), StoreError>;

    /// The names that are kept with a challenge, also with one that is over.
    async fn typed_names(&self, id: &ChallengeId) -> Result<Option<TypedNames>, StoreError>;

    /// Removes at most `limit` challenges that are over at this time; how many they were.
    async fn remove_expired_challenges(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError>;
}
