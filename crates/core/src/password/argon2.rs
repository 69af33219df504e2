//! Argon2id in Django's encoding.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use async_trait::async_trait;

use super::argon2_encoding::{Argon2Encoding, OUR_OUTPUT, OUR_SALT};
use super::checking::{Check, Stored, make};
use super::hash_pool::HashPool;
use super::legacy::{LegacyHashes, NoLegacyHashes};
use super::{
    EncodedPassword, HashError, HashErrorKind, Password, PasswordHasher, Requester, Verdict,
};
use crate::randomness::{Randomness, SystemRandomness};

/// How many may wait for a place unless something else is asked for.
const DEFAULT_WAITING: usize = 64;

/// Hashes with Argon2id (19 MiB, 2 passes, 1 lane), written as Django writes it, so that a Django
/// application on the same database can check what we store and we can check what it stores.
///
/// At most as many hashes run at once as there are cores, and one more for users who are known, in buffers that
/// are kept. A bounded number waits; past that the answer is [`Busy`](HashErrorKind::Busy) at once. A clone
/// shares all limits.
///
/// Those who wait have five lines, which take turns: users who have signed in with their browser before,
/// users who are signed in, users with a reset link, strangers who sign in, and strangers who sign up. In each the
/// client networks and the accounts take turns as well, and none may have more waiting than there is room left. So many
/// wrong passwords, from one address or for one account, keep others waiting for about one hash, and a crowd of
/// strangers keeps nobody out who is known ([`Requester`]).
///
/// # Security
/// - A stored hash with other costs is checked by its own, up to 128 MiB, 10 passes and 16 lanes, and
///   reported as [`MatchOutdated`](Verdict::MatchOutdated). One that asks for more, that is of another
///   kind, or that no password can match, costs one hash of ours and never matches.
/// - Hashes of other kinds are checked where [`with_legacy_hashes`](Self::with_legacy_hashes) says so. Such a hash
///   takes the time of its own costs, and a failed check of it one hash of ours besides. So it is never quicker than an
///   unknown name, but may be slower: anyone who measures can learn that an account exists which has not logged in
///   since the change-over, unless [`LegacyHashes::due`] evens it out.
/// - Passwords are hashed in Unicode normalisation form C, so that it does not matter how a keyboard makes letters with
///   accents. One that is typed otherwise is tried as it stands as well, and a hash that matches only so is
///   reported as [`MatchOutdated`](Verdict::MatchOutdated); a failed check of it costs twice, whatever the hash. So it is
///   with a legacy hash: the other program did not normalise, and most keyboards compose. Only against a hash that was not made here, the password without the white space around it
///   is tried too, in the same forms: django-phone-auth stripped it at sign-up and log-in. A hash that matches only so is
///   reported as [`Match`](Verdict::Match), and so stays until the password is typed without. A failed check of a
///   password with such white space costs twice as much, so of one that is typed otherwise as well four times, whatever
///   the hash.
/// - Argon2 runs on Tokio's blocking threads: it needs a Tokio runtime.
///
/// # Examples
/// ```
/// use phone_auth_core::client::Client;
/// use phone_auth_core::password::{Argon2Hasher, Password, PasswordHasher, Requester, Verdict};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let hasher = Argon2Hasher::new();
/// let ann = Requester::stranger(&Client::new(), "ann");
/// let encoded = hasher.hash(&Password::new("correct horse"), &ann).await?;
/// assert!(encoded.reveal().starts_with("argon2$argon2id$v=19$m=19456,t=2,p=1$"));
///
/// let right = hasher.verify(&Password::new("correct horse"), &encoded, &ann).await?;
/// assert_eq!(right, Verdict::Match);
/// let wrong = hasher.verify(&Password::new("correct horse "), &encoded, &ann).await?;
/// assert_eq!(wrong, Verdict::NoMatch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Argon2Hasher {
    hash_pool: Arc<HashPool>,
    randomness: Arc<dyn Randomness>,
    legacy: Arc<dyn LegacyHashes>,
}

