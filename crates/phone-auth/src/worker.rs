//! The worker of this process, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::core::accounts::OutboxWorker;

/// A worker that delivers what the outbox owes, in a task of its own, until it is told to stop or the runtime ends.
#[derive(Debug)]
pub(crate) struct RunningWorker {
    stop: Arc<Notify>,
    has_ended: watch::Receiver<bool>,
}

impl RunningWorker {
    /// Starts the worker on the runtime of the caller.
    pub(crate) fn start(worker: OutboxWorker) -> Self {
        let stop = Arc::new(Notify::new());
        let asked = Arc::clone(&stop);
        let (ended, has_ended) = watch::channel(false);
        tokio::spawn(async move {
            worker.run(asked.notified()).await;
            // Where nobody listens any more, nobody waits.
            ended.send_replace(true);
        });
        Self { stop, has_ended }
    }

    /// Has it claim nothing more. Does not wait.
    pub(crate) fn stop_claiming(&self) {
        self.stop.notify_one();
    }

    /// Has it claim nothing more, and waits until the receivers at work have ended, at most so long. Whether they have,
    /// however often and by whomever it is asked.
    pub(crate) async fn stop(&self, patience: Duration) -> bool {
        self.stop_claiming();
        let mut has_ended = self.has_ended.clone();
        // A task that was ended before its end has dropped the other side.
        matches!(
            timeout(patience, has_ended.wait_for(|ended| *ended)).await,
            Ok(Ok(_))
        )
    }
}
