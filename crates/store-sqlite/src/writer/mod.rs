//! The one thread that writes.
//!
//! It takes the requests that wait, runs them one after the other in one `BEGIN IMMEDIATE`
//! transaction, each in a savepoint of its own, and commits once: under load many requests share one
//! flush to the disk. Answers go out after `COMMIT` only. Should the shared transaction be lost, each
//! request runs again in one of its own, so that none suffers for another. Nothing is written to a
//! file that was removed or replaced meanwhile: nobody would find it again.

mod group;
mod request;

#[cfg(test)]
mod tests;

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use phone_auth_core::store::{StoreError, StoreErrorKind};
use rusqlite::Connection;
use tokio::sync::oneshot;

use self::group::Fate;
use self::request::{Pending, Request};
use crate::failure::Failure;
use crate::place::Place;

/// The most requests in one transaction, so that the first does not wait for the last of a flood.
const MOST_TOGETHER: usize = 256;

/// The thread that writes, and the way to it.
pub(crate) struct Writer {
    // Taken on drop, which tells the thread that no more will come.
    requests: Option<SyncSender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. At most so many requests wait for it.
    ///
    /// `place` is the file of the connection: once it is gone from there, every request is refused.
    pub(crate) fn start(connection: Connection, place: Place, waiting: usize) -> io::Result<Self> {
        let (requests, queue) = sync_channel(waiting);
        let thread = thread::Builder::new()
            .name("phone-auth-sqlite".to_owned())
            .spawn(move || serve(&connection, &place, &queue))?;
        Ok(Self {
            requests: Some(requests),
            thread: Some(thread),
        })
    }

    /// Runs a piece of work in a transaction, and answers when it is committed. Work that fails is
    /// rolled back, and may be run again from the start.
    ///
    /// # Cancel safety
    /// When the future is dropped, the work happens whole or not at all.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = || StoreError::new(StoreErrorKind::Unavailable);
        let (reply, answer) = oneshot::channel();
        let request = Box::new(Pending::new(work, reply));
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        // A full queue is answered at once: waiting for room would only make the flood wait elsewhere.
        requests.try_send(request).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Drop for Writer {
    /// Lets the thread finish what was asked of it, and waits for it.
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes to SQLite had panicked");
        }
    }
}

/// Serves requests until all senders are gone and the queue is empty.
fn serve(connection: &Connection, place: &Place, queue: &Receiver<Box<dyn Request>>) {
    while let Ok(first) = queue.recv() {
        let others = queue.try_iter().take(MOST_TOGETHER - 1);
        let group = std::iter::once(first).chain(others).collect();
        if let Fate::Unavailable(failure, mut refused) = group::run(connection, place, group) {
            // Anyone who waits has waited for the same lock. To wait for it again, in turn, would make
            // the last wait for as many time-outs as there are groups before it. They are counted
            // before anyone is answered: who asks again after an answer is asking anew.
            refused.extend(queue.try_iter());
            for request in refused {
                request.refuse(&failure);
            }
        }
    }
}
