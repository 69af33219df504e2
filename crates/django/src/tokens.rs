//! Accepting tokens that django-phone-auth issued.
//!
//! It issues none.

use core::fmt;
use core::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::foreign_tokens::ForeignTokens;
use phone_auth_core::user::User;
use phone_auth_tokens::TokenErrorKind;
use subtle::{Choice, ConstantTimeEq};

use crate::keys::{hex, salted_hmac};
use crate::{DjangoAddress, DjangoKeys, ResetState, TimeZone, VerificationState};

/// How long a token of Django's is good unless its setting `PASSWORD_RESET_TIMEOUT` says otherwise:
/// three days.
pub const DJANGO_LIFETIME: Duration = Duration::from_hours(72);

/// By how much a token may be from the future. Its time is what a clock on the wall showed, which goes
/// back at the end of summer time, and up to a day when a country changes its zone.
pub const FUTURE_TOLERANCE: Duration = Duration::from_hours(24);

/// Both kinds of token have it: django-phone-auth inherits it.
const KEY_SALT: &str = "django.contrib.auth.tokens.PasswordResetTokenGenerator";

/// The most digits of the time that Django reads.
const MAX_TIME_DIGITS: usize = 13;

/// The hexadecimal digits of a MAC that a token carries: every second one.
const TAG_DIGITS: usize = 32;

/// Accepts the reset and verification tokens of django-phone-auth, until the window closes. For
/// [`AccountsBuilder::foreign_tokens`](phone_auth_core::accounts::AccountsBuilder::foreign_tokens).
///
/// # Security
///
/// - Verification tokens of this format can be forged ([crate](crate), "Security"): open the window for
///   as long as links of the old site live, and no longer.
/// - Every text costs the same MACs, one for each key, and the whole token is compared in constant time.
/// - As with [`OneTimeTokens`](phone_auth_tokens::OneTimeTokens), the change itself has to be conditional on the
///   state that was checked.
///
/// # Examples
///
/// ```
/// use chrono::{TimeDelta, Utc};
/// use phone_auth_tokens::TokenErrorKind;
/// use phone_auth_django::{DjangoKeys, DjangoTokens, ResetState, TimeZone};
///
/// let keys = DjangoKeys::new("the SECRET_KEY of the old site");
/// let until = Utc::now() + TimeDelta::days(4);
/// let tokens = DjangoTokens::new(keys, TimeZone::named("America/Chicago")?, until);
///
/// let state = ResetState {
///     user: 17,
///     password: "pbkdf2_sha256$1000000$…",
///     last_login: None,
///     email: "ann@example.org",
/// };
/// let forged = "digrq0-03bfa37bf5d13e8da10f2c6297921a6c";
/// let refused = tokens.check_reset(forged, Utc::now(), &state).unwrap_err();
/// assert_eq!(refused, TokenErrorKind::Forged);
/// # Ok::<(), phone_auth_django::TimeZoneError>(())
/// ```
#[derive(Clone)]
pub struct DjangoTokens {
    keys: DjangoKeys,
    time_zone: TimeZone,
    last_login_zone: TimeZone,
    accept_until: DateTime<Utc>,
    lifetime: Duration,
}

impl DjangoTokens {
    /// Tokens that a site with these keys and this `TIME_ZONE` issued, up to and including a moment.
    ///
    /// Django's default for `TIME_ZONE` is `America/Chicago`.
    #[must_use]
    pub fn new(keys: DjangoKeys, time_zone: TimeZone, accept_until: DateTime<Utc>) -> Self {
        Self {
            keys,
            time_zone,
            last_login_zone: TimeZone::UTC,
            accept_until,
            lifetime: DJANGO_LIFETIME,
        }
    }

    /// With another `PASSWORD_RESET_TIMEOUT`; it holds for both kinds of token.
    #[must_use]
    pub fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// With another zone for the time of the last log-in, UTC unless said otherwise: the `TIME_ZONE` of
    /// the site where `USE_TZ` is false, or that of the database where it has one.
    #[must_use]
    pub fn with_last_login_zone(mut self, zone: TimeZone) -> Self {
        self.last_login_zone = zone;
        self
    }

    /// Whether any token is accepted at this moment.
    pub fn is_open(&self, now: DateTime<Utc>) -> bool {
        now <= self.accept_until
    }

    /// Whether a token says that it was issued before this time, to the second.
    ///
    /// It does not say whether the token is genuine. A text that is no token is older than any time.
    pub fn is_older(&self, text: &str, time: DateTime<Utc>) -> bool {
        let time = i128::from(self.time_zone.token_seconds(time));
        read_seconds(text).is_none_or(|seconds| i128::from(seconds) < time)
    }