impl Argon2Hasher {
    /// One that hashes as many at once as there are cores and lets 64 strangers wait.
    pub fn new() -> Self {
        let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self::with_limits(cores, DEFAULT_WAITING)
    }

    /// One that hashes so many at once, and one more for users who are known, and lets so many wait in each of
    /// the five lines. Each of those at once holds 19 MiB, up to 147 MiB while it checks a hash of higher cost.
    pub fn with_limits(at_once: NonZeroUsize, waiting: usize) -> Self {
        Self {
            hash_pool: Arc::new(HashPool::new(at_once.get(), waiting)),
            randomness: Arc::new(SystemRandomness),
            legacy: Arc::new(NoLegacyHashes),
        }
    }

    /// The same, with salts from another source.
    #[must_use]
    pub fn with_randomness(mut self, randomness: Arc<dyn Randomness>) -> Self {
        self.randomness = randomness;
        self
    }

    /// The same, which also checks against hashes of kinds that another program made; else they match nothing. Every
    /// failed check comes to the work that is [due](LegacyHashes::due): of an unknown name, of a hash of any kind, of
    /// none. A check that matches does no more than before: anyone who logs in does not wait longer.
    #[must_use]
    pub fn with_legacy_hashes(mut self, legacy: impl LegacyHashes + 'static) -> Self {
        self.legacy = Arc::new(legacy);
        self
    }
}

impl Argon2Hasher {
    /// Whether there can be a password that matches what is stored. There is none where a user has no usable
    /// password, and none for a hash of a kind that is not checked (a [legacy](Self::with_legacy_hashes) one that
    /// nobody asked for, a text of another program's) or of costs past the bounds: such a user cannot log in, whatever
    /// they type, until they have another password.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::password::{Argon2Hasher, EncodedPassword};
    ///
    /// let hasher = Argon2Hasher::new();
    /// assert!(!hasher.can_match(&EncodedPassword::new("sha1$salt$da39a3ee5e6b4b0d3255bfef95601890afd80709")));
    /// ```
    pub fn can_match(&self, stored: &EncodedPassword) -> bool {
        stored.is_usable() && Stored::parse(stored, &*self.legacy).is_some()
    }

    async fn check(
        &self,
        stored: Stored,
        password: &Password,
        requester: &Requester,
    ) -> Result<Verdict, HashError> {
        let password = password.clone();
        let legacy = Arc::clone(&self.legacy);
        self.hash_pool
            .run(requester, move |bench| {
                Check::new(bench, &*legacy).run(&stored, &password)
            })
            .await
    }
}

impl Default for Argon2Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Argon2Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Argon2Hasher").finish_non_exhaustive()
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<EncodedPassword, HashError> {
        if !password.is_bounded() {
            return Err(HashError::new(HashErrorKind::TooLong));
        }
        let mut salt = [0; OUR_SALT];
        self.randomness
            .fill(&mut salt)
            .map_err(|error| HashError::with_source(HashErrorKind::Broken, error))?;
        let password = password.clone();
        self.hash_pool
            .run(requester, move |bench| {
                let mut encoding = Argon2Encoding::ours(salt, [0; OUR_OUTPUT]);
                encoding.output = make(bench, &encoding, &password.normalised())?;
                Some(EncodedPassword::new(encoding.write()))
            })
            .await?
            .ok_or(HashError::new(HashErrorKind::Broken))
    }

    async fn verify(
        &self,
        password: &Password,
        encoded: &EncodedPassword,
        requester: &Requester,
    ) -> Result<Verdict, HashError> {
        let stored = Stored::parse(encoded, &*self.legacy);
        self.check(stored.unwrap_or_else(Stored::nobody), password, requester)
            .await
    }

    async fn verify_nothing(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<(), HashError> {
        let checked = self.check(Stored::nobody(), password, requester).await;
        checked.map(|_| ())
    }
}
