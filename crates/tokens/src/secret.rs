//! The secret that everything else is derived from, and what makes one unfit.
//!
//! It does not read files or the environment: where a key comes from is the application's business.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use crate::published;

/// The fewest bytes a secret key may have.
pub const MIN_SECRET_BYTES: usize = 32;

/// The fewest different bytes a secret key may be made of. Thirty-two random hexadecimal digits have
/// fewer in about one of thirty million cases.
const MIN_DISTINCT_BYTES: usize = 8;

/// How many random bytes [`SecretKey::generate`] draws.
const GENERATED_BYTES: usize = 32;

/// A secret that tokens and other keys are derived from.
///
/// Anyone who holds it can make tokens for everybody, so it is wiped from memory when dropped, its
/// `Debug` shows nothing, and it cannot be displayed. [`reveal`](Self::reveal) is the only way to its
/// text, for the one place that writes the key file.
///
/// # Security
///
/// A key is taken literally, byte for byte. Trim the line end of a key file before handing it over.
///
/// # Examples
///
/// ```
/// use phone_auth_tokens::{SecretKey, SecretKeyErrorKind};
///
/// let key = SecretKey::generate()?;
/// assert_eq!(format!("{key:?}"), "SecretKey(..)");
///
/// let refused = SecretKey::new("hunter2").unwrap_err();
/// assert_eq!(refused.kind(), SecretKeyErrorKind::TooShort);
/// # Ok::<(), phone_auth_tokens::SecretKeyError>(())
/// ```
pub struct SecretKey {
    text: Zeroizing<String>,
}

impl SecretKey {
    /// Takes a secret that the operator chose, after checking that nobody can guess it easily.
    ///
    /// # Errors
    ///
    /// - [`SecretKeyErrorKind::TooShort`]: fewer than [`MIN_SECRET_BYTES`] bytes.
    /// - [`SecretKeyErrorKind::Published`]: it stands in public source code or documentation, or is a
    ///   placeholder that someone forgot to replace (`django-insecure-…`, `change-me…`).
    /// - [`SecretKeyErrorKind::TooUniform`]: it has few different characters, repeats a shorter text,
    ///   or counts up or down (`aaaa…`, `passpass…`, `abcdefgh…`).
    ///
    /// The refused text is wiped.
    pub fn new(text: impl Into<String>) -> Result<Self, SecretKeyError> {
        let text = Zeroizing::new(text.into());
        let kind = if text.len() < MIN_SECRET_BYTES {
            Some(SecretKeyErrorKind::TooShort)
        } else if published::is_published(&text) {
            Some(SecretKeyErrorKind::Published)
        } else if is_uniform(text.as_bytes()) {
            Some(SecretKeyErrorKind::TooUniform)
        } else {
            None
        };
        match kind {
            Some(kind) => Err(SecretKeyError { kind }),
            None => Ok(Self { text }),
        }
    }

    /// Draws a new secret from the operating system: 256 random bits as 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`SecretKeyErrorKind::NoRandomness`]: the operating system gave no random bytes.
    pub fn generate() -> Result<Self, SecretKeyError> {
        let mut bytes = Zeroizing::new([0_u8; GENERATED_BYTES]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|_no_randomness| SecretKeyError {
            kind: SecretKeyErrorKind::NoRandomness,
        })?;
        let mut text = Zeroizing::new(String::with_capacity(2 * GENERATED_BYTES));
        for byte in bytes.iter() {
            text.extend(crate::text::hex_digits(*byte).map(char::from));
        }
        Ok(Self { text })
    }

    /// The key itself, for writing it to the file it is kept in.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// Compares in a time that depends on the lengths only.
impl PartialEq for SecretKey {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for SecretKey {}

impl Zeroize for SecretKey {
    fn zeroize(&mut self) {
        self.text.zeroize();
    }
}

impl zeroize::ZeroizeOnDrop for SecretKey {}

/// Why a text was refused as a [`SecretKey`]. It never holds the text.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.kind.sentence())]
pub struct SecretKeyError {
    kind: SecretKeyErrorKind,
}

impl fmt::Debug for SecretKeyError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl SecretKeyError {
    /// What was wrong with it.
    pub fn kind(&self) -> SecretKeyErrorKind {
        self.kind
    }
}

/// The kinds of [`SecretKeyError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretKeyErrorKind {
    /// Fewer than [`MIN_SECRET_BYTES`] bytes.
    TooShort,
    /// Known from public source code or documentation, or a placeholder.
    Published,
    /// Few different characters, a repeated text, or a run such as `abcdefgh…`.
    TooUniform,
    /// The operating system gave no random bytes.
    NoRandomness,
}

impl SecretKeyErrorKind {
    fn sentence(self) -> &'static str {
        match self {
            Self::TooShort => "the secret key is too short, at least 32 random bytes are needed",
            Self::Published => {
                "the secret key is published or a placeholder, a random one is needed"
            }
            Self::TooUniform => "the secret key is too uniform, a random one is needed",
            Self::NoRandomness => "the operating system gave no random bytes",
        }
    }
}

/// Whether the bytes follow a pattern that a guesser would try.
fn is_uniform(bytes: &[u8]) -> bool {
    distinct(bytes) < MIN_DISTINCT_BYTES || repeats(bytes) || runs(bytes)
}

