//! A key derived for one use, which signs and verifies.

use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::SecretKey;
use crate::derive::{self, KEY_BYTES};

/// A 256-bit key for one use, derived from a secret by [`Keyring::derive`](crate::Keyring::derive).
///
/// Wiped from memory when dropped; its `Debug` shows nothing; compared in constant time.
#[derive(Clone)]
pub struct Subkey {
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl Subkey {
    pub(crate) fn derive(secret: &SecretKey, label: &str) -> Self {
        Self {
            bytes: derive::derive(secret.as_bytes(), "subkey", label),
        }
    }

    /// The key itself, for a library that wants bytes.
    pub fn as_bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }

    /// HMAC-SHA256 over the fields, each after its length, so that they cannot run into each other.
    pub fn sign(&self, fields: &[&[u8]]) -> [u8; 32] {
        let mut mac = derive::keyed(self.bytes.as_slice());
        derive::update_fields(&mut mac, fields);
        derive::finish(mac)
    }

    /// Whether `tag` is what [`sign`](Self::sign) gives for these fields, found out in a time that does
    /// not depend on where it differs.
    #[must_use = "a signature that nobody looks at protects nothing"]
    pub fn verify(&self, fields: &[&[u8]], tag: &[u8]) -> bool {
        self.sign(fields).ct_eq(tag).into()
    }
}

impl PartialEq for Subkey {
    fn eq(&self, other: &Self) -> bool {
        self.bytes.ct_eq(other.bytes.as_slice()).into()
    }
}

impl Eq for Subkey {}

impl fmt::Debug for Subkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subkey(..)")
    }
}
