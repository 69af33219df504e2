//! A token that was just issued.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::Purpose;

/// A token that was just issued: text that is safe in a URL, at most 42 characters.
///
/// Anyone who reads it can use it, so it is wiped from memory when dropped, its `Debug` shows nothing and it cannot be
/// displayed. Only
/// [`as_str`](Self::as_str) gives its text.
#[derive(Clone)]
pub struct Token {
    purpose: Purpose,
    text: Zeroizing<String>,
}

impl Token {
    pub(crate) fn new(purpose: Purpose, text: String) -> Self {
        Self {
            purpose,
            text: Zeroizing::new(text),
        }
    }

    /// What it is for.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// Its text, for the link or the message that carries it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Compares in a time that depends on the lengths only.
impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.text.as_bytes().ct_eq(other.text.as_bytes()).into()
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}
