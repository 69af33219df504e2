//! Lines of one kind in the log: one now and then, the others counted.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets one line of a kind into the log in each interval, so that a flood does not fill the disk.
#[derive(Debug)]
pub(super) struct SparseLog {
    interval: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    total: u64,
}

impl SparseLog {
    /// At most one line in this interval.
    pub(super) const fn every(interval: Duration) -> Self {
        Self {
            interval,
            state: Mutex::new(State {
                last: None,
                total: 0,
            }),
        }
    }

    /// Counts one more; how many there were so far if a line is to say so now.
    pub(super) fn count(&self) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.total += 1;
        let is_due = state
            .last
            .is_none_or(|last| last.elapsed() >= self.interval);
        if is_due {
            state.last = Some(Instant::now());
        }
        is_due.then_some(state.total)
    }

    /// How many there were so far.
    pub(super) fn total(&self) -> u64 {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .total
    }
}
