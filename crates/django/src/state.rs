//! What the tokens of django-phone-auth are bound to, and the text that its MAC reads.

use chrono::{DateTime, Utc};

use super::TimeZone;
use super::calling_code;

/// What a reset token is bound to, as stored now.
#[derive(Clone, Copy)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the format of another program, which does not grow"
)]
pub struct ResetState<'a> {
    /// The id of the user.
    pub user: i64,
    /// The column `password`.
    pub password: &'a str,
    /// The column `last_login`.
    pub last_login: Option<DateTime<Utc>>,
    /// The column `email` of the user, not of an address.
    pub email: &'a str,
}

/// What a verification token is bound to, as stored now.
#[derive(Clone, Copy)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the format of another program, which does not grow"
)]
pub struct VerificationState<'a> {
    /// The id of the user whose address it is.
    pub user: i64,
    /// The address.
    pub address: DjangoAddress<'a>,
    /// Whether it is verified already: then no token fits.
    pub is_verified: bool,
}

/// An address in the spelling that is stored.
#[derive(Clone, Copy)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the format of another program, which does not grow"
)]
pub enum DjangoAddress<'a> {
    /// An email address, letter for letter.
    Email(&'a str),
    /// A phone number in international form: `+14155552671`, or `tel:+1-415-555-2671`.
    Phone(&'a str),
}

impl core::fmt::Debug for ResetState<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ResetState")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl core::fmt::Debug for VerificationState<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("VerificationState")
            .field("user", &self.user)
            .field("is_verified", &self.is_verified)
            .finish_non_exhaustive()
    }
}

impl core::fmt::Debug for DjangoAddress<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Email(_) => "Email(..)",
            Self::Phone(_) => "Phone(..)",
        })
    }
}

impl ResetState<'_> {
    /// What the MAC of a token of that second reads. `zone` is the one that the log-in is written in.
    pub(super) fn value(&self, seconds: u64, zone: TimeZone) -> String {
        let last_login = self.last_login.map_or_else(String::new, |time| {
            zone.wall_clock(time)
                .format("%Y-%m-%d %H:%M:%S")
                .to_string()
        });
        let Self {
            user,
            password,
            email,
            ..
        } = self;
        format!("{user}{password}{last_login}{seconds}{email}")
    }
}

impl VerificationState<'_> {
    /// What the MAC of a token of that second reads; `None` where no token can fit.
    pub(super) fn value(&self, seconds: u64) -> Option<String> {
        let user = self.user;
        let value = match self.address {
            DjangoAddress::Email(email) => format!("{user}{seconds}{email}False"),
            DjangoAddress::Phone(phone) => {
                let (code, number) = calling_code::split(phone)?;
                format!("{user}{seconds}{code}{number}False")
            }
        };
        (!self.is_verified).then_some(value)
    }
}