    /// Checks a token for resetting a password.
    ///
    /// # Errors
    ///
    /// - [`TokenErrorKind::Malformed`]: not the text of a token.
    /// - [`TokenErrorKind::Forged`]: not made with these keys for this state.
    /// - [`TokenErrorKind::FromTheFuture`]: genuine, more than [`FUTURE_TOLERANCE`] ahead of the clock.
    /// - [`TokenErrorKind::Expired`]: genuine, older than the lifetime, or the window is closed.
    pub fn check_reset(
        &self,
        text: &str,
        now: DateTime<Utc>,
        state: &ResetState<'_>,
    ) -> Result<(), TokenErrorKind> {
        let value = |seconds| Some(state.value(seconds, self.last_login_zone));
        self.check(text, now, value)
    }

    /// Checks a token for verifying an address.
    ///
    /// # Errors
    ///
    /// As for [`check_reset`](Self::check_reset); for an address that is verified already, or a phone
    /// number that is not in international form, every token is
    /// [`Forged`](TokenErrorKind::Forged).
    pub fn check_verification(
        &self,
        text: &str,
        now: DateTime<Utc>,
        state: &VerificationState<'_>,
    ) -> Result<(), TokenErrorKind> {
        self.check(text, now, |seconds| state.value(seconds))
    }

    fn check(
        &self,
        text: &str,
        now: DateTime<Utc>,
        value: impl Fn(u64) -> Option<String>,
    ) -> Result<(), TokenErrorKind> {
        let read = read_seconds(text);
        let seconds = read.unwrap_or(0);
        let fitting = value(seconds);
        let message = fitting.as_deref().unwrap_or_default();
        let mut genuine = Choice::from(0);
        for key in self.keys.all() {
            let made = write(seconds, &salted_hmac(KEY_SALT, key, message));
            genuine |= made.as_bytes().ct_eq(text.as_bytes());
        }
        let age = i128::from(self.time_zone.token_seconds(now)) - i128::from(seconds);
        if read.is_none() {
            Err(TokenErrorKind::Malformed)
        } else if fitting.is_none() || !bool::from(genuine) {
            Err(TokenErrorKind::Forged)
        } else if -age > i128::from(FUTURE_TOLERANCE.as_secs()) {
            Err(TokenErrorKind::FromTheFuture)
        } else if age > i128::from(self.lifetime.as_secs()) || !self.is_open(now) {
            Err(TokenErrorKind::Expired)
        } else {
            Ok(())
        }
    }
}

impl ForeignTokens for DjangoTokens {
    fn resets(&self, user: &User, token: &str, now: DateTime<Utc>) -> bool {
        let state = ResetState {
            user: user.id.get(),
            password: user.password.reveal(),
            last_login: user.last_login,
            email: &user.email,
        };
        self.check_reset(token, now, &state).is_ok()
    }

    /// As at Django, none fits an address that is verified.
    fn verifies(&self, address: &AddressRecord, token: &str, now: DateTime<Utc>) -> bool {
        let state = VerificationState {
            user: address.user.get(),
            address: match address.kind {
                AddressKind::Email => DjangoAddress::Email(&address.value),
                AddressKind::Phone => DjangoAddress::Phone(&address.value),
            },
            is_verified: address.is_verified,
        };
        self.check_verification(token, now, &state).is_ok()
    }

    fn is_older(&self, token: &str, time: DateTime<Utc>) -> bool {
        Self::is_older(self, token, time)
    }
}

impl fmt::Debug for DjangoTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DjangoTokens")
            .field("keys", &self.keys)
            .field("time_zone", &self.time_zone)
            .field("accept_until", &self.accept_until)
            .finish_non_exhaustive()
    }
}

/// The seconds that a token says, if it has the form of one.
fn read_seconds(text: &str) -> Option<u64> {
    let (time, tag) = text.split_once('-')?;
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if time.is_empty()
        || time.len() > MAX_TIME_DIGITS
        || tag.len() != TAG_DIGITS
        || !tag.bytes().all(is_hex)
    {
        return None;
    }
    time.bytes().try_fold(0_u64, |sum, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'z' => digit - b'a' + 10,
            _ => return None,
        };
        sum.checked_mul(36)?.checked_add(u64::from(value))
    })
}

/// The text of a token, in its one spelling.
pub(super) fn write(seconds: u64, mac: &[u8]) -> String {
    let mut time = Vec::new();
    let mut rest = seconds;
    loop {
        time.push(char::from_digit(u32::try_from(rest % 36).unwrap_or(0), 36).unwrap_or('0'));
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    let time: String = time.iter().rev().collect();
    let tag: String = hex(mac).chars().step_by(2).collect();
    format!("{time}-{tag}")
}
