//! Email addresses.

use std::fmt;

use email_address::{EmailAddress as Syntax, Options};

/// The most characters an address can have (RFC 5321, 4.5.3.1.3, less the angle brackets).
const MAX_CHARS: usize = 254;

/// An email address in canonical form: ASCII, lower case, the domain as A-labels.
///
/// One mailbox has one form here, so that comparing, storing and sending never disagree: case
/// variants are one account, and a letter that only folds to an ASCII one (`ı`, `ſ`, the Kelvin
/// sign) is refused, not folded (CVE-2019-19844).
///
/// # Examples
/// ```
/// use phone_auth_core::address::EmailAddress;
///
/// let address = EmailAddress::parse(" Ann@Bücher.example ")?;
/// assert_eq!(address.as_str(), "ann@xn--bcher-kva.example");
/// assert!(EmailAddress::parse("mıke@example.org").is_err());
/// # Ok::<(), phone_auth_core::address::EmailAddressError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress(String);

impl EmailAddress {
    /// Reads an address as a user types it; white space around it is dropped.
    ///
    /// # Errors
    /// [`EmailAddressError`] when it is longer than 254 characters, its local part is not ASCII, not a
    /// dot-atom (RFC 5322, 3.2.3) or longer than 64 characters, or its domain is not a host name with
    /// at least two labels, of which the last is not a number.
    pub fn parse(text: &str) -> Result<Self, EmailAddressError> {
        let text = text.trim_matches([' ', '\t']);
        if text.chars().nth(MAX_CHARS).is_some() {
            return Err(EmailAddressError);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailAddressError)?;
        if !local.bytes().all(is_local_byte) {
            return Err(EmailAddressError);
        }
        let domain = canonical_domain(domain).ok_or(EmailAddressError)?;
        let canonical = format!("{}@{domain}", local.to_ascii_lowercase());
        let options = Options::default()
            .with_minimum_sub_domains(2)
            .without_display_text()
            .without_domain_literal();
        if canonical.len() > MAX_CHARS || Syntax::parse_with_options(&canonical, options).is_err() {
            return Err(EmailAddressError);
        }
        Ok(Self(canonical))
    }

    /// The canonical text, as it is stored, compared and sent to.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Characters of a dot-atom (RFC 5322, 3.2.3). Quoted local parts are as good as never used, and one
/// mailbox would have several forms.
const fn is_local_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-'..=b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~')
}

/// The domain as A-labels in lower case (UTS #46, strict: host names only, lengths as in DNS).
///
/// UTS #46 folds compatibility characters to what they look like: the Kelvin sign to `k`, `ſ` to `s`,
/// full-width letters and dots to ASCII ones. What was typed with one of them names nobody's mailbox
/// here, so a domain must be in its canonical form already, case apart.
fn canonical_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii_strict(domain).ok()?;
    if !domain.is_ascii() {
        let mut lower = String::with_capacity(domain.len());
        for c in domain.chars() {
            let is_ascii = c.is_ascii();
            for folded in c.to_lowercase() {
                if folded.is_ascii() != is_ascii {
                    return None;
                }
                lower.push(folded);
            }
        }
        let (unicode, valid) = idna::domain_to_unicode(&ascii);
        if valid.is_err() || unicode != lower {
            return None;
        }
    }
    let top = ascii.rsplit('.').next()?;
    (!top.bytes().all(|byte| byte.is_ascii_digit())).then_some(ascii)
}

/// The text is not an email address that mail can be sent to.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an email address")]
#[non_exhaustive]
pub struct EmailAddressError;

