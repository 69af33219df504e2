//! Issuing and checking tokens.
//!
//! Nothing is stored: that a token works only once comes from the state it is bound to. Changing that
//! state atomically is the caller's part.

use core::fmt;
use core::time::Duration;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use hmac::Mac;
use subtle::{Choice, ConstantTimeEq};

use crate::derive::{self, HmacSha256};
use crate::text::{self, Parts, TAG_BYTES};
use crate::{Keyring, Purpose, Token, TokenError, TokenErrorKind};

/// By how much the clocks of two servers may differ: a token issued later than now by no more than
/// this is taken for one issued now. The same five minutes that Kerberos allows (RFC 4120, 8.2).
pub const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// Issues and checks one-time tokens. Cheap to clone; clones share the derived keys.
///
/// A token is a MAC over its purpose, the second it was issued in, and **the state that using it
/// changes**. A reset token is bound to the password hash: once the password is changed, the state is
/// another one and the token dies, without a table of used tokens. A dump of the database holds no
/// token.
///
/// # Security
///
/// - Put in whatever must end the token when it changes, and whom it is for: for a reset the user's
///   id, the password hash, the last log-in and the address; for a verification the id of the
///   address, its text and whether it is verified.
/// - A check says whether the token fits the state *that was handed in*. Two requests at the same
///   moment may both see the old state, so the change itself has to be conditional on it ("set the new
///   hash where the hash is still this one").
/// - Two tokens for the same purpose and state, issued within one second, are the same token.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use chrono::Utc;
/// use phone_auth_tokens::{Keyring, OneTimeTokens, Purpose, SecretKey, TokenErrorKind};
///
/// const RESET: Purpose = Purpose::new("reset-password");
/// const DAY: Duration = Duration::from_hours(24);
///
/// let tokens = OneTimeTokens::new(Keyring::new(SecretKey::generate()?));
/// let token = tokens.issue(&RESET, Utc::now(), &[b"17", b"old hash"]);
///
/// tokens.check(&RESET, token.as_str(), Utc::now(), DAY, &[b"17", b"old hash"])?;
///
/// // The password has been changed meanwhile.
/// let refused = tokens
///     .check(&RESET, token.as_str(), Utc::now(), DAY, &[b"17", b"new hash"])
///     .unwrap_err();
/// assert_eq!(refused.kind(), TokenErrorKind::Forged);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct OneTimeTokens {
    keyring: Keyring,
    first: Arc<OnceLock<Keys>>,
}

/// The keys of one purpose, and the way to those of the next: a list that only grows, so that reading
/// it needs no lock. A program has a handful of purposes.
struct Keys {
    purpose: Purpose,
    current: HmacSha256,
    fallbacks: Vec<HmacSha256>,
    next: Box<OnceLock<Keys>>,
}

impl OneTimeTokens {
    /// Tokens under these keys.
    #[must_use]
    pub fn new(keyring: Keyring) -> Self {
        Self {
            keyring,
            first: Arc::default(),
        }
    }

    /// The keys, for deriving others.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Issues a token for a purpose, bound to the state that using it changes.
    ///
    /// The fields of the state are told apart by their lengths; their order matters. A time before
    /// 1970 counts as 1970.
    #[must_use = "a token that nobody receives is no use"]
    pub fn issue(&self, purpose: &Purpose, now: DateTime<Utc>, state: &[&[u8]]) -> Token {
        let seconds = seconds(now);
        let tag = tag(&self.keys(*purpose).current, seconds, state);
        Token::new(*purpose, text::write(&Parts { seconds, tag }))
    }

    /// The time of issue that stands in the text of a token, to the second; none for other texts.
    ///
    /// # Security
    ///
    /// Anyone can write a time. Only that of a token which [`check`](Self::check) accepts is true.
    pub fn issued_at(text: &str) -> Option<DateTime<Utc>> {
        let seconds = text::read(text)?.seconds;
        DateTime::from_timestamp(i64::try_from(seconds).ok()?, 0)
    }

    /// Checks the text of a token for a purpose and against the state as it is now.
    ///
    /// Times are compared in whole seconds, in UTC: a token is good up to and including the second in
    /// which it is `lifetime` old.
    ///
    /// # Security
    ///
    /// Every text costs the same work, whether it is good, forged or no token at all: one MAC for each
    /// key, compared in constant time.
    ///
    /// # Errors
    ///
    /// - [`TokenErrorKind::Malformed`]: not the canonical text of a token.
    /// - [`TokenErrorKind::Forged`]: not made with these keys for this purpose and this state; also
    ///   every token that was used, since using it changed the state.
    /// - [`TokenErrorKind::Expired`]: genuine, older than `lifetime`.
    /// - [`TokenErrorKind::FromTheFuture`]: genuine, issued more than [`CLOCK_SKEW`] after `now`.
    pub fn check(
        &self,
        purpose: &Purpose,
        text: &str,
        now: DateTime<Utc>,
        lifetime: Duration,
        state: &[&[u8]],
    ) -> Result<(), TokenError> {
        self.judge(*purpose, text, seconds(now), lifetime, state)
            .map_err(|kind| TokenError::new(*purpose, kind))
    }

    fn judge(
        &self,
        purpose: Purpose,
        text: &str,
        now: u64,
        lifetime: Duration,
        state: &[&[u8]],
    ) -> Result<(), TokenErrorKind> {
        let parts = text::read(text);
        let Parts {
            seconds: issued,
            tag: given,
        } = parts.unwrap_or(Parts {
            seconds: now,
            tag: [0; TAG_BYTES],
        });
        let keys = self.keys(purpose);
        let mut genuine = Choice::from(0);
        for key in core::iter::once(&keys.current).chain(&keys.fallbacks) {
            genuine |= tag(key, issued, state).ct_eq(&given);
        }
        if parts.is_none() {
            Err(TokenErrorKind::Malformed)
        } else if !bool::from(genuine) {
            Err(TokenErrorKind::Forged)
        } else if issued.saturating_sub(now) > CLOCK_SKEW.as_secs() {
            Err(TokenErrorKind::FromTheFuture)
        } else if now.saturating_sub(issued) > lifetime.as_secs() {
            Err(TokenErrorKind::Expired)
        } else {
            Ok(())
        }
    }

    /// The keys of a purpose, derived at its first use.
    fn keys(&self, purpose: Purpose) -> &Keys {
        let mut place = &*self.first;
        loop {
            let keys = place.get_or_init(|| {
                let (current, fallbacks) = self.keyring.for_purpose(purpose);
                Keys {
                    purpose,
                    current,
                    fallbacks,
                    next: Box::default(),
                }
            });
            if keys.purpose == purpose {
                return keys;
            }
            place = &keys.next;
        }
    }
}

impl fmt::Debug for OneTimeTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeTokens")
            .field("keyring", &self.keyring)
            .finish_non_exhaustive()
    }
}

/// The proof that a token carries: the first half of the MAC over time and state.
fn tag(key: &HmacSha256, seconds: u64, state: &[&[u8]]) -> [u8; TAG_BYTES] {
    let mut mac = key.clone();
    mac.update(&seconds.to_be_bytes());
    derive::update_fields(&mut mac, state);
    let mut tag = [0; TAG_BYTES];
    for (byte, whole) in tag.iter_mut().zip(derive::finish(mac)) {
        *byte = whole;
    }
    tag
}

fn seconds(time: DateTime<Utc>) -> u64 {
    u64::try_from(time.timestamp()).unwrap_or(0)
}
