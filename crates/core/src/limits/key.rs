//! What a counter is kept under.

use std::fmt;

/// What a counter is kept under: a keyed digest of what is counted and by whom. Nobody can tell from it whom it is about
/// who does not have the key of the site.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitKey([u8; 16]);

impl LimitKey {
    /// A key of these bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a store.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// The first four bytes in hexadecimal digits: enough to tell counters apart in a list.
impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .take(4)
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LimitKey({self})")
    }
}
