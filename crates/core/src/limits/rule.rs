//! By what rule a counter fills and drains.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Rate;

/// How many failures in a row cost nobody any time.
const FREE_FAILURES: u32 = 10;
/// The wait after the first that does. Each one after it takes twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait but for the last.
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// How long failures in a row are remembered after the last one.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);

/// By what rule a counter fills and drains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a store that counts for itself must know each rule"
)]
pub enum LimitRule {
    /// So often in what time.
    Rate(Rate),
    /// Failures in a row: ten at once, then each takes twice as long as the one before, up to a quarter of an hour, and
    /// after this many there is no other for 30 days. NIST SP 800-63B-4, 3.2.2, allows no more than 100.
    InARow(u32),
    /// As [`InARow`](Self::InARow), but so many cost no time.
    Row {
        /// How many cost no time; all, if it is `most` or more.
        free: u32,
        /// After how many there is no other.
        most: u32,
    },
}

/// A rule in numbers: times are microseconds. A store that decides by a statement of its own goes by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates take it apart"
)]
pub struct RuleNumbers {
    /// What one hit takes of a rate; the first wait of failures in a row.
    pub step: i64,
    /// What all hits of a rate take together; the longest wait of failures in a row.
    pub span: i64,
    /// How many failures in a row cost no time; 0 for a rate.
    pub free: i64,
    /// How many failures in a row there can be; 0 for a rate.
    pub stop: i64,
    /// For how long failures in a row are remembered; 0 for a rate.
    pub keep: i64,
}

/// How full a counter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates keep it, and a field they forget must not compile"
)]
pub struct Tally {
    /// How many failures there were in a row. A rate does not look at it.
    pub hits: u32,
    /// Until when one more is refused. In the past unless the counter is full.
    pub blocked_until: DateTime<Utc>,
    /// When the counter is empty.
    pub expires_at: DateTime<Utc>,
}

impl LimitRule {
    /// By how much a clock may be set back before counters that lie ahead of it are no longer believed: more than any
    /// statement takes, whose time is the one at which it began.
    pub const SET_BACK: TimeDelta = TimeDelta::minutes(1);

    /// The rule in numbers.
    pub fn numbers(self) -> RuleNumbers {
        match self {
            Self::Rate(rate) => {
                let count = i64::from(rate.count());
                let step = (micros(rate.per()) / count).max(1);
                RuleNumbers {
                    step,
                    span: step * count,
                    free: 0,
                    stop: 0,
                    keep: 0,
                }
            }
            Self::InARow(most) => Self::row(FREE_FAILURES, most),
            Self::Row { free, most } => Self::row(free, most),
        }
    }

    fn row(free: u32, most: u32) -> RuleNumbers {
        RuleNumbers {
            step: micros(FIRST_WAIT),
            span: micros(LONGEST_WAIT),
            // Where the last comes before, no others are free: a half of a row that short is used up earlier.
            free: i64::from(free.min(most.max(1))),
            stop: i64::from(most.max(1)),
            keep: micros(REMEMBERED),
        }
    }

    /// Counts one hit more: what the counter is then, or how long to wait.
    ///
    /// A counter that lies further ahead of `now` than it ever could was written before the clock was set back, or under
    /// a larger limit. It lets one hit through and is full then.
    ///
    /// # Errors
    /// When the counter is full: after what time it is not.
    ///
    /// # Examples
    /// ```
    /// use chrono::Utc;
    /// use phone_auth_core::limits::LimitRule;
    ///
    /// let (rule, now) = (LimitRule::Rate("1/min".parse()?), Utc::now());
    /// let tally = rule.count(None, now).expect("the first one passes");
    /// assert_eq!(rule.count(Some(&tally), now).unwrap_err().as_secs(), 60);
    /// # Ok::<(), phone_auth_core::limits::RateError>(())
    /// ```
    pub fn count(self, tally: Option<&Tally>, now: DateTime<Utc>) -> Result<Tally, Duration> {
        let tally = tally.filter(|tally| now < tally.expires_at);
        let numbers = self.numbers();
        let [step, span, keep] =
            [numbers.step, numbers.span, numbers.keep].map(TimeDelta::microseconds);
        let latest = now + span + Self::SET_BACK;
        match self {
            Self::Rate(_) => {
                let full_until = match tally {
                    None => now,
                    Some(tally) if tally.expires_at > latest => now + span - step,
                    Some(tally) => tally.expires_at,
                };
                let expires_at = full_until + step;
                wait_until(expires_at - span, now)?;
                Ok(Tally {
                    hits: 1,
                    blocked_until: expires_at + step - span,
                    expires_at,
                })
            }
            Self::InARow(_) | Self::Row { .. } => {
                if let Some(tally) = tally {
                    if i64::from(tally.hits) >= numbers.stop {
                        if tally.expires_at <= now + keep + Self::SET_BACK {
                            wait_until(tally.expires_at, now)?;
                        }
                    } else if i64::from(tally.hits) >= numbers.free && tally.blocked_until <= latest
                    {
                        // Of those that cost no time one may be counted before another that came earlier.
                        wait_until(tally.blocked_until, now)?;
                    }
                }
                let hits = tally.map_or(0, |tally| tally.hits).saturating_add(1);
                let over = i64::from(hits) - numbers.free;
                let wait = if i64::from(hits) >= numbers.stop {
                    keep
                } else if over < 0 {
                    TimeDelta::zero()
                } else {
                    let doubled = numbers.step.saturating_mul(1 << over.min(20));
                    TimeDelta::microseconds(doubled.min(numbers.span))
                };
                Ok(Tally {
                    hits,
                    blocked_until: now + wait,
                    expires_at: now + keep,
                })
            }
        }
    }

