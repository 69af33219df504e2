//! Why a token was refused.

use crate::Purpose;

/// Why a token was refused.
///
/// # Security
///
/// A user gets one answer for all kinds ("this link does not work any more"). The kind is for logs
/// and for those who watch for fraud; nobody learns `Expired` or `FromTheFuture` about a token that
/// was not genuine.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.kind.sentence())]
pub struct TokenError {
    purpose: Purpose,
    kind: TokenErrorKind,
}

impl std::fmt::Debug for TokenError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl TokenError {
    pub(crate) const fn new(purpose: Purpose, kind: TokenErrorKind) -> Self {
        Self { purpose, kind }
    }

    /// What the token was offered for.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// What was wrong with it.
    pub const fn kind(&self) -> TokenErrorKind {
        self.kind
    }
}

/// The kinds of [`TokenError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "signals", derive(serde::Serialize))]
#[cfg_attr(feature = "signals", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// Not the text of a token: cut off by a mail program, or made up.
    Malformed,
    /// Well formed, but not made with our keys for this purpose and this state. A token that was used
    /// is of this kind too: using it changed the state.
    Forged,
    /// Genuine, and older than its lifetime.
    Expired,
    /// Genuine, and issued later than now by more than clocks may differ.
    FromTheFuture,
}

impl TokenErrorKind {
    const fn sentence(self) -> &'static str {
        match self {
            Self::Malformed => "the token is malformed",
            Self::Forged => "the token is forged, used or for something else",
            Self::Expired => "the token is expired",
            Self::FromTheFuture => "the token is from the future",
        }
    }
}
