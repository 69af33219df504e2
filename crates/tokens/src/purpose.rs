//! What a token is for.

use core::fmt;

/// What a token is for: a token made for one purpose is worthless for every other.
///
/// Each purpose has its own key, derived from the secret, so that no message of one can be taken for
/// a message of another. Declare it once, as a constant.
///
/// # Examples
///
/// ```
/// use phone_auth_tokens::Purpose;
///
/// const VERIFY_EMAIL: Purpose = Purpose::new("verify-email");
/// assert_eq!(VERIFY_EMAIL.as_str(), "verify-email");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Purpose {
    name: &'static str,
}

impl Purpose {
    /// A purpose of that name. Changing the name later ends all tokens of that purpose.
    ///
    /// The name is part of the program, never of its input: the derived keys of every purpose used
    /// are kept as long as the [`OneTimeTokens`](crate::OneTimeTokens) live.
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// Its name.
    pub const fn as_str(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Purpose").field(&self.name).finish()
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
