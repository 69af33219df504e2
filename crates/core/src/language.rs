//! The language that a user asked in.

use std::error::Error;
use std::fmt;

use serde::Serialize;

/// A tag of a language, as in BCP 47: `en`, `pt-br`, `zh-hant-tw`. Lower case, for comparing.
///
/// # Examples
/// ```
/// use phone_auth_core::language::Language;
///
/// assert_eq!(Language::parse("de-AT")?.as_str(), "de-at");
/// assert!(Language::parse("de; drop table").is_err());
/// # Ok::<(), phone_auth_core::language::LanguageError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Language(String);

impl Language {
    /// The most characters of a tag: RFC 5646, 4.4.1, advises to allow 35 at least.
    pub const MAX_CHARS: usize = 35;

    /// Reads a tag: parts of 1 to 8 letters or digits with hyphens between them, the first of at least two letters.
    ///
    /// # Errors
    /// When it is something else. Whether there is such a language is not asked.
    pub fn parse(tag: &str) -> Result<Self, LanguageError> {
        let mut parts = tag.split('-');
        let has_language = parts.next().is_some_and(|first| {
            (2..=8).contains(&first.len()) && first.bytes().all(|byte| byte.is_ascii_alphabetic())
        });
        let has_parts = parts.all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
        if has_language && has_parts && tag.len() <= Self::MAX_CHARS {
            Ok(Self(tag.to_ascii_lowercase()))
        } else {
            Err(LanguageError)
        }
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text is no tag of a language.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LanguageError;

impl fmt::Debug for LanguageError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for LanguageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not the tag of a language, such as en or pt-BR")
    }
}

impl Error for LanguageError {}
