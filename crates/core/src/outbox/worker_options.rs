//! How a worker of the outbox works.

use std::time::Duration;

use super::BackOff;

/// How a worker works. The default is for a site of any size.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerOptions {
    /// How many messages are delivered at once; at least one. One that takes longer than a second counts among those of
    /// its signal alone, of which there are no more than this either: so none waits for the receivers of another signal.
    pub concurrency: u32,
    /// For how long a message is claimed. It is extended while receivers are at work, so it says how soon
    /// another worker takes over what a dead one left. At least a tenth of a second.
    pub lease: Duration,
    /// How long a receiver may take before it is dropped where it awaits.
    pub receiver_timeout: Duration,
    /// When to try again.
    pub back_off: BackOff,
    /// How long to wait, with nothing due, before looking again for what another process may have enqueued. A store
    /// that notices wakes the worker earlier.
    pub idle: Duration,
    /// Whether to have the store notice what other processes enqueue. For a worker that runs apart from the flows.
    pub watches_others: bool,
    /// Whether the worker delivers only while its key is one of those that the store knows
    /// ([`site_key`](crate::site_key)): links of another open nowhere. A key may be replaced while it runs.
    pub checks_key: bool,
}

/// A lease that ends before a store has answered is none.
const SHORTEST_LEASE: Duration = Duration::from_millis(100);

impl WorkerOptions {
    /// The lease, and not less than the least.
    pub(super) fn lease(&self) -> Duration {
        self.lease.max(SHORTEST_LEASE)
    }
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            concurrency: 16,
            lease: Duration::from_secs(15),
            receiver_timeout: Duration::from_secs(30),
            back_off: BackOff::default(),
            idle: Duration::from_millis(500),
            watches_others: false,
            checks_key: true,
        }
    }
}
