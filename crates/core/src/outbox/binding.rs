//! What the link of a message depends on, in the form that a store keeps.

use std::fmt;

use sha2::{Digest, Sha256};

/// The state that the link of a message depends on, as it was when the message was enqueued: a digest of each part, so
/// that it can be told later which of them has changed. What the parts are is known to the flows alone, who also read
/// what older versions have written.
///
/// It is made of what the database holds anyway, and is no secret; still `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Binding {
    digest: Vec<u8>,
    parts: Option<String>,
}

impl Binding {
    /// The binding that a store has kept: the digest of the whole in the form of the first version, and the parts, which
    /// that version did not write. Whether they can be read is seen when a message is looked at.
    pub fn from_stored(digest: impl Into<Vec<u8>>, parts: Option<String>) -> Self {
        Self {
            digest: digest.into(),
            parts,
        }
    }

    /// The binding of a message without a link.
    pub(crate) const fn of_nothing() -> Self {
        Self {
            digest: Vec::new(),
            parts: None,
        }
    }

    /// The binding of a message to nobody: no state, but a digest of the name that was typed, in its canonical form. A
    /// store keeps nothing of it, and knows by it who names the same nobody.
    pub(crate) fn of_nobody(name: &str) -> Self {
        Self {
            digest: Sha256::digest(name.as_bytes()).to_vec(),
            parts: None,
        }
    }

    /// The digest of the whole, to be kept.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    /// The digests of the parts, to be kept.
    pub fn parts(&self) -> Option<&str> {
        self.parts.as_deref()
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Binding(…)")
    }
}
