//! Sessions in a store.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
#[cfg(doc)]
use crate::session::StoredSession;
use crate::session::{
    ActiveSession, ListedSession, NewLogIn, NewProof, NewUse, PasswordDigest, SessionDigest,
};
use crate::user::UserId;

/// Keeps sessions.
///
/// # Errors
/// As for [`UserStore`](super::UserStore).
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Records a log-in: sets `last_login`, replaces the hash if a better one is given, ends the
    /// session the browser came with, begins the new one, and ends the oldest ones that the user has above
    /// [`max_sessions`](NewLogIn::max_sessions). `false`, and nothing changed, when the user is gone, inactive, or has
    /// another password by now.
    ///
    /// Log-ins of one user at the same moment may leave more than that, until the next log-in.
    ///
    /// # Errors
    /// [`SessionExists`](super::StoreErrorKind::SessionExists) when the digest is in use; never overwrites.
    async fn log_in(&self, log_in: &NewLogIn) -> Result<bool, StoreError>;

    /// The session of this digest if it is alive at `now`, by the clock of the one who asks, whatever clock the store
    /// has: not expired, the user there and active, and their password the one that the session is bound to, as
    /// [`StoredSession::state`] tells. One query; a session that is over for another reason than its time is removed
    /// when it is met, and one that an older version began is bound. When that cannot be written, the answer is the
    /// same.
    async fn session(
        &self,
        digest: &SessionDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<ActiveSession>, StoreError>;

    /// Notes that the user of a session has proven who they are, and gives the session another name. `false`, and nothing
    /// changed, when there is no such session or it is bound to another password. A session begins without a proof, and
    /// [`replace_password`](super::UserStore::replace_password) takes along the one of the session that it keeps.
    ///
    /// # Errors
    /// [`SessionExists`](super::StoreErrorKind::SessionExists) when the new name is in use; never overwrites.
    async fn prove_session(&self, proof: &NewProof) -> Result<bool, StoreError>;

    /// Ends a session. `false` when there was none.
    async fn end_session(&self, digest: &SessionDigest) -> Result<bool, StoreError>;

    /// Notes that a session is used, and from where. `false`, and nothing written, when there is no such session, or it was
    /// noted after [`unless_since`](NewUse::unless_since): of many requests at once, one writes. Of a client of which
    /// something is not known the store keeps what it had.
    async fn note_session_use(&self, noted: &NewUse) -> Result<bool, StoreError>;

    /// At most `limit` sessions of a user that have time left at `now` and are bound to this password or to none yet, the one
    /// that was used last first.
    async fn sessions_of(
        &self,
        user: UserId,
        password: &PasswordDigest,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ListedSession>, StoreError>;

    /// Ends all sessions of a user, or all but one; how many. `None`, and nothing changed, when the user has not the one that
    /// is to go on.
    async fn end_sessions_of(
        &self,
        user: UserId,
        keeps: Option<&SessionDigest>,
    ) -> Result<Option<u64>, StoreError>;

    /// Removes at most `limit` sessions that expired before `now`; how many they were. Those that someone else is
    /// removing at the same time are left to them.
    ///
    /// `now` is the clock of the one who asks. A store that many machines share, as one on PostgreSQL, goes by the
    /// clock of its own machine as well, and leaves what has time left by that: a machine whose clock is ahead would
    /// remove the sessions of all others.
    async fn remove_expired_sessions(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError>;

    /// Of the next `limit` sessions after this one, in the order of their digests, removes those whose users are not
    /// active, no matter who disabled them; how many they were, and the last that was looked at, none when there was
    /// none. A session that nobody used while its user was disabled does not come back with the user then.
    async fn remove_disabled_sessions(
        &self,
        after: Option<&SessionDigest>,
        limit: u32,
    ) -> Result<(u64, Option<SessionDigest>), StoreError>;

    /// Binds at most `limit` sessions to the passwords of their users: sessions that a server of a version before
    /// these bindings began. How many they were.
    async fn bind_sessions(&self, limit: u32) -> Result<u64, StoreError>;
}
