//! What strangers can make, removed when it is over: counters of limits that are empty, and challenges.

use chrono::{DateTime, Utc};

use crate::challenge::REMEMBERED;
use crate::flow_error::Failure;
use crate::limits::TextRow;
use crate::store::{ChallengeStore, LimitStore};

/// How many counters are removed in one transaction: few enough that nobody waits for it.
const AT_ONCE: u32 = 1_000;

/// Removes counters that are empty at this time, and what is counted of old text messages; how many they were.
pub(crate) async fn remove_empty(
    store: &dyn LimitStore,
    now: DateTime<Utc>,
) -> Result<u64, Failure> {
    let mut removed = 0;
    loop {
        let step = store.remove_empty_limits(now, AT_ONCE).await?;
        removed += step;
        if step < u64::from(AT_ONCE) {
            break;
        }
    }
    let hour = TextRow::hour_of(now);
    loop {
        let step = store.remove_old_texts(hour, AT_ONCE).await?;
        removed += step;
        if step < u64::from(AT_ONCE) {
            return Ok(removed);
        }
    }
}

/// Removes challenges that are over at this time for longer than they are remembered; how many they were.
pub(crate) async fn remove_challenges<S>(store: &S, now: DateTime<Utc>) -> Result<u64, Failure>
where
    S: ChallengeStore + ?Sized,
{
    let over = now - REMEMBERED;
    let mut removed = 0;
    loop {
        let step = store.remove_expired_challenges(over, AT_ONCE).await?;
        removed += step;
        if step < u64::from(AT_ONCE) {
            return Ok(removed);
        }
    }
}
