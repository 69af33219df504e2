//! What a worker removes beside its messages, now and then.

use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Outbox;
use super::worker::OutboxWorker;
use crate::flow_error::Failure;
use crate::{limit_sweep, session_sweep};

/// How long a worker waits between two sweeps.
const EVERY: Duration = Duration::from_hours(1);

/// How long it waits between two sweeps of counters.
const LIMITS_EVERY: Duration = Duration::from_mins(1);

/// How long a dead letter is kept that no operator removes. There is one for each purpose and address, but addresses come
/// and go.
const LETTERS_LAST: TimeDelta = TimeDelta::days(90);

impl Outbox {
    /// The time that it is at least. The clock of one machine may be ahead by days, as after a start without a network;
    /// what is removed by it does not come back when it is set right. So nothing is believed to be later than the newest
    /// thing that is stored: what is over by then is over. On a site where nobody logs in, what is over stays for longer.
    pub(crate) async fn believed_time(&self) -> Result<DateTime<Utc>, Failure> {
        if let Some(now) = self.inner.store.clock().await? {
            return Ok(now);
        }
        let (now, newest) = (
            self.inner.clock.stored_now(),
            self.inner.store.newest_write().await?,
        );
        Ok(newest.map_or(now, |newest| newest.min(now)))
    }
}

impl OutboxWorker {
    /// Removes sessions that are over or whose users are disabled, binds those of an older version to the passwords of
    /// their users, and removes dead letters that are old; now, and every hour until it is dropped.
    pub(super) async fn sweep(&self) -> Infallible {
        let outbox = &*self.outbox.inner;
        loop {
            let now = match self.outbox.believed_time().await {
                Ok(now) => now,
                Err(error) => {
                    tracing::warn!(%error, "what is old could not be removed");
                    tokio::time::sleep(EVERY).await;
                    continue;
                }
            };
            match self.remove_old_letters(now).await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "dead letters that were old are removed"),
                Err(error) => tracing::warn!(%error, "old dead letters could not be removed"),
            }
            match session_sweep::sweep(&*outbox.users, now).await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "sessions that were over are removed"),
                Err(error) => tracing::warn!(%error, "sessions that are over could not be removed"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Removes counters of limits that are empty and challenges that are over; now, and every minute until it is dropped: anyone can make new ones.
    pub(super) async fn sweep_limits(&self) -> Infallible {
        let outbox = &*self.outbox.inner;
        loop {
            let now = outbox.clock.stored_now();
            match limit_sweep::remove_empty(&*outbox.limiter.store, now).await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "empty counters of limits are removed"),
                Err(error) => tracing::warn!(%error, "counters of limits could not be removed"),
            }
            match limit_sweep::remove_challenges(&*outbox.users, now).await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "challenges that are over are removed"),
                Err(error) => {
                    tracing::warn!(%error, "challenges that are over could not be removed");
                }
            }
            tokio::time::sleep(LIMITS_EVERY).await;
        }
    }

    /// Removes the dead letters that died long before this time; how many they were.
    async fn remove_old_letters(&self, now: DateTime<Utc>) -> Result<u64, Failure> {
        let outbox = &*self.outbox.inner;
        let before = now.checked_sub_signed(LETTERS_LAST).unwrap_or(now);
        Ok(outbox.store.purge_dead_letters(before).await?)
    }
}