    /// Takes one hit back: what the counter is then, none when it is empty.
    pub fn give_back(self, tally: &Tally, now: DateTime<Utc>) -> Option<Tally> {
        let step = TimeDelta::microseconds(self.numbers().step);
        let before = match self {
            Self::Rate(_) => Tally {
                hits: tally.hits,
                blocked_until: tally.blocked_until - step,
                expires_at: tally.expires_at - step,
            },
            Self::InARow(_) | Self::Row { .. } => Tally {
                hits: tally.hits.saturating_sub(1),
                blocked_until: now,
                expires_at: tally.expires_at,
            },
        };
        (before.expires_at > now && before.hits > 0).then_some(before)
    }

    /// Whether half of a rate or more is used up, or half of the failures in a row that cost no time.
    pub fn is_half_used(self, tally: &Tally, now: DateTime<Utc>) -> bool {
        let numbers = self.numbers();
        match self {
            Self::Rate(_) => (tally.expires_at - now) * 2 >= TimeDelta::microseconds(numbers.span),
            Self::InARow(_) | Self::Row { .. } => i64::from(tally.hits) * 2 >= numbers.free,
        }
    }
}

/// Fails before this time, with what is left until then.
fn wait_until(time: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), Duration> {
    match (time - now).to_std() {
        Ok(wait) if !wait.is_zero() => Err(wait),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::panic,
        clippy::unwrap_used,
        reason = "what is not as it should be is a failed test"
    )]

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    /// How many pass at this time, and how long the next one waits.
    fn passed(rule: LimitRule, tally: &mut Option<Tally>, now: DateTime<Utc>) -> (u32, u64) {
        let mut count = 0;
        loop {
            match rule.count(tally.as_ref(), now) {
                Ok(next) => *tally = Some(next),
                Err(wait) => return (count, wait.as_secs()),
            }
            count += 1;
        }
    }

    #[test]
    fn row_is_forgotten_at_its_time() {
        let now = Utc::now();
        let rule = LimitRule::InARow(100);
        for (left, hits) in [(1, 4), (0, 1), (-1, 1)] {
            let tally = Tally {
                hits: 3,
                blocked_until: now,
                expires_at: now + TimeDelta::microseconds(left),
            };
            let counted = rule.count(Some(&tally), now);
            assert_eq!(counted.map(|it| it.hits), Ok(hits), "{left}");
        }
    }

    #[test]
    fn rate_drains_evenly() {
        let rule = LimitRule::Rate(Rate::of(30, Duration::from_mins(1)));
        let mut tally = None;
        for (seconds, expected) in [
            (0, (30, 2)),
            (1, (0, 1)),
            (2, (1, 2)),
            (12, (5, 2)),
            (72, (30, 2)),
            (1_000, (30, 2)),
        ] {
            let found = passed(rule, &mut tally, at(seconds));
            assert_eq!(found, expected, "after {seconds} s");
        }
    }

    #[test]
    fn failures_in_a_row_slow_down_and_stop() {
        let rule = LimitRule::InARow(100);
        let (mut tally, mut now, mut waits) = (None, at(0), Vec::new());
        for _ in 0..100 {
            let next = rule.count(tally.as_ref(), now).unwrap();
            tally = Some(next);
            let wait = rule.count(Some(&next), now).err().unwrap_or_default();
            waits.push(wait.as_secs());
            now += wait;
            if waits.len() == 99 {
                assert!(now - at(0) > TimeDelta::hours(19), "{}", now - at(0));
            }
        }
        let mut expected = vec![0; 9];
        expected.extend([1, 2, 4, 8, 16, 32, 64, 128, 256, 512]);
        expected.extend([900; 80]);
        expected.push(30 * 86_400);
        assert_eq!(waits, expected);
        let stopped = tally.unwrap();
        // Or an operator would not find it among those that are full.
        assert_eq!(stopped.blocked_until, stopped.expires_at);
        for (hours, refused) in [(0, false), (-1, true), (-24 * 29, true)] {
            let outcome = rule.count(Some(&stopped), now + TimeDelta::hours(hours));
            assert_eq!(outcome.is_err(), refused, "{hours} h");
        }
    }

    #[test]
    fn order_of_free_failures_is_no_matter() {
        let (now, later) = (at(0), at(1));
        for (rule, free) in [
            (LimitRule::InARow(100), 10),
            (LimitRule::Row { free: 5, most: 100 }, 5),
            (LimitRule::Row { free: 4, most: 4 }, 4),
        ] {
            let mut tally = None;
            for counted in 0..free {
                let time = if counted % 2 == 0 { later } else { now };
                let next = rule.count(tally.as_ref(), time);
                tally = Some(next.unwrap_or_else(|wait| panic!("{rule:?} {counted}: {wait:?}")));
            }
            assert!(rule.count(tally.as_ref(), now).is_err(), "{rule:?}");
        }
    }

    #[test]
    fn clock_set_back_blocks_for_no_longer_than_the_limit() {
        for rule in [
            LimitRule::Rate(Rate::of(10, Duration::from_hours(1))),
            LimitRule::InARow(100),
        ] {
            let mut tally = None;
            let (before, _) = passed(rule, &mut tally, at(0));
            assert_eq!(before, 10);
            let mut now = at(0) - TimeDelta::hours(5);
            for passes in 1..4 {
                let (count, wait) = passed(rule, &mut tally, now);
                assert_eq!(count, 1, "{rule:?}, {passes}");
                assert!(wait <= 360, "{rule:?}: {wait} s");
                now += Duration::from_secs(wait);
            }
        }
    }

    #[test]
    fn hit_is_given_back() {
        for rule in [
            LimitRule::Rate(Rate::of(3, Duration::from_mins(1))),
            LimitRule::InARow(3),
        ] {
            let mut tally = None;
            assert_eq!(passed(rule, &mut tally, at(0)).0, 3, "{rule:?}");
            tally = rule.give_back(&tally.unwrap(), at(0));
            assert_eq!(passed(rule, &mut tally, at(0)).0, 1, "{rule:?}");
            let one = rule.count(None, at(0)).unwrap();
            assert_eq!(rule.give_back(&one, at(0)), None, "{rule:?}");
        }
    }

    /// Also of a row that ends before all are used up that cost no time: else right passwords would come to its end.
    #[test]
    fn half_is_told() {
        let rate = LimitRule::Rate(Rate::of(4, Duration::from_mins(1)));
        for (rule, all) in [
            (rate, &[false, true, true, true][..]),
            (LimitRule::InARow(1), &[true]),
            (LimitRule::InARow(3), &[false, true, true]),
            (LimitRule::InARow(4), &[false, true, true, true]),
            (LimitRule::InARow(100), &[false, false, false, false, true]),
            (LimitRule::Row { free: 5, most: 3 }, &[false, true, true]),
        ] {
            let mut tally = None;
            for expected in all {
                let next = rule.count(tally.as_ref(), at(0)).unwrap();
                assert_eq!(rule.is_half_used(&next, at(0)), *expected, "{rule:?}");
                tally = Some(next);
            }
        }
    }

    #[test]
    fn row_from_before_a_clock_was_set_back_is_not_believed() {
        let (rule, now) = (LimitRule::InARow(1), Utc::now());
        let keep = TimeDelta::from_std(REMEMBERED).unwrap_or_default();
        for (ahead, passes) in [(TimeDelta::zero(), false), (TimeDelta::seconds(1), true)] {
            let tally = Tally {
                hits: 1,
                blocked_until: now,
                expires_at: now + keep + LimitRule::SET_BACK + ahead,
            };
            assert_eq!(rule.count(Some(&tally), now).is_ok(), passes, "{ahead}");
        }
    }

    #[test]
    fn failure_that_is_given_back_costs_no_time() {
        let (rule, now) = (LimitRule::InARow(100), Utc::now());
        let full = Tally {
            hits: 15,
            blocked_until: now + TimeDelta::seconds(30),
            expires_at: now + TimeDelta::days(30),
        };
        assert!(rule.count(Some(&full), now).is_err());
        let before = rule.give_back(&full, now);
        assert_eq!(before.map(|it| it.hits), Some(14));
        assert!(rule.count(before.as_ref(), now).is_ok());
    }

    #[test]
    fn half_of_a_row_is_half() {
        let (rule, now) = (LimitRule::InARow(100), Utc::now());
        for (hits, is_half) in [(4, false), (5, true), (6, true)] {
            let tally = Tally {
                hits,
                blocked_until: now,
                expires_at: now + TimeDelta::days(30),
            };
            assert_eq!(rule.is_half_used(&tally, now), is_half, "{hits}");
        }
    }
}
