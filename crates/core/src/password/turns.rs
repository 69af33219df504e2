//! Turns at something of which there is little: hashing, or connections to a database.
//!
//! Who is next, and who is told at once that it is busy, is the business of [`Queue`]; here it is waited.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::queue::{Entry, Queue, Ticket};
use super::requester::{Lane, Requester};

/// A number of working places, and a line for those who wait for one: users who are known have a place that strangers
/// never take, and clients and accounts take turns. Passwords are hashed so; a store of which many want something at once
/// can hand it out in the same way.
///
/// # Examples
/// ```
/// use phone_auth_core::client::Client;
/// use phone_auth_core::password::{Requester, Turns};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let turns = Turns::new(1, 0);
/// let stranger = Requester::stranger(&Client::new(), "ann");
/// let turn = turns.take(&stranger).await;
/// assert!(turn.is_some());
/// assert!(turns.take(&stranger).await.is_none(), "it is taken, and there is no room to wait");
/// drop(turn);
/// assert!(turns.take(&stranger).await.is_some());
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Turns {
    queue: SharedQueue,
}

type SharedQueue = Arc<Mutex<Queue<oneshot::Sender<Turn>>>>;

impl Turns {
    /// So many places, one more for users who are known, and room for so many who wait in each line.
    pub fn new(at_once: usize, waiting: usize) -> Self {
        Self {
            queue: Arc::new(Mutex::new(Queue::new(at_once, waiting))),
        }
    }

    /// Waits for a place. None when too many wait, or too many of the same client or account.
    ///
    /// # Cancel safety
    /// Anyone who stops waiting gives up their place in the line.
    pub async fn take(&self, requester: &Requester) -> Option<Turn> {
        let (waker, given) = oneshot::channel();
        let entry = lock(&self.queue).enter(*requester, || waker);
        match entry {
            Entry::Busy => None,
            Entry::Works => Some(Turn {
                queue: Arc::clone(&self.queue),
                lane: requester.lane,
            }),
            Entry::Waits { ticket, gave_way } => {
                // Anyone who gave way hears of it by that.
                drop(gave_way);
                let mut waiting = Waiting {
                    queue: Arc::clone(&self.queue),
                    ticket,
                    given,
                };
                (&mut waiting.given).await.ok()
            }
        }
    }
}

impl fmt::Debug for Turns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turns").finish_non_exhaustive()
    }
}

/// A place to work, which is given to the next when it is dropped.
#[must_use = "it is given back when it is dropped"]
pub struct Turn {
    queue: SharedQueue,
    lane: Lane,
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.queue).finish(self.lane);
        // Two may start: a place that strangers may not have can be free beside this one.
        loop {
            let next = lock(&self.queue).next();
            let Some((requester, waker)) = next else {
                return;
            };
            let turn = Self {
                queue: Arc::clone(&self.queue),
                lane: requester.lane,
            };
            // Anyone who has just stopped waiting gives the place back, and so goes on here.
            drop(waker.send(turn));
        }
    }
}

/// Someone who waits, and does not any more when this is dropped. A place that was given meanwhile is
/// dropped with it.
struct Waiting {
    queue: SharedQueue,
    ticket: Ticket,
    given: oneshot::Receiver<Turn>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&self.queue).leave(&self.ticket);
    }
}

/// Nothing under this lock can be left half changed, so a poisoned lock is as good as any.
fn lock<T>(queue: &Mutex<Queue<T>>) -> MutexGuard<'_, Queue<T>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}
