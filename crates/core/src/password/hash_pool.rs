//! Where Argon2 runs: off the async threads, a bounded number at once, in buffers that are kept.
//!
//! A hash fills 19 MiB. Asking the system for them each time costs more than a third of the hash
//! (every page faults), and letting everybody start at once would fill the memory. So there are as
//! many places as cores, and one more for users who are known, each with a buffer that lives on. Who
//! waits for one, and who is told at once that it is busy, is the business of [`Queue`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::argon2::{Argon2, Block, Params};
use zeroize::Zeroizing;

use super::argon2_encoding::{Argon2Encoding, OUR_MEMORY};
use super::check_stage::{self, Stage};
use super::requester::Requester;
use super::turns::Turns;
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
    turns: Turns,
    idle: Arc<Mutex<Vec<HashMemory>>>,
}

impl HashPool {
    /// One with so many places, and room for so many who wait in each lane.
    pub(super) fn new(at_once: usize, waiting: usize) -> Self {
        Self {
            turns: Turns::new(at_once, waiting),
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
        check_stage::note(Stage::Waits);
        let turn = self.turns.take(requester).await;
        check_stage::note(Stage::Works);
        let turn = turn.ok_or_else(|| HashError::new(HashErrorKind::Busy))?;
        let idle = Arc::clone(&self.idle);
        let work = move || {
            let mut bench = lock(&idle).pop().unwrap_or_default();
            let result = job(&mut bench);
            lock(&idle).push(bench);
            drop(turn);
            result
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| HashError::with_source(HashErrorKind::Broken, error))
    }
}

/// Nothing under these locks can be left half changed, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::sync::{Arc, mpsc};

    use super::{Argon2Encoding, HashErrorKind, HashPool, Params, Requester, lock};
    use crate::client::Client;
    use crate::password::argon2_encoding::{OUR_OUTPUT, OUR_SALT};

    /// A stranger who hangs up while a hash is made frees no place for another.
    #[tokio::test]
    async fn abandoned_work_keeps_its_place() {
        let hash_pool = Arc::new(HashPool::new(1, 0));
        let stranger = Requester::stranger(&Client::new(), "ann");
        let (begins, has_begun) = mpsc::channel::<()>();
        let (ends, may_end) = mpsc::channel::<()>();
        let work = Arc::clone(&hash_pool);
        let work = tokio::spawn(async move {
            let job = move |_: &mut _| {
                drop(begins);
                assert!(may_end.recv().is_err());
            };
            work.run(&stranger, job).await.is_ok()
        });
        let begun = tokio::task::spawn_blocking(move || has_begun.recv().is_err());
        assert!(begun.await.unwrap());
        work.abort();
        assert!(work.await.unwrap_err().is_cancelled());
        let other = hash_pool.run(&stranger, |_| ()).await;
        assert_eq!(other.unwrap_err().kind(), HashErrorKind::Busy);
        drop(ends);
        while hash_pool.run(&stranger, |_| ()).await.is_err() {
            tokio::task::yield_now().await;
        }
    }

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
