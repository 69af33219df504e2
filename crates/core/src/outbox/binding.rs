//! What the link of a message depends on, as a digest.

use std::fmt;

use sha2::{Digest, Sha256};

/// A digest of the state that the link of a message depends on, as it was when the message was promised. When the
/// message is sent and the state has become another, somebody has used a link or changed the password meanwhile, and
/// the message is moot.
///
/// It is made of what the database holds anyway, and is no secret; still `Debug` does not show it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Binding([u8; 32]);

impl Binding {
    /// The digest of these fields. Each goes in with its length, so that none runs into the next.
    pub(crate) fn of(purpose: &str, fields: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for field in std::iter::once(purpose.as_bytes()).chain(fields.iter().copied()) {
            digest.update((field.len() as u64).to_be_bytes());
            digest.update(field);
        }
        Self(digest.finalize().into())
    }

    /// The digest that a store has kept.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest, to be kept.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding(…)")
    }
}
