//! Which flow sent an event.

use serde::Serialize;
use std::fmt;

/// Which flow sent an event: `sign_up`, `request_password_reset`, ….
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Sender(&'static str);

impl Sender {
    /// The sender of this name.
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    pub const fn as_str(&self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl From<&'static str> for Sender {
    fn from(name: &'static str) -> Self {
        Self(name)
    }
}

impl PartialEq<str> for Sender {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Sender {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}
