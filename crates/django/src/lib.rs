//! What serves a database of django-phone-auth, and a Django site beside this one: the formats of Django 5.2 and
//! django-phone-auth 0.3.
//!
//! Each part fills a port of `phone-auth-core`, which knows nothing of Django:
//!
//! | part | port | what it does |
//! |---|---|---|
//! | [`DjangoHashes`] | `LegacyHashes` | checks passwords that Django hashed; a log-in replaces them |
//! | [`DjangoTokens`] | `ForeignTokens` | accepts links that the old site sent, until a moment that the operator names
//! |
//! | [`DjangoSessions`] | `Sessions` | anyone who is logged in at the Django site is logged in here, and the other way
//! round |
//! | [`TimeZone`] | `WallClock` | reads the times of Django's tables where they are texts without a zone |
//!
//! What is not here: SQL, for the stores keep the rows; and making a token of Django's.
//!
//! # Security
//!
//! The verification tokens can be forged. Their fields follow each other without a mark between them, so
//! that a token for one account and address is one for another account, time and address too. Refusing
//! times that are far from now closes all forgeries but those whose digits happen to fit. Keep the window
//! short: the longest that a link of the old site lives is three days.
//!
//! # Examples
//! ```
//! use phone_auth_core::password::{
//!     Argon2Hasher, EncodedPassword, Password, PasswordHasher, Requester, Verdict,
//! };
//! use phone_auth_django::DjangoHashes;
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let hasher = Argon2Hasher::new().with_legacy_hashes(DjangoHashes::new());
//! let stored = EncodedPassword::new(
//!     "pbkdf2_sha256$1000$0123456789abcdefghijkl$y+3upc4pRuQ85pvLeXsMMz9pztFaS554MuGjfa9wfUw=",
//! );
//! let password = Password::new("S3cret-pass!9");
//! let verdict = hasher.verify(&password, &stored, &Requester::operator()).await?;
//! assert_eq!(verdict, Verdict::MatchOutdated);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod calling_code;
mod hashes;
mod iterations;
mod keys;
mod session_data;
mod sessions;
mod state;
#[cfg(test)]
mod tests;
mod time_zone;
mod tokens;

pub use self::hashes::DjangoHashes;
pub use self::iterations::DjangoIterations;
pub use self::keys::{DjangoKeys, SessionAuthHash};
pub use self::session_data::SessionData;
pub use self::sessions::DjangoSessions;
pub use self::state::{DjangoAddress, ResetState, VerificationState};
pub use self::time_zone::{TimeZone, TimeZoneError};
pub use self::tokens::{DJANGO_LIFETIME, DjangoTokens, FUTURE_TOLERANCE};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
