//! Django's `TIME_ZONE`, and the clock that its tokens go by.

use chrono::offset::LocalResult;
use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use phone_auth_core::store::WallClock;

/// 2001-01-01T00:00:00 as seconds since 1970, from which tokens count.
const EPOCH: i64 = 978_307_200;

/// A time zone of the IANA database, as Django's setting `TIME_ZONE` names it.
///
/// # Examples
///
/// ```
/// use phone_auth_django::TimeZone;
///
/// let zone = TimeZone::named("America/Chicago")?;
/// assert_eq!(zone, TimeZone::DJANGO_DEFAULT);
///
/// assert!(TimeZone::named("Mars/Olympus").is_err());
/// # Ok::<(), phone_auth_django::TimeZoneError>(())
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
    ///
    /// # Panics
    /// For times within a day of the first and the last that chrono knows, some 262,000 years away.
    pub fn wall_clock(self, time: DateTime<Utc>) -> NaiveDateTime {
        time.with_timezone(&self.0).naive_local()
    }

    /// When a clock on the wall shows this: the first of two times where clocks were set back. What they leap
    /// over is read as if they had not been set forward yet.
    ///
    /// # Panics
    /// As [`wall_clock`](Self::wall_clock).
    pub fn at_wall_clock(self, shown: NaiveDateTime) -> DateTime<Utc> {
        match self.0.from_local_datetime(&shown) {
            LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => time.to_utc(),
            LocalResult::None => {
                let day_before = self
                    .0
                    .offset_from_utc_datetime(&(shown - TimeDelta::days(1)));
                (shown - day_before.fix()).and_utc()
            }
        }
    }

    /// The seconds from the beginning of 2001 to now, as a clock on the wall counts them: an hour more
    /// or less after a change to or from summer time.
    pub(super) fn token_seconds(self, time: DateTime<Utc>) -> i64 {
        self.wall_clock(time).and_utc().timestamp() - EPOCH
    }
}

/// The clock that a database of Django's has its times by.
impl WallClock for TimeZone {
    fn is_utc(&self) -> bool {
        *self == Self::UTC
    }

    fn shown(&self, time: DateTime<Utc>) -> NaiveDateTime {
        self.wall_clock(time)
    }

    fn time(&self, shown: NaiveDateTime) -> DateTime<Utc> {
        self.at_wall_clock(shown)
    }
}

/// No time zone has the name that was given.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the time zone is not in the IANA database")]
pub struct TimeZoneError(());

impl std::fmt::Debug for TimeZoneError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn clocks_are_read_backwards() {
        for (zone, shown, time) in [
            (
                "UTC",
                "2024-01-02T03:04:05.678901",
                "2024-01-02T03:04:05.678901Z",
            ),
            (
                "America/Chicago",
                "2024-01-02T03:04:05",
                "2024-01-02T09:04:05Z",
            ),
            (
                "Asia/Kolkata",
                "2024-01-02T03:04:05",
                "2024-01-01T21:34:05Z",
            ),
            // Twice, and never.
            (
                "Europe/Berlin",
                "2024-10-27T02:30:00",
                "2024-10-27T00:30:00Z",
            ),
            (
                "Europe/Berlin",
                "2024-03-31T02:30:00",
                "2024-03-31T01:30:00Z",
            ),
        ] {
            let read = TimeZone::named(zone).unwrap();
            let time: DateTime<Utc> = time.parse().unwrap();
            assert_eq!(
                read.at_wall_clock(shown.parse().unwrap()),
                time,
                "{zone} {shown}"
            );
        }
    }
}