impl fmt::Debug for EmailAddressError {
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
    fn addresses_become_canonical() {
        for (typed, canonical) in [
            ("ann@example.org", "ann@example.org"),
            (" \tANN@Example.ORG ", "ann@example.org"),
            (
                "ann+tag.x_y-z@sub.example.org",
                "ann+tag.x_y-z@sub.example.org",
            ),
            (
                "o'hara!#$%&*/=?^`{|}~@example.org",
                "o'hara!#$%&*/=?^`{|}~@example.org",
            ),
            ("ann@B\u{fc}cher.example", "ann@xn--bcher-kva.example"),
            ("ann@B\u{dc}CHER.example", "ann@xn--bcher-kva.example"),
            ("ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"),
            ("ann@stra\u{df}e.example", "ann@xn--strae-oqa.example"),
        ] {
            assert_eq!(
                EmailAddress::parse(typed).unwrap().as_str(),
                canonical,
                "{typed}"
            );
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long_label = format!("ann@{}.org", "a".repeat(64));
        let long = format!("ann@{}org", "abcdefgh.".repeat(30));
        for typed in [
            "",
            "@",
            "ann",
            "ann@",
            "@example.org",
            "ann@localhost",
            "ann@example.org.",
            "ann@.example.org",
            "ann@example..org",
            "ann@-example.org",
            "ann@exa_mple.org",
            "ann@127.0.0.1",
            "ann@[127.0.0.1]",
            "ann@[IPv6:::1]",
            "ann.@example.org",
            ".ann@example.org",
            "an..n@example.org",
            "ann smith@example.org",
            "\"ann\"@example.org",
            "Ann <ann@example.org>",
            "ann(comment)@example.org",
            "ann@b@example.org",
            "ann,bob@example.org",
            "ann@example.org,bob@example.org",
            "ann\0@example.org",
            "ann@example.org\r\nBcc: bob@example.org",
            "ann@example.org\n",
            "\u{a0}ann@example.org",
            "ann@exam\u{202e}ple.org",
            "ann@ex\u{200b}ample.org",
            &long_local,
            &long_label,
            &long,
        ] {
            assert!(EmailAddress::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn address_has_at_most_254_characters() {
        let [local, first, second] = [("a", 64), ("b", 63), ("c", 63)].map(|(it, n)| it.repeat(n));
        for (last, is_taken) in [(57, true), (58, false)] {
            let typed = format!("{local}@{first}.{second}.{}.org", "d".repeat(last));
            assert_eq!(EmailAddress::parse(&typed).is_ok(), is_taken, "{last}");
        }
    }

    #[test]
    fn folding_letters_are_refused() {
        // CVE-2019-19844: letters that become ASCII only by folding.
        for typed in [
            "m\u{131}ke@example.org",
            "mi\u{212a}e@example.org",
            "ro\u{17f}e@example.org",
            "ann@\u{212a}elvin.org",
            "ann@ro\u{17f}e.org",
            "ann@\u{130}stanbul.org",
            "ann@\u{ff45}xample.org",
            "ann@example\u{3002}org",
            "ann@example\u{ff0e}org",
            "ann@bu\u{308}cher.example",
        ] {
            assert!(EmailAddress::parse(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn look_alikes_stay_apart() {
        // Cyrillic a, and the dotless i, which is a letter of its own in a domain.
        for (typed, ascii) in [
            ("ann@ex\u{430}mple.org", "ann@example.org"),
            ("ann@m\u{131}ke.org", "ann@mike.org"),
        ] {
            let address = EmailAddress::parse(typed).unwrap();
            assert_ne!(address.as_str(), ascii);
            assert!(address.as_str().contains("@xn--"), "{address}");
        }
    }

    #[test]
    fn fake_punycode_is_refused() {
        // RUSTSEC-2024-0421: labels that decode to ASCII only, or to nothing.
        for domain in [
            "xn--example-.org",
            "xn--.org",
            "xn--example-.xn--org-",
            "xn--a.org",
        ] {
            assert!(
                EmailAddress::parse(&format!("ann@{domain}")).is_err(),
                "{domain}"
            );
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}@?\\PC{0,40}") {
            let _ = EmailAddress::parse(&text);
        }

        #[test]
        fn canonical_form_is_stable(
            text in "[a-zA-Z0-9.+_-]{1,12}@[a-zA-Z0-9\u{e0}-\u{ff}\u{131}\u{17f}\u{212a}\u{430}-]{1,12}\\.[a-zA-Z\u{e4}]{2,6}"
        ) {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(address.as_str().is_ascii());
                prop_assert_eq!(address.as_str().to_ascii_lowercase(), address.as_str());
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
            }
        }
    }
}
