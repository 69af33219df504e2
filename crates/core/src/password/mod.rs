//! Passwords: as typed, as stored, how they are hashed, and which are refused.

mod argon2;
mod argon2_encoding;
mod check_stage;
mod checking;
mod common;
mod effort;
mod encoded;
mod hash_pool;
mod hasher;
mod legacy;
mod policy;
mod queue;
mod requester;
mod secret;
mod similarity;
#[cfg(feature = "zxcvbn")]
mod strength;
mod turns;

pub use argon2::Argon2Hasher;
pub(crate) use check_stage::{SharedStage, Stage};
pub use encoded::EncodedPassword;
pub use hasher::{HashError, HashErrorKind, PasswordHasher, Verdict};
pub use legacy::{LegacyHash, LegacyHashes};
pub use policy::{PasswordCheck, PasswordPolicy, PasswordProblem};
pub use requester::Requester;
pub use secret::Password;
#[cfg(feature = "zxcvbn")]
pub use strength::PasswordStrength;
/// Never there: of it the compiler says which feature it needs, of the `use` above it would say nothing.
#[cfg(feature = "zxcvbn")]
#[cfg(not(feature = "zxcvbn"))]
pub struct PasswordStrength;
pub use turns::{Turn, Turns};
