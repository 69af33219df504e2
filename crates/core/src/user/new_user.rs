//! A user who is to be stored.

use chrono::{DateTime, Utc};

use crate::address::{EmailAddress, PhoneNumber};
use crate::outbox::Notices;
use crate::password::EncodedPassword;

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
    /// An email address, stored unverified, and in the user's row as django-phone-auth does.
    pub email: Option<EmailAddress>,
    /// A phone number, stored unverified.
    pub phone: Option<PhoneNumber>,
    /// When the account is made.
    pub date_joined: DateTime<Utc>,
    /// What is enqueued with it, about the new user.
    pub notices: Notices,
    /// When the account is closed again that nobody has proven theirs, as by a
    /// [closing of nobody](crate::store::ScheduledClosing::is_of_nobody); `None` for one that stays.
    pub closes_at: Option<DateTime<Utc>>,
}
