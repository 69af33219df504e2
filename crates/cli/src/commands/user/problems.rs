//! What is wrong with a field, in words for the command line.

use phone_auth::core::form::{Field, FieldProblem, Problem};

use crate::exit::Failure;

/// One sentence for each problem, for the user at the command line. What was read from standard input or is someone
/// else's is no wrong argument.
pub(super) fn invalid(problems: &[FieldProblem]) -> Failure {
    let is_wrong_argument = |problem: &FieldProblem| {
        let is_argument = !matches!(problem.field, Field::Password | Field::ConfirmPassword);
        is_argument && problem.problem != Problem::Taken
    };
    let sentences = problems.iter().map(|problem| {
        let what = match problem.problem {
            Problem::Required => "is needed".to_owned(),
            Problem::InvalidCharacters => "has characters that are not allowed".to_owned(),
            Problem::InvalidEmail => "is not an email address".to_owned(),
            Problem::InvalidPhone => {
                "is not a phone number with its country, such as +41 44 668 18 00".to_owned()
            }
            Problem::InvalidUsername => {
                "may have letters a to z, digits, _, . and -, and not dots alone".to_owned()
            }
            Problem::UsernameIsNumber => "is a phone number".to_owned(),
            Problem::Taken => "is taken".to_owned(),
            Problem::PasswordTooShort { min } => format!("has fewer than {min} characters"),
            Problem::TooLong { max } | Problem::PasswordTooLong { max } => {
                format!("has more than {max} characters")
            }
            Problem::RefusedNumber => "is of a type that refused_number_types refuses".to_owned(),
            Problem::PasswordTooWeak => "can be guessed too soon".to_owned(),
            Problem::PasswordRefused { words } => format!("is refused: {words}"),
            Problem::PasswordTooCommon => "is among the most common ones".to_owned(),
            Problem::PasswordAllDigits => "is digits only".to_owned(),
            Problem::PasswordTooSimilar { to } => {
                format!("is too similar to the {}", words(to.name()))
            }
            _ => "will not do".to_owned(),
        };
        format!("the {} {what}", words(problem.field.name()))
    });
    if problems.iter().any(is_wrong_argument) {
        Failure::wrong_for_all(sentences)
    } else {
        Failure::because_of_all(sentences)
    }
}

fn words(field: &str) -> String {
    field.replace('_', " ")
}
