//! Where Argon2 runs: off the async threads, a bounded number at once, in buffers that are kept.
//!
//! A hash fills 19 MiB. Asking the system for them each time costs more than a third of the hash
//! (every page faults), and letting everybody start at once would fill the memory. So there are as
//! many places as cores, and one more for users who are known, each with a buffer that lives on. Who
//! waits for one, and who is told at once that it is busy, is the business of [`Queue`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::argon2::{Argon2, Block, Params};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::argon2_encoding::{Argon2Encoding, OUR_MEMORY};
use super::queue::{Entry, Queue, Ticket};
use super::requester::{Lane, Requester};
use super::{HashError, HashErrorKind};

/// The memory that one hash fills. It is wiped after each: what is in it leads to the password.
#[derive(Default)]
pub(super) struct HashMemory(Vec<Block>);

impl HashMemory {
    /// Makes the hash of a password into `output`. A hash that asks for more memory than ours gets it
    /// for this once.
    pub(super) fn fill(
        &mut self,
        encoding: &Argon2Encoding,
        params: Params,
        password: &[u8],
        output: &mut [u8],
    ) -> Result<(), ::argon2::Error> {
        let blocks = params.block_count();
        let argon2 = Argon2::new(encoding.algorithm, encoding.version, params);
        if blocks > OUR_MEMORY as usize {
            let mut memory = Zeroizing::new(vec![Block::new(); blocks]);
            let memory = memory.as_mut_slice();
            return argon2.hash_password_into_with_memory(password, &encoding.salt, output, memory);
        }
        if self.0.len() < blocks {
            self.0.resize(OUR_MEMORY as usize, Block::new());
        }
        let memory = self.0.get_mut(..blocks).unwrap_or_default();
        let done =
            argon2.hash_password_into_with_memory(password, &encoding.salt, output, &mut *memory);
        // The memory lives on, so that these writes are none that a compiler may leave out.
        memory.fill(Block::new());
        done
    }
}

/// The places where hashing happens.
pub(super) struct HashPool {
    queue: SharedQueue,
    idle: Arc<Mutex<Vec<HashMemory>>>,
}

type SharedQueue = Arc<Mutex<Queue<oneshot::Sender<Place>>>>;

impl HashPool {
    /// One with so many places, and room for so many who wait in each lane.
    pub(super) fn new(at_once: usize, waiting: usize) -> Self {
        Self {
            queue: Arc::new(Mutex::new(Queue::new(at_once, waiting))),
            idle: Arc::default(),
        }
    }

    /// Runs a job when a place is free. The place goes with the job, not with the caller: anyone who
    /// stops waiting for an answer does not free a place that is still at work.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        requester: &Requester,
        job: impl FnOnce(&mut HashMemory) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let place = self.place(requester).await?;
        let idle = Arc::clone(&self.idle);
        let work = move || {
            let mut bench = lock(&idle).pop().unwrap_or_default();
            let result = job(&mut bench);
            lock(&idle).push(bench);
            drop(place);
            result
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| HashError::with_source(HashErrorKind::Broken, error))
    }

    async fn place(&self, requester: &Requester) -> Result<Place, HashError> {
        let (waker, given) = oneshot::channel();
        let entry = lock(&self.queue).enter(*requester, || waker);
        match entry {
            Entry::Busy => Err(HashError::new(HashErrorKind::Busy)),
            Entry::Works => Ok(Place {
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
                (&mut waiting.given)
                    .await
                    .map_err(|_gave_way| HashError::new(HashErrorKind::Busy))
            }
        }
    }
}

/// A place to work, which is given to the next when it is dropped.
struct Place {
    queue: SharedQueue,
    lane: Lane,
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.queue).finish(self.lane);
        // Two may start: a place that strangers may not have can be free beside this one.
        loop {
            let next = lock(&self.queue).next();
            let Some((requester, waker)) = next else {
                return;
            };
            let place = Self {
                queue: Arc::clone(&self.queue),
                lane: requester.lane,
            };
            // Anyone who has just stopped waiting gives the place back, and so goes on here.
            drop(waker.send(place));
        }
    }
}

/// Someone who waits, and does not any more when this is dropped. A place that was given meanwhile is
/// dropped with it.
struct Waiting {
    queue: SharedQueue,
    ticket: Ticket,
    given: oneshot::Receiver<Place>,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        lock(&self.queue).leave(&self.ticket);
    }
}

/// Nothing under these locks can be left half changed, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::{Argon2Encoding, HashPool, Params, Requester, lock};
    use crate::password::argon2_encoding::{OUR_OUTPUT, OUR_SALT};

    #[tokio::test]
    async fn memory_is_wiped() {
        let hash_pool = HashPool::new(1, 0);
        let operator = Requester::operator();
        let hash = hash_pool.run(&operator, |bench| {
            let encoding = Argon2Encoding::ours([7; OUR_SALT], [0; OUR_OUTPUT]);
            let params = Params::new(19_456, 2, 1, Some(OUR_OUTPUT)).unwrap();
            let mut output = [0; OUR_OUTPUT];
            bench
                .fill(&encoding, params, b"plum-Orchard-1", &mut output)
                .unwrap();
            output
        });
        assert_ne!(hash.await.unwrap(), [0; OUR_OUTPUT]);
        let idle = lock(&hash_pool.idle);
        let blocks = &idle.first().unwrap().0;
        assert_eq!(blocks.len(), 19_456);
        let is_empty = |words: &[u64]| words.iter().all(|word| *word == 0);
        assert!(blocks.iter().all(|block| is_empty(block.as_ref())));
    }
}
