//! Keys that are kept for a moment, each for the browser that got it: sealed by its secret, which this process does not keep. So what
//! its memory holds of them opens nothing.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::Accounts;

/// What seals the keys of one browser, while a form of it is under way.
pub(super) struct Seal(Zeroizing<[u8; 32]>);

/// A key that was sealed.
pub(super) struct Sealed {
    at: DateTime<Utc>,
    text: Vec<u8>,
}

impl Accounts {
    /// The seal of what these say, among them the secret of a browser.
    pub(super) fn seal(&self, parts: &[&[u8]]) -> Seal {
        let subkey = self.keyring().derive("sealed-for-browser");
        Seal(Zeroizing::new(subkey.sign(parts)))
    }
}

impl Seal {
    /// Seals the text of a key. No two moments have the same pad.
    pub(super) fn close(&self, key: &str, at: DateTime<Utc>) -> Sealed {
        let mut text = key.as_bytes().to_vec();
        self.turn(&mut text, at);
        Sealed { at, text }
    }

    /// The text of a key that was sealed by the same.
    pub(super) fn open(&self, sealed: &Sealed) -> Option<Zeroizing<String>> {
        let mut text = Zeroizing::new(sealed.text.clone());
        self.turn(&mut text, sealed.at);
        let text = std::str::from_utf8(&text).ok()?;
        Some(Zeroizing::new(text.to_owned()))
    }

    fn turn(&self, text: &mut [u8], at: DateTime<Utc>) {
        let at = at.timestamp_micros().to_be_bytes();
        for (number, chunk) in (0_u64..).zip(text.chunks_mut(32)) {
            let mut pad = Sha256::new_with_prefix(self.0.as_slice());
            pad.update(at);
            pad.update(number.to_be_bytes());
            let pad: Zeroizing<[u8; 32]> = Zeroizing::new(pad.finalize().into());
            for (byte, with) in chunk.iter_mut().zip(pad.iter()) {
                *byte ^= with;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::time::Duration;

    use super::*;
    use crate::challenge::ChallengeKey;
    use crate::session::SessionKey;

    /// Keys of each kind, as long as they are, and Django's.
    #[test]
    fn key_is_opened_by_its_seal_alone() {
        let now = Utc::now();
        let (seal, other) = (Seal(Zeroizing::new([1; 32])), Seal(Zeroizing::new([2; 32])));
        let session = SessionKey::from_bytes(&[7; 32]);
        let challenge = ChallengeKey::from_bytes(&[8; 32]);
        for key in [session.reveal(), challenge.reveal(), &"a1".repeat(16)] {
            let sealed = seal.close(key, now);
            assert_eq!(seal.open(&sealed).unwrap().as_str(), key);
            for run in key.as_bytes().windows(4) {
                assert!(!sealed.text.windows(4).any(|it| it == run), "{key}");
            }
            let opened = other.open(&sealed);
            assert!(opened.is_none_or(|it| it.as_str() != key), "{key}");
            let later = seal.close(key, now + Duration::from_micros(1));
            assert_ne!(later.text, sealed.text, "{key}");
        }
    }
}
