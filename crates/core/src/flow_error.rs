//! Why a flow did not come to its end: it was refused, or it failed.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use phone_auth_events::Limit;

use crate::form::{FieldProblem, Problems};
use crate::gate::{GateError, GateRefusal};
use crate::password::HashError;
use crate::randomness::RandomnessError;
use crate::store::{StoreError, StoreErrorKind};

/// Why a flow did not come to its end. `R` says for what reasons the flow refuses; a flow that refuses no one has
/// [`Failure`] alone as its error.
///
/// Its text and its `Debug` hold nothing that a user typed.
///
/// # Examples
/// ```
/// use phone_auth_core::accounts::{FlowError, LogInRefusal};
/// # use phone_auth_core::password::Password;
///
#[doc = include_str!("accounts/example_setup.txt")]
/// let words = match accounts.log_in("ann", &Password::new("wrong horse"), None).await {
///     Ok(_logged_in) => "Welcome",
///     Err(FlowError::Refused(LogInRefusal::Missing(_problems))) => "Fill in both fields",
///     Err(FlowError::Refused(LogInRefusal::InvalidCredentials)) => "Invalid credentials",
///     Err(FlowError::Refused(LogInRefusal::Ambiguous)) => "Use another name of yours",
///     Err(FlowError::Failed(failure)) if failure.is_retryable() => "Try again in a few seconds",
///     Err(FlowError::Failed(failure)) => return Err(failure.into()),
/// };
/// assert_eq!(words, "Invalid credentials");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum FlowError<R> {
    /// The flow has decided, and the answer is no.
    #[error(transparent)]
    Refused(R),
    /// The flow could not decide, or not do what it decided.
    #[error(transparent)]
    Failed(Failure),
}

impl<R: Error + 'static> fmt::Debug for FlowError<R> {
    /// The sentence and its causes: a `main` that returns the error prints them in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_events::write_causes(self, f)
    }
}

impl<R> FlowError<R> {
    /// The same error, where a refusal is a part of another one.
    pub(crate) fn map_refusal<S>(self, map: impl FnOnce(R) -> S) -> FlowError<S> {
        match self {
            Self::Refused(refusal) => FlowError::Refused(map(refusal)),
            Self::Failed(failure) => FlowError::Failed(failure),
        }
    }
}

impl<R, E> From<E> for FlowError<R>
where
    Failure: From<E>,
{
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Problems {
    /// Refuses a form that has problems.
    pub(crate) fn refuse<R>(self, refusal: fn(Vec<FieldProblem>) -> R) -> Result<(), FlowError<R>> {
        let problems = self.into_vec();
        if problems.is_empty() {
            return Ok(());
        }
        Err(FlowError::Refused(refusal(problems)))
    }
}

/// A flow could not come to its end: for want of the store, the hasher or the source of randomness, whatever was asked.
///
/// # Examples
/// ```
/// use std::sync::Arc;
///
/// use phone_auth_core::accounts::{Accounts, FailureKind};
/// use phone_auth_core::session::SessionKey;
/// use phone_auth_core::store::StoreErrorKind;
/// use phone_auth_store_testkit::MemoryStore;
/// use phone_auth_tokens::{Keyring, SecretKey};
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let store = Arc::new(MemoryStore::new());
/// let keyring = Keyring::new(SecretKey::generate()?);
/// let accounts = Accounts::builder(store.clone(), keyring).build()?;
///
/// store.fail_with(StoreErrorKind::Unavailable);
/// let failure = accounts.log_out(&SessionKey::from_bytes(&[7; 32])).await.unwrap_err();
/// assert_eq!(failure.kind(), FailureKind::Unavailable);
/// assert!(failure.is_retryable());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(thiserror::Error)]
#[error("{}", .kind.text())]
pub struct Failure {
    kind: FailureKind,
    source: Option<Box<dyn Error + Send + Sync>>,
    refusal: Option<Box<GateRefusal>>,
}

impl fmt::Debug for Failure {
    /// The sentence and its causes: a `main` that returns the error prints them in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_events::write_causes(self, f)
    }
}

/// What kind of failure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum FailureKind {
    /// Too many passwords are being hashed, in all or for this client; trying again later works.
    Busy,
    /// It was done too often, by this client, to this account or at this address: see
    /// [`Settings::limits`](crate::settings::Settings::limits). Whether anyone has the name changes nothing.
    Limited {
        /// What was done too often.
        limit: Limit,
        /// The time until it is possible again.
        wait: Duration,
    },
    /// The application's [gate](crate::gate) denies it: [`Failure::gate`] has the words.
    Denied,
    /// The application's [gate](crate::gate) wants a challenge answered first: [`Failure::gate`] has it.
    Challenged,
    /// As many messages are pending as [may be](crate::settings::Settings::max_pending_messages), so no other is taken,
    /// anyone who it is for; trying again later may work. The flow has told the log.
    OutboxFull,
    /// The user is gone since the flow began: their account was closed, or another program has deleted it. For them it is
    /// as if they were signed out.
    NoSuchUser,
    /// A table of the application refers to what would be removed, and does not let it go. Nothing was changed. Its
    /// causes name the constraint, where the database does.
    Referenced,
    /// The store is locked, full, gone or too slow, someone else kept changing what the flow was about, or the
    /// [gate](crate::gate) could not decide; trying again later may work.
    Unavailable,
    /// The store, the hasher or the source of randomness answered what it should not.
    Broken,
}

