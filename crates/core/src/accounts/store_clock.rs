//! The clock that a worker tells leases and due times by.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::Accounts;
use crate::store::{OutboxStore, StoreError};

/// The clock of the store, as a worker knows it: how far it is ahead of the worker's own. Workers on machines whose clocks
/// differ would otherwise take each other's leases for ended ones. Clones share what they know.
#[derive(Clone, Debug, Default)]
pub(super) struct StoreClock {
    microseconds_ahead: Arc<AtomicI64>,
}

impl StoreClock {
    /// Asks the store what time it is.
    ///
    /// # Errors
    /// When the store cannot answer; what is known already stays.
    pub(super) async fn set(
        &self,
        accounts: &Accounts,
        store: &dyn OutboxStore,
    ) -> Result<(), StoreError> {
        let ahead = match store.clock().await? {
            // However long the answer took, its time is in the past by now: a due time is told late rather than early.
            Some(time) => (time - accounts.now()).num_microseconds().unwrap_or(0),
            None => 0,
        };
        self.microseconds_ahead.store(ahead, Ordering::Relaxed);
        Ok(())
    }

    /// The time by the clock of the store.
    pub(super) fn now(&self, accounts: &Accounts) -> DateTime<Utc> {
        let ahead = TimeDelta::microseconds(self.microseconds_ahead.load(Ordering::Relaxed));
        let now = accounts.now();
        now.checked_add_signed(ahead).unwrap_or(now)
    }

    /// So much later than now, by the clock of the store.
    pub(super) fn later(&self, accounts: &Accounts, by: Duration) -> DateTime<Utc> {
        later(self.now(accounts), by)
    }

    /// How long it is until a time by the clock of the store; nothing when it has come.
    pub(super) fn until(&self, accounts: &Accounts, time: DateTime<Utc>) -> Duration {
        (time - self.now(accounts)).to_std().unwrap_or_default()
    }
}

/// A time so much later, as a store can keep it.
pub(super) fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| now.checked_add_signed(by))
        .map_or(DateTime::<Utc>::MAX_UTC, |time| time.trunc_subsecs(6))
}
