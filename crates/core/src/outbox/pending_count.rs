//! How many messages are pending: counted now and then, so that no flow counts for each message.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::{OutboxStore, StoreError};

/// How long it is believed how many messages are pending.
const COUNT_LASTS: Duration = Duration::from_secs(1);

/// The same once there are as many as may be.
const FULL_LASTS: Duration = Duration::from_millis(100);

/// How many messages are pending, as far as this process knows.
pub(super) struct PendingCount {
    limit: u32,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    counted_at: Option<Instant>,
    /// As counted, and those that were enqueued here since: too many rather than too few.
    count: u32,
}

impl PendingCount {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit,
            known: Mutex::default(),
        }
    }

    pub(super) const fn limit(&self) -> u32 {
        self.limit
    }

    /// Whether as many messages are pending as may be. They are counted now and then, by the one who asks at that time,
    /// no matter who is named.
    pub(super) async fn is_full(&self, store: &dyn OutboxStore) -> Result<bool, StoreError> {
        let is_to_be_counted = {
            let mut known = self.known();
            let lasts = if known.count < self.limit {
                COUNT_LASTS
            } else {
                FULL_LASTS
            };
            let is_old = known.counted_at.is_none_or(|at| at.elapsed() >= lasts);
            if is_old {
                known.counted_at = Some(Instant::now());
            }
            is_old
        };
        if is_to_be_counted {
            let count = store.pending_messages(self.limit).await?;
            self.known().count = count;
        }
        Ok(self.known().count >= self.limit)
    }

    pub(super) fn add_one(&self) {
        let mut known = self.known();
        known.count = known.count.saturating_add(1);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
