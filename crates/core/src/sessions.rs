//! The port for sessions: how they are found, begun, given another key and ended.
//!
//! The usual ones are rows of the [`Store`](crate::store::Store). A site that shares its sessions with another program
//! fills this port by what that program understands.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::flow_error::Failure;
use crate::password::EncodedPassword;
use crate::randomness::{Randomness, RandomnessError};
use crate::session::{
    ActiveSession, ListedSession, NewUse, PasswordReplacement, SessionClient, SessionKey,
};
use crate::user::{User, UserId};

/// Keeps sessions. For [`AccountsBuilder::sessions`](crate::accounts::AccountsBuilder::sessions).
///
/// # Errors
/// [`Failure::from`] a [`StoreError`](crate::store::StoreError) or a
/// [`RandomnessError`](crate::randomness::RandomnessError). Then nothing has changed.
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Whether another program reads and writes these sessions too.
    fn are_shared(&self) -> bool {
        false
    }

    /// A key as these sessions have, of random bytes. [`begin`](Self::begin) and [`prove`](Self::prove) draw what they need of
    /// a key first, and by this: from a source that repeats itself it is the key that they give.
    ///
    /// # Errors
    /// What the source has.
    fn new_key(&self, randomness: &dyn Randomness) -> Result<SessionKey, RandomnessError>;

    /// The session of this key, if it is alive: its user is active, and has the password that it is bound to. One that is
    /// not alive any more is removed, so that it does not come back to life with its user or with an older password.
    async fn find(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
    ) -> Result<Option<FoundSession>, Failure>;

    /// Records a log-in and begins its session, in one transaction. `None`, and nothing changed, when the user is not any
    /// more as they were when the password was checked. The key of another is never taken.
    async fn begin(
        &self,
        log_in: &LogIn<'_>,
        randomness: &dyn Randomness,
    ) -> Result<Option<SessionKey>, Failure>;

    /// Replaces a password by compare-and-swap, and gives the one session that lives on another key, in one transaction.
    async fn rebind(
        &self,
        key: &SessionKey,
        replacement: PasswordReplacement,
        now: DateTime<Utc>,
        randomness: &dyn Randomness,
    ) -> Result<Rebound, Failure>;

    /// Gives a session another key that was found to [need one](FoundSession::is_stale). `None` when someone else was
    /// faster.
    async fn renew(
        &self,
        found: &FoundSession,
        now: DateTime<Utc>,
        randomness: &dyn Randomness,
    ) -> Result<Option<SessionKey>, Failure>;

    /// Notes that the user of a session has proven who they are, and gives it another key. `None`, and nothing changed, when
    /// the session is over or its user has another password than it was found with: look again.
    async fn prove(
        &self,
        found: &FoundSession,
        now: DateTime<Utc>,
        randomness: &dyn Randomness,
    ) -> Result<Option<SessionKey>, Failure>;

    /// Ends a session. `false` when there was none.
    async fn end(&self, key: &SessionKey) -> Result<bool, Failure>;

    /// Notes that a session is used. Those that do not keep when they were used have nothing to do.
    async fn note_use(&self, noted: &NewUse) -> Result<(), Failure> {
        let _ = noted;
        Ok(())
    }

    /// The sessions of a user that are alive, the one that was used last first. `None` where nobody can tell.
    async fn of_user(
        &self,
        user: &User,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<ListedSession>>, Failure> {
        let _ = (user, now);
        Ok(None)
    }

    /// Ends a session of a list. `false` when it is not there any more, or has got another key since.
    async fn end_listed(&self, listed: &ListedSession) -> Result<bool, Failure> {
        let _ = listed;
        Ok(false)
    }

    /// Ends all sessions of a user, or all but one.
    async fn end_all(
        &self,
        user: UserId,
        keeps: Option<&SessionKey>,
    ) -> Result<EndedSessions, Failure> {
        let _ = (user, keeps);
        Ok(EndedSessions::Unknown)
    }
}

/// What became of sessions that were to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the flow has an answer for each, and must not forget one"
)]
pub enum EndedSessions {
    /// So many have.
    Ended(u64),
    /// None has: the one that was to go on is over itself, or has got another key since.
    KeptIsOver,
    /// None has: the sessions do not say whose they are.
    Unknown,
}

/// A session that is alive.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "anyone who keeps sessions builds it, and a field they forget must not compile"
)]
pub struct FoundSession {
    /// The session and its user.
    pub session: ActiveSession,
    /// The key that it was found by.
    pub key: SessionKey,
    /// Whether it should get another key, by [`Sessions::renew`].
    pub is_stale: bool,
}

/// A log-in that is to be recorded.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; anyone who keeps sessions takes it apart"
)]
pub struct LogIn<'a> {
    /// Who logs in, as they were when the password was checked.
    pub user: &'a User,
    /// A hash to replace the stored one with, when that is of a weaker kind.
    pub upgraded_password: Option<&'a EncodedPassword>,
    /// The key that the browser came with; its session ends.
    pub previous: Option<&'a SessionKey>,
    /// When, to become the `last_login` of the user.
    pub at: DateTime<Utc>,
    /// From when on the session is refused.
    pub expires_at: DateTime<Utc>,
    /// How many sessions the user may have with this one; the oldest of those above it end.
    pub max_sessions: u32,
    /// Whether it is refused while the account is [to be closed](crate::store::ClosingScheduleStore).
    pub unless_closing: bool,
    /// From where.
    pub client: SessionClient,
}

/// What became of a password that was to be replaced.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the flow has an answer for each, and must not forget one"
)]
pub enum Rebound {
    /// It was, and this is the key of the session that lives on.
    Done(SessionKey),
    /// The user or the session is not any more as described, or the new key is another user's already: look again.
    Changed,
    /// The session is over.
    Over,
}
