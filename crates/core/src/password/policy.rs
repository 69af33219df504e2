//! Which passwords are refused.

use super::Password;
use super::common::is_common;
use super::similarity::is_similar;
use crate::form::{Field, Problem, is_refused};

/// Says what is wrong with a password that a user wants to have.
///
/// The rules are django-phone-auth's, and a cap: at least 8 characters and at most 256 (which are never more
/// than [`Password::MAX_BYTES`]), not digits only, not among 19,640 common ones, not too similar to
/// what others know of the user; no control characters, line breaks or marks of direction, which
/// nobody can see and few can type again. Everything else is taken as it is, spaces and emoji too.
///
/// Similar is what has at least 70 % of its characters in common with an attribute or with a run of
/// letters and digits in it, whatever their order and case.
///
/// # Examples
/// ```
/// use phone_auth_core::form::Field;
/// use phone_auth_core::password::{Password, PasswordPolicy, PasswordProblem};
///
/// let policy = PasswordPolicy::default();
/// let known = [(Field::Username, "annsmith")];
/// assert!(policy.check(&Password::new("correct horse 🐴"), &known).is_empty());
/// assert_eq!(
///     policy.check(&Password::new("1234567"), &known),
///     [
///         PasswordProblem::TooShort { min: 8 },
///         PasswordProblem::TooCommon,
///         PasswordProblem::AllDigits,
///     ]
/// );
/// assert_eq!(
///     policy.check(&Password::new("AnnSmith7"), &known),
///     [PasswordProblem::TooSimilar { to: Field::Username }]
/// );
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct PasswordPolicy;

impl PasswordPolicy {
    /// The fewest characters of a password.
    pub const MIN_CHARS: usize = 8;

    /// The most characters of a password.
    pub const MAX_CHARS: usize = 256;

    /// All that is wrong with a password, for a user of whom others know these attributes.
    pub fn check(&self, password: &Password, attributes: &[(Field, &str)]) -> Vec<PasswordProblem> {
        let text = password.reveal();
        if text.chars().nth(Self::MAX_CHARS).is_some() {
            // Nothing else is looked at: the time it takes must not grow with what was sent.
            return vec![PasswordProblem::TooLong {
                max: Self::MAX_CHARS,
            }];
        }
        let mut problems = Vec::new();
        if text.chars().any(is_refused) {
            problems.push(PasswordProblem::InvalidCharacters);
        }
        let similar = attributes.iter().find(|(_, known)| is_similar(text, known));
        if let Some((field, _)) = similar {
            problems.push(PasswordProblem::TooSimilar { to: *field });
        }
        if text.chars().nth(Self::MIN_CHARS - 1).is_none() {
            problems.push(PasswordProblem::TooShort {
                min: Self::MIN_CHARS,
            });
        }
        if is_common(text) {
            problems.push(PasswordProblem::TooCommon);
        }
        if !text.is_empty() && text.chars().all(char::is_numeric) {
            problems.push(PasswordProblem::AllDigits);
        }
        problems
    }
}

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PasswordProblem {
    /// It has fewer characters than a password must have.
    TooShort {
        /// The fewest it may have.
        min: usize,
    },
    /// It has more characters than a password may have.
    TooLong {
        /// The most it may have.
        max: usize,
    },
    /// It has characters that cannot be seen or typed.
    InvalidCharacters,
    /// It is digits only.
    AllDigits,
    /// It is among the most common ones.
    TooCommon,
    /// It is too much like something that others know of the user.
    TooSimilar {
        /// What it is like.
        to: Field,
    },
}

impl From<PasswordProblem> for Problem {
    fn from(problem: PasswordProblem) -> Self {
        match problem {
            PasswordProblem::TooShort { min } => Self::PasswordTooShort { min },
            PasswordProblem::TooLong { max } => Self::PasswordTooLong { max },
            PasswordProblem::InvalidCharacters => Self::InvalidCharacters,
            PasswordProblem::AllDigits => Self::PasswordAllDigits,
            PasswordProblem::TooCommon => Self::PasswordTooCommon,
            PasswordProblem::TooSimilar { to } => Self::PasswordTooSimilar { to },
        }
    }
}
