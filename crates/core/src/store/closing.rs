//! The end of an account in a store, and all that is kept of one.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::outbox::NewMessage;
use crate::password::EncodedPassword;
use crate::user::UserId;

/// Ends accounts, and tells what is kept of one.
///
/// # Errors
/// As for [`UserStore`](super::UserStore).
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait ClosingStore: Send + Sync {
    /// Removes a user with their addresses, sessions, challenges, link requests and pending messages. Their names are free
    /// then.
    ///
    /// Where rows of other tables name the user and may not go with them, the row of the user stays for their sake, without
    /// anything that identifies the user: disabled, with no password, no name, no privileges, and `placeholder` for its username.
    ///
    /// Of an end that [waits](EndOfUser::due_by) only one whose time has come is made; else it is as if there were no such
    /// user. The [event](EndOfUser::event) is enqueued with it, as nobody's message.
    ///
    /// # Errors
    /// [`Referenced`](super::StoreErrorKind::Referenced) when rows of other tables name an address of theirs and may not go
    /// with it, or the user where [they keep the account](AsSeen::unless_referenced). Then nothing is removed.
    async fn close_user(&self, end: &EndOfUser) -> Result<Closed, StoreError>;

    /// What is kept of a user besides what [`User`](crate::user::User) and the addresses say, from each table that has rows of
    /// theirs. Nothing in it is a secret: no password, no digest, no key.
    async fn rows_of(&self, id: UserId) -> Result<Vec<UserRow>, StoreError>;
}

/// What a store is told to do with a user whose account is closed.
///
/// # Examples
/// ```
/// use phone_auth_core::store::EndOfUser;
/// use phone_auth_core::user::UserId;
///
/// let end = EndOfUser::now(UserId::new(7), "closed-0123");
/// assert_eq!((end.due_by, end.event), (None, None));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct EndOfUser {
    /// Who.
    pub user: UserId,
    /// The username of a row that stays.
    pub placeholder: String,
    /// The time by which it must have been [scheduled](super::ClosingScheduleStore) for; none for one that does not wait. By one
    /// [of nobody](super::ScheduledClosing::is_of_nobody) no account is closed that has a verified address, is disabled
    /// or an operator's (`is_staff`, `is_superuser`), or that is not [as it was seen](Self::as_seen).
    pub due_by: Option<DateTime<Utc>>,
    /// How the user was when it was decided that nobody has shown the account to be theirs; none for what was not decided so.
    pub as_seen: Option<AsSeen>,
    /// The event for durable receivers.
    pub event: Option<NewMessage>,
}

impl EndOfUser {
    /// One that does not wait, and of which no durable receiver is told.
    pub fn now(user: UserId, placeholder: impl Into<String>) -> Self {
        Self {
            user,
            placeholder: placeholder.into(),
            due_by: None,
            as_seen: None,
            event: None,
        }
    }
}

/// What a log-in, a reset, or another program changes of a user whose account was about to be closed for want of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct AsSeen {
    /// The stored password.
    pub password: EncodedPassword,
    /// The last log-in, to the microsecond.
    pub last_login: Option<DateTime<Utc>>,
    /// Whether rows of other tables that may not go with the user keep the account as it is, with
    /// [`Referenced`](super::StoreErrorKind::Referenced), where else it would lose what identifies them.
    pub unless_referenced: bool,
}

/// What has become of a user who was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an operator is told each in words of its own"
)]
pub enum Closed {
    /// They are gone.
    Removed,
    /// Their row stays for others that name it, without anything that identifies them.
    Anonymised,
    /// There is no such user.
    NoSuchUser,
}

/// A row that is kept of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct UserRow {
    /// The name of the table.
    pub table: String,
    /// What it says, as an object of JSON.
    pub row: String,
}
