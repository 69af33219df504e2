//! What was changed about an account, for those who are told of it.

use serde::{Deserialize, Serialize};

/// What was changed about an account: what a security notice tells. It carries no secret.
///
/// # Examples
/// ```
/// use phone_auth_events::AccountChange;
///
/// let change = AccountChange::AddressAdded("ann@example.org".to_owned());
/// assert_eq!(change.name(), "address_added");
/// assert_eq!(change.address(), Some("ann@example.org"));
/// assert_eq!(AccountChange::PasswordChanged.address(), None);
///
/// let closing = AccountChange::ClosingScheduled("2026-12-27".to_owned());
/// assert_eq!((closing.address(), closing.day()), (None, Some("2026-12-27")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "what", content = "address")]
#[non_exhaustive]
pub enum AccountChange {
    /// The password was changed by someone who knew it.
    PasswordChanged,
    /// A new password was set by a link.
    PasswordReset,
    /// This email address or phone number was added. It is not verified yet.
    AddressAdded(String),
    /// This address was verified.
    AddressVerified(String),
    /// This address does not count as verified any more.
    AddressUnverified(String),
    /// This address was removed.
    AddressRemoved(String),
    /// This address, which was not verified, is in the account no more: someone else has shown that it is theirs.
    AddressLost(String),
    /// This address is the one that comes first now.
    PrimaryChanged(String),
    /// Someone tried to sign up with this address, which the account has.
    SignUpTried(String),
    /// Someone tried to add this address to another account.
    AddingTried(String),
    /// The account was closed.
    AccountClosed,
    /// The account is to be closed on this day, as 2026-12-27, unless its user logs in before.
    ClosingScheduled(String),
    /// The account was to be closed, and stays.
    ClosingCancelled,
}

impl AccountChange {
    /// Its name, as templates and JSON have it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PasswordChanged => "password_changed",
            Self::PasswordReset => "password_reset",
            Self::AddressAdded(_) => "address_added",
            Self::AddressVerified(_) => "address_verified",
            Self::AddressUnverified(_) => "address_unverified",
            Self::AddressRemoved(_) => "address_removed",
            Self::AddressLost(_) => "address_lost",
            Self::PrimaryChanged(_) => "primary_changed",
            Self::SignUpTried(_) => "sign_up_tried",
            Self::AddingTried(_) => "adding_tried",
            Self::AccountClosed => "account_closed",
            Self::ClosingScheduled(_) => "closing_scheduled",
            Self::ClosingCancelled => "closing_cancelled",
        }
    }

    /// The email address or the phone number that was changed, if it is about one.
    pub fn address(&self) -> Option<&str> {
        match self {
            Self::PasswordChanged
            | Self::PasswordReset
            | Self::AccountClosed
            | Self::ClosingScheduled(_)
            | Self::ClosingCancelled => None,
            Self::AddressAdded(address)
            | Self::AddressVerified(address)
            | Self::AddressUnverified(address)
            | Self::AddressRemoved(address)
            | Self::AddressLost(address)
            | Self::PrimaryChanged(address)
            | Self::SignUpTried(address)
            | Self::AddingTried(address) => Some(address),
        }
    }

    /// The day on which it takes effect, if that is a later one.
    pub fn day(&self) -> Option<&str> {
        match self {
            Self::ClosingScheduled(day) => Some(day),
            _ => None,
        }
    }
}
