//! How soon a password is guessed, by the estimate of zxcvbn.

use super::{Password, PasswordCheck, PasswordProblem};
use crate::form::Field;

/// The most characters that are estimated: the time it takes grows faster than the text.
const MAX_CHARS: usize = 64;

/// Refuses passwords that are guessed too soon, as [zxcvbn](https://docs.rs/zxcvbn) estimates it: by words, names,
/// dates and keyboards of several languages.
///
/// # Examples
/// ```
/// use phone_auth_core::password::{Password, PasswordPolicy, PasswordProblem, PasswordStrength};
///
/// let policy = PasswordPolicy::default().with_check(PasswordStrength::at_least(3));
/// let weak = policy.check(&Password::new("correcthorse"), &[]);
/// assert_eq!(weak, [PasswordProblem::TooWeak]);
/// assert!(policy.check(&Password::new("seven blue bicycles fly"), &[]).is_empty());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PasswordStrength {
    score: u8,
}

impl PasswordStrength {
    /// Refuses what has a lower score: 0 is guessed by 10³ tries, 1 by 10⁶, 2 by 10⁸, 3 by 10¹⁰, 4 by more. A higher
    /// number counts as 4.
    pub const fn at_least(score: u8) -> Self {
        Self { score }
    }
}

impl PasswordCheck for PasswordStrength {
    fn check(&self, password: &Password, known: &[(Field, &str)]) -> Option<PasswordProblem> {
        if self.score == 0 {
            return None;
        }
        let start: String = password.normalised().chars().take(MAX_CHARS).collect();
        let known: Vec<&str> = known.iter().map(|(_, text)| *text).collect();
        let score = u8::from(zxcvbn::zxcvbn(&start, &known).score());
        (score < self.score.min(4)).then_some(PasswordProblem::TooWeak)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn highest_score_is_four() {
        let password = Password::new("seven blue bicycles fly over quiet lanterns");
        for score in [0, 1, 4, 5, u8::MAX] {
            let found = PasswordStrength::at_least(score).check(&password, &[]);
            assert_eq!(found, None, "{score}");
        }
    }
}
