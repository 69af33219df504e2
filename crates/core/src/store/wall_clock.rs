//! The port for times that a database keeps without a zone.

use std::fmt::Debug;

use chrono::{DateTime, NaiveDateTime, Utc};

/// A clock on the wall: what it shows at a time, and the other way round. A store asks it where the tables of another
/// program hold times without a zone; without one they are in UTC.
///
/// # Examples
/// ```
/// use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
/// use phone_auth_core::store::WallClock;
///
/// #[derive(Debug)]
/// struct Kolkata;
///
/// impl WallClock for Kolkata {
///     fn shown(&self, time: DateTime<Utc>) -> NaiveDateTime {
///         time.naive_utc() + TimeDelta::minutes(330)
///     }
///
///     fn time(&self, shown: NaiveDateTime) -> DateTime<Utc> {
///         (shown - TimeDelta::minutes(330)).and_utc()
///     }
/// }
///
/// let time = Utc::now();
/// assert_eq!(Kolkata.time(Kolkata.shown(time)), time);
/// ```
pub trait WallClock: Debug + Send + Sync {
    /// Whether it always shows UTC: then nobody asks it.
    fn is_utc(&self) -> bool {
        false
    }

    /// What it shows. Only asked for times in the years 1 to 9999.
    fn shown(&self, time: DateTime<Utc>) -> NaiveDateTime;

    /// When it shows this: the first of two times where it was set back.
    fn time(&self, shown: NaiveDateTime) -> DateTime<Utc>;
}