impl FailureKind {
    const fn text(self) -> &'static str {
        match self {
            Self::Limited { .. } => "it was done too often",
            Self::Busy => "too many passwords are being hashed",
            Self::Denied => "the gate denied it",
            Self::Challenged => "the gate wants a challenge answered first",
            Self::OutboxFull => "too many messages are pending",
            Self::NoSuchUser => "the user is gone",
            Self::Referenced => "another table refers to what would be removed",
            Self::Unavailable => "the store is not available",
            Self::Broken => "something failed that should not",
        }
    }
}

impl Failure {
    pub(crate) const fn new(kind: FailureKind) -> Self {
        Self {
            kind,
            source: None,
            refusal: None,
        }
    }

    fn with_source(kind: FailureKind, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            kind,
            source: Some(Box::new(source)),
            refusal: None,
        }
    }

    /// The gate could not decide.
    pub(crate) fn of_gate(source: GateError) -> Self {
        Self {
            kind: FailureKind::Unavailable,
            source: Some(source),
            refusal: None,
        }
    }

    /// The gate has decided.
    pub(crate) fn gated(refusal: GateRefusal) -> Self {
        let kind = match &refusal {
            GateRefusal::Denied(_) => FailureKind::Denied,
            GateRefusal::Challenged(_) => FailureKind::Challenged,
        };
        Self {
            kind,
            source: None,
            refusal: Some(Box::new(refusal)),
        }
    }

    /// What the [gate](crate::gate) said, if it kept the flow from beginning.
    pub fn gate(&self) -> Option<&GateRefusal> {
        self.refusal.as_deref()
    }

    /// Something of ours answered what it should not.
    pub(crate) fn broken(source: impl Error + Send + Sync + 'static) -> Self {
        Self::with_source(FailureKind::Broken, source)
    }

    /// The time until it is possible again, if it was done too often.
    pub const fn limited_for(&self) -> Option<Duration> {
        match self.kind {
            FailureKind::Limited { wait, .. } => Some(wait),
            _ => None,
        }
    }

    /// Whether it was one of these limits that was met.
    pub(crate) fn is_limited_by(&self, limits: &[Limit]) -> bool {
        matches!(self.kind, FailureKind::Limited { limit, .. } if limits.contains(&limit))
    }

    /// What kind of failure it is.
    pub const fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Whether the same call may succeed later: all kinds but [`Broken`](FailureKind::Broken),
    /// [`NoSuchUser`](FailureKind::NoSuchUser), [`Referenced`](FailureKind::Referenced) and those of the gate.
    pub fn is_retryable(&self) -> bool {
        !matches!(
            self.kind,
            FailureKind::Broken
                | FailureKind::NoSuchUser
                | FailureKind::Referenced
                | FailureKind::Denied
                | FailureKind::Challenged
        )
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind() {
            StoreErrorKind::Unavailable => FailureKind::Unavailable,
            StoreErrorKind::NoSuchUser => FailureKind::NoSuchUser,
            StoreErrorKind::Referenced => FailureKind::Referenced,
            _ => FailureKind::Broken,
        };
        Self::with_source(kind, error)
    }
}

impl From<HashError> for Failure {
    fn from(error: HashError) -> Self {
        let kind = if error.is_retryable() {
            FailureKind::Busy
        } else {
            FailureKind::Broken
        };
        Self::with_source(kind, error)
    }
}

impl From<RandomnessError> for Failure {
    fn from(error: RandomnessError) -> Self {
        Self::broken(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::{InvalidLink, ResetRefusal};
    use crate::form::{Field, Problem};

    #[test]
    fn form_without_problems_is_not_refused() {
        let mut problems = Problems::default();
        assert!(problems.refuse(ResetRefusal::Invalid).is_ok());
        problems = Problems::default();
        problems.add(Field::NewPassword1, Problem::Required);
        let refused = problems.refuse(ResetRefusal::Invalid);
        let expected = vec![FieldProblem::new(Field::NewPassword1, Problem::Required)];
        assert!(matches!(
            refused,
            Err(FlowError::Refused(ResetRefusal::Invalid(found))) if found == expected
        ));
    }

    #[test]
    fn error_says_what_is_in_it() {
        let store = |kind| FlowError::from(StoreError::new(kind));
        for (error, text, source) in [
            (
                FlowError::Refused(ResetRefusal::Link(InvalidLink)),
                "the link is not valid",
                None,
            ),
            (
                store(StoreErrorKind::Unavailable),
                "the store is not available",
                Some("the store is not available"),
            ),
            (
                store(StoreErrorKind::SessionExists),
                "something failed that should not",
                Some("a session with this digest exists"),
            ),
            (
                Failure::new(FailureKind::OutboxFull).into(),
                "too many messages are pending",
                None,
            ),
        ] {
            assert_eq!(error.to_string(), text);
            let found = error.source().map(ToString::to_string);
            assert_eq!(found.as_deref(), source);
        }
    }
}
