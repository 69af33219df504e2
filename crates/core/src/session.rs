//! Sessions: who a browser is logged in as, and until when.
//!
//! The browser holds a [`SessionKey`], the store only its [`SessionDigest`], so that a copy of the
//! database opens nobody's session.

mod listed;

use std::fmt;

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::address::Losses;
use crate::outbox::Notices;
use crate::password::EncodedPassword;
use crate::typed_names::TypedNames;
use crate::user::{User, UserId};

pub use listed::{ListedSession, NewUse, SessionClient, SessionHandle};

/// The secret in a browser's cookie: a `2` and 32 random bytes as 43 characters of base64url; where sessions are
/// shared with a Django site, 32 characters of `a` to `z` and `0` to `9`.
///
/// The first version gave keys without the `2`. Sessions that began with one live on, and
/// [`is_of_first_version`](Self::is_of_first_version) tells them apart.
#[derive(Clone)]
pub struct SessionKey(Zeroizing<String>);

/// What a key begins with, so that it is known from those of the first version.
const VERSION: char = '2';

/// How many characters base64url makes of [`SessionKey::BYTES`].
const ENCODED: usize = 43;

impl SessionKey {
    /// How many random bytes a key is made of.
    pub const BYTES: usize = 32;

    /// A key of these random bytes.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(1 + ENCODED));
        text.push(VERSION);
        text.push_str(&Zeroizing::new(Base64UrlUnpadded::encode_string(bytes)));
        Self(text)
    }

    /// How many characters a key of Django's has.
    pub const DJANGO_CHARS: usize = 32;

    /// Whether the key has the form of Django's.
    pub fn is_djangos(&self) -> bool {
        is_djangos(&self.0)
    }

    /// Whether the first version made this key. It put its keys into a cookie without the prefix `__Host-`, so a
    /// site that has turned the prefix on takes such keys, and no others, from a cookie without it.
    pub fn is_of_first_version(&self) -> bool {
        self.0.len() == ENCODED
    }

    /// Reads a key from a cookie; `None` for a text that is neither exactly what [`Self::from_bytes`] gives,
    /// or gave in the first version, nor what Django does.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::session::SessionKey;
    ///
    /// let key = SessionKey::from_bytes(&[7; 32]);
    /// let read = SessionKey::parse(key.reveal()).ok_or("not a key")?;
    /// assert_eq!(read.digest(), key.digest());
    /// assert!(!read.is_of_first_version());
    /// assert!(SessionKey::parse("2\"quoted\"").is_none());
    /// # Ok::<(), &str>(())
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        if is_djangos(text) {
            return Some(Self(Zeroizing::new(text.to_owned())));
        }
        let encoded = match text.strip_prefix(VERSION) {
            Some(rest) if rest.len() == ENCODED => rest,
            _ => text,
        };
        let mut bytes = Zeroizing::new([0_u8; Self::BYTES]);
        let decoded = Base64UrlUnpadded::decode(encoded, bytes.as_mut()).ok()?;
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

/// The SHA-256 of a stored password: what a session is bound to.
///
/// A session is over as soon as its user has another password, no matter who changed it: Django on the same database,
/// its admin pages, or a statement by hand. The text that is digested is in the same database, so a key would
/// protect nothing.
#[derive(Clone, Copy)]
pub struct PasswordDigest([u8; 32]);

impl PasswordDigest {
    /// The digest of this password.
    pub fn of(password: &EncodedPassword) -> Self {
        Self(Sha256::digest(password.reveal().as_bytes()).into())
    }

    /// A digest read back from a store. What has not its length is that of no password: a session that is bound to
    /// it is over.
    pub fn from_stored(bytes: &[u8]) -> Self {
        Self(bytes.try_into().unwrap_or_default())
    }

    /// The bytes for a store.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Compared in constant time.
impl PartialEq for PasswordDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for PasswordDigest {}

impl fmt::Debug for PasswordDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordDigest(…)")
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
    pub user: UserId,
    /// When it begins.
    pub created_at: DateTime<Utc>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
    /// Its name on a page; another session of the user has another.
    pub handle: SessionHandle,
    /// From where it begins.
    pub client: SessionClient,
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
    pub user: User,
    /// Whether the user has at least one verified email address.
    pub has_verified_email: bool,
    /// Whether the user has at least one verified phone number.
    pub has_verified_phone: bool,
    /// When it began; `None` where that is not kept.
    pub created_at: Option<DateTime<Utc>>,
    /// From when on it is refused.
    pub expires_at: DateTime<Utc>,
    /// When the user last proved in it who they are; `None` until the first time, for to log in is no proof.
    pub proven_at: Option<DateTime<Utc>>,
    /// When it was last noted as used, its beginning at first; `None` where that is not kept, and when a server of a version
    /// before this began it.
    pub seen_at: Option<DateTime<Utc>>,
}

