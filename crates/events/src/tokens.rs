//! The signals of one-time tokens. They carry no token.

use crate::{Sender, event_struct::event_struct};
use serde::Serialize;

phone_auth_signals::signal! {
    /// A one-time token was issued.
    pub sync token_issued: TokenIssued;

    /// A one-time token was refused, and why.
    pub sync token_refused: TokenRefused;
}

/// Why a one-time token was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TokenRefusal {
    /// It does not look like a token.
    Malformed,
    /// Nobody with a key of ours made it for this purpose and this state; a used token is one of these.
    Forged,
    /// Its life is over.
    Expired,
    /// It says that it was made later than now.
    FromTheFuture,
}

event_struct! {
    /// A one-time token was issued.
    pub struct TokenIssued {
        /// What issued it.
        sender: Sender,
        /// What it is for.
        purpose: String,
    }
}

event_struct! {
    /// A one-time token was refused.
    pub struct TokenRefused {
        /// What checked it.
        sender: Sender,
        /// What it was offered for.
        purpose: String,
        /// Why it was refused.
        reason: TokenRefusal,
    }
}
