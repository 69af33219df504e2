//! In which spellings an address may be stored, and be typed.
//!
//! What we store is canonical. Django and others store what was typed: a domain in letters outside ASCII, a host
//! without a dot, a quoted local part, white space at the ends, a number with spaces or `00`. Who has such an address
//! is found by it all the same, and nobody else gets it. Nothing here is a look-alike of another: each spelling is the
//! same mailbox or the same number, or the text itself. Messages go to what is stored, never to a spelling.

use super::typed_number::in_ascii;
use super::{EmailAddress, PhoneNumber, Region};

/// The most characters of an email address that are looked at.
const MAX_EMAIL: usize = 254;
/// The most digits of a number that are looked at: 15 (ITU-T E.164), `00` before them, and some that are too many.
const MAX_DIGITS: usize = 20;

/// The spellings in which one email address is looked for, each in lower case as far as it is ASCII.
///
/// # Examples
/// ```
/// use phone_auth_core::address::EmailSpellings;
///
/// let typed = EmailSpellings::read("Ann@Bücher.example").unwrap();
/// assert!(typed.has("ann@bücher.example") && typed.has("ann@xn--bcher-kva.example "));
/// assert!(!typed.has("ann@bucher.example"));
/// assert!(!EmailSpellings::read("ann@s\u{131}te.example").unwrap().has("ann@site.example"));
/// assert!(EmailSpellings::read("dan@localhost").unwrap().has("Dan@localhost"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailSpellings(Vec<String>);

impl EmailSpellings {
    /// The most spellings that one address has.
    pub const MAX: usize = 4;

    /// Reads what was typed: the spellings of the address that it is, and the text itself, which someone may have
    /// stored although it is none that we would take. `None` for what cannot be an address.
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim_matches(is_white);
        if !text.contains('@') || text.chars().nth(MAX_EMAIL).is_some() {
            return None;
        }
        let canonical = EmailAddress::parse(text).ok();
        let mut spellings = canonical.map_or_else(|| Self(Vec::new()), |it| Self::from(&it));
        spellings.add(text.to_ascii_lowercase());
        Some(spellings)
    }

    /// The texts, the canonical one first if there is one.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// One text for all spellings of the address: the canonical one if there is one.
    pub fn canonical(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// Whether a stored text, be it an address or a username, is one of these, white space at its ends and ASCII case
    /// apart.
    pub fn has(&self, stored: &str) -> bool {
        let stored = stored.trim_matches(is_white);
        self.0.iter().any(|it| it.eq_ignore_ascii_case(stored))
    }

    fn add(&mut self, text: String) {
        if !self.0.contains(&text) {
            self.0.push(text);
        }
    }
}

/// The canonical text; and where the domain has letters outside ASCII, the address with these as they are read, in
/// lower case and in capitals.
impl From<&EmailAddress> for EmailSpellings {
    fn from(address: &EmailAddress) -> Self {
        let canonical = address.as_str();
        let mut spellings = Self(vec![canonical.to_owned()]);
        if let Some((local, domain)) = canonical.rsplit_once('@')
            && let (domain, Ok(())) = idna::domain_to_unicode(domain)
        {
            spellings.add(format!("{local}@{domain}"));
            let capitals = domain.to_uppercase().to_ascii_lowercase();
            let capitals = format!("{local}@{capitals}");
            // Capitals may be those of another letter, as I is of U+0131, and so of another domain (CVE-2019-19844).
            if EmailAddress::parse(&capitals).is_ok_and(|same| same == *address) {
                spellings.add(capitals);
            }
        }
        spellings
    }
}

/// The spellings in which one phone number is looked for.
///
/// # Examples
/// ```
/// use phone_auth_core::address::PhoneSpellings;
///
/// let typed = PhoneSpellings::read("+91 98765 43210", None).unwrap();
/// for stored in ["+919876543210", "+91 98765-43210", "0091 98765 43210"] {
///     assert!(typed.has(stored), "{stored}");
/// }
/// assert!(!typed.has("+919876543211"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhoneSpellings {
    numbers: Vec<String>,
    digits: Vec<String>,
}

impl PhoneSpellings {
    /// The most texts of each of the two lists.
    pub const MAX: usize = 4;

    /// Reads what was typed to name an account: the number that it is, and its digits as they stand, also when no
    /// numbering plan has such a number any more. A number without a calling code is one of the region as well. `None`
    /// for what is no number.
    pub fn read(text: &str, region: Option<Region>) -> Option<Self> {
        let text = in_ascii(text)?;
        let digits = digits_of(&text)?;
        let mut spellings = Self::default();
        if let Ok(number) = PhoneNumber::parse_in(&text, region) {
            spellings.add_canonical(&number);
        }
        if text.starts_with('+') {
            spellings.add_number(&digits);
        } else {
            if let Some(rest) = digits.strip_prefix("00") {
                spellings.add_digits(rest.to_owned());
            }
            spellings.add_digits(digits);
        }
        Some(spellings)
    }

