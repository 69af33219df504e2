//! The port for hashing passwords.

use std::error::Error;
use std::fmt;

use async_trait::async_trait;

use super::{EncodedPassword, Password, Requester};

/// Hashes passwords and checks them against hashes, slowly on purpose.
///
/// # Security
/// An implementation does the same work in [`verify`](Self::verify) for a hash that it cannot read
/// or that no password can match as for one of its own, and again in
/// [`verify_nothing`](Self::verify_nothing): else the time of an answer tells which names exist
/// (CVE-2016-2513, CVE-2024-39329).
///
/// # Cancel safety
/// A dropped call changes nothing; work that has begun may go on for a moment.
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// Hashes a password with a new salt.
    ///
    /// # Errors
    /// [`Busy`](HashErrorKind::Busy) when too many wait already, or too many of this requester's share,
    /// [`TooLong`](HashErrorKind::TooLong) for a password over [`Password::MAX_BYTES`],
    /// [`Broken`](HashErrorKind::Broken) when there is no salt to be had or the work could not be done.
    async fn hash(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<EncodedPassword, HashError>;

    /// Checks a password against a hash.
    ///
    /// # Errors
    /// [`Busy`](HashErrorKind::Busy) and [`Broken`](HashErrorKind::Broken), as for [`hash`](Self::hash).
    async fn verify(
        &self,
        password: &Password,
        encoded: &EncodedPassword,
        requester: &Requester,
    ) -> Result<Verdict, HashError>;

    /// Does the work of [`verify`](Self::verify) where there is no hash to check against.
    ///
    /// # Errors
    /// As for [`verify`](Self::verify).
    async fn verify_nothing(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Result<(), HashError>;
}

/// Whether a password is the one that was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "anyone who checks a password must decide about every outcome"
)]
pub enum Verdict {
    /// It is.
    Match,
    /// It is, and the hash is of a kind that should be replaced by a new one.
    MatchOutdated,
    /// It is not, or no password is.
    NoMatch,
}

/// What went wrong while hashing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashErrorKind {
    /// As many wait as may wait, in all or for this requester; trying again later works.
    Busy,
    /// The password has more bytes than any password may have.
    TooLong,
    /// There were no random bytes for a salt, or the work was lost.
    Broken,
}

/// An error of a [`PasswordHasher`].
pub struct HashError {
    kind: HashErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl HashError {
    /// An error of this kind without a cause of its own.
    pub const fn new(kind: HashErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error of this kind with its cause.
    pub fn with_source(
        kind: HashErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }

    /// What went wrong.
    pub const fn kind(&self) -> HashErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind == HashErrorKind::Busy
    }
}

impl fmt::Debug for HashError {
    /// The sentence and its causes: a `main` that returns the error prints them in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_events::write_causes(self, f)
    }
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            HashErrorKind::Busy => "too many passwords are being hashed",
            HashErrorKind::TooLong => "the password is too long to be hashed",
            HashErrorKind::Broken => "the password could not be hashed",
        })
    }
}

impl Error for HashError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
