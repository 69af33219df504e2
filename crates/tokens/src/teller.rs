//! Tells a hub of signals what happens to tokens, if there is one and somebody listens.

use phone_auth_events::{Sender, Signals, TokenIssued, TokenRefusal, TokenRefused};

use crate::{Purpose, TokenErrorKind};

/// The hub that is told, and who is named as the sender.
#[derive(Clone)]
pub(crate) struct Teller {
    pub(crate) signals: Option<Signals>,
    pub(crate) sender: Sender,
}

impl Teller {
    /// Fires `token_issued`. Receivers that fail or panic change nothing here.
    pub(crate) fn issued(&self, purpose: Purpose) {
        if let Some(signals) = &self.signals
            && signals.has_receiver::<TokenIssued>()
        {
            let event = TokenIssued::new(self.sender, purpose.as_str().to_owned());
            // What receivers did is in the log of the dispatch; it changes nothing for the sender.
            let _report = signals.send_robust_sync(&event);
        }
    }

    /// Fires `token_refused`. Receivers that fail or panic change nothing here.
    pub(crate) fn refused(&self, purpose: Purpose, kind: TokenErrorKind) {
        if let Some(signals) = &self.signals
            && signals.has_receiver::<TokenRefused>()
        {
            let reason = match kind {
                TokenErrorKind::Malformed => TokenRefusal::Malformed,
                TokenErrorKind::Forged => TokenRefusal::Forged,
                TokenErrorKind::Expired => TokenRefusal::Expired,
                TokenErrorKind::FromTheFuture => TokenRefusal::FromTheFuture,
            };
            let event = TokenRefused::new(self.sender, purpose.as_str().to_owned(), reason);
            // What receivers did is in the log of the dispatch; it changes nothing for the sender.
            let _report = signals.send_robust_sync(&event);
        }
    }
}
