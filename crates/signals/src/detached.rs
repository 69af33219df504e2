//! Sending without waiting: a task of its own, which the dispatcher keeps count of.

use crate::{Event, Signals};
use std::{
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{Instant, timeout_at},
};

/// The detached dispatches of one dispatcher.
#[derive(Default)]
pub(crate) struct Detached {
    running: AtomicUsize,
    ended: Notify,
}

/// Counts one dispatch for as long as it lives, also when its runtime drops it.
struct Running(Arc<Detached>);

impl Running {
    fn new(detached: &Arc<Detached>) -> Self {
        detached.running.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(detached))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.ended.notify_waiters();
        }
    }
}

/// There is no Tokio runtime to send from; nothing was sent.
#[derive(Debug)]
#[non_exhaustive]
pub struct NoRuntimeError;

impl fmt::Display for NoRuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a detached signal needs a Tokio runtime")
    }
}

impl Error for NoRuntimeError {}

impl Signals {
    /// Sends `event` robustly in a task of its own, which goes on when the caller is dropped. Its failures are warned
    /// of in the trace; nobody gets the report.
    ///
    /// # Errors
    /// Outside a Tokio runtime; nothing is sent then.
    ///
    /// # Examples
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// use phone_auth_signals::{Signals, signal};
    /// # signal! { /** An order was placed. */ order_placed: OrderPlaced; }
    /// # #[derive(Clone)]
    /// # struct OrderPlaced { pieces: u32 }
    /// use std::time::Duration;
    ///
    /// let signals = Signals::isolated();
    /// let mut seen = signals.capture::<OrderPlaced>();
    /// signals.send_detached(OrderPlaced { pieces: 3 })?;
    /// assert!(signals.drain(Duration::from_secs(5)).await);
    /// assert_eq!(seen.take().len(), 1);
    /// # Ok::<(), phone_auth_signals::NoRuntimeError>(())
    /// # }).unwrap();
    /// ```
    pub fn send_detached<E: Event>(&self, event: E) -> Result<(), NoRuntimeError> {
        let runtime = Handle::try_current().map_err(|_| NoRuntimeError)?;
        let running = Running::new(&self.inner.detached);
        let dispatcher = self.clone();
        runtime.spawn(async move {
            let _running = running;
            let _report = dispatcher.send_robust(&event).await;
        });
        Ok(())
    }

    /// Waits until every detached dispatch of this dispatcher has ended, and returns whether they all did in time. For the end
    /// of a program. Outside Tokio it does not wait, since nothing could go on meanwhile.
    ///
    /// # Cancel safety
    /// Dropping the future stops nothing but the waiting.
    pub async fn drain(&self, limit: Duration) -> bool {
        let detached = &self.inner.detached;
        // Without a runtime there is no timer, and nothing detached that could make progress.
        let has_runtime = Handle::try_current().is_ok();
        if !has_runtime {
            return detached.running.load(Ordering::Acquire) == 0;
        }
        let deadline = Instant::now().checked_add(limit);
        loop {
            let mut ended = std::pin::pin!(detached.ended.notified());
            // Registered before the count is read: the last one cannot end unheard in between.
            ended.as_mut().enable();
            if detached.running.load(Ordering::Acquire) == 0 {
                return true;
            }
            let in_time = if let Some(deadline) = deadline {
                timeout_at(deadline, ended).await.is_ok()
            } else {
                // So far off that there is no such instant.
                ended.await;
                true
            };
            if !in_time {
                return detached.running.load(Ordering::Acquire) == 0;
            }
        }
    }
}
