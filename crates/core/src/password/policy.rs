//! Which passwords are refused.

use std::fmt;
use std::sync::Arc;

use super::Password;
use super::common::is_common;
use super::similarity::is_similar;
use crate::form::{Field, Problem, is_refused};

/// A check of an application's own for new passwords, or a ready one.
///
/// # Examples
/// ```
/// use phone_auth_core::form::Field;
/// use phone_auth_core::password::{Password, PasswordCheck, PasswordPolicy, PasswordProblem};
///
/// struct NoTea;
///
/// impl PasswordCheck for NoTea {
///     fn check(&self, password: &Password, _known: &[(Field, &str)]) -> Option<PasswordProblem> {
///         let has_tea = password.reveal().to_lowercase().contains("tea");
///         has_tea.then_some(PasswordProblem::Refused { words: "Passwords about tea are taken." })
///     }
/// }
///
/// let policy = PasswordPolicy::default().with_check(NoTea);
/// assert_eq!(policy.check(&Password::new("five o'clock tea"), &[]).len(), 1);
/// assert!(policy.check(&Password::new("five o'clock rain"), &[]).is_empty());
/// ```
pub trait PasswordCheck: Send + Sync {
    /// What is wrong with a password that a user wants, of whom others know these attributes. It has at most
    /// [`MAX_CHARS`](PasswordPolicy::MAX_CHARS) characters. Called while a request waits, so it must not take long.
    fn check(&self, password: &Password, known: &[(Field, &str)]) -> Option<PasswordProblem>;
}

/// Says what is wrong with a password that a user wants to have.
///
/// At least 8 characters and at most 256 (which are never more
/// than [`Password::MAX_BYTES`]), not digits only, not a common one, not too similar to
/// what others know of the user; no control characters, line breaks or marks of direction, which
/// nobody can see and few can type again. Everything else is taken as it is, spaces and emoji too. Nothing that
/// django-phone-auth refuses passes.
///
/// Common is what is on a list of 19,640, in any case, in full-width letters, with digits for letters (`Passw0rd`), with
/// a year, digits or signs before or after it (`summer2026!`), and what repeats one short piece (`88888888a`).
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
#[derive(Clone)]
pub struct PasswordPolicy {
    min_chars: usize,
    checks: Vec<Arc<dyn PasswordCheck>>,
}

impl PasswordPolicy {
    /// The fewest characters of a password, unless [`with_min_chars`](Self::with_min_chars) says more. NIST
    /// SP 800-63B-4, 3.1.1.2 has 15 where a password is all that is asked for, and 8 beside a second factor.
    pub const MIN_CHARS: usize = 8;

    /// The most characters of a password.
    pub const MAX_CHARS: usize = 256;

    /// The same policy with another least number of characters; fewer than [`MIN_CHARS`](Self::MIN_CHARS) count as that
    /// many, and more than [`MAX_CHARS`](Self::MAX_CHARS) as those.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::password::{Password, PasswordPolicy, PasswordProblem};
    ///
    /// let policy = PasswordPolicy::default().with_min_chars(15);
    /// let short = policy.check(&Password::new("correct horse"), &[]);
    /// assert_eq!(short, [PasswordProblem::TooShort { min: 15 }]);
    /// ```
    #[must_use]
    pub fn with_min_chars(mut self, min: usize) -> Self {
        self.min_chars = min.clamp(Self::MIN_CHARS, Self::MAX_CHARS);
        self
    }

    /// The same policy with one more check, whose problem is told beside the others.
    #[must_use]
    pub fn with_check(mut self, check: impl PasswordCheck + 'static) -> Self {
        self.checks.push(Arc::new(check));
        self
    }

    /// All that is wrong with a password, for a user of whom others know these attributes.
    pub fn check(&self, password: &Password, attributes: &[(Field, &str)]) -> Vec<PasswordProblem> {
        let normalised = password.normalised();
        let text = normalised.as_str();
        if password.reveal().chars().nth(Self::MAX_CHARS).is_some() {
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
        if text.chars().nth(self.min_chars - 1).is_none() {
            problems.push(PasswordProblem::TooShort {
                min: self.min_chars,
            });
        }
        if is_common(text) {
            problems.push(PasswordProblem::TooCommon);
        }
        if !text.is_empty() && text.chars().all(char::is_numeric) {
            problems.push(PasswordProblem::AllDigits);
        }
        for check in &self.checks {
            problems.extend(check.check(password, attributes));
        }
        problems
    }
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            min_chars: Self::MIN_CHARS,
            checks: Vec::new(),
        }
    }
}

impl fmt::Debug for PasswordPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordPolicy")
            .field("min_chars", &self.min_chars)
            .field("checks", &self.checks.len())
            .finish()
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
    /// It can be guessed too soon.
    TooWeak,
    /// A check of the application's refuses it.
    Refused {
        /// What the user is told: a sentence.
        words: &'static str,
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
            PasswordProblem::TooWeak => Self::PasswordTooWeak,
            PasswordProblem::Refused { words } => Self::PasswordRefused { words },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(policy: &PasswordPolicy, password: &str) -> Vec<PasswordProblem> {
        policy.check(&Password::new(password), &[])
    }

    #[test]
    fn shortest_password_has_bounds() {
        for (asked, min) in [(0, 8), (7, 8), (8, 8), (9, 9), (256, 256), (257, 256)] {
            let policy = PasswordPolicy::default().with_min_chars(asked);
            let of = |length| "ab c".chars().cycle().take(length).collect::<String>();
            let short = problems(&policy, &of(min - 1));
            assert!(
                short.contains(&PasswordProblem::TooShort { min }),
                "{asked}"
            );
            let long = problems(&policy, &of(min));
            let is_short = |it: &PasswordProblem| matches!(it, PasswordProblem::TooShort { .. });
            assert!(!long.iter().any(is_short), "{asked}");
        }
    }

    #[test]
    fn longest_password_has_a_bound() {
        let policy = PasswordPolicy::default();
        let too_long = PasswordProblem::TooLong { max: 256 };
        for letter in ["x", "ß", "漢"] {
            let of = |length: usize| format!("seven blue bicycles {}", letter.repeat(length - 20));
            assert_eq!(problems(&policy, &of(256)), [], "{letter}");
            assert_eq!(problems(&policy, &of(257)), [too_long], "{letter}");
        }
    }

    #[test]
    fn digits_of_every_script_are_digits() {
        let policy = PasswordPolicy::default();
        for password in ["73920461", "٧٣٩٢٠٤٦١", "७३९२०४६१", "７３９２０４６１"]
        {
            let found = problems(&policy, password);
            assert!(found.contains(&PasswordProblem::AllDigits), "{password}");
        }
        assert_eq!(problems(&policy, "7392046x1y"), []);
    }
}
