//! The current secret, older ones that are still accepted, and keys derived from them.

use core::fmt;
use std::sync::Arc;

use crate::derive::{self, HmacSha256};
use crate::{Purpose, SecretKey, Subkey};

/// The current secret, and older ones that are still accepted while a rotation lasts.
///
/// To rotate: put the new key first and the old one as a fallback, wait until everything made with
/// the old one has outlived its lifetime, then drop it. Cheap to clone.
///
/// # Examples
///
/// ```
/// use phone_auth_tokens::{Keyring, SecretKey};
///
/// let old = SecretKey::generate()?;
/// let keyring = Keyring::new(SecretKey::generate()?).with_fallback(old);
///
/// // The application's other secrets come from the same place, each under its own label.
/// let tag = keyring.derive("csrf").sign(&[b"session 17"]);
/// assert!(keyring.derive("csrf").verify(&[b"session 17"], &tag));
/// assert!(!keyring.derive("csrf").verify(&[b"session 18"], &tag));
/// assert!(!keyring.derive("cookies").verify(&[b"session 17"], &tag));
/// # Ok::<(), phone_auth_tokens::SecretKeyError>(())
/// ```
#[derive(Clone)]
pub struct Keyring {
    current: Arc<SecretKey>,
    fallbacks: Vec<Arc<SecretKey>>,
}

impl Keyring {
    /// A keyring with one key, which signs and is accepted.
    #[must_use]
    pub fn new(current: SecretKey) -> Self {
        Self {
            current: Arc::new(current),
            fallbacks: Vec::new(),
        }
    }

    /// Accepts one more key, which does not sign.
    ///
    /// Every check tries every key, so each fallback costs every check one MAC.
    #[must_use]
    pub fn with_fallback(mut self, key: SecretKey) -> Self {
        self.fallbacks.push(Arc::new(key));
        self
    }

    /// How many keys are accepted: the current one and the fallbacks.
    pub fn accepted(&self) -> usize {
        1 + self.fallbacks.len()
    }

    /// Derives a key for another use from the current secret: CSRF tokens, cookies, digests of session
    /// ids and the like.
    ///
    /// Different labels give keys that tell nothing about each other, and none is ever the key of a
    /// token's [`Purpose`], whatever its name.
    pub fn derive(&self, label: &str) -> Subkey {
        Subkey::derive(&self.current, label)
    }

    /// Derives the same key from every accepted secret, the current one first: sign with the first,
    /// accept what any of them signed.
    pub fn derive_all(&self, label: &str) -> Vec<Subkey> {
        core::iter::once(&self.current)
            .chain(&self.fallbacks)
            .map(|secret| Subkey::derive(secret, label))
            .collect()
    }

    /// The keys of the tokens of a purpose, the current one first.
    pub(crate) fn for_purpose(&self, purpose: Purpose) -> (HmacSha256, Vec<HmacSha256>) {
        self.macs("one-time token", purpose)
    }

    /// The keys of the codes of a purpose: others than those of its tokens.
    pub(crate) fn for_codes(&self, purpose: Purpose) -> (HmacSha256, Vec<HmacSha256>) {
        self.macs("one-time code", purpose)
    }

    /// What has read key and name, the current one first.
    fn macs(&self, domain: &str, purpose: Purpose) -> (HmacSha256, Vec<HmacSha256>) {
        let mac = |secret: &SecretKey| {
            let key = derive::derive(secret.as_bytes(), domain, purpose.as_str());
            derive::keyed_for(key.as_slice(), purpose.as_str())
        };
        (
            mac(&self.current),
            self.fallbacks.iter().map(|secret| mac(secret)).collect(),
        )
    }
}

/// A keyring with one key and no fallback.
impl From<SecretKey> for Keyring {
    fn from(current: SecretKey) -> Self {
        Self::new(current)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("accepted", &self.accepted())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_codes_have_keys_of_their_own() -> Result<(), crate::SecretKeyError> {
        let keyring = Keyring::new(SecretKey::new("9f1c4be7203d58a6e5b07c92d1f48a36")?);
        let purpose = Purpose::new("verify-phone");
        let (token, _) = keyring.for_purpose(purpose);
        let (code, _) = keyring.for_codes(purpose);
        assert_ne!(derive::finish(token), derive::finish(code));
        Ok(())
    }
}
