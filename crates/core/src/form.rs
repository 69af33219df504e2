//! What can be wrong with a form, field by field, without words: sentences are the web's.

use crate::address::AddressKind;
use crate::characters::is_visible;
use crate::settings::Methods;

/// A field of a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a field is read, named and shown in places that must not forget one"
)]
pub enum Field {
    /// The given name.
    FirstName,
    /// The family name.
    LastName,
    /// The username.
    Username,
    /// An email address.
    Email,
    /// A phone number.
    Phone,
    /// What names an account: a phone number, an email address or a username.
    Login,
    /// A password at sign-up or log-in.
    Password,
    /// The password once more, at sign-up.
    ConfirmPassword,
    /// The password that is to be replaced.
    OldPassword,
    /// The password that replaces it.
    NewPassword1,
    /// The same once more.
    NewPassword2,
    /// A code that was sent.
    Code,
}

impl Field {
    /// The name of the field in the forms of the pages.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(phone_auth_core::form::Field::NewPassword1.name(), "new_password1");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::FirstName => "first_name",
            Self::LastName => "last_name",
            Self::Username => "username",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Password => "password",
            Self::ConfirmPassword => "confirm_password",
            Self::Login => "login",
            Self::OldPassword => "old_password",
            Self::NewPassword1 => "new_password1",
            Self::NewPassword2 => "new_password2",
            Self::Code => "code",
        }
    }
}

/// What is wrong with what was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a page has a sentence for each, and must not forget one"
)]
pub enum Problem {
    /// Nothing was typed where something must be.
    Required,
    /// Nothing was typed in any of the fields by one of which the user logs in afterwards.
    OneRequired {
        /// By what one logs in.
        methods: Methods,
    },
    /// More characters than the field takes.
    TooLong {
        /// The most it takes.
        max: usize,
    },
    /// A control character, a line break, or a mark that changes the direction of the text.
    InvalidCharacters,
    /// Not an email address that mail can be sent to.
    InvalidEmail,
    /// Not a phone number in international form.
    InvalidPhone,
    /// A number to which a message costs more than to others: see
    /// [`Settings::refused_number_types`](crate::settings::Settings::refused_number_types).
    RefusedNumber,
    /// Other characters than letters `a` to `z`, digits, `_`, `.` and `-`, or dots alone.
    InvalidUsername,
    /// A username that reads as a phone number, by itself or in the [country of the site](crate::settings::Settings::default_region):
    /// typed to sign in it would name the account that has the number, now or later.
    UsernameIsNumber,
    /// Someone has it.
    Taken,
    /// The account has as many addresses as it may have.
    TooManyAddresses {
        /// The most it may have.
        max: u32,
    },
    /// The account has as many unverified addresses as it may have.
    TooManyUnverified {
        /// The most it may have.
        max: u32,
    },
    /// Several users have it, in different spellings, so it does not say who is meant.
    Ambiguous,
    /// Nobody sends messages of the kind that is asked for to addresses of this kind.
    NoSender {
        /// The kind of address.
        kind: AddressKind,
    },
    /// The two passwords are not the same.
    PasswordsDiffer,
    /// The password has too few characters.
    PasswordTooShort {
        /// The fewest it may have.
        min: usize,
    },
    /// The password has too many characters.
    PasswordTooLong {
        /// The most it may have.
        max: usize,
    },
    /// The password is among the most common ones.
    PasswordTooCommon,
    /// The password is digits only.
    PasswordAllDigits,
    /// The password is too much like something that others know of the user.
    PasswordTooSimilar {
        /// What it is like.
        to: Field,
    },
    /// The password can be guessed too soon.
    PasswordTooWeak,
    /// A check of the application's refuses the password.
    PasswordRefused {
        /// What the user is told: a sentence.
        words: &'static str,
    },
    /// The password that is to be replaced is another one.
    WrongOldPassword,
}

/// A problem and the field that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct FieldProblem {
    /// The field.
    pub field: Field,
    /// What is wrong with it.
    pub problem: Problem,
}

impl FieldProblem {
    /// A problem of a field.
    pub const fn new(field: Field, problem: Problem) -> Self {
        Self { field, problem }
    }
}

/// The problems of one form, gathered before it is answered.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<FieldProblem>);

impl Problems {
    pub(crate) fn add(&mut self, field: Field, problem: Problem) {
        self.0.push(FieldProblem::new(field, problem));
    }

    /// Whether something is wrong with this field.
    pub(crate) fn are_at(&self, field: Field) -> bool {
        self.0.iter().any(|it| it.field == field)
    }

    /// Whether this one is all that is wrong.
    pub(crate) fn are_only(&self, problem: FieldProblem) -> bool {
        self.0 == [problem]
    }

    /// All of them, in the order of the fields on the form.
    pub(crate) fn into_vec(mut self) -> Vec<FieldProblem> {
        self.0.sort_by_key(|problem| problem.field);
        self.0
    }

    /// Reads a field as [`read`] does, and notes what is wrong with it.
    pub(crate) fn read<'a>(
        &mut self,
        field: Field,
        typed: &'a str,
        max: usize,
        required: bool,
    ) -> Option<&'a str> {
        read(typed, max, required)
            .map_err(|problem| self.add(field, problem))
            .ok()
    }
}

/// Reads a field that is not a password: the text without white space and marks of direction around it, if it can be
/// used. White space does not include line breaks: a field that ends in one was not typed by a user. A text of which
/// nobody would see anything is none.
pub(crate) fn read(typed: &str, max: usize, required: bool) -> Result<&str, Problem> {
    let text = if is_blank(typed) { "" } else { trim(typed) };
    if text.chars().any(is_refused) {
        Err(Problem::InvalidCharacters)
    } else if text.chars().nth(max).is_some() {
        Err(Problem::TooLong { max })
    } else if text.is_empty() && required {
        Err(Problem::Required)
    } else {
        Ok(text)
    }
}

/// Whether nothing was typed that anyone would see, and nothing that is refused.
pub(crate) fn is_blank(typed: &str) -> bool {
    !trim(typed).chars().any(|c| is_visible(c) || is_refused(c))
}

/// Reads a field that takes a phone number: what was typed, if it can be one at all. What a number is made of is for
/// [`PhoneNumber`](crate::address::PhoneNumber) to say.
pub(crate) fn read_phone(typed: &str, required: bool) -> Result<&str, Problem> {
    if typed.chars().any(|c| c != '\t' && ends_a_line(c)) {
        Err(Problem::InvalidCharacters)
    } else if !typed.chars().any(is_visible) {
        if required {
            Err(Problem::Required)
        } else {
            Ok("")
        }
    } else {
        Ok(typed)
    }
}

/// The text without the white space and the marks around it that show nothing, as they come with what is pasted. Line
/// breaks do not count as such.
pub(crate) fn trim(typed: &str) -> &str {
    typed.trim_matches(|c: char| {
        c == '\t' || (c.is_whitespace() || is_refused(c)) && !ends_a_line(c)
    })
}

/// Whether a character ends a line, or controls a device.
fn ends_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Characters that no field takes: control characters, line and paragraph separators, and the marks
/// that change the direction of text and so make one name look like another (Unicode UAX #9, 2), and
/// spaces without a width, of which a name could consist that nobody sees. Joiners stay: emoji, Persian
/// and Indic names need them.
pub(crate) fn is_refused(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061C}'
                | '\u{200B}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'
                | '\u{2066}'..='\u{2069}'
                | '\u{FEFF}'
        )
}
