//! The user an event is about.

use serde::Serialize;

/// The user an event is about, as they were when it was sent. Nothing secret is in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct User {
    /// The number by which the store knows them.
    pub id: i64,
    /// The name they log in with.
    pub username: String,
    /// Their first name; may be empty.
    pub first_name: String,
    /// Their last name; may be empty.
    pub last_name: String,
}

impl User {
    /// The user with these values.
    pub fn new(
        id: i64,
        username: impl Into<String>,
        first_name: impl Into<String>,
        last_name: impl Into<String>,
    ) -> Self {
        Self {
            id,
            username: username.into(),
            first_name: first_name.into(),
            last_name: last_name.into(),
        }
    }
}
