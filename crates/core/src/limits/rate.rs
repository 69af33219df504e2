//! How often something may be done in what time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How often something may be done in what time: 30 times a minute, say. That many at once, and then one more for each
/// share of the time that passes.
///
/// # Examples
/// ```
/// use std::time::Duration;
///
/// use phone_auth_core::limits::Rate;
///
/// let rate: Rate = "5/5min".parse()?;
/// assert_eq!((rate.count(), rate.per()), (5, Duration::from_secs(300)));
/// assert_eq!(rate.to_string(), "5/5min");
/// assert!("5 a minute".parse::<Rate>().is_err());
/// # Ok::<(), phone_auth_core::limits::RateError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    count: u32,
    per: Duration,
}

impl Rate {
    /// The most that a rate can allow.
    pub const MOST: u32 = 1_000_000;

    /// The longest time of a rate.
    pub const LONGEST: Duration = Duration::from_hours(31 * 24);

    /// So often in this time, which is from one second to [31 days](Self::LONGEST).
    ///
    /// # Errors
    /// When the count is 0 or above [a million](Self::MOST), or the time is shorter or longer than that.
    pub const fn new(count: u32, per: Duration) -> Result<Self, RateError> {
        let seconds = per.as_secs();
        if count == 0 || count > Self::MOST || seconds == 0 || seconds > Self::LONGEST.as_secs() {
            return Err(RateError);
        }
        Ok(Self { count, per })
    }

    /// A rate that is known to be one.
    pub(crate) const fn of(count: u32, per: Duration) -> Self {
        Self { count, per }
    }

    /// How often.
    pub const fn count(self) -> u32 {
        self.count
    }

    /// In what time.
    pub const fn per(self) -> Duration {
        self.per
    }

    /// One of so many shares of it: once in the same time at least.
    pub(crate) fn share(self, shares: u32) -> Self {
        let count = (self.count / shares.max(1)).max(1);
        Self { count, ..self }
    }

    /// So many times as often in the same time.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        let count = self.count.saturating_mul(factor).min(Self::MOST);
        Self { count, ..self }
    }
}

/// The units of times, each with its seconds; the longer ones first.
const UNITS: [(&str, u64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];

/// As in `30/min`, `5/5min`, `10/h`, `1/30s`.
impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (count, per) = text.split_once('/').ok_or(RateError)?;
        let digits = per.trim_start_matches(|sign: char| sign.is_ascii_digit());
        let number = per.strip_suffix(digits).unwrap_or_default();
        let (_, seconds) = UNITS
            .iter()
            .find(|(unit, _)| *unit == digits)
            .ok_or(RateError)?;
        let number = if number.is_empty() { 1 } else { read(number)? };
        let per = Duration::from_secs(seconds.saturating_mul(number));
        let count = u32::try_from(read(count)?).map_err(|_| RateError)?;
        Self::new(count, per)
    }
}

/// A number in digits, without a sign.
fn read(digits: &str) -> Result<u64, RateError> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RateError);
    }
    digits.parse().map_err(|_| RateError)
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.per.as_secs();
        let mut units = UNITS.into_iter();
        let (unit, each) = units
            .find(|(_, each)| seconds.is_multiple_of(*each))
            .unwrap_or(("s", 1));
        match seconds / each {
            1 => write!(f, "{}/{unit}", self.count),
            number => write!(f, "{}/{number}{unit}", self.count),
        }
    }
}

/// A text that is no [`Rate`].
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a rate is a number from 1 up and a time, as in 30/min, 5/5min, 10/h or 1/30s; for no limit, write off"
)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct RateError;

impl fmt::Debug for RateError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_back() {
        for (text, count, seconds) in [
            ("30/min", 30, 60),
            ("5/5min", 5, 300),
            ("10/h", 10, 3_600),
            ("1/30s", 1, 30),
            ("1000000/31d", 1_000_000, 31 * 86_400),
            ("1/s", 1, 1),
            ("7/90s", 7, 90),
        ] {
            let rate = Rate::of(count, Duration::from_secs(seconds));
            assert_eq!(text.parse(), Ok(rate), "{text}");
            assert_eq!(rate.to_string(), text);
        }
        assert_eq!("3/60s".parse(), Ok(Rate::of(3, Duration::from_mins(1))));
    }

    #[test]
    fn shares_and_multiples_are_rates() {
        let rate = Rate::of(5, Duration::from_mins(1));
        for (changed, count) in [
            (rate.share(0), 5),
            (rate.share(2), 2),
            (rate.share(5), 1),
            (rate.share(9), 1),
            (rate.times(3), 15),
            (rate.times(200_000), 1_000_000),
            (rate.times(200_001), 1_000_000),
            (rate.times(u32::MAX), 1_000_000),
        ] {
            assert_eq!(Rate::new(count, rate.per()), Ok(changed), "{count}");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for text in [
            "",
            "/",
            "5",
            "5/",
            "/min",
            "0/min",
            "1000001/min",
            "5/0s",
            "5/32d",
            "-5/min",
            "+5/min",
            "5/+5min",
            "5 / min",
            "5/m",
            "5/minute",
            "5/5",
            "5/99999999999999999999s",
            "5/min/h",
        ] {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text}");
        }
    }
}
