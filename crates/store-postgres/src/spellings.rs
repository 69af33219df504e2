//! How a name is found in whatever spelling it is stored, in the words of PostgreSQL.
//!
//! Most rows are as we write them, and are found by the plain indexes. The others, which Django and others wrote, have
//! partial indexes of their own, which hold nothing on most databases. What counts as which spelling is said by
//! [`EmailSpellings`] and [`PhoneSpellings`].

use std::fmt::Write;

use phone_auth_core::address::{Address, AddressKind, EmailSpellings, PhoneSpellings};

use crate::locks;
use crate::rows::sought;

/// The text of a column as [`digits_of`](phone_auth_core::address::digits_of) reads it: without what may stand between
/// digits, and these in ASCII. Texts that are no numbers keep their other characters.
macro_rules! digits {
    ($column:literal) => {
        concat!(
            "translate(",
            $column,
            "::text, E'\u{ff10}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}\u{ff16}\u{ff17}\u{ff18}\u{ff19}\
             + -.()/\\t\\r\\n\u{a0}\u{2011}\u{ff0b}\u{3000}\u{ff0d}\u{ff0e}\u{ff08}\u{ff09}\u{ff0f}', '0123456789')"
        )
    };
}
/// Whether a row has this email address, in whatever spelling.
macro_rules! is_email {
    ($emails:literal) => {
        concat!(
            "lower(email COLLATE \"C\") = ANY(",
            $emails,
            ") OR (",
            $crate::spellings::trimmed!("email"),
            " = ANY(",
            $emails,
            ") AND ",
            $crate::spellings::is_padded!("email"),
            ")"
        )
    };
}

/// Whether a row has this phone number, in whatever spelling.
macro_rules! is_phone {
    ($numbers:literal, $digits:literal) => {
        concat!(
            "phone = ANY(",
            $numbers,
            ") OR (",
            $crate::spellings::digits!("phone"),
            " = ANY(",
            $digits,
            ") AND ",
            $crate::spellings::is_foreign_phone!("phone"),
            ")"
        )
    };
}
pub(crate) use {digits, is_email, is_phone};

/// Whether a username could be read as a number.
macro_rules! is_number {
    ($column:literal) => {
        concat!(
            $crate::spellings::digits!($column),
            " COLLATE \"C\" ~ '^[0-9]+$'"
        )
    };
}
pub(crate) use is_number;

/// Whether a stored number is not in the form in which we store them.
macro_rules! is_foreign_phone {
    ($column:literal) => {
        concat!($column, "::text COLLATE \"C\" !~ '^[+][1-9][0-9]*$'")
    };
}
pub(crate) use is_foreign_phone;

/// A text without the white space at its ends, for comparing in any ASCII case.
macro_rules! trimmed {
    ($column:literal) => {
        concat!(
            "lower(btrim(",
            $column,
            "::text, E' \\t\\r\\n') COLLATE \"C\")"
        )
    };
}
pub(crate) use trimmed;

/// Whether a text has white space at its ends.
macro_rules! is_padded {
    ($column:literal) => {
        concat!(
            "btrim(",
            $column,
            "::text, E' \\t\\r\\n') <> ",
            $column,
            "::text"
        )
    };
}
pub(crate) use is_padded;

/// The texts that an email address is looked for by, less those that no row can have.
pub(crate) fn emails(spellings: Option<&EmailSpellings>) -> Vec<&str> {
    let texts = spellings.map_or(&[][..], EmailSpellings::as_slice);
    texts.iter().filter_map(|text| sought(text)).collect()
}

/// The texts that the rows of one address are looked for by.
#[derive(Default)]
pub(crate) struct Texts {
    /// As we store it, and as Django may have.
    pub(crate) texts: Vec<String>,
    /// The digits alone of a number.
    pub(crate) digits: Vec<String>,
}

impl Texts {
    pub(crate) fn of(address: &Address) -> Self {
        match address {
            Address::Email(email) => Self::of_email(&email.into()),
            Address::Phone(phone) => Self::of_phone(&phone.into()),
        }
    }

    /// Those of what is stored, which may be in any spelling. A number without its calling code is no other than it is.
    pub(crate) fn of_stored(kind: AddressKind, stored: &str) -> Self {
        match kind {
            AddressKind::Email => EmailSpellings::read(stored).as_ref().map(Self::of_email),
            AddressKind::Phone => PhoneSpellings::read(stored, None).map(|read| {
                let mut texts = Self::of_phone(&read);
                let named = PhoneSpellings::named(stored).unwrap_or_default();
                texts.texts.extend_from_slice(named.numbers());
                texts
            }),
        }
        .unwrap_or_default()
    }

    fn of_email(spellings: &EmailSpellings) -> Self {
        let texts = emails(Some(spellings));
        Self {
            texts: texts.into_iter().map(str::to_owned).collect(),
            digits: Vec::new(),
        }
    }

    fn of_phone(spellings: &PhoneSpellings) -> Self {
        Self {
            texts: spellings.numbers().to_vec(),
            digits: spellings.digits().to_vec(),
        }
    }

    /// What is locked while someone proves or takes the address: two who have it in different spellings lock one text that
    /// is the same.
    pub(crate) fn to_lock(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().chain(&self.digits).map(String::as_str)
    }

    /// The statements that lock the address, and then a row of a user by this statement.
    pub(crate) fn lock_before(&self, user: &str) -> String {
        if self.texts.is_empty() && self.digits.is_empty() {
            return user.to_owned();
        }
        format!("{}; {user}", locks::of_names(self.to_lock()))
    }
}

/// A list of texts for a statement that takes no arguments. They are written by their bytes, so that no text ends it.
pub(crate) fn list(texts: &[String]) -> String {
    let mut list = "ARRAY[".to_owned();
    for (number, text) in texts.iter().enumerate() {
        list.push_str(if number == 0 { "E'" } else { ", E'" });
        for byte in text.bytes() {
            // Writing to a text cannot fail.
            let _ = write!(list, "\\x{byte:02x}");
        }
        list.push('\'');
    }
    list.push_str("]::text[]");
    list
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn no_text_ends_a_list() {
        for (texts, expected) in [
            (vec![], "ARRAY[]::text[]"),
            (
                vec!["a'\\\u{fc}"],
                r"ARRAY[E'\x61\x27\x5c\xc3\xbc']::text[]",
            ),
            (vec!["+1", "1"], r"ARRAY[E'\x2b\x31', E'\x31']::text[]"),
        ] {
            let texts: Vec<_> = texts.into_iter().map(str::to_owned).collect();
            assert_eq!(list(&texts), expected);
        }
    }
}
