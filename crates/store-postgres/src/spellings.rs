//! How a name is found in whatever spelling it is stored, in the words of PostgreSQL.
//!
//! Most rows are as we write them, and are found by the plain indexes. The others, which Django and others wrote, have
//! partial indexes of their own, which hold nothing on most databases. What counts as which spelling is said by
//! [`EmailSpellings`] and [`PhoneSpellings`](phone_auth_core::address::PhoneSpellings).

use phone_auth_core::address::EmailSpellings;

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
pub(crate) use digits;

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

/// The texts that an e-mail address is looked for by, less those that no row can have.
pub(crate) fn emails(spellings: Option<&EmailSpellings>) -> Vec<&str> {
    let texts = spellings.map_or(&[][..], EmailSpellings::as_slice);
    texts.iter().filter_map(|text| sought(text)).collect()
}
