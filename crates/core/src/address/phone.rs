//! Phone numbers.

use std::fmt;

use rlibphonenumber::{
    PHONE_NUMBER_UTIL, PhoneNumberFormat, PhoneNumberType, get_national_significant_number_owned,
};

use super::Region;
use super::typed_number::in_ascii;

/// The most characters of a number once it is in ASCII. The longest number of E.164 has 15 digits; the rest is
/// room for spaces, dots and brackets. A cap keeps the parser's worst cases out of reach.
const MAX_CHARS: usize = 40;
/// The most digits of a number (ITU-T E.164, 6.1).
const MAX_DIGITS: usize = 15;
/// The calling codes of satellites and of networks without a country (ITU-T E.164, list of assigned codes).
const SATELLITES: [&str; 5] = ["+870", "+878", "+881", "+882", "+883"];

/// A phone number in E.164: `+` and at most 15 digits, valid in its country's numbering plan.
///
/// # Examples
/// ```
/// use phone_auth_core::address::{PhoneNumber, Region};
///
/// let number = PhoneNumber::parse("+91 98765 43210")?;
/// assert_eq!(number.as_str(), "+919876543210");
/// assert!(PhoneNumber::parse("98765 43210").is_err(), "without a country there is no one number");
/// assert_eq!(PhoneNumber::parse_in("98765 43210", Region::named("IN"))?, number);
/// # Ok::<(), phone_auth_core::address::PhoneNumberError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number as a user types or pastes it, in international form: with `+`, or with `00` or `011`, as most
    /// countries and North America dial others.
    ///
    /// Characters that cannot be seen are dropped, and digits, dashes and spaces of every script are read as those of
    /// ASCII, as they come from contact cards, messages and keyboards; `tel:` before the number is dropped, and a comma or
    /// full stop after it. A tilde and a middle dot are taken between groups.
    ///
    /// # Errors
    /// [`PhoneNumberError`] when it does not begin with `+`, `00` or `011` and a calling code, has anything but
    /// digits, spaces, dashes, `~`, `.`, `·`, `/` and brackets after it (line breaks, letters, extensions, parameters), is longer
    /// than 40 characters without those that cannot be seen, or is not valid in its country.
    pub fn parse(text: &str) -> Result<Self, PhoneNumberError> {
        Self::parse_in(text, None)
    }

    /// Reads a number as [`parse`](Self::parse) does; one without a calling code is taken as it would be dialled in
    /// this region, where `011` means what it means there.
    ///
    /// # Errors
    /// As for [`parse`](Self::parse), and when it is not valid in that region.
    pub fn parse_in(text: &str, region: Option<Region>) -> Result<Self, PhoneNumberError> {
        let text = in_ascii(text).ok_or(PhoneNumberError)?;
        let is_plausible = !text.get(1..).is_some_and(|rest| rest.contains('+'));
        if !is_plausible || text.len() > MAX_CHARS {
            return Err(PhoneNumberError);
        }
        if text.starts_with('+') {
            return Self::valid(&text, None);
        }
        // `011` is how North America dials other countries; elsewhere numbers begin so.
        let prefix = if region.is_none() { "011" } else { "00" };
        let rest = text
            .strip_prefix("00")
            .or_else(|| text.strip_prefix(prefix));
        let international = rest.and_then(|rest| Self::valid(&format!("+{rest}"), None).ok());
        match international {
            Some(number) => Ok(number),
            None => Self::valid(&text, Some(region.ok_or(PhoneNumberError)?)),
        }
    }

    fn valid(text: &str, region: Option<Region>) -> Result<Self, PhoneNumberError> {
        let number = PHONE_NUMBER_UTIL
            .parse(text, region.map(Region::code))
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

    /// The digits by which it is dialled in its country, without and with the prefix for that.
    pub(super) fn national(&self) -> impl Iterator<Item = String> {
        let number = PHONE_NUMBER_UTIL.parse(&self.0, None).ok();
        let bare = number.as_ref().map(get_national_significant_number_owned);
        let dialled = number.as_ref().map(|number| {
            let text = PHONE_NUMBER_UTIL.format(number, PhoneNumberFormat::National);
            text.chars().filter(char::is_ascii_digit).collect()
        });
        bare.into_iter().chain(dialled)
    }

    /// What a message to it costs the one who sends it, as far as its numbering plan tells.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::{NumberType, PhoneNumber};
    ///
    /// assert_eq!(PhoneNumber::parse("+1 900 234 5678")?.number_type(), NumberType::PremiumRate);
    /// assert_eq!(PhoneNumber::parse("+91 98765 43210")?.number_type(), NumberType::Ordinary);
    /// # Ok::<(), phone_auth_core::address::PhoneNumberError>(())
    /// ```
    pub fn number_type(&self) -> NumberType {
        if SATELLITES.iter().any(|code| self.0.starts_with(code)) {
            return NumberType::Satellite;
        }
        let number = PHONE_NUMBER_UTIL.parse(&self.0, None);
        let kind = number.map(|number| PHONE_NUMBER_UTIL.get_number_type(&number));
        match kind {
            // Who reaches a personal number is charged by where it leads at the time, as much as for a premium one.
            Ok(PhoneNumberType::PremiumRate | PhoneNumberType::PersonalNumber) => {
                NumberType::PremiumRate
            }
            Ok(PhoneNumberType::SharedCost) => NumberType::SharedCost,
            _ => NumberType::Ordinary,
        }
    }

    /// The calling code that it begins with, without `+`.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::PhoneNumber;
    ///
    /// assert_eq!(PhoneNumber::parse("+91 98765 43210")?.dial_code(), 91);
    /// # Ok::<(), phone_auth_core::address::PhoneNumberError>(())
    /// ```
    pub fn dial_code(&self) -> u16 {
        let number = PHONE_NUMBER_UTIL.parse(&self.0, None);
        number.map_or(0, |number| {
            u16::try_from(number.country_code).unwrap_or_default()
        })
    }

    /// Whether it is a number of this country or territory. Several share the calling code +1, and others.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::{PhoneNumber, Region};
    ///
    /// let number = PhoneNumber::parse("+1 650 253 0000")?;
    /// let is_in = |name| Region::named(name).is_some_and(|region| number.is_in(region));
    /// assert!(is_in("US") && !is_in("CA"));
    /// # Ok::<(), phone_auth_core::address::PhoneNumberError>(())
    /// ```
    pub fn is_in(&self, region: Region) -> bool {
        let Ok(number) = PHONE_NUMBER_UTIL.parse(&self.0, None) else {
            return false;
        };
        let found = PHONE_NUMBER_UTIL.get_region_for_number(&number);
        found == Some(region.code())
    }

    /// The number as people write it, in the groups of its country. For the eye: what is stored, compared and sent to is
    /// [`as_str`](Self::as_str).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::PhoneNumber;
    ///
    /// assert_eq!(PhoneNumber::parse("+12125552368")?.to_international(), "+1 212-555-2368");
    /// # Ok::<(), phone_auth_core::address::PhoneNumberError>(())
    /// ```
    pub fn to_international(&self) -> String {
        let number = PHONE_NUMBER_UTIL.parse(&self.0, None);
        number.map_or_else(
            |_| self.0.clone(),
            |number| {
                let format = PhoneNumberFormat::International;
                PHONE_NUMBER_UTIL.format(&number, format).into_owned()
            },
        )
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

/// What a message to a number costs the one who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NumberType {
    /// What a message costs.
    Ordinary,
    /// More: its owner earns by each message.
    PremiumRate,
    /// Some of what it costs the one who has the number.
    SharedCost,
    /// Many times as much: the number is of a satellite, or of a network without a country.
    Satellite,
}

/// The text is not a phone number that can be called from everywhere.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number in international form")]
#[non_exhaustive]
pub struct PhoneNumberError;

impl fmt::Debug for PhoneNumberError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

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
            ("0091 98765 43210", "+919876543210"),
            ("00 91 98765 43210", "+919876543210"),
            ("tel:+91-98765-43210", "+919876543210"),
            (" TEL:+919876543210", "+919876543210"),
            ("tel://+919876543210", "+919876543210"),
            ("(+1) 212 555 2368", "+12125552368"),
            ("( +1 ) (212) 555-2368", "+12125552368"),
            ("(+12125552368)", "+12125552368"),
            ("tel://(+1)212-555-2368", "+12125552368"),
            ("011 91 98765 43210", "+919876543210"),
            ("(0091) 98765 43210", "+919876543210"),
            ("( 00 91 ) 98765 43210", "+919876543210"),
            ("(011) 91 98765 43210", "+919876543210"),
            ("[+91] 98765 43210", "+919876543210"),
            ("+44 [0] 20 7946 0018", "+442079460018"),
            ("\u{ff3b}0091\u{ff3d} 98765 43210", "+919876543210"),
            ("tel:%2B919876543210", "+919876543210"),
            ("tel:%2b91%2098765%2043210", "+919876543210"),
            ("tel:0091%2D98765-43210", "+919876543210"),
            ("+91 98765 43210,", "+919876543210"),
            ("+91 98765 43210 , ", "+919876543210"),
            ("+91 98765 43210\u{ff0c}", "+919876543210"),
            ("+91 98765 43210\u{3002}", "+919876543210"),
            ("+91 98765 43210.", "+919876543210"),
            // The separators of other parsers.
            ("+91~98765~43210", "+919876543210"),
            ("+91 98765~43210", "+919876543210"),
            ("+41~44~668~18~00", "+41446681800"),
            ("+91\u{ff5e}98765\u{301c}43210", "+919876543210"),
            ("+91\u{2053}98765\u{223c}43210", "+919876543210"),
            ("+91\u{b7}98765\u{b7}43210", "+919876543210"),
            ("+91\u{2022}98765\u{30fb}43210", "+919876543210"),
            ("+91\u{30fc}98765\u{ff70}43210", "+919876543210"),
            ("011-44-20-7946-0018", "+442079460018"),
            // As contact cards, messages and keyboards give it.
            ("+91\u{a0}98765\u{a0}43210", "+919876543210"),
            ("+91\u{202f}98765\u{2009}43210", "+919876543210"),
            ("\u{202a}+91 98765 43210\u{202c}", "+919876543210"),
            ("\u{2066}+91 98765 43210\u{2069}", "+919876543210"),
            (
                "\u{feff}+91\u{200b}98765\u{ad}43210\u{200e}",
                "+919876543210",
            ),
            ("+91\u{2011}98765\u{2013}43210", "+919876543210"),
            ("+91\u{2212}98765\u{ff0d}43210", "+919876543210"),
            (
                "\u{ff0b}\u{ff19}\u{ff11}\u{3000}9876543210",
                "+919876543210",
            ),
            (
                "+\u{669}\u{661} \u{669}\u{668}\u{667}\u{666}\u{665} 43210",
                "+919876543210",
            ),
            ("+\u{6f9}\u{6f1}9876543210", "+919876543210"),
            ("+\u{96f}\u{967} \u{96f}\u{96e}765 43210", "+919876543210"),
            (
                "+44\u{ff08}0\u{ff09}20\u{ff0e}7946\u{ff0f}0018",
                "+442079460018",
            ),
        ] {
            assert_eq!(PhoneNumber::parse(typed).unwrap().as_str(), e164, "{typed}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let long = format!("+91{}", "9".repeat(60));
        let invisible = format!("+919876543210{}1", "\u{200b}".repeat(100));
        for typed in [
            "",
            "+",
            "++919876543210",
            "919876543210",
            "98765 43210",
            "+91 98765 43210;ext=777",
            "+91 98765 43210 ext. 777",
            "+91 98765 43210x777",
            "+91 98765 43210#777",
            "+1 800 FLOWERS",
            "+1 555 0100",
            "+999 12345678",
            "+91 98765 43210\r\n",
            "+91 98765\x0043210",
            "+91 98765\u{2028}43210",
            "+91\r98765 43210",
            "+919876543210+",
            "tel:tel:+919876543210",
            // Nothing is escaped outside of a link, nor twice, nor what is no part of a number.
            "%2B919876543210",
            "tel:%252B919876543210",
            "tel:%2B919876543210%0A",
            "tel:%2B91987654321%",
            "tel:%2B9198765432%1",
            "tel:%+B919876543210",
            "tel:%2B919876543210%3Bext=7",
            "tel:%2B\u{e9}919876543210",
            // Two numbers, and a range of them.
            "+91 98765 43210, 98765 43211",
            "+49 30 123456~8",
            "+49 30 123456\u{301c}78",
            "+49 30 123456,8",
            "(0)091 98765 43210",
            "sms:+919876543210",
            "00",
            "0000919876543210",
            "+\u{b2}19876543210",
            "+91\u{301}9876543210",
            &long,
            &invisible,
        ] {
            assert!(PhoneNumber::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn number_is_typed_in_forty_characters() {
        for (dashes, is_taken) in [(27, true), (28, false)] {
            let typed = format!("+91{}9876543210", "-".repeat(dashes));
            assert_eq!(PhoneNumber::parse(&typed).is_ok(), is_taken, "{typed}");
        }
    }

    #[test]
    fn number_has_fifteen_digits() {
        // The plan of Germany knows longer ones, which no message reaches from abroad.
        for (rest, is_taken) in [("12345678901", true), ("123456789012", false)] {
            let typed = format!("+49 30 {rest}");
            assert_eq!(PhoneNumber::parse(&typed).is_ok(), is_taken, "{typed}");
            let typed = format!("030 {rest}");
            let in_region = PhoneNumber::parse_in(&typed, Region::named("DE"));
            assert_eq!(in_region.is_ok(), is_taken, "{typed}");
        }
    }

    #[test]
    fn numbers_of_a_region_need_no_calling_code() {
        for (region, typed, e164) in [
            ("US", "2125552368", Some("+12125552368")),
            ("US", "(212) 555-2368", Some("+12125552368")),
            ("US", "1 212 555 2368", Some("+12125552368")),
            ("US", "011 91 98765 43210", Some("+919876543210")),
            ("US", "00919876543210", Some("+919876543210")),
            ("US", "+919876543210", Some("+919876543210")),
            ("CH", "044 668 18 00", Some("+41446681800")),
            ("CH", "\u{660}44 668 18 00", Some("+41446681800")),
            ("IN", "098765 43210", Some("+919876543210")),
            ("IN", "9876543210", Some("+919876543210")),
            ("IN", "5552368", None),
            ("IN", "98765 43210 ext 7", None),
            ("US", "+9876543210", None),
            ("JP", "090\u{30fc}1234\u{30fc}5678", Some("+819012345678")),
            (
                "JP",
                "\u{ff10}\u{ff19}\u{ff10}\u{30fc}1234\u{30fc}5678",
                Some("+819012345678"),
            ),
            ("CH", "(0041) 44 668 18 00", Some("+41446681800")),
            ("CH", "[044] 668 18 00\u{3001}", Some("+41446681800")),
            ("US", "tel:%28212%29555-2368", Some("+12125552368")),
            ("DE", "030 123456~8", None),
            ("IN", "(011) 2902 2123", Some("+911129022123")),
            // Numbers of Delhi begin so, and behind it stands one of St Helena.
            ("IN", "011 2902 2123", Some("+911129022123")),
        ] {
            let number = PhoneNumber::parse_in(typed, Region::named(region));
            let number = number.as_ref().map(PhoneNumber::as_str);
            assert_eq!(number.ok(), e164, "{region} {typed}");
        }
    }

    #[test]
    fn dear_numbers_are_told_apart() {
        for (number, is) in [
            ("+19002345678", NumberType::PremiumRate),
            ("+449098790000", NumberType::PremiumRate),
            ("+491801234567", NumberType::SharedCost),
            ("+448431234567", NumberType::PremiumRate),
            ("+447012345678", NumberType::PremiumRate),
            ("+878101234567890", NumberType::Satellite),
            ("+870301234567", NumberType::Satellite),
            ("+881612345678", NumberType::Satellite),
            ("+919876543210", NumberType::Ordinary),
            ("+442079460018", NumberType::Ordinary),
            ("+12125552368", NumberType::Ordinary),
        ] {
            let kind = PhoneNumber::parse(number).map(|number| number.number_type());
            assert_eq!(kind, Ok(is), "{number}");
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
        fn separators_do_not_matter(
            digits in "(91[6-9][0-9]{9}|44207[0-9]{7}|39(06|3)[0-9]{8})",
            gap in 3_usize..8,
            between in "[-\u{2011}\u{30FC} ()\\[\\]./~\u{2053}\u{223C}\u{301C}\u{B7}\u{2022}]",
            end in "[,.\u{FF0C}]?",
        ) {
            let plain = format!("+{digits}");
            let (head, tail) = plain.split_at(gap);
            let spaced = format!("{head}{between}{tail}{end}");
            prop_assert_eq!(PhoneNumber::parse(&plain), PhoneNumber::parse(&spaced));
        }
    }
}
