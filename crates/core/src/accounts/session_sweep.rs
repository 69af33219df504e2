//! Sessions that nobody needs any more, and those of an older version: what is done to all of them now and then.

use std::convert::Infallible;
use std::time::Duration;

use super::{Accounts, Failure};

/// How many sessions are removed or bound in one transaction: few enough that nobody waits for it.
const AT_ONCE: u32 = 1_000;

/// How long a [worker](super::OutboxWorker) waits between two sweeps.
const EVERY: Duration = Duration::from_hours(1);

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

    /// Removes sessions that are over or whose users are disabled, and binds those of an older version to the passwords of
    /// their users; now, and every hour until it is dropped.
    pub(super) async fn sweep_sessions(&self) -> Infallible {
        loop {
            match self.sweep_once().await {
                Ok(0) => {}
                Ok(removed) => tracing::debug!(removed, "sessions that were over are removed"),
                Err(error) => tracing::warn!(%error, "sessions that are over could not be removed"),
            }
            tokio::time::sleep(EVERY).await;
        }
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
