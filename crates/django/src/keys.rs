//! Django's secrets and what it derives from them: `salted_hmac` with SHA-256.

use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// The bytes of a MAC, and of its key.
const MAC_BYTES: usize = 32;

const SESSION_AUTH_SALT: &str = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash";

/// Django's `SECRET_KEY` and `SECRET_KEY_FALLBACKS`, wiped from memory when dropped.
///
/// Any text is taken, short ones too: the site that is left behind chose it. It must not become a
/// [`SecretKey`](phone_auth_tokens::SecretKey) of ours.
///
/// # Examples
///
/// ```
/// use phone_auth_django::{DjangoKeys, SessionAuthHash};
///
/// let keys = DjangoKeys::new("the SECRET_KEY of the old site").with_fallback("an older one");
/// assert_eq!(keys.check_session_auth("argon2$…", "forged"), SessionAuthHash::Refused);
/// assert_eq!(format!("{keys:?}"), "DjangoKeys { accepted: 2, .. }");
/// ```
#[derive(Clone)]
pub struct DjangoKeys {
    current: Zeroizing<String>,
    fallbacks: Vec<Zeroizing<String>>,
}

/// What the hash in a session of Django's says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "anyone who reads a session must decide about every outcome"
)]
pub enum SessionAuthHash {
    /// Made with the current key for this password.
    Current,
    /// Made with an older key for this password: Django writes the session anew, under another key.
    Fallback,
    /// Made for another password, or not by Django: the session is to be ended.
    Refused,
}

impl DjangoKeys {
    /// The `SECRET_KEY`.
    pub fn new(secret_key: impl Into<String>) -> Self {
        Self {
            current: Zeroizing::new(secret_key.into()),
            fallbacks: Vec::new(),
        }
    }

    /// With one more of the `SECRET_KEY_FALLBACKS`, in their order.
    #[must_use]
    pub fn with_fallback(mut self, secret_key: impl Into<String>) -> Self {
        self.fallbacks.push(Zeroizing::new(secret_key.into()));
        self
    }

    /// The hash that Django puts into a session as `_auth_user_hash`: 64 hexadecimal digits, bound to the
    /// password column of the user. Made with the current key.
    pub fn session_auth_hash(&self, password_column: &str) -> String {
        session_auth_hash(&self.current, password_column)
    }

    /// Checks the hash in a session, against all keys and in constant time.
    pub fn check_session_auth(&self, password_column: &str, given: &str) -> SessionAuthHash {
        let is_of = |key: &str| {
            let made = session_auth_hash(key, password_column);
            made.as_bytes().ct_eq(given.as_bytes())
        };
        let current = is_of(&self.current);
        let mut fallback = Choice::from(0);
        for key in &self.fallbacks {
            fallback |= is_of(key);
        }
        if current.into() {
            SessionAuthHash::Current
        } else if fallback.into() {
            SessionAuthHash::Fallback
        } else {
            SessionAuthHash::Refused
        }
    }

    /// The key that sessions are signed with.
    pub(super) fn current(&self) -> &str {
        &self.current
    }

    /// Every accepted key, the current one first.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        core::iter::once(&self.current)
            .chain(&self.fallbacks)
            .map(|key| key.as_str())
    }
}

impl fmt::Debug for DjangoKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DjangoKeys")
            .field("accepted", &(1 + self.fallbacks.len()))
            .finish_non_exhaustive()
    }
}

fn session_auth_hash(secret: &str, password_column: &str) -> String {
    hex(&salted_hmac(SESSION_AUTH_SALT, secret, password_column))
}

/// Django's `salted_hmac(key_salt, value, secret, algorithm="sha256")`.
pub(super) fn salted_hmac(key_salt: &str, secret: &str, value: &str) -> [u8; MAC_BYTES] {
    let key = Sha256::new()
        .chain_update(key_salt)
        .chain_update(secret)
        .finalize();
    let key = Zeroizing::new(<[u8; MAC_BYTES]>::from(key));
    #[expect(
        clippy::expect_used,
        reason = "HMAC is defined for keys of any length (RFC 2104, section 2)"
    )]
    let mac =
        Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("HMAC takes keys of any length");
    mac.chain_update(value).finalize().into_bytes().into()
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    digits
        .filter_map(|digit| char::from_digit(u32::from(digit), 16))
        .collect()
}