    /// The numbers that someone may mean by a text which is a name: with `+`, with `00`, or without either.
    pub fn named(text: &str) -> Option<Self> {
        let digits = digits_of(text)?;
        let mut spellings = Self::default();
        spellings.add_number(digits.strip_prefix("00").unwrap_or(&digits));
        spellings.add_digits(digits);
        Some(spellings)
    }

    /// The numbers in E.164, the canonical one first if there is one.
    pub fn numbers(&self) -> &[String] {
        &self.numbers
    }

    /// One text for all spellings of the number: the canonical one if there is one.
    pub fn canonical(&self) -> &str {
        let first = self.numbers.first().or(self.digits.first());
        first.map_or("", String::as_str)
    }

    /// The digits alone, of numbers that are stored in another form.
    pub fn digits(&self) -> &[String] {
        &self.digits
    }

    /// Whether a stored number is one of these.
    pub fn has(&self, stored: &str) -> bool {
        if is_e164(stored) {
            return self.numbers.iter().any(|it| it == stored);
        }
        digits_of(stored).is_some_and(|digits| self.digits.contains(&digits))
    }

    /// Whether a username is one of these numbers, in whatever form.
    pub fn has_name(&self, username: &str) -> bool {
        digits_of(username).is_some_and(|digits| self.digits.contains(&digits))
    }

    fn add_canonical(&mut self, number: &PhoneNumber) {
        self.add_number(number.as_str().trim_start_matches('+'));
    }

    fn add_number(&mut self, digits: &str) {
        let number = format!("+{digits}");
        if !self.numbers.contains(&number) {
            self.numbers.push(number);
        }
        self.add_digits(digits.to_owned());
        self.add_digits(format!("00{digits}"));
    }

    fn add_digits(&mut self, digits: String) {
        if !self.digits.contains(&digits) {
            self.digits.push(digits);
        }
    }
}

/// The number, and its digits as they are dialled in its own country: a site may have a
/// [region](crate::settings::Settings::default_region) whose numbers are typed like that.
impl From<&PhoneNumber> for PhoneSpellings {
    fn from(number: &PhoneNumber) -> Self {
        let mut spellings = Self::default();
        spellings.add_canonical(number);
        for digits in number.national() {
            spellings.add_digits(digits);
        }
        spellings
    }
}

/// Whether a stored number has the form in which we store them: `+`, and digits that do not begin with 0.
pub fn is_e164(stored: &str) -> bool {
    let digits = stored.strip_prefix('+').unwrap_or_default();
    !digits.is_empty() && !digits.starts_with('0') && digits.bytes().all(|it| it.is_ascii_digit())
}

/// The digits of a text that could be read as a number: ASCII or full-width digits, `+`, and what separates them.
/// `None` for any other text.
///
/// Stores must do the same in their own language, to find such texts by an index.
pub fn digits_of(text: &str) -> Option<String> {
    let mut digits = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '\u{ff10}'..='\u{ff19}' => {
                let digit = u32::from(c) - 0xff10;
                digits.push(char::from_digit(digit, 10)?);
            }
            _ if SEPARATORS.contains(c) => {}
            _ => return None,
        }
    }
    (!digits.is_empty() && digits.len() <= MAX_DIGITS).then_some(digits)
}

/// What may stand between the digits of a number, or at its ends: ASCII, what word processors make of it, the full-width
/// forms, and the ends of lines of a list that someone read in.
pub const SEPARATORS: &str =
    "+ -.()/\t\r\n\u{a0}\u{2011}\u{ff0b}\u{3000}\u{ff0d}\u{ff0e}\u{ff08}\u{ff09}\u{ff0f}";

