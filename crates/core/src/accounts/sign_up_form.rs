//! A sign-up form, and what can be read of it.

use super::Accounts;
use crate::address::{EmailAddress, PhoneNumber};
use crate::form::{self, Field, Problem, Problems};
use crate::password::Password;
use crate::user::WantedNames;
use crate::username::Username;

/// The most characters of a first or last name, as in django-phone-auth's table.
pub(super) const MAX_NAME: usize = 150;
/// The most characters of an email address (RFC 5321).
pub(super) const MAX_EMAIL: usize = 254;

/// A sign-up form as it was typed. What was left empty is `""`.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; a field that a caller forgets must not compile"
)]
pub struct SignUpForm<'a> {
    /// The given name.
    pub first_name: &'a str,
    /// The family name.
    pub last_name: &'a str,
    /// The username.
    pub username: &'a str,
    /// The email address.
    pub email: &'a str,
    /// The phone number, in international form.
    pub phone: &'a str,
    /// The password.
    pub password: Password,
    /// The password once more; looked at only if the settings want it.
    pub confirm_password: Option<Password>,
}

/// What could be read of a form.
pub(super) struct Draft<'a> {
    pub(super) first_name: &'a str,
    pub(super) last_name: &'a str,
    pub(super) username: Option<Username>,
    pub(super) email: Option<EmailAddress>,
    pub(super) phone: Option<PhoneNumber>,
}

impl Draft<'_> {
    /// The names in it.
    pub(super) fn wanted(&self) -> WantedNames<'_> {
        WantedNames {
            username: self.username.as_ref().map(Username::as_str),
            email: self.email.as_ref(),
            phone: self.phone.as_ref(),
        }
    }
}

impl Accounts {
    /// The form without what the site does not ask for: nobody was shown such a field.
    pub(super) fn without_hidden<'a>(&self, form: SignUpForm<'a>) -> SignUpForm<'a> {
        let settings = self.settings();
        let kept = |field, typed| {
            if settings.is_on_sign_up_form(field) {
                typed
            } else {
                ""
            }
        };
        SignUpForm {
            first_name: kept(Field::FirstName, form.first_name),
            last_name: kept(Field::LastName, form.last_name),
            username: kept(Field::Username, form.username),
            email: kept(Field::Email, form.email),
            phone: kept(Field::Phone, form.phone),
            ..form
        }
    }

    /// Reads all fields but the passwords and notes what is wrong with them.
    pub(super) fn read_form<'a>(
        &self,
        form: &SignUpForm<'a>,
        required: &[Field],
        problems: &mut Problems,
    ) -> Draft<'a> {
        let first_name = problems.read(
            Field::FirstName,
            form.first_name,
            MAX_NAME,
            required.contains(&Field::FirstName),
        );
        let last_name = problems.read(
            Field::LastName,
            form.last_name,
            MAX_NAME,
            required.contains(&Field::LastName),
        );
        let username = problems.read(
            Field::Username,
            form.username,
            Username::MAX_CHARS,
            required.contains(&Field::Username),
        );
        let email = problems.read(
            Field::Email,
            form.email,
            MAX_EMAIL,
            required.contains(&Field::Email),
        );
        let phone = form::read_phone(form.phone, required.contains(&Field::Phone));
        let phone = phone
            .map_err(|problem| problems.add(Field::Phone, problem))
            .ok();
        Draft {
            first_name: first_name.unwrap_or_default(),
            last_name: last_name.unwrap_or_default(),
            username: parse(username, |text| {
                self.new_username(text)
                    .map_err(|problem| problems.add(Field::Username, problem))
            }),
            email: parse(email, |text| {
                EmailAddress::parse(text)
                    .map_err(|_| problems.add(Field::Email, Problem::InvalidEmail))
            }),
            phone: parse(phone, |text| {
                self.new_number(text)
                    .map_err(|problem| problems.add(Field::Phone, problem))
            }),
        }
    }
}

/// Parses what is there; nothing is nothing.
fn parse<T>(text: Option<&str>, parse: impl FnOnce(&str) -> Result<T, ()>) -> Option<T> {
    text.filter(|text| !text.is_empty())
        .and_then(|text| parse(text).ok())
}
