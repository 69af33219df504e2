//! Sessions and dead letters that nobody needs any more, and sessions of an older version: what is done to all of them now
//! and then.

use std::convert::Infallible;
use std::time::Duration;

use chrono::TimeDelta;

use super::{Accounts, Failure};

/// How many sessions are removed or bound in one transaction: few enough that nobody waits for it.
const AT_ONCE: u32 = 1_000;

/// How long a [worker](super::OutboxWorker) waits between two sweeps.
const EVERY: Duration = Duration::from_hours(1);

/// How long a dead letter is kept that no operator removes. There is one for each purpose and address, but addresses come
/// and go.
const LETTERS_LAST: TimeDelta = TimeDelta::days(90);

impl Accounts {
    /// Removes sessions that are over from the store; how many they were. A [worker](super::OutboxWorker) does so when
    /// it starts and every hour; this is for a site without one, and for an operator. Sessions end by themselves, this
    /// only makes room. It is done in steps, so that nothing else waits for it, and any number of processes may do it at
    /// once.
    ///
    /// Rows of Django's table of sessions are left to its `manage.py clearsessions`.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken): the store. Some
    /// may be removed by then.
    ///
    /// # Cancel safety
    /// Some are removed, the others are left for the next time.
    pub async fn remove_expired_sessions(&self) -> Result<u64, Failure> {
        let now = self.now();
        let mut removed = 0;
        loop {
            let step = self.store().remove_expired_sessions(now, AT_ONCE).await?;
            removed += step;
            if step < u64::from(AT_ONCE) {
                return Ok(removed);
            }
        }
    }

    /// Removes sessions that are over or whose users are disabled, binds those of an older version to the passwords of
    /// their users, and removes dead letters that are old; now, and every hour until it is dropped.
    pub(super) async fn sweep(&self) -> Infallible {
        loop {
            match self.remove_old_letters().await {
                Ok(0) => {}
                Ok(removed) => tracing::info!(removed, "dead letters that were old are removed"),
                Err(error) => tracing::warn!(%error, "old dead letters could not be removed"),
            }
            match self.sweep_once().await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "sessions that were over are removed"),
                Err(error) => tracing::warn!(%error, "sessions that are over could not be removed"),
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Removes the dead letters that died long ago, by the clock that dates them; how many they were.
    async fn remove_old_letters(&self) -> Result<u64, Failure> {
        let Some(outbox) = &self.inner.outbox else {
            return Ok(0);
        };
        let now = outbox.store.clock().await?.unwrap_or_else(|| self.now());
        let before = now.checked_sub_signed(LETTERS_LAST).unwrap_or(now);
        Ok(outbox.store.purge_dead_letters(before).await?)
    }

    /// One sweep; how many sessions were removed.
    async fn sweep_once(&self) -> Result<u64, Failure> {
        while self.store().bind_sessions(AT_ONCE).await? == u64::from(AT_ONCE) {}
        let mut removed = self.remove_expired_sessions().await?;
        let mut last = None;
        loop {
            let (disabled, next) = self
                .store()
                .remove_disabled_sessions(last.as_ref(), AT_ONCE)
                .await?;
            removed += disabled;
            if next.is_none() {
                return Ok(removed);
            }
            last = next;
        }
    }
}