/// White space at the ends of a stored address. The stores' `trim` takes the same.
const fn is_white(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn emails_are_found_as_stored() {
        for (typed, stored) in [
            ("ann@b\u{fc}cher.example", "ann@b\u{fc}cher.example"),
            ("ann@b\u{fc}cher.example", "Ann@B\u{fc}cher.Example"),
            ("ann@b\u{fc}cher.example", "ann@B\u{dc}CHER.EXAMPLE"),
            ("ann@B\u{dc}CHER.example", "ann@b\u{fc}cher.example"),
            ("ann@xn--bcher-kva.example", "ann@b\u{fc}cher.example"),
            ("ann@b\u{fc}cher.example", "ann@xn--bcher-kva.example"),
            ("dan@localhost", "dan@localhost"),
            ("DAN@localhost", "dan@LOCALHOST"),
            ("\"dan smith\"@example.org", "\"dan smith\"@example.org"),
            ("dan@[127.0.0.1]", "dan@[127.0.0.1]"),
            ("j\u{fc}rgen@example.org", "j\u{fc}rgen@example.org"),
            (" eve@example.org", "eve@example.org \t"),
            ("EVE@example.org", "Eve@Example.org\r\n"),
        ] {
            let spellings = EmailSpellings::read(typed).unwrap();
            assert!(spellings.has(stored), "{typed} {stored}");
            assert!(spellings.as_slice().len() <= EmailSpellings::MAX);
        }
    }

    #[test]
    fn look_alikes_are_not_found() {
        // CVE-2019-19844, and letters that are another mailbox.
        for (typed, stored) in [
            ("m\u{131}ke@example.org", "mike@example.org"),
            ("mike@example.org", "m\u{131}ke@example.org"),
            ("\u{212a}im@example.org", "kim@example.org"),
            ("ro\u{17f}e@example.org", "rose@example.org"),
            ("ann@\u{ff45}xample.org", "ann@example.org"),
            ("ann@example\u{3002}org", "ann@example.org"),
            ("ann@ex\u{430}mple.org", "ann@example.org"),
            ("J\u{dc}rgen@example.org", "j\u{fc}rgen@example.org"),
            ("eve@example.org", "\u{a0}eve@example.org"),
            ("dan@localhost", "dan@localhost.localdomain"),
            ("\"dan\"@example.org", "dan@example.org"),
        ] {
            assert!(
                !EmailSpellings::read(typed).unwrap().has(stored),
                "{typed} {stored}"
            );
        }
        for typed in [
            "",
            "ann",
            "+919876543210",
            &format!("{}@x.org", "a".repeat(254)),
        ] {
            assert_eq!(EmailSpellings::read(typed), None, "{typed}");
        }
    }

    #[test]
    fn numbers_are_found_as_stored() {
        for (typed, stored) in [
            ("+919876543210", "+919876543210"),
            ("+91 98765-43210", "+919876543210"),
            ("+919876543210", "+91 98765 43210"),
            ("+919876543210", "00919876543210"),
            ("+919876543210", "919876543210"),
            ("+919876543210", "+919876543210\r\n"),
            ("+919876543210", "\u{ff0b}\u{ff19}\u{ff11}9876543210"),
            ("0091 98765 43210", "00919876543210"),
            ("0091 98765 43210", "+91 98765 43210"),
            ("98765 43210", "9876543210"),
            // Benin had eight digits, Mexico a 1 after its code.
            ("+229 97 12 34 56", "+22997123456"),
            ("+52 1 55 1234 5678", "+5215512345678"),
            (
                "\u{202a}+91\u{a0}98765\u{2011}43210\u{202c}",
                "+919876543210",
            ),
            ("tel:+919876543210", "+919876543210"),
            ("0091 98765 43210", "+919876543210"),
            ("+\u{669}\u{661}9876543210", "00919876543210"),
        ] {
            let spellings = PhoneSpellings::read(typed, None).unwrap();
            assert!(spellings.has(stored), "{typed} {stored}");
            assert!(spellings.numbers().len() <= PhoneSpellings::MAX);
            assert!(spellings.digits().len() <= PhoneSpellings::MAX);
        }
        for (typed, stored) in [
            ("+919876543210", "+9198765432100"),
            ("9876543210", "+9876543210"),
            ("919876543210", "+919876543210"),
        ] {
            assert!(
                !PhoneSpellings::read(typed, None).unwrap().has(stored),
                "{typed} {stored}"
            );
        }
        for typed in ["", "+", "ann", "1a", "+1;ext=2", &"1".repeat(21)] {
            assert_eq!(PhoneSpellings::read(typed, None), None, "{typed}");
        }
    }

    #[test]
    fn names_are_numbers_in_any_form() {
        for name in [
            "+919876543210",
            "00919876543210",
            "919876543210",
            "+91 98765 43210",
            "91-98765-43210",
            "\t919876543210\n",
            "(0091) 98765.43210",
            "\u{ff19}\u{ff11}\u{ff19}\u{ff18}\u{ff17}\u{ff16}\u{ff15}\u{ff14}\u{ff13}\u{ff12}\u{ff11}\u{ff10}",
        ] {
            let number = PhoneNumber::parse("+919876543210").unwrap();
            assert!(PhoneSpellings::from(&number).has_name(name), "{name}");
            let named = PhoneSpellings::named(name).unwrap();
            assert!(
                named.has("+919876543210") && named.has("00919876543210"),
                "{name}"
            );
        }
    }

    proptest! {
        #[test]
        fn lists_are_bounded(text in "\\PC{0,60}") {
            for spellings in [PhoneSpellings::read(&text, None), PhoneSpellings::named(&text)].into_iter().flatten() {
                prop_assert!(spellings.numbers().len() <= PhoneSpellings::MAX);
                prop_assert!(spellings.digits().len() <= PhoneSpellings::MAX);
            }
            if let Some(spellings) = EmailSpellings::read(&text) {
                prop_assert!(spellings.as_slice().len() <= EmailSpellings::MAX);
                prop_assert!(spellings.has(&text));
            }
        }
    }
}
