//! The signals of tokens: that one was issued, that one was refused. They carry no token and no state.
//!
//! Issuing and checking fire nothing: anyone who did it says so, once it is final.

use phone_auth_events::{Sender, Signals, SyncEvent};

use crate::{Token, TokenError, TokenErrorKind};

phone_auth_events::signal! {
    /// A one-time token was issued.
    pub sync token_issued: TokenIssued;

    /// A one-time token was refused, and why.
    pub sync token_refused: TokenRefused;
}

/// A one-time token was issued.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct TokenIssued {
    /// What issued it.
    pub sender: Sender,
    /// What it is for.
    pub purpose: String,
}

/// A one-time token was refused.
#[derive(Clone, Debug, serde::Serialize)]
#[non_exhaustive]
pub struct TokenRefused {
    /// What checked it.
    pub sender: Sender,
    /// What it was offered for.
    pub purpose: String,
    /// Why it was refused.
    pub reason: TokenErrorKind,
}

impl TokenIssued {
    /// The event with these values.
    pub fn new(sender: Sender, purpose: String) -> Self {
        Self { sender, purpose }
    }
}

impl TokenRefused {
    /// The event with these values.
    pub fn new(sender: Sender, purpose: String, reason: TokenErrorKind) -> Self {
        Self {
            sender,
            purpose,
            reason,
        }
    }
}

impl Token {
    /// Fires `token_issued` once, if anyone receives it. Receivers that fail or panic change nothing here.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{Sender, Signals};
    /// use phone_auth_tokens::chrono::Utc;
    /// use phone_auth_tokens::{Keyring, OneTimeTokens, Purpose, SecretKey, TokenIssued};
    ///
    /// const RESET: Purpose = Purpose::new("reset-password");
    ///
    /// let signals = Signals::isolated();
    /// let mut issued = signals.capture::<TokenIssued>();
    /// let tokens = OneTimeTokens::new(Keyring::new(SecretKey::generate()?));
    /// let token = tokens.issue(&RESET, Utc::now(), &[b"17"]);
    /// token.announce(&signals, Sender::new("sign_up"));
    /// assert_eq!(issued.take()[0].purpose, "reset-password");
    /// # Ok::<(), phone_auth_tokens::SecretKeyError>(())
    /// ```
    pub fn announce(&self, signals: &Signals, sender: Sender) {
        fire(signals, || {
            TokenIssued::new(sender, self.purpose().as_str().to_owned())
        });
    }
}

impl TokenError {
    /// Fires `token_refused` once, with the reason, if anyone receives it. Receivers that fail or panic change nothing
    /// here.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// use phone_auth_events::{Sender, Signals};
    /// use phone_auth_tokens::chrono::Utc;
    /// use phone_auth_tokens::{Keyring, OneTimeTokens, Purpose, SecretKey, TokenRefused};
    ///
    /// const RESET: Purpose = Purpose::new("reset-password");
    ///
    /// let signals = Signals::isolated();
    /// let mut refused = signals.capture::<TokenRefused>();
    /// let tokens = OneTimeTokens::new(Keyring::new(SecretKey::generate()?));
    /// let checked = tokens.check(&RESET, "typed", Utc::now(), Duration::from_hours(1), &[b"17"]);
    /// let error = checked.unwrap_err();
    /// error.announce(&signals, Sender::new("reset_password"));
    /// assert_eq!(refused.take()[0].reason, error.kind());
    /// # Ok::<(), phone_auth_tokens::SecretKeyError>(())
    /// ```
    pub fn announce(&self, signals: &Signals, sender: Sender) {
        fire(signals, || {
            TokenRefused::new(sender, self.purpose().as_str().to_owned(), self.kind())
        });
    }
}

fn fire<E: SyncEvent>(signals: &Signals, event: impl FnOnce() -> E) {
    if signals.has_receiver::<E>() {
        // What receivers did is in the log of the dispatch; it changes nothing for the sender.
        let _report = signals.send_robust_sync(&event());
    }
}
