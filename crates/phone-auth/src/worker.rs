//! The worker of this process, and how it ends.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::core::accounts::OutboxWorker;

/// A worker that delivers what the outbox owes, in a task of its own, until it is told to stop or the runtime ends.
#[derive(Debug)]
pub(crate) struct RunningWorker {
    stop: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl RunningWorker {
    /// Starts the worker on the runtime of the caller.
    pub(crate) fn start(worker: OutboxWorker) -> Self {
        let stop = Arc::new(Notify::new());
        let asked = Arc::clone(&stop);
        let task = tokio::spawn(async move { worker.run(asked.notified()).await });
        Self {
            stop,
            task: Mutex::new(Some(task)),
        }
    }

    /// Claims for the last time, and waits until the receivers at work have ended, at most so long. Whether they have; who
    /// asks a second time is told so at once.
    pub(crate) async fn stop(&self, patience: Duration) -> bool {
        self.stop.notify_one();
        let task = self
            .task
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        match task {
            Some(task) => timeout(patience, task).await.is_ok(),
            None => true,
        }
    }
}
