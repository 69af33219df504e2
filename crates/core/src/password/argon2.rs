//! Argon2id in Django's encoding.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use async_trait::async_trait;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::argon2_encoding::{Argon2Encoding, OUR_OUTPUT, OUR_SALT};
use super::workshop::{Bench, Workshop};
use super::{EncodedPassword, HashError, HashErrorKind, Password, PasswordHasher, Verdict};
use crate::randomness::{Randomness, SystemRandomness};

/// How many may wait for a place unless something else is asked for.
const DEFAULT_WAITING: usize = 64;

/// Hashes with Argon2id (19 MiB, 2 passes, 1 lane), written as Django writes it, so that a Django
/// application on the same database can check what we store and we can check what it stores.
///
/// At most as many hashes run at once as there are cores, in buffers that are kept; a bounded number
/// waits; past that the answer is [`Busy`](HashErrorKind::Busy) at once. A clone shares both limits.
///
/// # Security
/// - A stored hash with other costs is checked by its own, up to 128 MiB, 10 passes and 16 lanes, and
///   reported as [`MatchOutdated`](Verdict::MatchOutdated). One that asks for more, that is of another
///   kind, or that no password can match, costs one hash of ours and never matches.
/// - Passwords are hashed as typed. Only against a hash that was not made here, the
///   password without the white space around it is tried too: django-phone-auth stripped it at
///   sign-up and log-in.
/// - Argon2 runs on Tokio's blocking threads: it needs a Tokio runtime.
///
/// # Examples
/// ```
/// use phone_auth_core::password::{Argon2Hasher, Password, PasswordHasher, Verdict};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let hasher = Argon2Hasher::new();
/// let encoded = hasher.hash(&Password::new("correct horse")).await?;
/// assert!(encoded.reveal().starts_with("argon2$argon2id$v=19$m=19456,t=2,p=1$"));
///
/// let right = hasher.verify(&Password::new("correct horse"), &encoded).await?;
/// assert_eq!(right, Verdict::Match);
/// let wrong = hasher.verify(&Password::new("correct horse "), &encoded).await?;
/// assert_eq!(wrong, Verdict::NoMatch);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Argon2Hasher {
    workshop: Arc<Workshop>,
    randomness: Arc<dyn Randomness>,
}

impl Argon2Hasher {
    /// One that hashes as many at once as there are cores and lets 64 wait.
    pub fn new() -> Self {
        let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self::with_limits(cores, DEFAULT_WAITING)
    }

    /// One that hashes so many at once and lets so many wait. Each of those at once holds 19 MiB, up
    /// to 147 MiB while it checks a hash of higher cost.
    pub fn with_limits(at_once: NonZeroUsize, waiting: usize) -> Self {
        Self {
            workshop: Arc::new(Workshop::new(at_once.get(), waiting)),
            randomness: Arc::new(SystemRandomness),
        }
    }

    /// The same, with salts from another source.
    #[must_use]
    pub fn with_randomness(mut self, randomness: Arc<dyn Randomness>) -> Self {
        self.randomness = randomness;
        self
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
    async fn hash(&self, password: &Password) -> Result<EncodedPassword, HashError> {
        if !password.is_bounded() {
            return Err(HashError::new(HashErrorKind::TooLong));
        }
        let mut salt = [0; OUR_SALT];
        self.randomness
            .fill(&mut salt)
            .map_err(|error| HashError::with_source(HashErrorKind::Broken, error))?;
        let password = password.clone();
        self.workshop
            .run(move |bench| {
                let mut encoding = Argon2Encoding::ours(salt, [0; OUR_OUTPUT]);
                encoding.output = make(bench, &encoding, password.reveal())?;
                Some(EncodedPassword::new(encoding.write()))
            })
            .await?
            .ok_or(HashError::new(HashErrorKind::Broken))
    }

    async fn verify(
        &self,
        password: &Password,
        encoded: &EncodedPassword,
    ) -> Result<Verdict, HashError> {
        let Some(encoding) = Argon2Encoding::parse(encoded.reveal()) else {
            return self
                .verify_nothing(password)
                .await
                .map(|()| Verdict::NoMatch);
        };
        let password = password.clone();
        self.workshop
            .run(move |bench| check(bench, &encoding, &password))
            .await
    }

    async fn verify_nothing(&self, password: &Password) -> Result<(), HashError> {
        let password = password.clone();
        let nobody = Argon2Encoding::ours([0; OUR_SALT], [0; OUR_OUTPUT]);
        // The verdict is no match: nobody has an output of zeros.
        self.workshop
            .run(move |bench| check(bench, &nobody, &password))
            .await
            .map(|_| ())
    }
}

/// Hashes what was typed, and if need be the stripped text, and compares. A password that is too long
/// is no match, after the same work on what may be looked at of it.
fn check(bench: &mut Bench, encoding: &Argon2Encoding, password: &Password) -> Verdict {
    let matched = if encoding.is_ours() {
        Verdict::Match
    } else {
        Verdict::MatchOutdated
    };
    let typed = if password.is_bounded() {
        password.reveal()
    } else {
        ""
    };
    let mut is_right = |text: &str| {
        make(bench, encoding, text)
            .is_some_and(|output| output.as_slice().ct_eq(&encoding.output).into())
    };
    if is_right(typed) && password.is_bounded() {
        return matched;
    }
    let stripped = password
        .stripped()
        .filter(|_| password.is_bounded() && !encoding.is_ours());
    match stripped {
        Some(text) if is_right(text) => matched,
        _ => Verdict::NoMatch,
    }
}

/// Makes the hash of a text with the salt and the costs of an encoding; `None` when Argon2 refuses.
fn make(bench: &mut Bench, encoding: &Argon2Encoding, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(vec![0; encoding.output.len()]);
    bench
        .fill(encoding, encoding.params()?, text.as_bytes(), &mut output)
        .ok()?;
    Some(output)
}
