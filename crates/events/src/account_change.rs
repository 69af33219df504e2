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
///
/// As JSON:
/// ```
/// # use phone_auth_events::AccountChange;
/// let written = |change| serde_json::to_string(&change);
///
/// let added = AccountChange::AddressAdded("ann@example.org".to_owned());
/// assert_eq!(written(added)?, r#"{"what":"address_added","address":"ann@example.org"}"#);
/// let closing = AccountChange::ClosingScheduled("2026-12-27".to_owned());
/// assert_eq!(written(closing)?, r#"{"what":"closing_scheduled","day":"2026-12-27"}"#);
/// assert_eq!(written(AccountChange::PasswordChanged)?, r#"{"what":"password_changed"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
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
    /// This address, which was not verified, is no longer in the account: someone else has shown that it is theirs.
    AddressLost(String),
    /// This address is the one that comes first now.
    PrimaryChanged(String),
    /// Someone tried to sign up with this address, which the account has.
    SignUpTried(String),
    /// Someone tried to add this address to another account.
    AddingTried(String),
    /// The account was closed.
    AccountClosed,
    /// The account is to be closed on this day of UTC, as 2026-12-27, unless its user logs in before. Where that is in less than
    /// two days the time stands behind it, as 2026-12-27 14:05.
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

    /// The day on which it takes effect, and perhaps the time, if that is a later one.
    pub fn day(&self) -> Option<&str> {
        match self {
            Self::ClosingScheduled(day) => Some(day),
            _ => None,
        }
    }
}

/// A change as it is written.
#[derive(Serialize, Deserialize)]
struct Written {
    what: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    day: Option<String>,
}

impl From<AccountChange> for Written {
    fn from(change: AccountChange) -> Self {
        Self {
            what: change.name().to_owned(),
            address: change.address().map(str::to_owned),
            day: change.day().map(str::to_owned),
        }
    }
}

impl TryFrom<Written> for AccountChange {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let Written { what, address, day } = written;
        let lacks = |field: &str| format!("the change {what} lacks its {field}");
        // Before a day had a field of its own, it was written as an address.
        let day = day.or_else(|| address.clone()).ok_or_else(|| lacks("day"));
        let address = address.ok_or_else(|| lacks("address"));
        Ok(match &*what {
            "password_changed" => Self::PasswordChanged,
            "password_reset" => Self::PasswordReset,
            "address_added" => Self::AddressAdded(address?),
            "address_verified" => Self::AddressVerified(address?),
            "address_unverified" => Self::AddressUnverified(address?),
            "address_removed" => Self::AddressRemoved(address?),
            "address_lost" => Self::AddressLost(address?),
            "primary_changed" => Self::PrimaryChanged(address?),
            "sign_up_tried" => Self::SignUpTried(address?),
            "adding_tried" => Self::AddingTried(address?),
            "account_closed" => Self::AccountClosed,
            "closing_scheduled" => Self::ClosingScheduled(day?),
            "closing_cancelled" => Self::ClosingCancelled,
            _ => return Err(format!("there is no change {what}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_change_is_read() -> Result<(), serde_json::Error> {
        let address = || "ann@example.org".to_owned();
        let closing = AccountChange::ClosingScheduled("2026-12-27".to_owned());
        for (change, about) in [
            (AccountChange::PasswordChanged, ""),
            (AccountChange::PasswordReset, ""),
            (AccountChange::AddressAdded(address()), "address"),
            (AccountChange::AddressVerified(address()), "address"),
            (AccountChange::AddressUnverified(address()), "address"),
            (AccountChange::AddressRemoved(address()), "address"),
            (AccountChange::AddressLost(address()), "address"),
            (AccountChange::PrimaryChanged(address()), "address"),
            (AccountChange::SignUpTried(address()), "address"),
            (AccountChange::AddingTried(address()), "address"),
            (AccountChange::AccountClosed, ""),
            (closing.clone(), "day"),
            (AccountChange::ClosingCancelled, ""),
        ] {
            let value = change.address().or(change.day()).unwrap_or_default();
            let about = match about {
                "" => String::new(),
                field => format!(",\"{field}\":\"{value}\""),
            };
            let expected = format!("{{\"what\":\"{}\"{about}}}", change.name());
            let text = serde_json::to_string(&change)?;
            assert_eq!(text, expected);
            assert_eq!(serde_json::from_str::<AccountChange>(&text)?, change);
        }
        // As it was written before.
        let text = r#"{"what":"closing_scheduled","address":"2026-12-27"}"#;
        assert_eq!(serde_json::from_str::<AccountChange>(text)?, closing);
        Ok(())
    }

    #[test]
    fn what_is_no_change_is_refused() {
        for text in [
            r#"{"what":"address_added"}"#,
            r#"{"what":"address_added","day":"2026-12-27"}"#,
            r#"{"what":"closing_scheduled"}"#,
            r#"{"what":"later"}"#,
            r#"{"address":"ann@example.org"}"#,
        ] {
            let read = serde_json::from_str::<AccountChange>(text);
            assert!(read.is_err(), "{text}: {read:?}");
        }
    }
}
