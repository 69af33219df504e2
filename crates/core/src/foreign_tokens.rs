//! The port for links that another site has sent before this one took its place.

use chrono::{DateTime, Utc};

use crate::address::AddressRecord;
use crate::user::User;

/// Accepts the tokens of another site's links. For
/// [`AccountsBuilder::foreign_tokens`](crate::accounts::AccountsBuilder::foreign_tokens).
///
/// A token that is none of these is looked at as one of ours, which says why it is refused; so here is no reason.
///
/// # Security
/// The work must not depend on what is in the token, and the time when such links are accepted should end.
///
/// # Examples
/// ```
/// use chrono::{DateTime, Utc};
/// use phone_auth_core::address::AddressRecord;
/// use phone_auth_core::foreign_tokens::ForeignTokens;
/// use phone_auth_core::user::User;
///
/// /// A site that was closed: its links do nothing.
/// struct Closed;
///
/// impl ForeignTokens for Closed {
///     fn resets(&self, _user: &User, _token: &str, _now: DateTime<Utc>) -> bool {
///         false
///     }
///
///     fn verifies(&self, _address: &AddressRecord, _token: &str, _now: DateTime<Utc>) -> bool {
///         false
///     }
///
///     fn is_older(&self, _token: &str, _time: DateTime<Utc>) -> bool {
///         true
///     }
/// }
/// # let _: &dyn ForeignTokens = &Closed;
/// ```
pub trait ForeignTokens: Send + Sync {
    /// Whether this token resets the password of this user.
    fn resets(&self, user: &User, token: &str, now: DateTime<Utc>) -> bool;

    /// Whether this token verifies this address.
    fn verifies(&self, address: &AddressRecord, token: &str, now: DateTime<Utc>) -> bool;

    /// Whether a token says that it was issued before this time, to the second: a newer request ends it. Nothing is said
    /// about whether it is genuine; a text that is no token is older than any time.
    fn is_older(&self, token: &str, time: DateTime<Utc>) -> bool;
}
