//! How often what may be done, as an operator says it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Limit, LimitRule, Rate, RateError, TextCountries, TextGuard};

/// A rate that an operator may turn off.
///
/// # Examples
/// ```
/// use phone_auth_core::limits::RateLimit;
///
/// assert_eq!("off".parse(), Ok(RateLimit::Off));
/// assert_eq!("30/min".parse::<RateLimit>()?.to_string(), "30/min");
/// # Ok::<(), phone_auth_core::limits::RateError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is a rate or there is none")]
pub enum RateLimit {
    /// So often.
    At(Rate),
    /// As often as anyone likes.
    Off,
}

impl RateLimit {
    const fn of(count: u32, per: Duration) -> Self {
        Self::At(Rate::of(count, per))
    }

    const fn rule(self) -> Option<LimitRule> {
        match self {
            Self::At(rate) => Some(LimitRule::Rate(rate)),
            Self::Off => None,
        }
    }
}

impl FromStr for RateLimit {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::At)
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(rate) => rate.fmt(f),
            Self::Off => f.write_str("off"),
        }
    }
}

/// How often what may be done. A client network is an IPv4 address or 64 bits of an IPv6 address; the network around it,
/// of 24 or 48 bits, may do ten times as much.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitSettings {
    /// Whether nothing is limited: for tests, and for a site with a limiter of its own before it.
    pub danger_off: bool,
    /// Log-ins of a client network.
    pub log_ins: RateLimit,
    /// Failed log-ins of a client network.
    pub failed_log_ins: RateLimit,
    /// Failed log-ins to an account of a client network; and of a browser that is known for the account, which nothing
    /// else limits.
    pub account_failures: RateLimit,
    /// Failed log-ins to an account in a row, no matter from where: from the tenth on each takes longer, and after this
    /// many there are no others; and, by themselves, wrong passwords in one session of someone who is signed in. 0 is no such
    /// limit.
    pub failures_in_a_row: u32,
    /// Password resets that a client network asks for.
    pub resets: RateLimit,
    /// Password resets that one address is sent: what is over is not sent, and answered as ever. One client network may ask for
    /// half.
    pub resets_of_address: RateLimit,
    /// Accounts that a client network asks for.
    pub sign_ups: RateLimit,
    /// Verification links to a phone number, one after the other.
    pub phone_verification_pause: RateLimit,
    /// Verification links to a phone number, in a longer time; and, each by itself, security notices to one, and resets and
    /// codes to log in.
    pub phone_verifications: RateLimit,
    /// Verification links to an email address; and, by itself, notices to one that someone else has tried to use it.
    pub email_verifications: RateLimit,
    /// Addresses that a user adds; and, each by itself, those that are removed and those that are chosen as the primary one.
    pub added_addresses: RateLimit,
    /// Times that a signed-in user has their password checked in one session.
    pub password_checks: RateLimit,
    /// Wrong codes of an address with one purpose in a row, no matter from where and for how many codes: after five each makes
    /// everyone wait longer for the next, but a client network that has tried none may try five without a wait, and after this
    /// many no other is taken from anyone. Those from browsers that are known for the account, and of a user who verifies the
    /// address, are a row of their own, in which ten cost no time. 0 is no such limit.
    pub wrong_codes_in_a_row: u32,
    /// Whether text messages are refused that cost too much, as those before them were not used.
    pub text_guard: TextGuard,
    /// The countries to whose numbers text messages are sent, whatever the guard does: this counts nothing.
    pub text_countries: TextCountries,
    /// How many text messages of the site may be unused in a day, where few are used: else it is 30 % of those that are.
    pub text_site_budget: u32,
}

impl Default for LimitSettings {
    fn default() -> Self {
        const MINUTE: Duration = Duration::from_mins(1);
        const HOUR: Duration = Duration::from_hours(1);
        Self {
            danger_off: false,
            log_ins: RateLimit::of(30, MINUTE),
            failed_log_ins: RateLimit::of(10, MINUTE),
            account_failures: RateLimit::of(5, Duration::from_mins(5)),
            // NIST SP 800-63B-4, 3.2.2.
            failures_in_a_row: 100,
            resets: RateLimit::of(20, MINUTE),
            resets_of_address: RateLimit::of(5, MINUTE),
            sign_ups: RateLimit::of(20, MINUTE),
            phone_verification_pause: RateLimit::of(1, Duration::from_secs(30)),
            phone_verifications: RateLimit::of(10, HOUR),
            email_verifications: RateLimit::of(1, Duration::from_mins(3)),
            added_addresses: RateLimit::of(10, HOUR),
            password_checks: RateLimit::of(5, MINUTE),
            wrong_codes_in_a_row: 100,
            text_guard: TextGuard::default(),
            text_countries: TextCountries::default(),
            text_site_budget: 200,
        }
    }
}

impl LimitSettings {
    /// The most failures in a row that there can be: NIST SP 800-63B-4, 3.2.2, allows no more.
    pub const MOST_IN_A_ROW: u32 = 100;

    /// The most text messages of the site that may be unused in a day.
    pub const MOST_TEXTS: u32 = 1_000_000;

    /// No limits at all.
    ///
    /// # Security
    /// Strangers try as many passwords and send as many messages as the machine can.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::limits::LimitSettings;
    /// use phone_auth_core::settings::Settings;
    ///
    /// let mut settings = Settings::default();
    /// settings.limits = LimitSettings::danger_none();
    /// ```
    pub fn danger_none() -> Self {
        Self {
            danger_off: true,
            ..Self::default()
        }
    }

    /// Whether text messages are counted.
    pub(crate) fn count_texts(&self) -> bool {
        !self.danger_off && self.text_guard != TextGuard::Off
    }

    /// By what rule something is limited, if it is.
    pub(crate) fn rule(&self, limit: Limit) -> Option<LimitRule> {
        if self.danger_off {
            return None;
        }
        match limit {
            Limit::LogIns => self.log_ins.rule(),
            Limit::FailedLogIns => self.failed_log_ins.rule(),
            Limit::FailuresOfNetwork | Limit::FailuresOfDevice | Limit::WrongCodesOfDevice => {
                self.account_failures.rule()
            }
            Limit::FailuresInARow => {
                let most = self.failures_in_a_row;
                (most > 0).then_some(LimitRule::InARow(most))
            }
            Limit::ResetRequests => self.resets.rule(),
            Limit::ResetsOfAddress => self.resets_of_address.rule(),
            Limit::SignUps => self.sign_ups.rule(),
            Limit::PhoneVerificationPause => self.phone_verification_pause.rule(),
            Limit::PhoneVerifications => self.phone_verifications.rule(),
            Limit::EmailVerifications => self.email_verifications.rule(),
            Limit::AddedAddresses => self.added_addresses.rule(),
            Limit::PasswordChecks => self.password_checks.rule(),
            Limit::WrongCodes => {
                let most = self.wrong_codes_in_a_row;
                (most > 0).then_some(LimitRule::InARow(most))
            }
            _ => None,
        }
    }
}
