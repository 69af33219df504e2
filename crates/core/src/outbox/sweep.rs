//! What a worker removes beside its messages, now and then.

use std::convert::Infallible;
use std::time::Duration;

use chrono::TimeDelta;

use super::worker::OutboxWorker;
use crate::flow_error::Failure;
use crate::session_sweep;

/// How long a worker waits between two sweeps.
const EVERY: Duration = Duration::from_hours(1);

/// How long a dead letter is kept that no operator removes. There is one for each purpose and address, but addresses come
/// and go.
const LETTERS_LAST: TimeDelta = TimeDelta::days(90);

impl OutboxWorker {
    /// Removes sessions that are over or whose users are disabled, binds those of an older version to the passwords of
    /// their users, and removes dead letters that are old; now, and every hour until it is dropped.
    pub(super) async fn sweep(&self) -> Infallible {
        let outbox = &*self.outbox.inner;
        loop {
            match self.remove_old_letters().await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "dead letters that were old are removed"),
                Err(error) => tracing::warn!(%error, "old dead letters could not be removed"),
            }
            match session_sweep::sweep(&*outbox.users, outbox.clock.stored_now()).await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "sessions that were over are removed"),
                Err(error) => tracing::warn!(%error, "sessions that are over could not be removed"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Removes the dead letters that died long ago, by the clock that dates them; how many they were.
    async fn remove_old_letters(&self) -> Result<u64, Failure> {
        let outbox = &*self.outbox.inner;
        let now = outbox.store.clock().await?;
        let now = now.unwrap_or_else(|| outbox.clock.stored_now());
        let before = now.checked_sub_signed(LETTERS_LAST).unwrap_or(now);
        Ok(outbox.store.purge_dead_letters(before).await?)
    }
}
