//! Accounts in a store that are to be closed later.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::outbox::Notices;
use crate::user::UserId;

/// Keeps which accounts are to be closed, and when. What is kept goes with the user.
///
/// # Errors
/// As for [`UserStore`](super::UserStore).
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait ClosingScheduleStore: Send + Sync {
    /// Keeps that an account is to be closed, ends all sessions of its user, and enqueues these notices. Gives what is kept, and
    /// whether it is new: where one was scheduled before it stays, and nothing is enqueued. It begins no earlier than the user's
    /// last log-in, which may have come since it was read: they come back by a later one. `None` when there is no such
    /// user.
    async fn schedule_closing(
        &self,
        closing: &ScheduledClosing,
        notices: &Notices,
    ) -> Result<Option<(ScheduledClosing, bool)>, StoreError>;

    /// What is kept of this user.
    async fn scheduled_closing(&self, user: UserId)
    -> Result<Option<ScheduledClosing>, StoreError>;

    /// Forgets it, and enqueues these notices; `false`, and nothing enqueued, when nothing is kept. Of this and of an
    /// [end that waits](super::EndOfUser::due_by) at the same moment one comes first, and the other finds it done.
    async fn cancel_closing(&self, user: UserId, notices: &Notices) -> Result<bool, StoreError>;

    /// At most `limit` of those that are due at this time, the longest due first.
    async fn due_closings(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ScheduledClosing>, StoreError>;

    /// Has one wait until a later time; `false` when nothing is kept, or it waits for longer already.
    async fn put_off_closing(
        &self,
        user: UserId,
        due_at: DateTime<Utc>,
    ) -> Result<bool, StoreError>;
}

/// An account that is to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct ScheduledClosing {
    /// Whose it is.
    pub user: UserId,
    /// When they wanted it, to the microsecond.
    pub begun_at: DateTime<Utc>,
    /// When it is to be closed, to the microsecond.
    pub due_at: DateTime<Utc>,
    /// Whether nobody wants it: the account was [made with it](crate::user::NewUser::closes_at), before anybody had proven it
    /// theirs. An account that has a verified address by then is not closed by it, nor one that is not as it
    /// [was seen](super::EndOfUser::as_seen), and it keeps nobody from logging in.
    pub is_of_nobody: bool,
}

impl ScheduledClosing {
    /// Whether it still holds for a user who has last logged in at this time: anyone who has logged in since wants to stay.
    ///
    /// # Examples
    /// ```
    /// use chrono::{DateTime, TimeDelta};
    /// use phone_auth_core::store::ScheduledClosing;
    /// use phone_auth_core::user::UserId;
    ///
    /// let begun_at = DateTime::UNIX_EPOCH;
    /// let due_at = begun_at + TimeDelta::days(30);
    /// let user = UserId::new(7);
    /// let closing = ScheduledClosing { user, begun_at, due_at, is_of_nobody: false };
    /// assert!(closing.stands(None) && closing.stands(Some(begun_at)));
    /// assert!(!closing.stands(Some(begun_at + TimeDelta::seconds(1))));
    /// ```
    pub fn stands(&self, last_login: Option<DateTime<Utc>>) -> bool {
        last_login.is_none_or(|at| at <= self.begun_at)
    }
}
