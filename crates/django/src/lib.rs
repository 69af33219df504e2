//! What serves a database of django-phone-auth: the hashes that Django stores.
//!
//! Each part fills a port of `phone-auth-core`, which knows nothing of Django. [`DjangoHashes`] checks passwords that
//! Django hashed; [`DjangoIterations`] says how much a refusal must cost so that no clock tells whose hash is Django's.
//!
//! What is not here: SQL. The stores keep the rows.
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

mod hashes;
mod iterations;

pub use self::hashes::DjangoHashes;
pub use self::iterations::DjangoIterations;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
