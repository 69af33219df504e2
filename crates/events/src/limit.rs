//! What is limited.

use std::fmt;

use serde::Serialize;

/// What is counted, and by whom it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Limit {
    /// Log-ins of a client network, whatever becomes of them.
    LogIns,
    /// Log-ins of a client network that fail.
    FailedLogIns,
    /// Log-ins to an account that fail, of a client network.
    FailuresOfNetwork,
    /// Log-ins to an account that fail one after the other, no matter from where; and passwords that are wrong one after the
    /// other in a session.
    FailuresInARow,
    /// Log-ins to an account that fail, from a browser that is known for it.
    FailuresOfDevice,
    /// Password resets that a client network asks for.
    ResetRequests,
    /// Password resets that are asked for at an address or for a username; and links to an address that may be anyone's.
    ResetsOfAddress,
    /// Accounts that a client network asks for.
    SignUps,
    /// Verification links to a phone number, one after the other.
    PhoneVerificationPause,
    /// Verification links to a phone number, in a longer time.
    PhoneVerifications,
    /// Verification links to an email address.
    EmailVerifications,
    /// Addresses that a user adds; and, each by itself, those that are removed and those that are chosen as the primary one.
    AddedAddresses,
    /// Times that a signed-in user has their password checked in a session: to set a new one, or to prove that it is them.
    PasswordChecks,
    /// Codes of an address with one purpose that are wrong one after the other, no matter from where: those of its user by
    /// themselves.
    WrongCodes,
    /// Codes of an address that are wrong, from a browser that is known for the account.
    WrongCodesOfDevice,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::LogIns,
        Self::FailedLogIns,
        Self::FailuresOfNetwork,
        Self::FailuresInARow,
        Self::FailuresOfDevice,
        Self::ResetRequests,
        Self::ResetsOfAddress,
        Self::SignUps,
        Self::PhoneVerificationPause,
        Self::PhoneVerifications,
        Self::EmailVerifications,
        Self::AddedAddresses,
        Self::PasswordChecks,
        Self::WrongCodes,
        Self::WrongCodesOfDevice,
    ];

    /// The word for it, in a store and on the command line.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::Limit;
    ///
    /// assert_eq!(Limit::FailuresInARow.as_str(), "failures_in_a_row");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LogIns => "log_ins",
            Self::FailedLogIns => "failed_log_ins",
            Self::FailuresOfNetwork => "failures_of_network",
            Self::FailuresInARow => "failures_in_a_row",
            Self::FailuresOfDevice => "failures_of_device",
            Self::ResetRequests => "reset_requests",
            Self::ResetsOfAddress => "resets_of_address",
            Self::SignUps => "sign_ups",
            Self::PhoneVerificationPause => "phone_verification_pause",
            Self::PhoneVerifications => "phone_verifications",
            Self::EmailVerifications => "email_verifications",
            Self::AddedAddresses => "added_addresses",
            Self::PasswordChecks => "password_checks",
            Self::WrongCodes => "wrong_codes",
            Self::WrongCodesOfDevice => "wrong_codes_of_device",
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
