//! Where the keys of sessions come from that the second of two clicks finds again.

use std::sync::atomic::{AtomicU64, Ordering};

use phone_auth_tokens::Subkey;
use zeroize::Zeroizing;

use super::Accounts;
use crate::randomness::{Randomness, RandomnessError};
use crate::session::SessionKey;
use crate::sessions::Sessions;

impl Accounts {
    /// Where the keys of a session come from that begins with this secret of a browser, and what was sent to its user.
    pub(super) fn repeatable_by(
        &self,
        subkey: &'static str,
        secret: &str,
        sent: &str,
    ) -> Repeatable {
        Repeatable {
            subkey: self.keyring().derive(subkey),
            secret: Zeroizing::new(secret.to_owned()),
            sent: Zeroizing::new(sent.to_owned()),
            drawn: AtomicU64::new(0),
        }
    }
}

/// Where the key of a session is drawn from: one that can be found again, or else any.
pub(super) fn key_source<'a>(
    repeatable: Option<&'a Repeatable>,
    other: &'a dyn Randomness,
) -> &'a dyn Randomness {
    repeatable.map_or(other, |it| it)
}

/// The source of the key of a session that begins with a code, in the browser that asked for it, or with a link or a form, by a
/// page of one browser.
///
/// Bytes that nobody can foresee who has not the key of the challenge, or of the page, what was sent and the secret of the site;
/// and the same each time. The key of a challenge has 256 random bits, and one code is right for it, once, as is a link.
pub(super) struct Repeatable {
    subkey: Subkey,
    secret: Zeroizing<String>,
    sent: Zeroizing<String>,
    drawn: AtomicU64,
}

impl Repeatable {
    /// The first key that is drawn from there.
    pub(super) fn key(&self, sessions: &dyn Sessions) -> Result<SessionKey, RandomnessError> {
        self.drawn.store(0, Ordering::Relaxed);
        let key = sessions.new_key(self);
        self.drawn.store(0, Ordering::Relaxed);
        key
    }
}

impl Randomness for Repeatable {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), RandomnessError> {
        for chunk in buffer.chunks_mut(32) {
            let block = self.drawn.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            let fields = [
                b"begin",
                self.secret.as_bytes(),
                self.sent.as_bytes(),
                &block,
            ];
            let bytes = Zeroizing::new(self.subkey.sign(&fields));
            for (to, from) in chunk.iter_mut().zip(bytes.iter()) {
                *to = *from;
            }
        }
        Ok(())
    }
}
