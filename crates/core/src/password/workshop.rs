//! Where Argon2 runs: off the async threads, a bounded number at once, in buffers that are kept.
//!
//! A hash fills 19 MiB. Asking the system for them each time costs more than a third of the hash
//! (every page faults), and letting everybody start at once would fill the memory. So there are as
//! many places as cores, each with a buffer that lives on, a bounded number of people wait for one,
//! and whoever comes then is told at once that it is busy.

use std::sync::{Arc, Mutex, PoisonError};

use ::argon2::{Argon2, Block, Params};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use super::argon2_encoding::{Argon2Encoding, OUR_MEMORY};
use super::{HashError, HashErrorKind};

/// The memory that one hash fills. It is wiped after each: what is in it leads to the password.
#[derive(Default)]
pub(super) struct Bench(Vec<Block>);

impl Bench {
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
pub(super) struct Workshop {
    /// One permit for everybody who works or waits.
    admitted: Arc<Semaphore>,
    /// One permit for everybody who works.
    working: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Bench>>>,
}

impl Workshop {
    pub(super) fn new(at_once: usize, waiting: usize) -> Self {
        let at_once = at_once.clamp(1, Semaphore::MAX_PERMITS / 2);
        let waiting = waiting.min(Semaphore::MAX_PERMITS / 2);
        Self {
            admitted: Arc::new(Semaphore::new(at_once + waiting)),
            working: Arc::new(Semaphore::new(at_once)),
            idle: Arc::default(),
        }
    }

    /// Runs a job when a place is free. The permits go with the job, not with the caller: whoever
    /// stops waiting for an answer does not free a place that is still at work.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Bench) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let admitted = Arc::clone(&self.admitted)
            .try_acquire_owned()
            .map_err(|_| HashError::new(HashErrorKind::Busy))?;
        let working = Arc::clone(&self.working)
            .acquire_owned()
            .await
            .map_err(|error| HashError::with_source(HashErrorKind::Broken, error))?;
        let idle = Arc::clone(&self.idle);
        let work = move || {
            let mut bench = lock(&idle).pop().unwrap_or_default();
            let result = job(&mut bench);
            lock(&idle).push(bench);
            drop((working, admitted));
            result
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| HashError::with_source(HashErrorKind::Broken, error))
    }
}

/// The list cannot be left half changed, so a poisoned lock is as good as any.
fn lock(idle: &Mutex<Vec<Bench>>) -> std::sync::MutexGuard<'_, Vec<Bench>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::{Argon2Encoding, Params, Workshop, lock};
    use crate::password::argon2_encoding::{OUR_OUTPUT, OUR_SALT};

    #[tokio::test]
    async fn memory_is_wiped() {
        let workshop = Workshop::new(1, 0);
        let hash = workshop.run(|bench| {
            let encoding = Argon2Encoding::ours([7; OUR_SALT], [0; OUR_OUTPUT]);
            let params = Params::new(19_456, 2, 1, Some(OUR_OUTPUT)).unwrap();
            let mut output = [0; OUR_OUTPUT];
            bench
                .fill(&encoding, params, b"plum-Orchard-1", &mut output)
                .unwrap();
            output
        });
        assert_ne!(hash.await.unwrap(), [0; OUR_OUTPUT]);
        let idle = lock(&workshop.idle);
        let blocks = &idle.first().unwrap().0;
        assert_eq!(blocks.len(), 19_456);
        let is_empty = |words: &[u64]| words.iter().all(|word| *word == 0);
        assert!(blocks.iter().all(|block| is_empty(block.as_ref())));
    }
}
