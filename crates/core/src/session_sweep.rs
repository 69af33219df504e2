//! Sessions that nobody needs any more, and those of an older version: what is done to all of them now and then.

use chrono::{DateTime, Utc};

use crate::flow_error::Failure;
use crate::store::Store;

/// How many sessions are removed or bound in one transaction: few enough that nobody waits for it.
const AT_ONCE: u32 = 1_000;

/// Removes sessions that are over at this time; how many they were.
pub(crate) async fn remove_expired(store: &dyn Store, now: DateTime<Utc>) -> Result<u64, Failure> {
    let mut removed = 0;
    loop {
        let step = store.remove_expired_sessions(now, AT_ONCE).await?;
        removed += step;
        if step < u64::from(AT_ONCE) {
            return Ok(removed);
        }
    }
}

/// Removes sessions that are over at this time or whose users are disabled, and binds those of an older version to the
/// passwords of their users; how many were removed.
pub(crate) async fn sweep(store: &dyn Store, now: DateTime<Utc>) -> Result<u64, Failure> {
    while store.bind_sessions(AT_ONCE).await? == u64::from(AT_ONCE) {}
    let mut removed = remove_expired(store, now).await?;
    let mut last = None;
    loop {
        let (disabled, next) = store
            .remove_disabled_sessions(last.as_ref(), AT_ONCE)
            .await?;
        removed += disabled;
        if next.is_none() {
            return Ok(removed);
        }
        last = next;
    }
}
