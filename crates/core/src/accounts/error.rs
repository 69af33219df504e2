//! What the errors of all flows have in common.

use std::error::Error;
use std::fmt;

use crate::form::FieldProblem;
use crate::outbox::OutboxFull;
use crate::password::HashError;
use crate::randomness::RandomnessError;
use crate::store::StoreError;

/// Why a flow did not come to its end. Each flow has its own `kind`, and a name for this type with it:
/// [`SignUpError`](super::SignUpError), [`LogInError`](super::LogInError) and so on.
///
/// Its text and its `Debug` hold nothing that somebody typed.
#[derive(Debug)]
pub struct FlowError<K> {
    kind: K,
    problems: Vec<FieldProblem>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl<K: FlowErrorKind> FlowError<K> {
    pub(super) const fn new(kind: K) -> Self {
        Self {
            kind,
            problems: Vec::new(),
            source: None,
        }
    }

    pub(super) fn with_source(kind: K, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            kind,
            problems: Vec::new(),
            source: Some(Box::new(source)),
        }
    }

    /// What went wrong.
    pub const fn kind(&self) -> K {
        self.kind
    }

    /// Whether the same call may succeed later: the store was not available, or too many passwords
    /// were being hashed.
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// Whether the flow has told the log of it already, where it tells of many at once.
    pub fn is_logged(&self) -> bool {
        matches!(&self.source, Some(source) if source.is::<OutboxFull>())
    }
}

impl<K: FormErrorKind> FlowError<K> {
    pub(super) const fn invalid(problems: Vec<FieldProblem>) -> Self {
        Self {
            kind: K::INVALID,
            problems,
            source: None,
        }
    }

    /// All that is wrong with the form, in the order of its fields; empty unless the kind is `Invalid`.
    pub fn problems(&self) -> &[FieldProblem] {
        &self.problems
    }
}

impl<K: FlowErrorKind> fmt::Display for FlowError<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.text())
    }
}

impl<K: FlowErrorKind> Error for FlowError<K> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl<K: FlowErrorKind> From<StoreError> for FlowError<K> {
    fn from(error: StoreError) -> Self {
        let kind = if error.is_retryable() {
            K::UNAVAILABLE
        } else {
            K::BROKEN
        };
        Self::with_source(kind, error)
    }
}

impl<K: FlowErrorKind> From<HashError> for FlowError<K> {
    fn from(error: HashError) -> Self {
        let kind = if error.is_retryable() {
            K::BUSY.unwrap_or(K::UNAVAILABLE)
        } else {
            K::BROKEN
        };
        Self::with_source(kind, error)
    }
}

impl<K: FlowErrorKind> From<RandomnessError> for FlowError<K> {
    fn from(error: RandomnessError) -> Self {
        Self::with_source(K::BROKEN, error)
    }
}

/// The kinds of the error of a flow. Only flows of this crate have any.
pub trait FlowErrorKind: sealed::Sealed + Copy + Eq + fmt::Debug + 'static {
    /// The store is locked, full, gone or too slow.
    const UNAVAILABLE: Self;
    /// Something answered what it should not.
    const BROKEN: Self;
    /// Too many passwords are being hashed; only for flows that hash.
    const BUSY: Option<Self>;

    /// The kind in a few words, for logs.
    fn text(self) -> &'static str;

    /// Whether the same call may succeed later.
    fn is_retryable(self) -> bool {
        self == Self::UNAVAILABLE || Some(self) == Self::BUSY
    }
}

/// The kinds of the error of a flow that reads a form.
pub trait FormErrorKind: FlowErrorKind {
    /// Something is wrong with the form.
    const INVALID: Self;
}

pub(super) mod sealed {
    //! The seal of the traits of kinds.

    /// Keeps the traits of kinds to this crate.
    #[expect(unnameable_types, reason = "a seal is there so as not to be named")]
    pub trait Sealed {}
}

/// What [`FlowErrorKind::text`] says of an unavailable store.
pub(super) const UNAVAILABLE_TEXT: &str = "the store is not available";
/// What [`FlowErrorKind::text`] says of something broken.
pub(super) const BROKEN_TEXT: &str = "the store or the machine answered what it should not";
/// What [`FlowErrorKind::text`] says when too many hash.
pub(super) const BUSY_TEXT: &str = "too many passwords are being hashed";
/// What [`FlowErrorKind::text`] says of a form with problems.
pub(super) const INVALID_TEXT: &str = "the form has problems";
