//! How the program ends, and what it says when that is not well.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use thiserror::Error;

use crate::configuration::{ConfigurationError, Mistake};
use crate::terminal::console;

/// Something could not be done.
pub(crate) const FAILED: u8 = 1;
/// A setting or an argument is wrong.
pub(crate) const WRONG: u8 = 2;

/// Why the program ends without having done what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    reasons: Vec<Box<dyn Error + Send + Sync>>,
}

/// A reason that is one sentence and has no cause.
#[derive(Debug, Error)]
#[error("{0}")]
struct Sentence(String);

/// A reason, after the setting that it comes from and what that must be.
#[derive(Debug)]
struct AtSetting {
    rule: String,
    reason: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for AtSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.rule, self.reason)
    }
}

impl Error for AtSetting {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.reason.source()
    }
}

impl Failure {
    /// Something could not be done.
    pub(crate) fn failed(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code: FAILED,
            reasons: vec![reason.into()],
        }
    }

    /// Something could not be done, said in a sentence.
    pub(crate) fn because(sentence: impl Into<String>) -> Self {
        Self::failed(Sentence(sentence.into()))
    }

    /// Something could not be done, for several reasons.
    pub(crate) fn because_of_all(sentences: impl IntoIterator<Item = String>) -> Self {
        let reasons = sentences
            .into_iter()
            .map(|sentence| Sentence(sentence).into());
        Self {
            code: FAILED,
            reasons: reasons.collect(),
        }
    }

    /// Settings or arguments are wrong, each said in a sentence.
    pub(crate) fn wrong_for_all(sentences: impl IntoIterator<Item = String>) -> Self {
        Self {
            code: WRONG,
            ..Self::because_of_all(sentences)
        }
    }

    /// A setting is wrong.
    pub(crate) fn wrong(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            code: WRONG,
            reasons: vec![reason.into()],
        }
    }

    /// What a setting names will not do.
    ///
    /// `at` says where the setting was given, `right` what it must be.
    pub(crate) fn wrong_at(
        setting: &str,
        at: impl fmt::Display,
        right: &str,
        reason: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self::wrong(AtSetting {
            rule: format!("{setting} ({at}): it must be {right}"),
            reason: Box::new(reason),
        })
    }

    /// Both failures as one, which ends the program as the graver does.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.code = self.code.max(other.code);
        self.reasons.extend(other.reasons);
        self
    }

    /// Says each reason on a line of its own.
    pub(crate) fn report(&self) -> ExitCode {
        for reason in &self.reasons {
            console::complain(reason.as_ref());
        }
        ExitCode::from(self.code)
    }
}

/// Failures that are gathered, so that one run names all there is to mend.
#[derive(Debug, Default)]
pub(crate) struct Gathered(Vec<Failure>);

impl Gathered {
    /// The value, or none and the failure noted.
    pub(crate) fn keep<T>(&mut self, result: Result<T, Failure>) -> Option<T> {
        result.map_err(|failure| self.0.push(failure)).ok()
    }

    /// Whether nothing failed.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All failures as one.
    pub(crate) fn failure(self) -> Failure {
        let all = self.0.into_iter().reduce(Failure::and);
        all.unwrap_or_else(|| Failure::because_of_all([]))
    }

    /// Goes on where nothing failed.
    ///
    /// # Errors
    /// All failures as one.
    pub(crate) fn nothing(self) -> Result<(), Failure> {
        if self.is_empty() {
            return Ok(());
        }
        Err(self.failure())
    }
}

impl From<ConfigurationError> for Failure {
    fn from(error: ConfigurationError) -> Self {
        let reasons = error.mistakes.into_iter().map(Into::into);
        Self {
            code: WRONG,
            reasons: reasons.collect(),
        }
    }
}

impl From<Mistake> for Failure {
    fn from(mistake: Mistake) -> Self {
        Self::wrong(mistake)
    }
}
