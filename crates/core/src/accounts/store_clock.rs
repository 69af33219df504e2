//! The clock that a worker tells leases and due times by.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::time::Instant;

use super::Accounts;
use crate::outbox::Wait;
use crate::store::{OutboxStore, StoreError};

/// By how much the clock of the machine may leave the steady one before the store is asked again.
const JUMP: TimeDelta = TimeDelta::seconds(1);

/// The clock of the store, as a worker knows it. Workers on machines whose clocks differ would otherwise take each other's
/// leases for ended ones. Clones share what they know.
///
/// Of a store without a clock it is the clock of the machine.
#[derive(Clone, Debug, Default)]
pub(super) struct StoreClock {
    asked: Arc<Mutex<Option<Asked>>>,
}

/// What the store said, and what it was then by our clocks. The time goes on by the steady one: the machine's can be set
/// meanwhile, and leases would end at once or never.
#[derive(Clone, Copy, Debug)]
struct Asked {
    time: DateTime<Utc>,
    here: DateTime<Utc>,
    at: Instant,
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
        // However long the answer took, its time is in the past by now: a due time is told late rather than early.
        let asked = store.clock().await?.map(|time| Asked {
            time,
            here: accounts.now(),
            at: Instant::now(),
        });
        *self.asked() = asked;
        Ok(())
    }

    /// Whether the store is to be asked again because the clocks of the machine no longer agree: one was set, or the
    /// machine slept, which the steady one does not count.
    pub(super) fn is_doubtful(&self, accounts: &Accounts) -> bool {
        let Some(asked) = *self.asked() else {
            return false;
        };
        let passed = TimeDelta::from_std(asked.at.elapsed()).unwrap_or(TimeDelta::MAX);
        let difference = (accounts.now() - asked.here).checked_sub(&passed);
        difference.is_none_or(|difference| difference.abs() > JUMP)
    }

    /// The time by the clock of the store.
    pub(super) fn now(&self, accounts: &Accounts) -> DateTime<Utc> {
        match *self.asked() {
            None => accounts.now(),
            Some(asked) => later(asked.time, asked.at.elapsed()),
        }
    }

    /// So much later than now, by the clock of the store.
    pub(super) fn later(&self, accounts: &Accounts, by: Duration) -> DateTime<Utc> {
        later(self.now(accounts), by)
    }

    /// So long from now on, by the clock of the store.
    pub(super) fn wait(&self, accounts: &Accounts, length: Duration) -> Wait {
        let since = self.now(accounts);
        Wait {
            since,
            until: later(since, length),
        }
    }

    /// How long it is until a time by the clock of the store; nothing when it has come.
    pub(super) fn until(&self, accounts: &Accounts, time: DateTime<Utc>) -> Duration {
        (time - self.now(accounts)).to_std().unwrap_or_default()
    }

    fn asked(&self) -> MutexGuard<'_, Option<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A time so much later, as a store can keep it.
pub(super) fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| now.checked_add_signed(by))
        .map_or(DateTime::<Utc>::MAX_UTC, |time| time.trunc_subsecs(6))
}
