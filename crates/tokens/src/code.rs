//! One-time codes: six digits that a user types.

use core::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::derive::{self, HmacSha256};
use crate::{Keyring, Purpose};

/// How many codes there are: every text of six digits.
const CODES: u64 = 1_000_000;

/// Derives one-time codes, and checks what was typed. Cheap to clone.
///
/// A code is derived from what it is for and never stored, so a dump of the database gives none (ASVS 5.0, 6.5.2). The
/// program that sends it and the one that checks it derive it from the same fields.
///
/// # Security
///
/// A million guesses find every code, so a code alone proves nothing. What must hold it up, and what this type cannot do, as
/// it stores nothing:
///
/// - **Few attempts.** Count an attempt before the comparison, by one conditional update, and end the code at the last.
/// - **A short life**: ten minutes at most (ASVS 5.0, 6.5.1; NIST SP 800-63B-4, 3.1.3.2).
/// - **One use.** Success ends what the code was derived for.
/// - **Only for who asked** (ASVS 5.0, 6.6.2): take it from a browser that asked for it, by a secret that it got then, and from
///   no other; or put a random value of one request into the fields. Put into them when the code was first asked for, so that a
///   later code is another one.
///
/// # Examples
///
/// ```
/// use phone_auth_tokens::{Keyring, OneTimeCodes, Purpose, SecretKey};
///
/// const VERIFY: Purpose = Purpose::new("verify-phone");
///
/// let codes = OneTimeCodes::new(Keyring::new(SecretKey::generate()?));
/// let state: [&[u8]; 3] = [b"phone 7", b"random bytes of this request", b"1"];
/// let code = codes.derive(&VERIFY, &state);
/// assert!(codes.check(&VERIFY, code.as_str(), &state));
///
/// // What was sent once more has a code of its own.
/// let later: [&[u8]; 3] = [b"phone 7", b"random bytes of this request", b"2"];
/// let second = codes.derive(&VERIFY, &later);
/// assert!(codes.check(&VERIFY, second.as_str(), &later));
/// # Ok::<(), phone_auth_tokens::SecretKeyError>(())
/// ```
#[derive(Clone)]
pub struct OneTimeCodes {
    keyring: Keyring,
}

impl OneTimeCodes {
    /// Codes under these keys.
    #[must_use]
    pub const fn new(keyring: Keyring) -> Self {
        Self { keyring }
    }

    /// The code for a purpose and these fields, by the current key. The fields are told apart by their lengths; their order
    /// matters.
    #[must_use = "a code that nobody receives is no use"]
    pub fn derive(&self, purpose: &Purpose, state: &[&[u8]]) -> OneTimeCode {
        let (current, _) = self.keyring.for_codes(*purpose);
        OneTimeCode::of(current, state)
    }

    /// Whether this is the code for a purpose and these fields, by any accepted key.
    ///
    /// What a user types has spaces, dashes and digits of their script: make plain ASCII digits of it first. Any other text
    /// is refused at the same cost: one MAC for each key, compared in constant time. While a key is rotated two codes are
    /// right, so a guess is right twice as often.
    #[must_use = "a code that nobody checks protects nothing"]
    pub fn check(&self, purpose: &Purpose, typed: &str, state: &[&[u8]]) -> bool {
        let (current, fallbacks) = self.keyring.for_codes(*purpose);
        let mut is_right = Choice::from(0);
        for key in core::iter::once(current).chain(fallbacks) {
            let code = OneTimeCode::of(key, state);
            is_right |= code.as_str().as_bytes().ct_eq(typed.as_bytes());
        }
        is_right.into()
    }
}

impl fmt::Debug for OneTimeCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneTimeCodes")
            .field("keyring", &self.keyring)
            .finish_non_exhaustive()
    }
}

/// A one-time code: six ASCII digits, also `000000`.
///
/// Anyone who reads it can try it, so it is wiped from memory when dropped, its `Debug` shows nothing and it cannot be displayed.
/// Only [`as_str`](Self::as_str) gives its text.
#[derive(Clone)]
pub struct OneTimeCode {
    text: Zeroizing<String>,
}

impl OneTimeCode {
    /// How many digits it has: 20 bits, the least that ASVS 5.0 (6.5.4) allows for a code that is sent.
    pub const DIGITS: usize = 6;

    /// The first eight bytes of the MAC, divided by a million: some codes are likelier than others by less than one in 2⁴³.
    fn of(mut key: HmacSha256, state: &[&[u8]]) -> Self {
        derive::update_fields(&mut key, state);
        let mac = Zeroizing::new(derive::finish(key));
        let number = mac
            .iter()
            .take(8)
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        Self {
            text: Zeroizing::new(format!("{:06}", number % CODES)),
        }
    }

    /// Its text, for the message that carries it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Compares in constant time.
impl PartialEq for OneTimeCode {
    fn eq(&self, other: &Self) -> bool {
        self.text.as_bytes().ct_eq(other.text.as_bytes()).into()
    }
}

impl Eq for OneTimeCode {}

impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeCode(..)")
    }
}
