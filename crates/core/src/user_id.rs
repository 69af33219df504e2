//! Which user is meant. A file of its own, so that addresses need not know what a user is.

use serde::Serialize;

/// The number of a user's row. It fits a 32-bit column as well as a 64-bit one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UserId(i64);

impl UserId {
    /// The id of the row with this number.
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The number of the row.
    pub const fn get(self) -> i64 {
        self.0
    }
}
