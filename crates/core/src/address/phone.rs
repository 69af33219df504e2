//! Phone numbers.

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumberFormat};

/// The most characters that are looked at. The longest number of E.164 has 15 digits; the rest is
/// room for spaces, dots and brackets. A cap keeps the parser's worst cases out of reach.
const MAX_CHARS: usize = 40;
/// The most digits of a number (ITU-T E.164, 6.1).
const MAX_DIGITS: usize = 15;

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
    /// Reads a number as a user types it, in international form; white space around it is dropped.
    ///
    /// # Errors
    /// [`PhoneNumberError`] when it does not begin with `+` and a calling code, has anything but ASCII
    /// digits, spaces, `-`, `.`, `/` and brackets after it (letters, extensions, parameters), is longer
    /// than 40 characters, or is not valid in its country.
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
        let e164 = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
        // E.164 has room for 15 digits. Nobody can be sent a message at a longer one.
        if e164.len() > 1 + MAX_DIGITS {
            return Err(PhoneNumberError);
        }
        Ok(Self(e164.into_owned()))
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_become_e164() {
        for (typed, e164) in [
            ("+919876543210", "+919876543210"),
            ("  +91 98765 43210\t", "+919876543210"),
            ("+91-98765-43210", "+919876543210"),
            ("+44 (20) 7946 0018", "+442079460018"),
            ("+44 (0) 20 7946 0018", "+442079460018"),
            ("+39 06 6982", "+39066982"),
            ("+1 650.253.0000", "+16502530000"),
            ("+49 30/123456", "+4930123456"),
        ] {
            assert_eq!(PhoneNumber::parse(typed).unwrap().as_str(), e164, "{typed}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let long = format!("+91{}", "9".repeat(60));
        for typed in [
            "",
            "+",
            "++919876543210",
            "919876543210",
            "98765 43210",
            "0091 98765 43210",
            "tel:+919876543210",
            "+91 98765 43210;ext=777",
            "+91 98765 43210 ext. 777",
            "+91 98765 43210x777",
            "+91 98765 43210#777",
            "+1 800 FLOWERS",
            "+1 555 0100",
            "+999 12345678",
            "+91 98765 43210\r\n",
            "+91 98765\x0043210",
            "+\u{ff19}\u{ff11}9876543210",
            "\u{ff0b}919876543210",
            "+\u{669}19876543210",
            "+91\u{202e}9876543210",
            &long,
        ] {
            assert!(PhoneNumber::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn parameters_do_not_panic() {
        // RUSTSEC-2023-0082 and RUSTSEC-2024-0369 of another parser.
        for typed in [
            ".;phone-context=",
            "+dwPAA;phone-context=AA",
            ";phone-context=+1",
            "+;phone-context=",
        ] {
            assert!(PhoneNumber::parse(typed).is_err(), "{typed}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,50}") {
            let _ = PhoneNumber::parse(&text);
        }

        #[test]
        fn canonical_form_is_stable(text in "\\+[0-9 ()./-]{0,20}") {
            if let Ok(number) = PhoneNumber::parse(&text) {
                prop_assert_eq!(PhoneNumber::parse(number.as_str()), Ok(number));
            }
        }

        #[test]
        fn separators_do_not_matter(digits in "(91[6-9][0-9]{9}|44207[0-9]{7}|39(06|3)[0-9]{8})", gap in 3_usize..8) {
            let plain = format!("+{digits}");
            let (head, tail) = plain.split_at(gap);
            let spaced = format!("{head} {tail}");
            prop_assert_eq!(PhoneNumber::parse(&plain), PhoneNumber::parse(&spaced));
        }
    }
}
