//! A user who has an account.

mod new_user;

use chrono::{DateTime, Utc};
use phone_auth_events::User as EventUser;

use crate::address::{EmailAddress, EmailSpellings, PhoneNumber, PhoneSpellings, Region, in_ascii};
use crate::form::{is_refused, trim};
use crate::password::EncodedPassword;
use crate::settings::Settings;
use crate::username::Username;

pub use crate::user_id::UserId;
pub use new_user::NewUser;

/// A user as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct User {
    /// The number of the row.
    pub id: UserId,
    /// The name that is unique whatever its case.
    pub username: String,
    /// The given name, possibly empty.
    pub first_name: String,
    /// The family name, possibly empty.
    pub last_name: String,
    /// The address in the user's own row, as django-phone-auth keeps it beside the table of addresses; possibly empty.
    pub email: String,
    /// The password, hashed.
    pub password: EncodedPassword,
    /// When the user last logged in, to the microsecond.
    pub last_login: Option<DateTime<Utc>>,
    /// Whether the user may log in.
    pub is_active: bool,
    /// When the account was made, to the microsecond.
    pub date_joined: DateTime<Utc>,
}

impl User {
    /// The username, where it tells anyone anything: these settings have users log in by one, and it was not made up. An
    /// application whose users never see theirs makes it up in a form of its own.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("accounts/example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?.user;
    /// let mut settings = phone_auth_core::settings::Settings::default();
    /// assert_eq!(ann.shown_username(&settings), Some("ann"));
    /// settings.authentication_methods.username = false;
    /// assert_eq!(ann.shown_username(&settings), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shown_username(&self, settings: &Settings) -> Option<&str> {
        let is_shown = settings.authentication_methods.username
            && !self.username.is_empty()
            && !Username::is_made_up(&self.username);
        is_shown.then_some(self.username.as_str())
    }

    /// What this user is called on a page: by the first name, else by the email address in their row, else by the
    /// username, if that [is shown](Self::shown_username). `None` when there is nothing to call them by.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("accounts/example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?.user;
    /// assert_eq!(ann.display_name(accounts.settings()), Some("Ann"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn display_name(&self, settings: &Settings) -> Option<&str> {
        let names = [&self.first_name, &self.email].map(String::as_str);
        let name = names.into_iter().find(|name| !name.is_empty());
        name.or_else(|| self.shown_username(settings))
    }

    /// What tells the account from others, as far as the user's row says: the username that [is
    /// shown](Self::shown_username), else the email address.
    pub fn account_name(&self, settings: &Settings) -> Option<&str> {
        let email = Some(self.email.as_str()).filter(|email| !email.is_empty());
        self.shown_username(settings).or(email)
    }

    /// What signals tell of this user.
    pub fn to_event_user(&self) -> EventUser {
        EventUser::new(
            self.id.get(),
            self.username.clone(),
            self.first_name.clone(),
            self.last_name.clone(),
        )
    }
}

/// What an operator looks for: a part of a name or an address.
///
/// # Examples
/// ```
/// use phone_auth_core::user::UserSearch;
///
/// let search = UserSearch::new(" Ann@ ");
/// assert_eq!((search.text(), search.digits()), ("ann@", None));
/// assert_eq!(UserSearch::new("+1 (212) 555").digits(), Some("1212555"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSearch {
    text: String,
    digits: Option<String>,
}

impl UserSearch {
    /// Looks for this text, without the white space at its ends, in any ASCII case. What can be a part of a phone number
    /// is read as one is: with spaces, dashes and digits of every script.
    pub fn new(text: &str) -> Self {
        Self::new_in(text, None)
    }

    /// As [`new`](Self::new); a number that begins as it is dialled, with `0` or `00`, is looked for as it is stored.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::Region;
    /// use phone_auth_core::user::UserSearch;
    ///
    /// let search = UserSearch::new_in("044 668 18 00", Region::named("CH"));
    /// assert_eq!(search.digits(), Some("41446681800"));
    /// ```
    pub fn new_in(text: &str, region: Option<Region>) -> Self {
        let typed = in_ascii(text);
        let dialled = typed.as_deref().filter(|typed| typed.starts_with('0'));
        let number = dialled.and_then(|typed| PhoneNumber::parse_in(typed, region).ok());
        let number = number
            .as_ref()
            .map(PhoneNumber::as_str)
            .or(typed.as_deref());
        let digits: Option<String> =
            number.map(|it| it.chars().filter(char::is_ascii_digit).collect());
        Self {
            text: trim(text).to_ascii_lowercase(),
            digits: digits.filter(|digits| !digits.is_empty()),
        }
    }

