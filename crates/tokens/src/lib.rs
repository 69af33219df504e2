//! Stateless one-time tokens with purposes, lifetimes and key rotation.
//!
//! A link that resets a password or verifies an address carries a token. These tokens need no table:
//! each is a MAC over its purpose, its time of issue and the state that using it changes, so that it
//! dies with its use.
//!
//! ```
//! use std::time::Duration;
//!
//! use phone_auth_tokens::chrono::Utc;
//! use phone_auth_tokens::{Keyring, OneTimeTokens, Purpose, SecretKey};
//!
//! const VERIFY: Purpose = Purpose::new("verify-email");
//! const HOUR: Duration = Duration::from_hours(1);
//!
//! let tokens = OneTimeTokens::new(Keyring::new(SecretKey::generate()?));
//!
//! let state: [&[u8]; 3] = [b"7", b"ada@example.org", b"unverified"];
//! let token = tokens.issue(&VERIFY, Utc::now(), &state);
//! assert!(tokens.check(&VERIFY, token.as_str(), Utc::now(), HOUR, &state).is_ok());
//!
//! // Verified meanwhile: the same token is refused.
//! let state: [&[u8]; 3] = [b"7", b"ada@example.org", b"verified"];
//! assert!(tokens.check(&VERIFY, token.as_str(), Utc::now(), HOUR, &state).is_err());
//! # Ok::<(), phone_auth_tokens::SecretKeyError>(())
//! ```
//!
//! # The format
//!
//! `<seconds>-<tag>`: the seconds since 1970 in UTC, in base 36, and the first 128 bits of an
//! HMAC-SHA256 in hexadecimal, both lower case. There is one text for each token; every other spelling
//! is refused. The MAC reads the purpose, the time, and each field of the state after its
//! length, under a key derived for the purpose from the secret (HKDF-SHA256, RFC 5869).
//!
//! # Codes
//!
//! [`OneTimeCodes`] derives the six digits that a message carries beside its link, in the same way: from a key of their own
//! and the fields that they are bound to.
//!
//! # Signals
//!
//! Issuing and checking fire nothing. Anyone who wants a record says so: `token.announce(…)` fires `token_issued`, and
//! `error.announce(…)` fires `token_refused` with the reason.
//!
//! # Features
//!
//! `signals` (default): those two calls. Without it the crate needs nothing of ours.
//!
//! # What it does not do
//!
//! It stores nothing, sends nothing, and cannot make a change happen only once: see
//! [`OneTimeTokens`], "Security".

mod code;
mod derive;
mod error;
mod keyring;
mod one_time;
mod published;
mod purpose;
mod secret;
#[cfg(feature = "signals")]
mod signals;
mod subkey;
mod text;
mod token;

/// The times that tokens are issued and checked at.
pub use chrono;

pub use crate::code::{OneTimeCode, OneTimeCodes};
pub use crate::error::{TokenError, TokenErrorKind};
pub use crate::keyring::Keyring;
pub use crate::one_time::{CLOCK_SKEW, OneTimeTokens};
pub use crate::purpose::Purpose;
pub use crate::secret::{MIN_SECRET_BYTES, SecretKey, SecretKeyError, SecretKeyErrorKind};
#[cfg(feature = "signals")]
pub use crate::signals::{TokenIssued, TokenRefused, token_issued, token_refused};
pub use crate::subkey::Subkey;
pub use crate::token::Token;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
