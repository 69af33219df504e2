//! What another program on the same database has stored and the flows cannot serve as it is.

use async_trait::async_trait;

use super::StoreError;
use crate::person::PersonId;

/// Why rows are odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OddityKind {
    /// Several people have an e-mail address in letters of different case: none of them can log in or
    /// be sent a reset link by it.
    SharedEmail,
    /// Several people have a username in letters of different case: each logs in by exactly theirs.
    SharedUsername,
    /// A phone number is not in the form E.164 (`+14155552671`): nobody can log in or be sent a reset link
    /// by it.
    ForeignPhone,
    /// A time cannot be read: the last log-in counts as none, the time of joining as 1970.
    UnreadableTime,
}

/// Rows that are odd together, such as all the spellings of one e-mail address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct Oddity {
    /// What is odd.
    pub kind: OddityKind,
    /// What is stored, and whose it is.
    pub rows: Vec<(String, PersonId)>,
}

/// Finds what cannot be served. A store whose tables are only its own has nothing to find.
///
/// # Errors
/// As for [`PersonStore`](super::PersonStore).
///
/// # Cancel safety
/// It only reads.
#[async_trait]
pub trait OddityStore: Send + Sync {
    /// All that is odd, by kind and then by what is stored. Reads every row: for an operator, not for a
    /// request.
    async fn oddities(&self) -> Result<Vec<Oddity>, StoreError>;
}
