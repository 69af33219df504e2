//! Argon2id in Django's encoding.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use async_trait::async_trait;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::argon2_encoding::{Argon2Encoding, OUR_OUTPUT, OUR_SALT};
use super::legacy::LegacyEncoding;
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
/// - So are the other hashes that Django stores: `pbkdf2_sha256` and `pbkdf2_sha1` up to 3,000,000
///   iterations, `scrypt` up to 128 MiB and about three times the work of Django's default,
///   `bcrypt_sha256` and `bcrypt` up to cost 14. `md5` matches nothing unless
///   [asked for](Self::danger_accept_md5).
/// - A hash of Django's takes the time of its own costs, PBKDF2 about ten times that of ours, and a
///   failed check of it one hash of ours besides. So it is never quicker than an unknown name, but may be
///   slower: whoever measures can learn that an account exists which has not logged in since the
///   change-over. Limits on attempts are the remedy.
/// - Passwords are hashed as typed. Only against a hash that was not made here, the
///   password without the white space around it is tried too: django-phone-auth stripped it at
///   sign-up and log-in. A hash that matches only so is reported as [`Match`](Verdict::Match), and so
///   stays until the password is typed without.
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
    accepts_md5: bool,
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
            accepts_md5: false,
        }
    }

    /// The same, with salts from another source.
    #[must_use]
    pub fn with_randomness(mut self, randomness: Arc<dyn Randomness>) -> Self {
        self.randomness = randomness;
        self
    }

    /// The same, which also checks against hashes of the form `md5$salt$hash`.
    ///
    /// # Security
    /// Whoever has a copy of the database finds most passwords behind such hashes within hours. Log-in
    /// replaces them one by one; better is to have everybody who still has one choose a new
    /// password.
    #[must_use]
    pub fn danger_accept_md5(mut self) -> Self {
        self.accepts_md5 = true;
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
        let Some(stored) = Stored::parse(encoded, self.accepts_md5) else {
            return self
                .verify_nothing(password)
                .await
                .map(|()| Verdict::NoMatch);
        };
        let password = password.clone();
        self.workshop
            .run(move |bench| check(bench, &stored, &password))
            .await
    }

    async fn verify_nothing(&self, password: &Password) -> Result<(), HashError> {
        let password = password.clone();
        // The verdict is no match: nobody has an output of zeros.
        self.workshop
            .run(move |bench| check(bench, &Stored::nobody(), &password))
            .await
            .map(|_| ())
    }
}

/// A stored hash that can be checked against.
enum Stored {
    Argon2(Argon2Encoding),
    Legacy(LegacyEncoding, EncodedPassword),
}

impl Stored {
    fn parse(encoded: &EncodedPassword, with_md5: bool) -> Option<Self> {
        let text = encoded.reveal();
        let argon2 = Argon2Encoding::parse(text).map(Self::Argon2);
        argon2.or_else(|| {
            LegacyEncoding::parse(text, with_md5)
                .map(|encoding| Self::Legacy(encoding, encoded.clone()))
        })
    }

    /// A hash of ours that no password has.
    fn nobody() -> Self {
        Self::Argon2(Argon2Encoding::ours([0; OUR_SALT], [0; OUR_OUTPUT]))
    }

    fn is_ours(&self) -> bool {
        matches!(self, Self::Argon2(encoding) if encoding.is_ours())
    }

    fn is_of(&self, bench: &mut Bench, text: &str) -> bool {
        match self {
            Self::Argon2(encoding) => make(bench, encoding, text)
                .is_some_and(|output| output.as_slice().ct_eq(&encoding.output).into()),
            Self::Legacy(encoding, encoded) => encoding.is_of(text, encoded.reveal()),
        }
    }
}

/// Hashes what was typed, and if need be the stripped text, and compares. A password that is too long
/// is no match, after the same work on what may be looked at of it.
fn check(bench: &mut Bench, stored: &Stored, password: &Password) -> Verdict {
    let typed = if password.is_bounded() {
        password.reveal()
    } else {
        ""
    };
    if stored.is_ours() {
        let is_right = stored.is_of(bench, typed) && password.is_bounded();
        return if is_right {
            Verdict::Match
        } else {
            Verdict::NoMatch
        };
    }
    let stripped = password.stripped().filter(|_| password.is_bounded());
    if stored.is_of(bench, typed) && password.is_bounded() {
        return Verdict::MatchOutdated;
    }
    if stripped.is_some_and(|text| stored.is_of(bench, text)) {
        // Whether the white space belongs to the password cannot be told, so the hash stays: a new one
        // would lock out whoever types it the other way next time.
        return Verdict::Match;
    }
    // A hash of little cost must not answer sooner than an unknown name does.
    let _ = Stored::nobody().is_of(bench, typed);
    Verdict::NoMatch
}

/// Makes the hash of a text with the salt and the costs of an encoding; `None` when Argon2 refuses.
fn make(bench: &mut Bench, encoding: &Argon2Encoding, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut output = Zeroizing::new(vec![0; encoding.output.len()]);
    bench
        .fill(encoding, encoding.params()?, text.as_bytes(), &mut output)
        .ok()?;
    Some(output)
}
