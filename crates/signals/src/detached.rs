//! Sending without waiting: a task of its own, which the dispatcher keeps count of.

use crate::{Event, SignalInfo, Signals, trace};
use std::{
    error::Error,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{Instant, timeout_at},
};
use tracing::Instrument;

/// The detached dispatches of one dispatcher.
#[derive(Default)]
pub(crate) struct Detached {
    running: AtomicUsize,
    ended: Notify,
}

/// Counts one dispatch for as long as it lives, also when its runtime drops it.
struct Running {
    detached: Arc<Detached>,
    signal: &'static SignalInfo,
    has_ended: bool,
}

impl Running {
    fn end(mut self) {
        self.has_ended = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.has_ended {
            trace::dropped(self.signal);
        }
        if self.detached.running.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.detached.ended.notify_waiters();
        }
    }
}

/// There is no Tokio runtime to send from, or it shuts down; nothing was sent.
#[non_exhaustive]
pub struct NoRuntimeError;

impl fmt::Display for NoRuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a detached signal needs a Tokio runtime that does not shut down")
    }
}

impl fmt::Debug for NoRuntimeError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for NoRuntimeError {}

impl Signals {
    /// Sends `event` robustly in a task of its own, which goes on when the caller is dropped, within the caller's span.
    /// Its failures are warned of in the trace, as is a runtime that shuts down before it has ended; nobody gets the
    /// report.
    ///
    /// # Errors
    /// Outside a Tokio runtime, and in one that shuts down; nothing is sent then.
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
        self.inner.detached.running.fetch_add(1, Ordering::AcqRel);
        let has_begun = Arc::new(AtomicBool::new(false));
        let running = Running {
            detached: Arc::clone(&self.inner.detached),
            signal: E::signal().info(),
            has_ended: false,
        };
        let (dispatcher, begins) = (self.clone(), Arc::clone(&has_begun));
        let send = async move {
            begins.store(true, Ordering::Relaxed);
            let _report = dispatcher.send_robust(&event).await;
            running.end();
        };
        let task = runtime.spawn(send.in_current_span());
        // A runtime that shuts down takes a task and drops it on the spot.
        if task.is_finished() && !has_begun.load(Ordering::Relaxed) {
            return Err(NoRuntimeError);
        }
        Ok(())
    }

    /// Waits until every detached dispatch of this dispatcher has ended, and returns whether they all did in time. For the end
    /// of a program. Outside Tokio it does not wait, since nothing could go on meanwhile.
    ///
    /// # Panics
    /// In a Tokio runtime without a timer, which is one that was started without `enable_time`.
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
