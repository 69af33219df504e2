//! The port for hashes that another program made and nobody makes any more.

use super::EncodedPassword;

/// Recognises and checks hashes of other kinds than Argon2, for
/// [`Argon2Hasher::with_legacy_hashes`](super::Argon2Hasher::with_legacy_hashes). A log-in replaces them.
///
/// # Security
/// - What is stored says how much work it asks for. An implementation refuses to read what asks for too much: a row that
///   someone tampered with must not become a bomb.
/// - Work of one kind can be made up for: a refusal does as much of it as any other, if [`due`](Self::due) says how
///   much. It is counted where it is spent.
/// - All of it happens where Argon2 runs, off the async threads.
///
/// # Examples
/// ```
/// use phone_auth_core::password::{
///     Argon2Hasher, EncodedPassword, LegacyHash, LegacyHashes, Password, PasswordHasher, Requester,
///     Verdict,
/// };
///
/// /// Passwords as they are, from a program that we would rather not name.
/// struct Plain;
/// struct PlainText(EncodedPassword);
///
/// impl LegacyHashes for Plain {
///     fn read(&self, stored: &EncodedPassword) -> Option<Box<dyn LegacyHash>> {
///         let is_plain = stored.reveal().starts_with("plain$");
///         is_plain.then(|| Box::new(PlainText(stored.clone())) as _)
///     }
/// }
///
/// impl LegacyHash for PlainText {
///     fn is_of(&self, password: &str, _spent: &mut u64) -> bool {
///         EncodedPassword::new(format!("plain${password}")) == self.0
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let hasher = Argon2Hasher::new().with_legacy_hashes(Plain);
/// let stored = EncodedPassword::new("plain$correct horse");
/// let (password, operator) = (Password::new("correct horse"), Requester::operator());
/// let verdict = hasher.verify(&password, &stored, &operator).await?;
/// assert_eq!(verdict, Verdict::MatchOutdated);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait LegacyHashes: Send + Sync {
    /// Reads a hash; `None` for what is not of these kinds, and for what asks for more work than a stored hash may.
    fn read(&self, stored: &EncodedPassword) -> Option<Box<dyn LegacyHash>>;

    /// How much counted work each text that is tried in a failed check comes to, besides a hash of ours; unless said
    /// otherwise none.
    fn due(&self) -> u64 {
        0
    }

    /// Does so much counted work that is of no use, and adds it to what is spent. Unless said otherwise there is
    /// no work that counts.
    fn work_for_nobody(&self, _password: &str, _work: u64, _spent: &mut u64) {}
}

/// A stored hash that a [`LegacyHashes`] has read.
pub trait LegacyHash: Send {
    /// Whether this password gives this hash, found out in a time that does not depend on where they differ. What it
    /// costs is added to what is spent, as far as it is work that counts.
    fn is_of(&self, password: &str, spent: &mut u64) -> bool;
}

/// Hashes of others are not checked.
pub(super) struct NoLegacyHashes;

impl LegacyHashes for NoLegacyHashes {
    fn read(&self, _stored: &EncodedPassword) -> Option<Box<dyn LegacyHash>> {
        None
    }
}
