//! Phone numbers.

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

/// The most characters that are looked at. The longest number of E.164 has 15 digits; the rest is
/// room for spaces, dots and brackets. A cap keeps the parser's worst cases out of reach.
const MAX_CHARS: usize = 40;

/// A phone number in E.164: `+` and at most 15 digits, valid in its country's numbering plan.
///
/// # Examples
/// ```
/// use phone_auth_core::address::PhoneNumber;
///
/// let number = PhoneNumber::parse("+91 98765 43210")?;
/// assert_eq!(number.as_str(), "+919876543210");
/// assert!(PhoneNumber::parse("98765 43210").is_err(), "without a country there is no one number");
/// # Ok::<(), phone_auth_core::address::PhoneNumberError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number as a person types it, in international form; white space around it is dropped.
    ///
    /// # Errors
    /// [`PhoneNumberError`] when it does not begin with `+` and a calling code, has letters, an
    /// extension or parameters, is longer than 40 characters, or is not valid in its country.
    pub fn parse(text: &str) -> Result<Self, PhoneNumberError> {
        let text = text.trim_matches([' ', '\t']);
        let plausible = text.starts_with('+')
            && text.len() <= MAX_CHARS
            && text
                .chars()
                .skip(1)
                .all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.' | '(' | ')' | '/'));
        if !plausible {
            return Err(PhoneNumberError);
        }
        let number = PHONE_NUMBER_UTIL
            .parse(text, None)
            .map_err(|_| PhoneNumberError)?;
        if !PHONE_NUMBER_UTIL.is_valid_number(&number) {
            return Err(PhoneNumberError);
        }
        Ok(Self(
            PHONE_NUMBER_UTIL
                .format(&number, PhoneNumberFormat::E164)
                .into_owned(),
        ))
    }

    /// The number in E.164, as it is stored, compared and sent to.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is not a phone number that can be called from everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number in international form")]
#[non_exhaustive]
pub struct PhoneNumberError;
