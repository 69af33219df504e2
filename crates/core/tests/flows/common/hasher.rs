//! A hasher that counts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use phone_auth_core::password::{
    Argon2Hasher, EncodedPassword, HashError, Password, PasswordHasher, Requester, Verdict,
};

/// Hashes as usual and counts how often it is asked. Clones share the count.
#[derive(Clone, Default)]
pub struct CountingHasher {
    inner: Argon2Hasher,
    made: Arc<AtomicUsize>,
    checked: Arc<AtomicUsize>,
    of_nothing: Arc<AtomicUsize>,
    last: Arc<Mutex<Option<Requester>>>,
}

impl CountingHasher {
    /// How many hashes were made for storing.
    pub fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }

    /// How many checks were done, of nothing too.
    pub fn checked(&self) -> usize {
        self.checked.load(Ordering::SeqCst)
    }

    /// How many of the checks were of nothing.
    pub fn of_nothing(&self) -> usize {
        self.of_nothing.load(Ordering::SeqCst)
    }

    /// For whom it worked last.
    pub fn last(&self) -> Option<Requester> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn works_for(&self, requester: &Requester) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(*requester);
    }

    pub fn forget(&self) {
        self.made.store(0, Ordering::SeqCst);
        self.checked.store(0, Ordering::SeqCst);
        self.of_nothing.store(0, Ordering::SeqCst);
    }
}

#[async_trait]
impl PasswordHasher for CountingHasher {
    async fn hash(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<EncodedPassword, HashError> {
        self.works_for(requester);
        self.made.fetch_add(1, Ordering::SeqCst);
        self.inner.hash(password, requester).await
    }

    async fn verify(
        &self,
        password: &Password,
        encoded: &EncodedPassword,
        requester: &Requester,
    ) -> Result<Verdict, HashError> {
        self.works_for(requester);
        self.checked.fetch_add(1, Ordering::SeqCst);
        self.inner.verify(password, encoded, requester).await
    }

    async fn verify_nothing(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<(), HashError> {
        self.works_for(requester);
        self.checked.fetch_add(1, Ordering::SeqCst);
        self.of_nothing.fetch_add(1, Ordering::SeqCst);
        self.inner.verify_nothing(password, requester).await
    }
}
