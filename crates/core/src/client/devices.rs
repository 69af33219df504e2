//! The tokens by which a browser is known from earlier sign-ins ("device cookies", as OWASP calls them).

use std::fmt;
use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding};
use chrono::{DateTime, TimeZone, Utc};

/// What makes a token another than any other.
pub(crate) type DeviceNonce = [u8; 16];

/// What tells the accounts of the tokens of one site apart, and says to nobody else which they are.
pub(crate) type AccountMark = [u8; 4];

/// How many tokens are tried. Each costs a MAC, and anyone who sends the request chooses how many there are.
const MOST_TRIED: usize = 8 * Devices::MAX_ACCOUNTS;

/// The bytes of a nonce, of a time, and of a MAC.
const TOKEN_BYTES: usize = 16 + 8 + 32;

/// Who has signed in with a browser before: a signed token for each of the last accounts. It is kept in a
/// cookie, beside the session and after it.
///
/// # Security
/// A token signs nobody in. Anyone who has one for an account waits in another line than strangers when the
/// password is checked, so that a flood of wrong passwords does not keep the owner out. It is signed for one
/// account and its stored password: it is worth nothing for another account, or once the password is changed.
///
/// # Examples
/// ```
/// use phone_auth_core::client::Devices;
///
/// // What is no token is passed over.
/// assert_eq!(Devices::parse("neither.nor").text(), "");
/// ```
#[derive(Clone, Default)]
pub struct Devices(Vec<DeviceToken>);

/// That someone has signed in to an account with this browser before.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DeviceToken {
    pub(crate) nonce: DeviceNonce,
    pub(crate) expires_at: u64,
    pub(crate) tag: [u8; 32],
}

impl Devices {
    /// For how long a browser is remembered. Chrome keeps no cookie for much longer.
    pub const LIFETIME: Duration = Duration::from_hours(365 * 24);

    /// How many accounts a browser is remembered for; a further one takes the place of the oldest.
    pub const MAX_ACCOUNTS: usize = 4;

    /// Reads what [`text`](Self::text) gives. What is no token is passed over, and what is too much. A browser that
    /// holds several cookies of one name may have got others from elsewhere: those texts are joined by `.`, and none
    /// hides another.
    pub fn parse(text: &str) -> Self {
        let tokens = text.split('.').filter_map(DeviceToken::parse);
        Self(tokens.take(MOST_TRIED).collect())
    }

    /// The text for the cookie, of letters, digits, `-`, `_` and `.`.
    pub fn text(&self) -> String {
        let tokens: Vec<String> = self.0.iter().map(DeviceToken::text).collect();
        tokens.join(".")
    }

    pub(crate) fn tokens(&self) -> &[DeviceToken] {
        &self.0
    }

    /// The same with one more token in front, without those that `is_obsolete` says it stands for.
    pub(crate) fn with(
        &self,
        token: DeviceToken,
        is_obsolete: impl Fn(&DeviceToken) -> bool,
    ) -> Self {
        let others = self.0.iter().filter(|other| !is_obsolete(other)).cloned();
        Self(
            std::iter::once(token)
                .chain(others)
                .take(Self::MAX_ACCOUNTS)
                .collect(),
        )
    }
}

/// A token may sign nobody in, but anyone who has it is let in before others.
impl fmt::Debug for Devices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Devices")
            .field("accounts", &self.0.len())
            .finish()
    }
}

impl DeviceToken {
    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; TOKEN_BYTES];
        let decoded = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        let (nonce, rest) = decoded.split_first_chunk()?;
        let (expires_at, rest) = rest.split_first_chunk()?;
        Some(Self {
            nonce: *nonce,
            expires_at: u64::from_be_bytes(*expires_at),
            tag: rest.try_into().ok()?,
        })
    }

    fn text(&self) -> String {
        let expires_at = self.expires_at.to_be_bytes();
        let bytes = [self.nonce.as_slice(), &expires_at, &self.tag].concat();
        Base64UrlUnpadded::encode_string(&bytes)
    }

    /// Whether it is still good at this time.
    pub(crate) fn is_alive_at(&self, now: DateTime<Utc>) -> bool {
        let expires_at = i64::try_from(self.expires_at).ok();
        expires_at
            .and_then(|seconds| Utc.timestamp_opt(seconds, 0).single())
            .is_some_and(|expires_at| now < expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(byte: u8) -> DeviceToken {
        DeviceToken {
            nonce: [byte; 16],
            expires_at: 1_800_000_000,
            tag: [byte; 32],
        }
    }

    #[test]
    fn text_is_read_back() {
        let devices = Devices(vec![token(1), token(2)]);
        let text = devices.text();
        assert_eq!(text.len(), 75 + 1 + 75);
        assert!(Devices::parse(&text).tokens() == devices.tokens());
        for (text, tokens) in [
            (String::new(), 0),
            ("...".to_owned(), 0),
            (format!("x.{text}.\u{e9}"), 2),
            (format!("{text}A"), 1),
            (text.replace('A', "="), 0),
            ([text.as_str(); 5].join("."), 10),
            ([text.as_str(); 50].join("."), MOST_TRIED),
        ] {
            assert_eq!(Devices::parse(&text).tokens().len(), tokens, "{text}");
        }
    }

    #[test]
    fn oldest_account_gives_way() {
        let mut devices = Devices::default();
        for byte in 1..=5 {
            devices = devices.with(token(byte), |_| false);
        }
        let nonces = |devices: &Devices| -> Vec<u8> {
            devices
                .tokens()
                .iter()
                .map(|token| token.nonce[0])
                .collect()
        };
        assert_eq!(nonces(&devices), [5, 4, 3, 2]);
        let again = devices.with(token(6), |other| other.nonce == [4; 16]);
        assert_eq!(nonces(&again), [6, 5, 3, 2]);
    }

    #[test]
    fn tokens_end_with_their_time() {
        for (expires_at, is_alive) in [(0, false), (1_000, false), (1_001, true), (u64::MAX, false)]
        {
            let now = Utc.timestamp_opt(1_000, 0).single().unwrap_or_default();
            let token = DeviceToken {
                expires_at,
                ..token(1)
            };
            assert_eq!(token.is_alive_at(now), is_alive, "{expires_at}");
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let shown = format!("{:?}", Devices(vec![token(7)]));
        assert_eq!(shown, "Devices { accounts: 1 }");
    }
}
