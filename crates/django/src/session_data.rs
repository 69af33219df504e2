//! The sessions of Django: `payload:time:signature`, as the column `session_data` has them.
//!
//! The payload is JSON, compressed where that makes it shorter. What is not ours in it is kept to the
//! letter. Whether a session is over stands in another column, and is not looked at here.

use core::fmt;
use core::fmt::Write as _;
use std::collections::BTreeMap;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use chrono::{DateTime, Utc};
use miniz_oxide::deflate::compress_to_vec_zlib;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;
use serde_json::value::RawValue;
use subtle::{Choice, ConstantTimeEq};

use super::DjangoKeys;
use super::keys::salted_hmac;

/// The class of Django's stores, and what `Signer` puts after its salt.
const KEY_SALT: &str = "django.contrib.sessions.SessionStoresigner";

/// The most that is read of a session, packed and unpacked: what others keep in it is a few values.
const MAX_BYTES: usize = 1 << 20;

const USER: &str = "_auth_user_id";
const BACKEND: &str = "_auth_user_backend";
const HASH: &str = "_auth_user_hash";
/// Our own: whose proof, and when in microseconds.
const PROVEN: &str = "_phone_auth_proven";

/// What a session of Django's holds: who is logged in, and whatever other programs keep there.
///
/// # Examples
///
/// ```
/// use chrono::Utc;
/// use phone_auth_django::{DjangoKeys, SessionData};
///
/// let keys = DjangoKeys::new("the SECRET_KEY of the site");
/// let mut data = SessionData::default();
/// data.log_in(17, "phone_auth.backend.CustomAuthBackend", &keys.session_auth_hash("argon2$…"));
///
/// let stored = keys.write_session(&data, Utc::now());
/// assert_eq!(keys.read_session(&stored).and_then(|data| data.user()), Some(17));
/// assert!(DjangoKeys::new("another").read_session(&stored).is_none());
/// ```
#[derive(Clone, Default)]
pub struct SessionData(BTreeMap<String, Box<RawValue>>);

impl SessionData {
    /// The id of the one who is logged in.
    pub fn user(&self) -> Option<i64> {
        let text: String = self.read(USER)?;
        let id: i64 = text.parse().ok()?;
        (id.to_string() == text).then_some(id)
    }

    /// The hash that binds the log-in to the password; see
    /// [`check_session_auth`](DjangoKeys::check_session_auth).
    pub fn auth_hash(&self) -> Option<String> {
        self.read(HASH)
    }

    /// The class, by its path, that let in anyone who is logged in.
    pub fn backend(&self) -> Option<String> {
        self.read(BACKEND)
    }

    /// Has someone be logged in. What others keep in the session stays.
    pub fn log_in(&mut self, user: i64, backend: &str, auth_hash: &str) {
        self.write(USER, &user.to_string());
        self.write(BACKEND, backend);
        self.write(HASH, auth_hash);
    }

    /// Binds the log-in to another password.
    pub fn set_auth_hash(&mut self, auth_hash: &str) {
        self.write(HASH, auth_hash);
    }

    /// When the user last proved here who they are, and for whom: a log-in of another user at the Django site may take
    /// along what is in a session.
    pub fn proven_at(&self) -> Option<DateTime<Utc>> {
        let text = self.read(PROVEN)?;
        let (user, micros) = text.split_once(':')?;
        if Some(user.parse().ok()?) != self.user() {
            return None;
        }
        DateTime::from_timestamp_micros(micros.parse().ok()?)
    }

    /// Notes when the user who is logged in proved here who they are, or that they have not.
    pub fn set_proven_at(&mut self, at: Option<DateTime<Utc>>) {
        match (at, self.user()) {
            (Some(at), Some(user)) => {
                self.write(PROVEN, &format!("{user}:{}", at.timestamp_micros()));
            }
            _ => drop(self.0.remove(PROVEN)),
        }
    }

    fn read(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.0.get(key)?.get()).ok()
    }

    fn write(&mut self, key: &str, text: &str) {
        let json = serde_json::Value::from(text).to_string();
        if let Ok(value) = RawValue::from_string(json) {
            self.0.insert(key.to_owned(), value);
        }
    }

    /// Reads JSON as Django does: each byte is a character, all but ASCII is escaped.
    fn parse(json: &[u8]) -> Option<Self> {
        let text: String = json.iter().copied().map(char::from).collect();
        serde_json::from_str(&text).ok().map(Self)
    }

    /// JSON without blanks, in ASCII: only texts can hold anything else, and there it can be escaped.
    fn to_json(&self) -> Option<String> {
        let json = serde_json::to_string(&self.0).ok()?;
        let mut ascii = String::with_capacity(json.len());
        for character in json.chars() {
            if character.is_ascii() {
                ascii.push(character);
                continue;
            }
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(ascii, "\\u{unit:04x}").ok()?;
            }
        }
        Some(ascii)
    }
}

/// Shows neither who is logged in nor what others keep.
impl fmt::Debug for SessionData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionData").finish_non_exhaustive()
    }
}

