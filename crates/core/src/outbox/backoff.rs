//! When to try again.

use std::time::Duration;

/// How long to wait before the next attempt: twice as long after each, up to a limit, and a random part of it less,
/// so that messages that failed together are not tried again together.
///
/// # Examples
/// ```
/// use phone_auth_core::outbox::BackOff;
/// use std::time::Duration;
///
/// let back_off = BackOff::new(Duration::from_secs(2), Duration::from_mins(10));
/// assert_eq!(back_off.delay(1, u32::MAX), Duration::from_secs(2));
/// assert_eq!(back_off.delay(3, u32::MAX), Duration::from_secs(8));
/// assert_eq!(back_off.delay(3, 0), Duration::from_secs(4));
/// assert_eq!(back_off.delay(60, u32::MAX), Duration::from_mins(10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOff {
    first: Duration,
    longest: Duration,
}

impl BackOff {
    /// Waits about `first` after the first attempt, and never longer than `longest`.
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// How long to wait after this attempt, the first of which is 1. `random` is any number: from 0 for half of the
    /// time to the largest for all of it.
    pub fn delay(&self, attempt: u32, random: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        let whole = self.first.saturating_mul(doubled).min(self.longest);
        let half = whole / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

impl Default for BackOff {
    /// Two seconds, up to ten minutes.
    fn default() -> Self {
        Self::new(Duration::from_secs(2), Duration::from_mins(10))
    }
}
