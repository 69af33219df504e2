//! The clock that a worker tells leases and due times by.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use tokio::time::Instant;

use super::Wait;
use crate::clock::Clock;
use crate::store::{OutboxStore, StoreError};

/// By how much the clock of the machine may leave the steady one before the store is asked again.
const JUMP: TimeDelta = TimeDelta::seconds(1);

/// The clock of the store, as a worker knows it. Workers on machines whose clocks differ would otherwise take each other's
/// leases for ended ones. Clones share what they know.
///
/// Of a store without a clock it is the clock of the machine.
#[derive(Clone)]
pub(super) struct StoreClock {
    machine: Arc<dyn Clock>,
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
    /// The clock of the machine, until the store is asked.
    pub(super) fn new(machine: Arc<dyn Clock>) -> Self {
        Self {
            machine,
            asked: Arc::default(),
        }
    }

    /// Asks the store what time it is.
    ///
    /// # Errors
    /// When the store cannot answer; what is known already stays.
    pub(super) async fn set(&self, store: &dyn OutboxStore) -> Result<(), StoreError> {
        // However long the answer took, its time is in the past by now: a due time is told late rather than early.
        let asked = store.clock().await?.map(|time| Asked {
            time,
            here: self.machine.stored_now(),
            at: Instant::now(),
        });
        *self.asked() = asked;
        Ok(())
    }

    /// Whether the store is to be asked again because the clocks of the machine no longer agree: one was set, or the
    /// machine slept, which the steady one does not count.
    pub(super) fn is_doubtful(&self) -> bool {
        let Some(asked) = *self.asked() else {
            return false;
        };
        let passed = TimeDelta::from_std(asked.at.elapsed()).unwrap_or(TimeDelta::MAX);
        let difference = (self.machine.stored_now() - asked.here).checked_sub(&passed);
        difference.is_none_or(|difference| difference.abs() > JUMP)
    }

    /// The time by the clock of the store.
    pub(super) fn now(&self) -> DateTime<Utc> {
        match *self.asked() {
            None => self.machine.stored_now(),
            Some(asked) => later(asked.time, asked.at.elapsed()),
        }
    }

    /// So much later than now, by the clock of the store.
    pub(super) fn later(&self, by: Duration) -> DateTime<Utc> {
        later(self.now(), by)
    }

    /// So long from now on, by the clock of the store.
    pub(super) fn wait(&self, length: Duration) -> Wait {
        let since = self.now();
        Wait {
            since,
            until: later(since, length),
        }
    }

    /// How long it is until a time by the clock of the store; nothing when it has come.
    pub(super) fn until(&self, time: DateTime<Utc>) -> Duration {
        (time - self.now()).to_std().unwrap_or_default()
    }

    fn asked(&self) -> MutexGuard<'_, Option<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for StoreClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreClock")
            .field("asked", &*self.asked())
            .finish_non_exhaustive()
    }
}

/// A time so much later, as a store can keep it.
pub(super) fn later(now: DateTime<Utc>, by: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(by)
        .ok()
        .and_then(|by| now.checked_add_signed(by))
        .map_or(DateTime::<Utc>::MAX_UTC, |time| time.trunc_subsecs(6))
}