impl DjangoKeys {
    /// Reads the column `session_data`; `None` for what none of these keys has signed, and for what is
    /// not a session or larger than a mebibyte. Nor is one read with `NaN` or `Infinity` in it: Python writes them,
    /// JSON has no such numbers.
    ///
    /// # Security
    /// Nothing is decompressed that is not signed.
    pub fn read_session(&self, text: &str) -> Option<SessionData> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let (signed, signature) = text.rsplit_once(':')?;
        let mut is_genuine = Choice::from(0);
        for key in self.all() {
            is_genuine |= sign(key, signed).as_bytes().ct_eq(signature.as_bytes());
        }
        if !bool::from(is_genuine) {
            return None;
        }
        let (payload, _time) = signed.rsplit_once(':')?;
        let json = match payload.strip_prefix('.') {
            Some(packed) => {
                let packed = Base64UrlUnpadded::decode_vec(packed).ok()?;
                decompress_to_vec_zlib_with_limit(&packed, MAX_BYTES).ok()?
            }
            None => Base64UrlUnpadded::decode_vec(payload).ok()?,
        };
        SessionData::parse(&json)
    }

    /// What to write into the column `session_data`, signed with the current key.
    pub fn write_session(&self, data: &SessionData, now: DateTime<Utc>) -> String {
        let json = data.to_json().unwrap_or_else(|| "{}".to_owned());
        let packed = compress_to_vec_zlib(json.as_bytes(), 6);
        let mut signed = if packed.len() + 1 < json.len() {
            format!(".{}", Base64UrlUnpadded::encode_string(&packed))
        } else {
            Base64UrlUnpadded::encode_string(json.as_bytes())
        };
        signed.push(':');
        push_base62(&mut signed, now.timestamp().unsigned_abs());
        let signature = sign(self.current(), &signed);
        format!("{signed}:{signature}")
    }
}

fn sign(secret: &str, signed: &str) -> String {
    Base64UrlUnpadded::encode_string(&salted_hmac(KEY_SALT, secret, signed))
}

/// Appends a number in Django's base 62: digits, capital letters, small letters.
pub(super) fn push_base62(text: &mut String, mut number: u64) {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = Vec::new();
    loop {
        let digit = usize::try_from(number % 62).unwrap_or(0);
        digits.extend(DIGITS.get(digit).copied().map(char::from));
        number /= 62;
        if number == 0 {
            break;
        }
    }
    text.extend(digits.iter().rev());
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn values_of_others_are_kept() {
        let json = r#"{"basket":[1.50,123456789012345678901234567890,{"\u00e9":"\ud83d\udd11"}],"caf\u00e9":null}"#;
        let mut data = SessionData::parse(json.as_bytes()).unwrap();
        assert_eq!(data.to_json().unwrap(), json);
        data.log_in(7, "a.B", "hash");
        data.set_auth_hash("other");
        let keys = DjangoKeys::new("a key");
        let read = keys
            .read_session(&keys.write_session(&data, Utc::now()))
            .unwrap();
        let expected = format!(
            r#"{{"_auth_user_backend":"a.B","_auth_user_hash":"other","_auth_user_id":"7",{}"#,
            json.get(1..).unwrap()
        );
        assert_eq!(read.to_json().unwrap(), expected);
    }

    #[test]
    fn proof_stays_with_its_user() {
        let at = DateTime::from_timestamp_micros(1_700_000_000_123_456);
        let mut data = SessionData::default();
        data.set_proven_at(at);
        assert_eq!(data.proven_at(), None, "nobody is logged in");
        data.log_in(7, "a.B", "hash");
        data.set_proven_at(at);
        assert_eq!(data.proven_at(), at);
        // The site logs another user in, and keeps what is in the session.
        data.log_in(8, "a.B", "hash");
        assert_eq!(data.proven_at(), None);
        data.log_in(7, "a.B", "hash");
        data.set_proven_at(None);
        assert_eq!(data.proven_at(), None);
        for odd in ["", "7", ":", "7:", "7:x", "x:1", "7:99999999999999999999"] {
            data.write(PROVEN, odd);
            assert_eq!(data.proven_at(), None, "{odd}");
        }
    }

    #[test]
    fn odd_users_are_nobody() {
        for id in [
            "",
            " 1",
            "01",
            "+1",
            "1_0",
            "1.0",
            "x",
            "99999999999999999999",
        ] {
            let mut data = SessionData::default();
            data.write(USER, id);
            assert_eq!(data.user(), None, "{id}");
        }
        let number = SessionData::parse(br#"{"_auth_user_id":1}"#).unwrap();
        assert_eq!(number.user(), None);
    }

    #[test]
    fn bombs_are_not_inflated() {
        let keys = DjangoKeys::new("a key");
        let json = format!("{{\"a\":\"{}\"}}", "a".repeat(MAX_BYTES));
        let bomb = SessionData::parse(json.as_bytes()).unwrap();
        let stored = keys.write_session(&bomb, Utc::now());
        assert!(stored.len() < 5000);
        assert!(keys.read_session(&stored).is_none());
        assert!(keys.read_session(&"a".repeat(MAX_BYTES + 1)).is_none());
    }
}
