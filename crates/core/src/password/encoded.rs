//! A password as it is stored.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::randomness::{Randomness, RandomnessError};

/// A hashed password in Django's encoding, at most 128 characters: `argon2$argon2id$v=19$…`.
///
/// It never prints, and two are compared in constant time.
#[derive(Clone)]
pub struct EncodedPassword(Zeroizing<String>);

impl EncodedPassword {
    /// An encoded password as read from a store, or made by a hasher. Any text is taken: one that
    /// no hasher knows matches nothing.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// What is stored of a user who has no password: no password matches it. As Django's `make_unusable_password` makes it,
    /// each time another.
    ///
    /// # Errors
    /// [`RandomnessError`]: the source of randomness has failed.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::password::EncodedPassword;
    /// use phone_auth_core::randomness::SystemRandomness;
    ///
    /// let none = EncodedPassword::unusable(&SystemRandomness::default())?;
    /// assert!(!none.is_usable());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unusable(randomness: &dyn Randomness) -> Result<Self, RandomnessError> {
        let mut bytes = [0; 20];
        randomness.fill(&mut bytes)?;
        let rest = bytes.iter().map(|byte| format!("{byte:02x}"));
        Ok(Self::new(format!("!{}", rest.collect::<String>())))
    }

    /// The text for the store.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether any password can match. Django marks accounts without one by a leading `!`.
    pub fn is_usable(&self) -> bool {
        !self.0.is_empty() && !self.0.starts_with('!')
    }
}

impl PartialEq for EncodedPassword {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for EncodedPassword {}

impl fmt::Debug for EncodedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncodedPassword(…)")
    }
}