fn distinct(bytes: &[u8]) -> usize {
    (0..=u8::MAX).filter(|byte| bytes.contains(byte)).count()
}

/// Whether the text is some shorter text, at most half as long, again and again. Looks at each byte a few times, however
/// long the text is: what it begins with is found again in it as by Knuth, Morris and Pratt.
fn repeats(bytes: &[u8]) -> bool {
    // For each byte, how much of the beginning ends there.
    let mut borders: Zeroizing<Vec<usize>> = Zeroizing::new(Vec::with_capacity(bytes.len()));
    for (place, byte) in bytes.iter().enumerate() {
        let mut border = borders.last().copied().unwrap_or_default();
        while border > 0 && bytes.get(border) != Some(byte) {
            border = borders.get(border - 1).copied().unwrap_or_default();
        }
        if place > 0 && bytes.get(border) == Some(byte) {
            border += 1;
        }
        borders.push(border);
    }
    let period = bytes.len() - borders.last().copied().unwrap_or_default();
    period <= bytes.len() / 2
}

/// Whether more than half of the steps from one byte to the next are the same step.
fn runs(bytes: &[u8]) -> bool {
    let mut counts = Zeroizing::new([0_usize; 511]);
    for (one, next) in bytes.iter().zip(bytes.iter().skip(1)) {
        let step = usize::from(*next) + 255 - usize::from(*one);
        if let Some(count) = counts.get_mut(step) {
            *count += 1;
        }
    }
    let steps = bytes.len().saturating_sub(1);
    counts.iter().any(|count| 2 * count > steps)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[track_caller]
    fn refused(text: &str) -> SecretKeyErrorKind {
        SecretKey::new(text).unwrap_err().kind()
    }

    #[test]
    fn short_keys_are_refused() {
        for text in ["", "x", "v8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0S"] {
            assert_eq!(refused(text), SecretKeyErrorKind::TooShort, "{text}");
        }
    }

    #[test]
    fn published_keys_are_refused() {
        for text in [
            "n@8D*&MS38$*%S4t_YtQyLUew&*&m_zn8$*F@",
            "django-insecure-9u8w7ywo3bj4z(k+4v0v!kq0w8p3m1n5c7x9z2l4",
            "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
            "changeme-changeme-please-9a8b7c6d5e4f3a2b",
            "Change_Me To Something! 9a8b7c6d5e4f3a2b",
            "secret-9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c4d",
            "your-256-bit-secret-9a8b7c6d5e4f3a2b1c0d",
            "a-string-secret-at-least-256-bits-long",
        ] {
            assert_eq!(refused(text), SecretKeyErrorKind::Published, "{text}");
        }
    }

    #[test]
    fn long_keys_are_looked_at_in_time() {
        // Work that grows with the square of the length would take hours here.
        let random = |length: usize| {
            let mut state = 1_u64;
            let next = || {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                char::from(b'!' + u8::try_from(state >> 33 & 63).unwrap())
            };
            core::iter::repeat_with(next)
                .take(length)
                .collect::<String>()
        };
        let long = 4 << 20;
        assert!(SecretKey::new(random(long)).is_ok());
        let mut nearly = "kP9x!mQ2".repeat(long / 8);
        assert_eq!(refused(&nearly), SecretKeyErrorKind::TooUniform);
        nearly.push('.');
        assert!(
            SecretKey::new(nearly).is_ok(),
            "it is no repetition to the end"
        );
        assert_eq!(
            refused(&random(long / 2).repeat(2)),
            SecretKeyErrorKind::TooUniform
        );
    }

    #[test]
    fn uniform_keys_are_refused() {
        for text in [
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abcabcbacbacbabcabcbabcbacbabcabcbab",
            "kP9x!mQ2kP9x!mQ2kP9x!mQ2kP9x!mQ2kP9x!mQ2",
            "0123456789abcdefghijklmnopqrstuvwxyz",
            "zyxwvutsrqponmlkjihgfedcba9876543210",
        ] {
            assert_eq!(refused(text), SecretKeyErrorKind::TooUniform, "{text}");
        }
    }

    #[test]
    fn eight_different_characters_are_enough() {
        assert!(SecretKey::new("hbgacfdeadhgbfceghabdcfehcabgefd").is_ok());
        let seven = "gbgacfdeadfgbfceagabdcfegcabgefd";
        assert_eq!(refused(seven), SecretKeyErrorKind::TooUniform);
    }

    #[test]
    fn random_keys_are_taken() {
        for text in [
            "9f1c4be7203d58a6e5b07c92d1f48a36",
            "v8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0Sa",
            "пароль из случайных слов 7Kq2m",
        ] {
            assert_eq!(SecretKey::new(text).unwrap().reveal(), text);
        }
    }

    #[test]
    fn generated_keys_are_taken() {
        for _ in 0..64 {
            let key = SecretKey::generate().unwrap();
            assert_eq!(key.reveal().len(), 64);
            assert_eq!(SecretKey::new(key.reveal()).unwrap(), key);
        }
    }

    #[test]
    fn generated_keys_differ() {
        assert_ne!(
            SecretKey::generate().unwrap(),
            SecretKey::generate().unwrap()
        );
    }

    #[test]
    fn wiped_key_is_empty() {
        let mut key = SecretKey::generate().unwrap();
        key.zeroize();
        assert_eq!(key.reveal(), "");
    }
}
