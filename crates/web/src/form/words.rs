//! The words for what is wrong with a field. Where django-phone-auth has a sentence, it is django-phone-auth's.

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
/// assert_eq!(sentence(&taken), "Username already exists");
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
            "Enter a valid phone number with its country code, such as +12125552368.".to_owned()
        }
        Problem::RefusedNumber => {
            "We can't send messages to numbers of this kind. Use another phone number.".to_owned()
        }
        Problem::InvalidUsername => {
            "Username should be 150 characters or fewer. Letters, digits and ./-/_ only.".to_owned()
        }
        Problem::Taken => format!("{} already exists", noun(field)),
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
        } => "This site doesn't send email, so it can't reset a password by email.".to_owned(),
        Problem::NoSender {
            kind: AddressKind::Phone,
        } => "This site doesn't send text messages, so it can't reset a password by phone."
            .to_owned(),
        Problem::PasswordsDiffer if field == Field::ConfirmPassword => {
            "Password didn't match".to_owned()
        }
        Problem::PasswordsDiffer => "The two password fields didn’t match.".to_owned(),
        Problem::PasswordTooShort { min } => {
            format!("This password is too short. It must contain at least {min} characters.")
        }
        Problem::PasswordTooLong { max } => {
            format!("This password is too long. It must contain at most {max} characters.")
        }
        Problem::PasswordTooCommon => "This password is too common.".to_owned(),
        Problem::PasswordAllDigits => "This password is entirely numeric.".to_owned(),
        Problem::PasswordTooSimilar { to } => {
            format!(
                "The password is too similar to the {}.",
                noun(to).to_lowercase()
            )
        }
        Problem::PasswordTooWeak => {
            "This password can be guessed too soon. Add a word or two.".to_owned()
        }
        Problem::PasswordRefused { words } => words.to_owned(),
        Problem::WrongOldPassword => {
            "Your old password was entered incorrectly. Please enter it again.".to_owned()
        }
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
        Field::Login => "Phone, email or username",
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
        let check = |field, expected| {
            let problem = FieldProblem::new(field, Problem::Taken);
            assert_eq!(sentence(&problem), expected);
        };
        check(Field::Username, "Username already exists");
        check(Field::Email, "Email already exists");
        check(Field::Phone, "Phone already exists");
    }

    #[test]
    fn differing_passwords_keep_the_models_words() {
        let at = |field| sentence(&FieldProblem::new(field, Problem::PasswordsDiffer));
        assert_eq!(at(Field::ConfirmPassword), "Password didn't match");
        assert_eq!(
            at(Field::NewPassword2),
            "The two password fields didn’t match."
        );
    }
}