    /// The text, in lower case as far as it is ASCII.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its digits, where it may be a part of a phone number.
    pub fn digits(&self) -> Option<&str> {
        self.digits.as_deref()
    }
}

/// Names that a user wants, to be looked up before the form is answered.
#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct WantedNames<'a> {
    /// A username.
    pub username: Option<&'a str>,
    /// An email address.
    pub email: Option<&'a EmailAddress>,
    /// A phone number.
    pub phone: Option<&'a PhoneNumber>,
}

/// Which of the [`WantedNames`] someone has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "mirrors `WantedNames`, field by field"
)]
pub struct TakenNames {
    /// The username, in any case; or it is another user's email address or phone number, in any spelling.
    pub username: bool,
    /// The email address, among the addresses or in a user's own row, as an address or as a username, in any spelling.
    pub email: bool,
    /// The phone number, among the numbers or as a username, in any spelling.
    pub phone: bool,
}

/// What was typed to name an account, in every reading that the settings allow.
///
/// A store answers with the first that exists, in the order phone, email, username.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct AccountName {
    /// Read as a phone number.
    pub phone: Option<PhoneSpellings>,
    /// Read as an email address.
    pub email: Option<EmailSpellings>,
    /// Read as a username, compared exactly first and then without regard to ASCII case.
    pub username: Option<String>,
}

impl AccountName {
    /// The most characters that name an account: an email address is the longest of the three.
    pub(crate) const MAX_CHARS: usize = 254;

    /// What was typed, in every reading that the settings allow. What names nobody has none.
    ///
    /// Any text may be a username here, not only what a user may choose at sign-up: users whom
    /// another program has stored have odd ones.
    pub(crate) fn read(login: &str, settings: &Settings) -> Self {
        let may_be = settings.authentication_methods.username;
        let is_username = |text: &&str| may_be && text.chars().nth(Username::MAX_CHARS).is_none();
        Self {
            username: readable(login).filter(is_username).map(str::to_owned),
            ..Self::reachable(login, settings)
        }
    }

    /// What was typed, in every reading there is, whichever of them the settings let users log in by.
    pub(crate) fn any(login: &str, settings: &Settings) -> Self {
        let text = readable(login);
        let is_username = |text: &&str| text.chars().nth(Username::MAX_CHARS).is_none();
        Self {
            phone: PhoneSpellings::read(login, settings.default_region),
            email: text.and_then(EmailSpellings::read),
            username: text.filter(is_username).map(str::to_owned),
        }
    }

    /// What was typed, in the readings that a message can be sent to.
    pub(crate) fn reachable(login: &str, settings: &Settings) -> Self {
        let methods = settings.authentication_methods;
        let phone = || PhoneSpellings::read(login, settings.default_region);
        let email = || readable(login).and_then(EmailSpellings::read);
        Self {
            phone: methods.phone.then(phone).flatten(),
            email: methods.email.then(email).flatten(),
            username: None,
        }
    }

    /// One text for all spellings of the name, whether or not anyone has it.
    pub(crate) fn canonical(&self) -> String {
        let phone = self.phone.as_ref().map(PhoneSpellings::canonical);
        let email = self.email.as_ref().map(EmailSpellings::canonical);
        if let Some(address) = phone.or(email) {
            return address.to_owned();
        }
        let username = self.username.as_deref();
        username.map(str::to_lowercase).unwrap_or_default()
    }
}

/// The text without the white space around it, if it can name anyone at all.
fn readable(login: &str) -> Option<&str> {
    let text = trim(login);
    let is_long = text.chars().nth(AccountName::MAX_CHARS).is_some();
    let can_name = !text.is_empty() && !is_long && !text.chars().any(is_refused);
    can_name.then_some(text)
}

/// A user who was found by an [`AccountName`], and the address that named the account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct FoundUser {
    /// The user.
    pub user: User,
    /// The address row that matched; `None` when it was the username.
    pub address: Option<crate::address::AddressRecord>,
}
