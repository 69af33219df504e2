//! Argon2id in Django's encoding.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use async_trait::async_trait;

use super::argon2_encoding::{Argon2Encoding, OUR_OUTPUT, OUR_SALT};
use super::checking::{Check, Stored, make};
use super::workshop::Workshop;
use super::{
    DjangoIterations, EncodedPassword, HashError, HashErrorKind, Password, PasswordHasher,
    Requester, Verdict,
};
use crate::randomness::{Randomness, SystemRandomness};

/// How many may wait for a place unless something else is asked for.
const DEFAULT_WAITING: usize = 64;

/// Hashes with Argon2id (19 MiB, 2 passes, 1 lane), written as Django writes it, so that a Django
/// application on the same database can check what we store and we can check what it stores.
///
/// At most as many hashes run at once as there are cores, and one more for people who are known, in buffers that
/// are kept. A bounded number waits; past that the answer is [`Busy`](HashErrorKind::Busy) at once. A clone
/// shares all limits.
///
/// Those who wait have five lines, which take turns: people who have signed in with their browser before,
/// people who are signed in, people with a reset link, strangers who sign in, and strangers who sign up. In each the client networks and the accounts take
/// turns as well, and none may have more waiting than there is room left. So many wrong passwords, from one address or
/// for one account, keep others waiting for about one hash, and a crowd of strangers keeps nobody out who is known
/// ([`Requester`]).
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
///   failed check of it one hash of ours besides. So it is never quicker than an unknown name, but is
///   slower: whoever measures can learn that an account exists which has not logged in since the
///   change-over. [`with_django_iterations`](Self::with_django_iterations) ends that for PBKDF2-SHA256, which is
///   what Django makes by default.
/// - Passwords are hashed as typed. Only against a hash that was not made here, the
///   password without the white space around it is tried too: django-phone-auth stripped it at
///   sign-up and log-in. A hash that matches only so is reported as [`Match`](Verdict::Match), and so
///   stays until the password is typed without. A failed check of a password with such white space costs twice,
///   whatever the hash.
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
    workshop: Arc<Workshop>,
    randomness: Arc<dyn Randomness>,
    accepts_md5: bool,
    /// The iterations of PBKDF2 that a failed check comes to; none unless asked for.
    iterations: u32,
}

impl Argon2Hasher {
    /// One that hashes as many at once as there are cores and lets 64 strangers wait.
    pub fn new() -> Self {
        let cores = available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Self::with_limits(cores, DEFAULT_WAITING)
    }

    /// One that hashes so many at once, and one more for people who are known, and lets so many wait in each of
    /// the five lines. Each of those at once holds 19 MiB, up to 147 MiB while it checks a hash of higher cost.
    pub fn with_limits(at_once: NonZeroUsize, waiting: usize) -> Self {
        Self {
            workshop: Arc::new(Workshop::new(at_once.get(), waiting)),
            randomness: Arc::new(SystemRandomness),
            accepts_md5: false,
            iterations: 0,
        }
    }

    /// The same, with salts from another source.
    #[must_use]
    pub fn with_randomness(mut self, randomness: Arc<dyn Randomness>) -> Self {
        self.randomness = randomness;
        self
    }

    /// The same, in which every failed check comes to so many iterations of PBKDF2-SHA256 besides the hash of
    /// ours: of an unknown name, of a hash of any kind, of none. For as long as hashes of Django's are left;
    /// [`DjangoIterations::needed_for`] finds the number.
    ///
    /// # Security
    /// - The iterations of a `pbkdf2_sha256` hash count, so one with as many or fewer is told by no clock from an
    ///   unknown name. One with more still takes longer.
    /// - `pbkdf2_sha1`, `scrypt`, `bcrypt` and Argon2 of other costs than ours spend time of another kind, which no
    ///   number of iterations equals on every machine. They take their own time besides, so are never quicker than an
    ///   unknown name, but are slower.
    /// - A check that matches does no more than before: whoever logs in does not wait longer.
    /// - Each refusal, of a made-up name too, then takes a core for the time of a log-in at Django, about ten
    ///   times that of ours. The limits of the hasher hold as before, so fewer are answered in a second.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::password::{
    ///     Argon2Hasher, DjangoIterations, Password, PasswordHasher, Requester,
    /// };
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let greatest = DjangoIterations::new(1_000_000).expect("it is in bounds");
    /// let hasher = Argon2Hasher::new().with_django_iterations(greatest);
    /// // As long as a wrong password of somebody with such a hash takes.
    /// hasher.verify_nothing(&Password::new("correct horse"), &Requester::operator()).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_django_iterations(mut self, iterations: DjangoIterations) -> Self {
        self.iterations = iterations.get();
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

impl Argon2Hasher {
    /// Whether there can be a password that matches what is stored. There is none where an account has no usable password,
    /// and none for a hash of a kind that is not checked (`sha1`, `md5` unless asked for, a text of another program's)
    /// or of costs past the bounds: such a person cannot log in, whatever they type, until they have another password.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::password::{Argon2Hasher, EncodedPassword};
    ///
    /// let hasher = Argon2Hasher::new();
    /// assert!(!hasher.can_match(&EncodedPassword::new("sha1$salt$da39a3ee5e6b4b0d3255bfef95601890afd80709")));
    /// ```
    pub fn can_match(&self, stored: &EncodedPassword) -> bool {
        stored.is_usable() && Stored::parse(stored, self.accepts_md5).is_some()
    }

    async fn check(
        &self,
        stored: Stored,
        password: &Password,
        requester: &Requester,
    ) -> Result<Verdict, HashError> {
        let password = password.clone();
        let iterations = self.iterations;
        self.workshop
            .run(requester, move |bench| {
                Check::new(bench, iterations).run(&stored, &password)
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
        self.workshop
            .run(requester, move |bench| {
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
        requester: &Requester,
    ) -> Result<Verdict, HashError> {
        let stored = Stored::parse(encoded, self.accepts_md5);
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
