//! The words for what is wrong with a field: what happened, then what to do.

use phone_auth_core::address::AddressKind;
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::settings::Methods;

/// What is said of an empty field.
const REQUIRED: &str = "This field is required.";

/// What is said of a name that does not tell who is meant.
const AMBIGUOUS: &str =
    "More than one account has this name. Use another one of yours, such as your phone number.";

/// What users read when something is wrong with a field: a sentence that says what would be right. For forms of the
/// application's own; those of the account pages say the same.
///
/// # Examples
/// ```
/// use phone_auth_core::form::{Field, FieldProblem, Problem};
/// use phone_auth_web::sentence;
///
/// let taken = FieldProblem::new(Field::Username, Problem::Taken);
/// assert_eq!(sentence(&taken), "This username is already in use. Choose another one.");
/// ```
pub fn sentence(problem: &FieldProblem) -> String {
    let field = problem.field;
    match problem.problem {
        Problem::Required => REQUIRED.to_owned(),
        Problem::OneRequired { methods } => one_required(methods),
        Problem::TooLong { max } => format!("Use at most {max} characters."),
        Problem::InvalidCharacters => {
            "Remove line breaks and characters that cannot be seen.".to_owned()
        }
        Problem::InvalidEmail => {
            "Enter a valid email address, such as name@example.org.".to_owned()
        }
        Problem::InvalidPhone => {
            "Enter a valid phone number with its country code, such as +1 212 555 2368.".to_owned()
        }
        Problem::RefusedNumber => {
            "We can’t send messages to numbers of this kind. Use another phone number.".to_owned()
        }
        Problem::UsernameIsNumber => {
            "A username can’t be a phone number. Use at least one letter.".to_owned()
        }
        Problem::InvalidUsername => {
            "Use letters, digits, and . - _ (at most 150 characters).".to_owned()
        }
        Problem::Taken if matches!(field, Field::Email | Field::Phone) => {
            format!("{} Sign in, or reset your password.", taken(field))
        }
        Problem::Taken => taken(field).to_owned(),
        Problem::TooManyAddresses { max } => format!(
            "You can have at most {max} email addresses and phone numbers. No more can be added."
        ),
        Problem::TooManyUnverified { max } => format!(
            "You can have at most {max} email addresses and phone numbers that are not verified. \
             Verify one of them first, then add this one."
        ),
        Problem::Ambiguous => AMBIGUOUS.to_owned(),
        Problem::NoSender {
            kind: AddressKind::Email,
        } => "This site doesn’t send email. Use another way.".to_owned(),
        Problem::NoSender {
            kind: AddressKind::Phone,
        } => "This site doesn’t send text messages. Use another way.".to_owned(),
        Problem::PasswordsDiffer => "The passwords don’t match.".to_owned(),
        Problem::PasswordTooShort { min } => {
            format!("This password is too short. It must contain at least {min} characters.")
        }
        Problem::PasswordTooLong { max } => {
            format!("This password is too long. It must contain at most {max} characters.")
        }
        Problem::PasswordTooCommon => {
            "This password is too common. Use one that nobody else would, such as a few words."
                .to_owned()
        }
        Problem::PasswordAllDigits => "Use letters as well as digits.".to_owned(),
        Problem::PasswordTooSimilar { to } => {
            format!(
                "The password is too similar to the {}. Use one that has nothing to do with it.",
                noun(to).to_lowercase()
            )
        }
        Problem::PasswordTooWeak => {
            "This password is too easy to guess. Add a word or two.".to_owned()
        }
        Problem::PasswordRefused { words } => words.to_owned(),
        Problem::WrongOldPassword => {
            "Your old password was entered incorrectly. Please enter it again.".to_owned()
        }
    }
}

/// What is said of a name that someone has, to a user who is signed in.
pub(crate) const fn taken(field: Field) -> &'static str {
    match field {
        Field::Email => "This email address is already in use.",
        Field::Phone => "This phone number is already in use.",
        _ => "This username is already in use. Choose another one.",
    }
}

/// What is said of fields one of which must not be empty.
pub(crate) fn one_required(methods: Methods) -> String {
    let names = [
        (methods.email, "an email address"),
        (methods.phone, "a phone number"),
        (methods.username, "a username"),
    ];
    let names = names
        .into_iter()
        .filter_map(|(is_on, name)| is_on.then_some(name));
    let names: Vec<&str> = names.collect();
    match names.as_slice() {
        [] | [_] => REQUIRED.to_owned(),
        [others @ .., last] => format!("Enter {} or {last}.", others.join(", ")),
    }
}

/// What a field holds, in a word or two.
const fn noun(field: Field) -> &'static str {
    match field {
        Field::FirstName => "First name",
        Field::LastName => "Last name",
        Field::Username => "Username",
        Field::Email => "Email",
        Field::Phone => "Phone",
        Field::Login => "Email, phone number or username",
        Field::Code => "Code",
        Field::Password
        | Field::ConfirmPassword
        | Field::OldPassword
        | Field::NewPassword1
        | Field::NewPassword2 => "Password",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_names_are_told_apart() {
        let check = |field, expected: &str| {
            let told = sentence(&FieldProblem::new(field, Problem::Taken));
            assert!(told.starts_with(expected), "{told}");
        };
        check(Field::Username, "This username is already in use.");
        check(Field::Email, "This email address is already in use.");
        check(Field::Phone, "This phone number is already in use.");
    }

    #[test]
    fn refused_passwords_come_with_a_remedy() {
        for problem in [
            Problem::PasswordTooShort { min: 8 },
            Problem::PasswordTooLong { max: 128 },
            Problem::PasswordTooCommon,
            Problem::PasswordAllDigits,
            Problem::PasswordTooSimilar { to: Field::Email },
            Problem::PasswordTooWeak,
            Problem::WrongOldPassword,
        ] {
            let told = sentence(&FieldProblem::new(Field::NewPassword1, problem));
            let remedies = ["Use ", "Add ", "It must ", "Please "];
            let last = told.trim_end_matches('.').rsplit(". ").next();
            let is_told = last.is_some_and(|it| remedies.iter().any(|head| it.starts_with(head)));
            assert!(is_told, "{told}");
        }
    }
}
