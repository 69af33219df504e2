//! What others do to the same data behind the store's back.
//!
//! The port has no method for much that happens to a database in life: django-phone-auth's admin pages
//! delete a user or correct an address, an operator's hand un-verifies one. Promises such as "a
//! link dies with the address it was sent for" can only be tested by doing that. So anyone who runs the
//! suite says how, for their database: each [`ExternalChange`] is one statement or two of SQL.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::outbox::MessageId;
use phone_auth_core::session::SessionDigest;
use phone_auth_core::user::UserId;

/// A hand in the database that is not the store's.
#[async_trait]
pub trait ExternalWriter: Send + Sync {
    /// Makes a change and returns when it is stored. A change of a row that is not there does nothing.
    ///
    /// # Panics
    /// When the change cannot be made: the suite cannot go on then.
    async fn make(&self, change: ExternalChange);
}

/// What an [`ExternalWriter`] changes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an external writer that forgets a new change must not compile"
)]
pub enum ExternalChange {
    /// Deletes a user with all their addresses and sessions, as django-phone-auth's admin pages do.
    DeleteUser(UserId),
    /// Gives a user another username, anyone else who has one like it. Nothing else in the row changes.
    RenameUser(UserId, String),
    /// Sets the email address in the user's own row, and in no other place.
    SetOwnEmail(UserId, String),
    /// Sets when the user last logged in.
    SetLastLogin(UserId, Option<DateTime<Utc>>),
    /// Sets the text of a password, as django-phone-auth's admin pages and `manage.py changepassword` do.
    SetPassword(UserId, String),
    /// Takes the password away that the sessions of a user are bound to: a server of a version before these
    /// bindings began them.
    UnbindSessions(UserId),
    /// Sets `is_active` and leaves the sessions as they are, as django-phone-auth's admin pages do.
    SetActive(UserId, bool),
    /// Deletes an address.
    DeleteAddress(AddressKind, AddressId),
    /// Gives an address another text. Its verification stays as it is.
    EditAddress(AddressKind, AddressId, String),
    /// Gives an address to another user.
    MoveAddress(AddressKind, AddressId, UserId),
    /// Sets `is_verified` of an address.
    SetVerified(AddressKind, AddressId, bool),
    /// Moves all times of all counters of limits: into the past as if so much time had gone by, into the future as if the
    /// clock were set back.
    ShiftLimits(TimeDelta),
    /// Drops the indexes that stores make for look-ups, as a restore of tables alone does. Constraints stay.
    LoseIndexes,
    /// Puts a value into one row that no program should, whatever constraint says that it may not be there. What the
    /// database cannot hold at all is left as it is.
    SetOdd(OddCell, OddValue),
}

/// A column of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an external writer that forgets a table must not compile"
)]
pub enum OddCell {
    /// A column of `auth_user`.
    User(UserId, &'static str),
    /// A column of an address: `is_verified`, or the one that is called like the kind.
    Address(AddressKind, AddressId, &'static str),
    /// A column of `phone_auth_session` that holds a time.
    Session(SessionDigest, &'static str),
    /// A column of `phone_auth_outbox` that holds words: `purpose`, `kind`, `receipts` or `earlier_receipts`.
    Message(MessageId, &'static str),
}

/// What can stand in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an external writer that forgets a value must not compile"
)]
pub enum OddValue {
    /// NULL.
    Null,
    /// A number.
    Number(i64),
    /// A text.
    Text(&'static str),
}
