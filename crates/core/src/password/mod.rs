//! Passwords: as typed, as stored, how they are hashed, and which are refused.

mod encoded;

pub use encoded::EncodedPassword;
