//! How a name is found in whatever spelling it is stored, in the words of SQLite.
//!
//! Most rows are as we write them, and are found by the plain indexes. The others, which Django and others wrote, have
//! partial indexes of their own, which hold nothing on most databases. What counts as which spelling is said by
//! [`EmailSpellings`] and [`PhoneSpellings`].

use phone_auth_core::address::{EmailAddress, EmailSpellings, PhoneNumber, PhoneSpellings};
use phone_auth_core::user::WantedNames;

/// The text of a column as [`digits_of`](phone_auth_core::address::digits_of) reads it: without what may stand between
/// digits, and these in ASCII. Texts that are no numbers keep their other characters. The ends of lines are removed at its
/// ends alone: an expression that is nested more deeply than this cannot be parsed by the SQLite of other programs (3.40, as
/// in Debian 12), and one index that cannot be parsed keeps them from the whole database.
macro_rules! digits {
    ($column:literal) => {
        concat!(
            "trim(replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(\
             replace(replace(replace(replace(replace(replace(replace(replace(replace(replace(\
             replace(replace(replace(replace(replace(replace(",
            $column,
            ", '+', ''), ' ', ''), '-', ''), '.', ''), '(', ''), ')', ''), '/', ''), \
             '\u{a0}', ''), '\u{2011}', ''), '\u{ff0b}', ''), '\u{3000}', ''), '\u{ff0d}', ''), '\u{ff0e}', ''), \
             '\u{ff08}', ''), '\u{ff09}', ''), '\u{ff0f}', ''), \
             '\u{ff10}', '0'), '\u{ff11}', '1'), '\u{ff12}', '2'), '\u{ff13}', '3'), '\u{ff14}', '4'), \
             '\u{ff15}', '5'), '\u{ff16}', '6'), '\u{ff17}', '7'), '\u{ff18}', '8'), '\u{ff19}', '9'), char(9, 10, 13))"
        )
    };
}
pub(crate) use digits;

/// Whether a username could be read as a number.
macro_rules! is_number {
    ($column:literal) => {
        concat!($crate::spellings::digits!($column), " NOT GLOB '*[^0-9]*'")
    };
}
pub(crate) use is_number;

/// Whether a stored number is not in the form in which we store them.
macro_rules! is_foreign_phone {
    ($column:literal) => {
        concat!(
            "(",
            $column,
            " NOT GLOB '+[1-9]*' OR substr(",
            $column,
            ", 2) GLOB '*[^0-9]*')"
        )
    };
}
pub(crate) use is_foreign_phone;

/// A text without the white space at its ends.
macro_rules! trimmed {
    ($column:literal) => {
        concat!("trim(", $column, ", ' ' || char(9, 10, 13))")
    };
}
pub(crate) use trimmed;

/// Whether a text has white space at its ends.
macro_rules! is_padded {
    ($column:literal) => {
        concat!($crate::spellings::trimmed!($column), " <> ", $column)
    };
}
pub(crate) use is_padded;

/// The texts that a name is looked for by, padded with NULL, which nothing equals: two numbers, four texts of digits and
/// four email addresses.
#[derive(Default)]
pub(crate) struct Texts([Option<String>; Texts::COUNT]);

impl Texts {
    pub(crate) const COUNT: usize = Self::EMAILS + EmailSpellings::MAX;
    const DIGITS: usize = 2;
    const EMAILS: usize = Self::DIGITS + PhoneSpellings::MAX;

    pub(crate) fn of(phone: Option<&PhoneSpellings>, email: Option<&EmailSpellings>) -> Self {
        let mut texts = Self::default();
        if let Some(phone) = phone {
            texts.put(0, phone.numbers());
            texts.put(Self::DIGITS, phone.digits());
        }
        if let Some(email) = email {
            texts.put(Self::EMAILS, email.as_slice());
        }
        texts
    }

    /// The addresses that a user wants.
    pub(crate) fn of_wanted(wanted: &WantedNames<'_>) -> Self {
        let phone = wanted.phone.map(PhoneSpellings::from);
        let email = wanted.email.map(EmailSpellings::from);
        Self::of(phone.as_ref(), email.as_ref())
    }

    /// The addresses that a wanted username would be at log-in.
    pub(crate) fn of_username(username: Option<&str>) -> Self {
        let phone = username.and_then(PhoneSpellings::named);
        let email = username.and_then(EmailSpellings::read);
        Self::of(phone.as_ref(), email.as_ref())
    }

    pub(crate) fn of_email(email: &EmailAddress) -> Self {
        Self::of(None, Some(&email.into()))
    }

    pub(crate) fn of_phone(phone: &PhoneNumber) -> Self {
        Self::of(Some(&phone.into()), None)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        self.0.iter().map(Option::as_deref)
    }

    fn put(&mut self, from: usize, texts: &[String]) {
        for (place, text) in self.0.iter_mut().skip(from).zip(texts) {
            *place = Some(text.clone());
        }
    }
}
