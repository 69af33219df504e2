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

    /// The key of a counter that is about this subject, and about this detail of it. All counters that are about one
    /// subject begin with the same bytes, so that they can be cleared together.
    pub fn new(subject: LimitSubject, detail: [u8; 8]) -> Self {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(subject.0.iter().chain(&detail)) {
            *to = *from;
        }
        Self(bytes)
    }

    /// What the counter is about.
    pub fn subject(&self) -> LimitSubject {
        LimitSubject(self.0.first_chunk().copied().unwrap_or_default())
    }

    /// The bytes, for a store.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What counters of one limit are about: the first half of their keys.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitSubject([u8; 8]);

impl LimitSubject {
    /// The subject of these bytes.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// The first key that is about it.
    pub fn first(self) -> LimitKey {
        LimitKey::new(self, [0; 8])
    }

    /// The last key that is about it.
    pub fn last(self) -> LimitKey {
        LimitKey::new(self, [0xff; 8])
    }
}

impl fmt::Debug for LimitSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LimitSubject({})", self.first())
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
