//! One decision about several counters.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Hit, LimitKey, Tally};

/// What is to be counted, together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates take it apart"
)]
pub struct Attempt {
    /// The counters, in the order of their keys, each once.
    pub hits: Vec<Hit>,
    /// The time by the clock of the one who asks.
    pub at: DateTime<Utc>,
    /// Whether nothing is known of the one who asks: then others may be served first.
    pub is_stranger: bool,
}

/// What became of an [`Attempt`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "anyone who asks must know what may be answered"
)]
pub enum Decision {
    /// All counters had room, and have one hit more.
    Counted {
        /// Whether one of them [is half used](super::LimitRule::is_half_used) by now: then it is worth [giving
        /// back](crate::store::LimitStore::give_back) what was counted and did not happen.
        is_half_used: bool,
    },
    /// A counter is full.
    Refused {
        /// The place of the one with the longest wait among the hits.
        hit: usize,
        /// The time until it has room.
        wait: Duration,
    },
}

/// Decides about an attempt where counters are found one by one, and nobody else changes them meanwhile: a decision, and
/// what the counters are then, in the order of the hits; none are changed when it is refused.
///
/// # Errors
/// Whatever finding a counter fails with.
pub fn decide<E>(
    attempt: &Attempt,
    mut find: impl FnMut(&LimitKey) -> Result<Option<Tally>, E>,
) -> Result<(Decision, Vec<Tally>), E> {
    let mut tallies = Vec::with_capacity(attempt.hits.len());
    let mut longest = None;
    let mut is_half_used = false;
    for (place, hit) in attempt.hits.iter().enumerate() {
        match hit.rule.count(find(&hit.key)?.as_ref(), attempt.at) {
            Ok(tally) => {
                is_half_used |= hit.rule.is_half_used(&tally, attempt.at);
                tallies.push(tally);
            }
            Err(wait) if longest.is_none_or(|(_, longest)| wait > longest) => {
                longest = Some((place, wait));
            }
            Err(_) => {}
        }
    }
    Ok(match longest {
        None => (Decision::Counted { is_half_used }, tallies),
        Some((hit, wait)) => (Decision::Refused { hit, wait }, Vec::new()),
    })
}

/// What a counter is when a hit is taken back, where it is found as in [`decide`]: the outer `None` leaves it as it is,
/// the inner one removes it.
pub fn give_back(hit: &Hit, tally: Option<&Tally>, now: DateTime<Utc>) -> Option<Option<Tally>> {
    tally.map(|tally| hit.rule.give_back(tally, now))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use chrono::TimeDelta;

    use super::*;
    use crate::limits::{Limit, LimitRule};

    /// Of several full counters it is the one that takes longest, in whatever order: who waits so long is not refused again.
    #[test]
    fn longest_wait_is_told() {
        let now = Utc::now();
        for (waits, expected) in [
            ([10, 30, 20], (1, 30)),
            ([30, 20, 10], (0, 30)),
            ([10, 20, 30], (2, 30)),
        ] {
            let hits = (0_u8..3).map(|key| Hit {
                key: LimitKey::from_bytes([key; 16]),
                limit: Limit::LogIns,
                rule: LimitRule::InARow(100),
            });
            let attempt = Attempt {
                hits: hits.collect(),
                at: now,
                is_stranger: true,
            };
            let mut waits = waits.into_iter();
            let find = |_: &LimitKey| {
                Ok::<_, Infallible>(waits.next().map(|seconds| Tally {
                    hits: 20,
                    blocked_until: now + TimeDelta::seconds(seconds),
                    expires_at: now + TimeDelta::days(1),
                }))
            };
            let Ok((decision, tallies)) = decide(&attempt, find);
            let (hit, wait) = (expected.0, Duration::from_secs(expected.1));
            assert_eq!(decision, Decision::Refused { hit, wait });
            assert!(tallies.is_empty());
        }
    }
}
