//! Which site a database belongs to: the secret key that its links are signed with, and the origin that others see.

use std::fmt;

use async_trait::async_trait;
pub use phone_auth_events::SiteOrigin;
use phone_auth_tokens::Subkey;

use super::{PublicSite, StoreError};

/// Says which secret key it is, and nothing about it: a MAC under a key that is derived for this alone.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyFingerprint([u8; Self::BYTES]);

impl KeyFingerprint {
    /// How many bytes it has.
    pub const BYTES: usize = 16;

    /// The fingerprint of the secret that this key was derived from.
    pub(crate) fn of(subkey: &Subkey) -> Self {
        let mut bytes = [0; Self::BYTES];
        for (byte, signed) in bytes.iter_mut().zip(subkey.sign(&[])) {
            *byte = signed;
        }
        Self(bytes)
    }

    /// These bytes.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    fn parse(text: &str) -> Option<Self> {
        let (digits, rest) = text.as_bytes().as_chunks::<2>();
        let mut bytes = [0; Self::BYTES];
        if digits.len() != Self::BYTES || !rest.is_empty() {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(digits) {
            *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The keys of a database: the current one, and those before it that are still accepted. Without any, a key
/// was in use before fingerprints were kept, and nobody knows which.
///
/// # Examples
/// ```
/// use phone_auth_core::store::{KeyFingerprint, KeyRecord};
///
/// let (new, old) = (KeyFingerprint::from_bytes([2; 16]), KeyFingerprint::from_bytes([1; 16]));
/// let record = KeyRecord::new([new, old]);
/// assert_eq!(record.current(), Some(new));
/// assert_eq!(KeyRecord::from_text(&record.to_text()), Some(record));
/// assert_eq!(KeyRecord::from_text("no fingerprint"), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyRecord(Vec<KeyFingerprint>);

impl KeyRecord {
    /// The record of these keys, the current one first.
    pub fn new(keys: impl IntoIterator<Item = KeyFingerprint>) -> Self {
        Self(keys.into_iter().collect())
    }

    /// The key that links are signed with.
    pub fn current(&self) -> Option<KeyFingerprint> {
        self.0.first().copied()
    }

    /// All keys, the current one first.
    pub fn keys(&self) -> &[KeyFingerprint] {
        &self.0
    }

    /// The text that a store keeps.
    pub fn to_text(&self) -> String {
        let keys: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        keys.join(" ")
    }

    /// What [`to_text`](Self::to_text) gave; none for another text.
    pub fn from_text(text: &str) -> Option<Self> {
        let keys = text.split_ascii_whitespace().map(KeyFingerprint::parse);
        keys.collect::<Option<_>>().map(Self)
    }
}

/// Keeps which secret key and which site a database belongs to, so that a process of another one notices.
///
/// # Errors
/// As for [`UserStore`](super::UserStore).
///
/// # Cancel safety
/// A call that is dropped has happened whole or not at all.
#[async_trait]
pub trait SiteKeyStore: Send + Sync {
    /// What is kept; none as long as no key was ever used.
    async fn key_record(&self) -> Result<Option<KeyRecord>, StoreError>;

    /// Keeps `new`, if what is kept is `old`; whether it was. Of several at once that name the same `old`, one
    /// wins.
    async fn replace_key_record(
        &self,
        old: Option<&KeyRecord>,
        new: &KeyRecord,
    ) -> Result<bool, StoreError>;

    /// The site that serves others from this database, noted last; none if none was.
    async fn public_site(&self) -> Result<Option<PublicSite>, StoreError>;

    /// Notes that a site serves others from this database. It stands beside the key: as long as none is kept, nothing is
    /// noted.
    async fn note_public_site(&self, site: &PublicSite) -> Result<(), StoreError>;
}
