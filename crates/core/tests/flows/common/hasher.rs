//! A hasher that counts.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use phone_auth_core::password::{
    Argon2Hasher, EncodedPassword, HashError, HashErrorKind, Password, PasswordHasher, Requester,
    Verdict,
};
use sha2::{Digest as _, Sha256};

/// Counts how often it is asked. Its hashes cost nothing, unless it is told to hash as a site does, which takes a hundred
/// times as long as all the rest of a flow; hashes of others it checks in any case. Clones share the count.
#[derive(Clone, Default)]
pub struct CountingHasher {
    inner: Argon2Hasher,
    is_real: bool,
    is_busy: Arc<AtomicBool>,
    room: Arc<Mutex<Option<usize>>>,
    salts: Arc<AtomicUsize>,
    made: Arc<AtomicUsize>,
    checked: Arc<AtomicUsize>,
    of_nothing: Arc<AtomicUsize>,
    last: Arc<Mutex<Option<Requester>>>,
}

/// What stands before a hash that costs nothing, so that nobody takes it for another kind.
const CHEAP: &str = "cheap$";

fn cheap(password: &Password, salt: &str) -> EncodedPassword {
    let digest = Sha256::new_with_prefix(salt).chain_update(password.reveal());
    let mut encoded = format!("{CHEAP}{salt}$");
    for byte in digest.finalize() {
        write!(encoded, "{byte:02x}").unwrap();
    }
    EncodedPassword::new(encoded)
}

impl CountingHasher {
    /// One that hashes as a site does.
    pub fn real() -> Self {
        Self {
            is_real: true,
            ..Self::default()
        }
    }

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

    /// From now on it has no room for anyone, or has again.
    pub fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Ordering::SeqCst);
    }

    /// From now on it has room for so many more.
    pub fn busy_after(&self, room: usize) {
        *self.room.lock().unwrap_or_else(PoisonError::into_inner) = Some(room);
    }

    fn has_room(&self) -> Result<(), HashError> {
        let busy = || HashError::new(HashErrorKind::Busy);
        if self.is_busy.load(Ordering::SeqCst) {
            return Err(busy());
        }
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = &mut *room {
            *room = room.checked_sub(1).ok_or_else(busy)?;
        }
        Ok(())
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
        self.has_room()?;
        self.made.fetch_add(1, Ordering::SeqCst);
        if self.is_real {
            return self.inner.hash(password, requester).await;
        }
        let salt = self.salts.fetch_add(1, Ordering::SeqCst);
        Ok(cheap(password, &salt.to_string()))
    }

    async fn verify(
        &self,
        password: &Password,
        encoded: &EncodedPassword,
        requester: &Requester,
    ) -> Result<Verdict, HashError> {
        self.works_for(requester);
        self.has_room()?;
        self.checked.fetch_add(1, Ordering::SeqCst);
        let of_ours = encoded.reveal().strip_prefix(CHEAP);
        let Some((salt, _)) = of_ours.and_then(|rest| rest.split_once('$')) else {
            return self.inner.verify(password, encoded, requester).await;
        };
        Ok(if cheap(password, salt) == *encoded {
            Verdict::Match
        } else {
            Verdict::NoMatch
        })
    }

    async fn verify_nothing(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<(), HashError> {
        self.works_for(requester);
        self.has_room()?;
        self.checked.fetch_add(1, Ordering::SeqCst);
        self.of_nothing.fetch_add(1, Ordering::SeqCst);
        if self.is_real {
            return self.inner.verify_nothing(password, requester).await;
        }
        Ok(())
    }
}
