//! A user who has an account.

use chrono::{DateTime, Utc};
use phone_auth_events::User as EventUser;
use serde::Serialize;

use crate::address::{EmailAddress, EmailSpellings, PhoneNumber, PhoneSpellings};
use crate::password::EncodedPassword;

/// The number of a user's row. It fits a 32-bit column as well as a 64-bit one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UserId(i64);

impl UserId {
    /// The id of the row with this number.
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The number of the row.
    pub const fn get(self) -> i64 {
        self.0
    }
}

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

/// A user who is to be stored, with the addresses that come with the account.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct NewUser {
    /// The username; nobody else may have it in any case.
    pub username: String,
    /// The given name, possibly empty.
    pub first_name: String,
    /// The family name, possibly empty.
    pub last_name: String,
    /// The password, hashed.
    pub password: EncodedPassword,
    /// An e-mail address, stored unverified, and in the user's row as django-phone-auth does.
    pub email: Option<EmailAddress>,
    /// A phone number, stored unverified.
    pub phone: Option<PhoneNumber>,
    /// When the account is made.
    pub date_joined: DateTime<Utc>,
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
    /// An e-mail address.
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
    /// The username, in any case; or it is another user's e-mail address or phone number, in any spelling.
    pub username: bool,
    /// The e-mail address, among the addresses or in a user's own row, as an address or as a username, in any spelling.
    pub email: bool,
    /// The phone number, among the numbers or as a username, in any spelling.
    pub phone: bool,
}

/// What was typed to name an account, in every reading that the settings allow.
///
/// A store answers with the first that exists, in the order phone, e-mail, username.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct AccountName {
    /// Read as a phone number.
    pub phone: Option<PhoneSpellings>,
    /// Read as an e-mail address.
    pub email: Option<EmailSpellings>,
    /// Read as a username, compared exactly first and then without regard to ASCII case.
    pub username: Option<String>,
}

impl AccountName {
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
