//! Sessions as their user sees them: since when, last seen when, and from where.

use std::fmt;
use std::net::IpAddr;

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::SessionDigest;
use crate::client::{BrowserName, Client};

/// What a session is called on a page: 16 random bytes as 22 characters of base64url. It opens nothing, and ends only a
/// session of the user who names it.
///
/// # Examples
/// ```
/// use phone_auth_core::session::SessionHandle;
///
/// let handle = SessionHandle::from_bytes([7; 16]);
/// assert_eq!(SessionHandle::parse(&handle.to_string()), Some(handle));
/// assert_eq!(SessionHandle::parse("7"), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionHandle([u8; Self::BYTES]);

impl SessionHandle {
    /// How many random bytes a handle is made of.
    pub const BYTES: usize = 16;

    /// What the digest of a session without a handle is digested with.
    const LABEL: &[u8] = b"handle of a session";

    /// A handle of these random bytes, or read back from a store.
    pub const fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    /// The bytes for a store.
    pub const fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// The handle of a session that a server of a version before handles began. It lasts until the session gets another
    /// key. A digest of the digest: nobody gets from a page what names the session in the store.
    pub fn of_digest(digest: &SessionDigest) -> Self {
        let whole: [u8; 32] = Sha256::new()
            .chain_update(Self::LABEL)
            .chain_update(digest.as_bytes())
            .finalize()
            .into();
        let mut bytes = [0; Self::BYTES];
        for (to, from) in bytes.iter_mut().zip(whole) {
            *to = from;
        }
        Self(bytes)
    }

    /// What a store has of a handle, or else [of the digest](Self::of_digest).
    pub fn from_stored(bytes: Option<&[u8]>, digest: &SessionDigest) -> Self {
        let stored = bytes.and_then(|bytes| bytes.try_into().ok());
        stored.map_or_else(|| Self::of_digest(digest), Self)
    }

    /// Reads the handle from a form; `None` for a text that is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        (decoded.len() == Self::BYTES).then_some(Self(bytes))
    }
}

/// Writes the text for a form.
impl fmt::Display for SessionHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Base64UrlUnpadded::encode_string(&self.0))
    }
}

/// From where a session is used, as far as that is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct SessionClient {
    /// The address of the client.
    pub address: Option<IpAddr>,
    /// Its browser and system, in words.
    pub browser: Option<BrowserName>,
}

impl SessionClient {
    /// What is known of this client. An IPv4 address is itself, also where it has come as one of IPv6.
    pub fn of(client: &Client) -> Self {
        Self {
            address: client.address().map(|address| address.to_canonical()),
            browser: client.browser().cloned(),
        }
    }

    /// What a store has of a client. What cannot be read is not known.
    pub fn from_stored(address: Option<&str>, browser: Option<&str>) -> Self {
        Self {
            address: address.and_then(|text| text.parse().ok()),
            browser: browser.and_then(BrowserName::from_stored),
        }
    }
}

/// A session of a user that is alive, as a store lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct ListedSession {
    /// Its name in the store.
    pub digest: SessionDigest,
    /// Its name on a page.
    pub handle: SessionHandle,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it was last noted as used; the same as `created_at` until the first time.
    pub seen_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
    /// From where it was used then.
    pub client: SessionClient,
}

/// A use of a session that is to be noted, unless one was later than `unless_since`.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct NewUse {
    /// The name of the session in the store.
    pub digest: SessionDigest,
    /// When.
    pub at: DateTime<Utc>,
    /// A use that was noted after this one is enough.
    pub unless_since: DateTime<Utc>,
    /// From where; what is not known stays as it was.
    pub client: SessionClient,
}
