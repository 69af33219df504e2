//! The test-kit: captures what is sent, typed, and awaits the next.

use crate::{
    Connection, Event, Signals,
    connection::{info_at, now},
};
use std::{fmt, panic::Location};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// The events `E` that were sent through a dispatcher since [`Signals::capture`].
#[must_use = "dropping a capture ends it"]
pub struct Capture<E> {
    events: UnboundedReceiver<E>,
    _connection: Connection,
}

impl Signals {
    /// Captures the events `E` from here on, for tests. A capture goes before receivers of every lower priority than
    /// `i32::MAX`, so that it has also the events at which one of them fails.
    #[track_caller]
    pub fn capture<E: Event + Clone>(&self) -> Capture<E> {
        let (sender, events) = unbounded_channel();
        let keep = move |event: &E| {
            // Nobody listens any more once the capture is being dropped.
            let _ = sender.send(event.clone());
        };
        let info = info_at::<E>(Location::caller(), false).with_priority(i32::MAX);
        let connection = self.bind(now(keep), info);
        Capture {
            events,
            _connection: connection,
        }
    }
}

impl<E> Capture<E> {
    /// The next event, in the order of sending; none when no dispatcher is left that could send it.
    ///
    /// # Cancel safety
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<E> {
        self.events.recv().await
    }

    /// All events that were sent and not taken yet.
    pub fn take(&mut self) -> Vec<E> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }
}

impl<E> fmt::Debug for Capture<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("waiting", &self.events.len())
            .finish_non_exhaustive()
    }
}
