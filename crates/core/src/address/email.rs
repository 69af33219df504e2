//! E-mail addresses.

use std::fmt;

use email_address::{EmailAddress as Syntax, Options};

/// The most characters an address can have (RFC 5321, 4.5.3.1.3, less the angle brackets).
const MAX_CHARS: usize = 254;

/// An e-mail address in canonical form: ASCII, lower case, the domain as A-labels.
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
    /// Reads an address as a person types it; white space around it is dropped.
    ///
    /// # Errors
    /// [`EmailAddressError`] when it is longer than 254 characters, its local part is not ASCII or
    /// not a dot-atom (RFC 5322, 3.2.3), or its domain is not a host name with at least two labels.
    pub fn parse(text: &str) -> Result<Self, EmailAddressError> {
        let text = text.trim_matches([' ', '\t']);
        if text.len() > 4 * MAX_CHARS || text.chars().any(char::is_control) {
            return Err(EmailAddressError);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(EmailAddressError)?;
        if !local.is_ascii() || local.contains('"') {
            return Err(EmailAddressError);
        }
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| EmailAddressError)?;
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

/// The text is not an e-mail address that mail can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
#[non_exhaustive]
pub struct EmailAddressError;
