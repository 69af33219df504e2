//! A password as a user typed it.

use std::borrow::Cow;
use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::characters::composed;

/// A password as typed: never trimmed, wiped from memory when dropped.
///
/// It does not print. Two are the same, compared in constant time, when they are the same text whether letters and
/// their accents were typed composed or one after the other: keyboards differ in that, and users do not see it.
///
/// # Examples
/// ```
/// use phone_auth_core::password::Password;
///
/// let password = Password::new(" correct horse 🐴 ");
/// assert_eq!(password.reveal(), " correct horse 🐴 ");
/// assert_eq!(format!("{password:?}"), "Password(…)");
/// ```
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// The longest password that is looked at, in bytes. A longer one is never hashed and matches
    /// nothing, so that nobody can make the server work by sending megabytes.
    pub const MAX_BYTES: usize = 4096;

    /// A password as typed. Any text is taken: what may become a password is the
    /// [policy](super::PasswordPolicy)'s to say.
    pub fn new(typed: impl Into<String>) -> Self {
        Self(Zeroizing::new(typed.into()))
    }

    /// The text as typed.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The text as it is hashed: in Unicode normalisation form C (NIST SP 800-63B-4, 3.1.1.2), unless it is too long to
    /// be hashed.
    pub(crate) fn normalised(&self) -> Zeroizing<String> {
        match composed(if self.is_bounded() { &self.0 } else { "" }) {
            Cow::Borrowed(text) => Zeroizing::new(text.to_owned()),
            Cow::Owned(text) => Zeroizing::new(text),
        }
    }

    /// Whether nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is short enough to be looked at.
    pub(crate) fn is_bounded(&self) -> bool {
        self.0.len() <= Self::MAX_BYTES
    }

    /// A text without the white space around it, as Python's `str.strip` cuts it; `None` when
    /// there is none, or nothing else.
    pub(crate) fn stripped(text: &str) -> Option<&str> {
        let white = |c: char| c.is_whitespace() || matches!(c, '\u{1C}'..='\u{1F}');
        let stripped = text.trim_matches(white);
        (stripped.len() < text.len() && !stripped.is_empty()).then_some(stripped)
    }
}

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        let is_bounded = self.is_bounded() && other.is_bounded();
        let (one, other) = if is_bounded {
            (self.normalised(), other.normalised())
        } else {
            (self.0.clone(), other.0.clone())
        };
        one.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
