//! In which ways the passwords of a database are hashed.

use async_trait::async_trait;

use super::StoreError;

/// Passwords that are hashed alike.
///
/// What is stored is `algorithm$cost$…`; the rest, where salts and hashes are, is not in here. Nor is what stands in the
/// place of the cost where that is none: in some formats it is the salt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct PasswordKind {
    /// The name of the algorithm, such as `pbkdf2_sha256` or `argon2`.
    pub algorithm: String,
    /// What follows it: the number of iterations of PBKDF2, the cost of scrypt, the variant of Argon2; else
    /// empty.
    pub cost: String,
    /// How many users have such a password.
    pub users: u64,
}

/// Counts the ways in which passwords are hashed.
///
/// # Errors
/// As for [`UserStore`](super::UserStore).
///
/// # Cancel safety
/// It only reads.
#[async_trait]
pub trait PasswordKindStore: Send + Sync {
    /// All the ways there are, by algorithm and cost; without users who have no usable password. Reads every row:
    /// for an operator, not for a request.
    async fn password_kinds(&self) -> Result<Vec<PasswordKind>, StoreError>;
}
