//! Sessions: who a browser is logged in as, and until when.
//!
//! The browser holds a [`SessionKey`], the store only its [`SessionDigest`], so that a copy of the
//! database opens nobody's session.

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::person::{Person, PersonId};

/// The secret in a browser's cookie: 32 random bytes as 43 characters of base64url; where sessions are
/// shared with a Django site, 32 characters of `a` to `z` and `0` to `9`.
#[derive(Clone)]
pub struct SessionKey(Zeroizing<String>);

impl SessionKey {
    /// How many random bytes a key is made of.
    pub const BYTES: usize = 32;

    /// A key of these random bytes.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self(Zeroizing::new(Base64UrlUnpadded::encode_string(bytes)))
    }

    /// How many characters a key of Django's has.
    pub const DJANGO_CHARS: usize = 32;

    /// A key of Django's, of characters that were chosen at random.
    pub(crate) const fn of_django(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// Whether the key has the form of Django's.
    pub fn is_djangos(&self) -> bool {
        is_djangos(&self.0)
    }

    /// Reads a key from a cookie; `None` for a text that is neither exactly what [`Self::from_bytes`] gives
    /// nor what Django does.
    pub fn parse(text: &str) -> Option<Self> {
        if is_djangos(text) {
            return Some(Self(Zeroizing::new(text.to_owned())));
        }
        let mut bytes = Zeroizing::new([0_u8; Self::BYTES]);
        let decoded = Base64UrlUnpadded::decode(text, bytes.as_mut()).ok()?;
        (decoded.len() == Self::BYTES).then(|| Self(Zeroizing::new(text.to_owned())))
    }

    /// The text for the cookie.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the store knows of this key.
    pub fn digest(&self) -> SessionDigest {
        SessionDigest(Sha256::digest(self.0.as_bytes()).into())
    }
}

/// Whether a text has the form of a key of Django's.
fn is_djangos(text: &str) -> bool {
    text.len() == SessionKey::DJANGO_CHARS
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(…)")
    }
}

/// The SHA-256 of a [`SessionKey`]: names a session, opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionDigest([u8; 32]);

impl SessionDigest {
    /// A digest read back from a store.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes for a store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SessionDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionDigest(…)")
    }
}

/// A session that is to be stored.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct NewSession {
    /// Its name in the store.
    pub digest: SessionDigest,
    /// Whose it is.
    pub person: PersonId,
    /// When it begins.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// A session that is alive, with all that a guard asks, read in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct ActiveSession {
    /// Its name in the store.
    pub digest: SessionDigest,
    /// Who is logged in; active, or the session would not be alive.
    pub person: Person,
    /// Whether the person has at least one verified e-mail address.
    pub has_verified_email: bool,
    /// Whether the person has at least one verified phone number.
    pub has_verified_phone: bool,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
}

/// A log-in that is to be recorded: one transaction, refused unless all is as it was when the password was checked.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct NewLogIn {
    /// The hash that the password was checked against; the person must still have it and be active.
    pub checked_password: crate::password::EncodedPassword,
    /// A hash to replace it with, when the old one is of a weaker kind.
    pub upgraded_password: Option<crate::password::EncodedPassword>,
    /// The session to begin; its `created_at` becomes the person's `last_login`.
    pub session: NewSession,
    /// The session that the browser came with, to be ended.
    pub ends: Option<SessionDigest>,
}

/// A password that is to be replaced: one transaction, refused unless the person still has the old one and is active.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct PasswordReplacement {
    /// Whose password.
    pub person: PersonId,
    /// The hash that must still be there.
    pub old: crate::password::EncodedPassword,
    /// The hash to store.
    pub new: crate::password::EncodedPassword,
    /// The `last_login` that must still be there; `None` where it does not matter.
    pub last_login: Option<Option<DateTime<Utc>>>,
    /// The one session that lives on; all others of the person end.
    pub keeps: Option<KeptSession>,
}

/// The session in which a password is changed. It gets another key: whoever had the old one, because they
/// stole it, has nothing any more (ASVS 5.0, 7.2.4).
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct KeptSession {
    /// Its name in the store so far.
    pub digest: SessionDigest,
    /// Its name from now on.
    pub becomes: SessionDigest,
}
