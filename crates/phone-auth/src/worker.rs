//! The worker of this process, and how it ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::core::accounts::Accounts;
use crate::core::outbox::{OutboxWorker, WorkerOptions};
use crate::{BuildError, BuildErrorKind};

/// How long it waits until it looks again for what is due.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// Whether this process delivers pending messages, and how.
#[derive(Default)]
pub(crate) struct WorkerChoice {
    options: Option<WorkerOptions>,
    pub(crate) is_elsewhere: bool,
}

impl WorkerChoice {
    /// Says more of it.
    pub(crate) fn describe(&mut self, change: impl FnOnce(WorkerOptions) -> WorkerOptions) {
        self.options = Some(change(self.options.take().unwrap_or_default()));
    }

    /// The worker of these flows, if there is to be one.
    ///
    /// # Errors
    /// When one was described and there is none.
    pub(crate) fn build(self, accounts: &Accounts) -> Result<Option<OutboxWorker>, BuildError> {
        let is_described = self.options.is_some();
        let options = self.options.unwrap_or_default();
        let outbox = accounts.outbox().filter(|_| !self.is_elsewhere);
        match outbox.map(|outbox| outbox.worker(options)) {
            None if is_described => Err(BuildError::new(BuildErrorKind::Worker)),
            worker => Ok(worker),
        }
    }
}

/// A worker that delivers the messages of the outbox, in a task of its own, until it is told to stop or the runtime ends.
#[derive(Debug)]
pub(crate) struct RunningWorker {
    stop: Arc<Notify>,
    has_ended: watch::Receiver<bool>,
}

/// Closes the accounts whose time has come, and finishes changes of addresses; now, and every minute until it is dropped. Of several processes with a worker any
/// may be the one, and asks its own receivers of `account_closing`: those of another process it does not know.
async fn finish_what_is_due(accounts: &Accounts) -> Infallible {
    loop {
        match accounts.close_due().await {
            Ok(0) => {}
            Ok(closed) => {
                tracing::info!(closed, "accounts whose time had come are deleted");
            }
            Err(error) => tracing::warn!(%error, "accounts that are due could not be closed"),
        }
        match accounts.finish_replacements().await {
            Ok(0) => {}
            Ok(proven) => tracing::info!(proven, "addresses have taken the place of others"),
            Err(error) => {
                tracing::warn!(%error, "addresses that are proven could not be looked at");
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl RunningWorker {
    /// Starts the worker on the runtime of the caller. It keeps the flows, for receivers that take them.
    pub(crate) fn start(worker: OutboxWorker, accounts: Accounts) -> Self {
        let stop = Arc::new(Notify::new());
        let asked = Arc::clone(&stop);
        let (ended, has_ended) = watch::channel(false);
        tokio::spawn(async move {
            tokio::select! {
                () = worker.run(asked.notified()) => {}
                never = finish_what_is_due(&accounts) => match never {},
            }
            drop(accounts);
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
    /// however often and by anyone it is asked.
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
