//! Why a store could not do what it was asked.

use std::error::Error;
use std::fmt;

/// Names that only one account can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UniqueName {
    /// A username, whatever its case.
    Username,
    /// An email address, whatever its case.
    Email,
    /// A phone number.
    Phone,
}

/// What went wrong in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Someone else has this name. Read from the name of the constraint, never from the words of an error.
    Taken(UniqueName),
    /// The user has as many addresses as they may have.
    TooManyAddresses,
    /// The user has as many unverified addresses as they may have.
    TooManyUnverified,
    /// Several users have this name, in letters of different case. Only another program could store
    /// them so.
    Ambiguous,
    /// A session with this digest exists already; it was left as it is.
    SessionExists,
    /// There is no such user, perhaps any more: what was to be stored of them is not.
    NoSuchUser,
    /// A table of others refers to what would be removed, and does not let it go. Nothing was changed. The source names
    /// the constraint, where the database does.
    Referenced,
    /// The store is locked, full, gone, or slower than its time-out. Nothing was changed; trying again may work.
    Unavailable,
    /// Stored data cannot be read as what it should be, or the store refused a statement it should accept.
    Broken,
}

/// An error of a store.
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// An error of this kind without a cause of its own.
    pub fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error of this kind with the driver's error as its source.
    pub fn with_source(
        kind: StoreErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }

    /// What went wrong.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind == StoreErrorKind::Unavailable
    }
}

impl fmt::Debug for StoreError {
    /// The sentence and its causes: a `main` that returns the error prints them in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_events::write_causes(self, f)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Taken(UniqueName::Username) => "the username is taken",
            StoreErrorKind::Taken(UniqueName::Email) => "the email address is taken",
            StoreErrorKind::Taken(UniqueName::Phone) => "the phone number is taken",
            StoreErrorKind::TooManyAddresses => "the user has too many addresses",
            StoreErrorKind::TooManyUnverified => "the user has too many unverified addresses",
            StoreErrorKind::Ambiguous => "several users have this name",
            StoreErrorKind::SessionExists => "a session with this digest exists",
            StoreErrorKind::NoSuchUser => "there is no such user",
            StoreErrorKind::Referenced => "another table refers to what would be removed",
            StoreErrorKind::Unavailable => "the store is not available",
            StoreErrorKind::Broken => "the store holds or answered what it should not",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