/// A session as a store reads it, with its user as they are now. Whether it is alive is asked of
/// [`state`](Self::state), so that every store answers alike.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct StoredSession {
    /// The session, if it is alive. Its user may be inactive.
    pub session: ActiveSession,
    /// The password that it is bound to; `None` when a server of a version before these digests began it.
    pub bound_to: Option<PasswordDigest>,
}

/// What a [`StoredSession`] is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a store must do something for each"
)]
pub enum SessionState {
    /// It is alive.
    Alive,
    /// It is alive and not bound to a password yet; the store binds it to this one.
    Unbound(PasswordDigest),
    /// It is over: its user is inactive or has another password. The store removes it, so that it does not come
    /// back to life when the user is enabled again or gets the old password back.
    Over,
}

impl StoredSession {
    /// What the session is worth.
    pub fn state(&self) -> SessionState {
        let user = &self.session.user;
        let password = PasswordDigest::of(&user.password);
        match self.bound_to {
            _ if !user.is_active => SessionState::Over,
            None => SessionState::Unbound(password),
            Some(bound_to) if bound_to == password => SessionState::Alive,
            Some(_) => SessionState::Over,
        }
    }
}

/// A log-in that is to be recorded: one transaction, refused unless all is as it was when the password was checked.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct NewLogIn {
    /// The hash that the password was checked against; the user must still have it and be active.
    pub checked_password: EncodedPassword,
    /// A hash to replace it with, when the old one is of a weaker kind. The user's other sessions that are bound to the
    /// old one are bound to this one then.
    pub upgraded_password: Option<EncodedPassword>,
    /// The session to begin; its `created_at` becomes the user's `last_login`.
    pub session: NewSession,
    /// The session that the browser came with, to be ended.
    pub ends: Option<SessionDigest>,
    /// How many sessions the user may have with the new one; at least 1. The oldest of those above it end.
    pub max_sessions: u32,
    /// Whether it is refused while the account is [to be closed](crate::store::ClosingScheduleStore): of this and of what
    /// schedules the closing at the same moment one comes first, and the other sees it.
    pub unless_closing: bool,
}

impl NewLogIn {
    /// The password that is stored after the log-in, and that the new session is bound to.
    pub fn stored_password(&self) -> &EncodedPassword {
        self.upgraded_password
            .as_ref()
            .unwrap_or(&self.checked_password)
    }
}

/// A proof that is to be noted: refused unless the session is bound to the password that was checked. The session gets
/// another key, so that anyone who had the old one has nothing of the proof (ASVS 5.0, 7.2.4).
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct NewProof {
    /// The name of the session in the store so far.
    pub digest: SessionDigest,
    /// Its name from now on.
    pub becomes: SessionDigest,
    /// The password that the session must be bound to.
    pub password: PasswordDigest,
    /// When.
    pub at: DateTime<Utc>,
}

/// A password that is to be replaced: one transaction, refused unless the user still has the old one and is active.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct PasswordReplacement {
    /// Whose password.
    pub user: UserId,
    /// The hash that must still be there.
    pub old: EncodedPassword,
    /// The hash to store.
    pub new: EncodedPassword,
    /// The `last_login` that must still be there; `None` where it does not matter.
    pub last_login: Option<Option<DateTime<Utc>>>,
    /// The link that must still be the newest, and its address the user's; `None` where no link is used, or one that
    /// does not say which address it is for.
    pub link: Option<crate::link::OpenedLink>,
    /// The one session that lives on; all others of the user end.
    pub keeps: Option<KeptSession>,
    /// What is enqueued with it.
    pub notices: Notices,
    /// What becomes of others who have the address of the link without proof.
    pub losses: Losses,
    /// The names that the user has from now on; `None` where they stay.
    pub names: Option<TypedNames>,
}

/// The session in which a password is changed. It is bound to the new password and gets another key: anyone who had
/// the old one, because they stole it, has nothing any more (ASVS 5.0, 7.2.4).
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
