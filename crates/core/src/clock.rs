//! The port for the time, with the system's clock and one that tests set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

/// Tells the time. Flows cut it to microseconds, which is what every store can keep.
pub trait Clock: Send + Sync {
    /// What time it is.
    fn now(&self) -> DateTime<Utc>;
}

impl dyn Clock + '_ {
    /// The time as a store can keep it: to the microsecond.
    pub(crate) fn stored_now(&self) -> DateTime<Utc> {
        self.now().trunc_subsecs(6)
    }
}

/// The clock of the machine, in UTC.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock that stands still until it is moved, for tests. Clones show the same time.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use phone_auth_core::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::starting_now();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(600));
/// assert_eq!((clock.now() - before).num_minutes(), 10);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    microseconds: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that stands at this time, cut to microseconds.
    pub fn at(time: DateTime<Utc>) -> Self {
        Self {
            microseconds: Arc::new(AtomicI64::new(time.timestamp_micros())),
        }
    }

    /// A clock that stands at the time of the call.
    pub fn starting_now() -> Self {
        Self::at(Utc::now())
    }

    /// Sets the clock, back too.
    pub fn set(&self, time: DateTime<Utc>) {
        self.microseconds
            .store(time.timestamp_micros(), Ordering::SeqCst);
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.microseconds.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.microseconds.load(Ordering::SeqCst))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}
