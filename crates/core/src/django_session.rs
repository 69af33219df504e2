//! Sessions that are shared with a Django site: rows of its own table, written as it writes them.
//!
//! Django keeps the key in the clear, and in the row, signed, who is logged in and a hash of the password
//! column. So a changed password ends every session but those that are written anew.

use std::fmt;

use chrono::{DateTime, Utc};

use crate::password::EncodedPassword;
use crate::session::SessionKey;
use crate::user::{User, UserId};

/// A row of the table `django_session`.
#[derive(Clone)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct DjangoRow {
    /// The key, as the browser has it.
    pub key: SessionKey,
    /// What the session holds, packed and signed.
    pub data: String,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// Shows nothing that would let anyone in.
impl fmt::Debug for DjangoRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DjangoRow")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// A row that is to be written anew, if it is still as it was read.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct DjangoRewrite {
    /// The row as it was read.
    pub old: DjangoRow,
    /// The row to put in its place, under the same key or another.
    pub new: DjangoRow,
}

/// A log-in that is to be recorded: one transaction, refused unless all is as it was when the password
/// was checked.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct DjangoLogIn {
    /// Who logs in.
    pub user: UserId,
    /// The hash that the password was checked against; the user must still have it and be active.
    pub checked_password: EncodedPassword,
    /// A hash to replace it with, when the old one is of a weaker kind.
    pub upgraded_password: Option<EncodedPassword>,
    /// When, to become the user's `last_login`.
    pub at: DateTime<Utc>,
    /// The session that the browser came with, to be ended if it is there.
    pub ends: Option<SessionKey>,
    /// The session to begin.
    pub begins: DjangoRow,
    /// As in [`NewLogIn`](crate::session::NewLogIn::unless_closing).
    pub unless_closing: bool,
}

/// A user and what is proven of their addresses.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct ProvenUser {
    /// The user, active or not.
    pub user: User,
    /// Whether they have at least one verified email address.
    pub has_verified_email: bool,
    /// Whether they have at least one verified phone number.
    pub has_verified_phone: bool,
}
