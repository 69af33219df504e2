//! Django's `TIME_ZONE`, and the clock that its tokens go by.

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;

/// 2001-01-01T00:00:00 as seconds since 1970, from which tokens count.
const EPOCH: i64 = 978_307_200;

/// A time zone of the IANA database, as Django's setting `TIME_ZONE` names it.
///
/// # Examples
///
/// ```
/// use phone_auth_tokens::django::TimeZone;
///
/// let zone = TimeZone::named("America/Chicago")?;
/// assert_eq!(zone, TimeZone::DJANGO_DEFAULT);
///
/// assert!(TimeZone::named("Mars/Olympus").is_err());
/// # Ok::<(), phone_auth_tokens::django::TimeZoneError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeZone(Tz);

impl TimeZone {
    /// Coordinated universal time.
    pub const UTC: Self = Self(Tz::UTC);

    /// `America/Chicago`: what Django goes by when its settings name none.
    pub const DJANGO_DEFAULT: Self = Self(Tz::America__Chicago);

    /// The zone of this name.
    ///
    /// # Errors
    /// The database knows no such name.
    pub fn named(name: &str) -> Result<Self, TimeZoneError> {
        name.parse().map(Self).map_err(|_unknown| TimeZoneError(()))
    }

    /// What a clock on the wall shows.
    pub(super) fn wall_clock(self, time: DateTime<Utc>) -> NaiveDateTime {
        time.with_timezone(&self.0).naive_local()
    }

    /// The seconds from the beginning of 2001 to now, as a clock on the wall counts them: an hour more
    /// or less after a change to or from summer time.
    pub(super) fn token_seconds(self, time: DateTime<Utc>) -> i64 {
        self.wall_clock(time).and_utc().timestamp() - EPOCH
    }
}

/// No time zone has the name that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the time zone is not in the IANA database")]
pub struct TimeZoneError(());
