//! A one-time code that a message carries.

use std::fmt;

use serde::Serialize;

/// A one-time code beside the link of a message: six digits for the user to type. It is good for the browser in which they
/// asked for it, for some minutes, and once.
///
/// Anyone who reads it can try it, so its `Debug` shows nothing and it cannot be displayed. It is serialised as its text, for
/// receivers that hand the event on.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OneTimeCode(String);

impl OneTimeCode {
    /// The code with this text.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::OneTimeCode;
    ///
    /// let code = OneTimeCode::new("042351");
    /// assert_eq!(code.as_str(), "042351");
    /// assert_eq!(format!("{code:?}"), "OneTimeCode(…)");
    /// ```
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Its text, for the message.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for OneTimeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneTimeCode(…)")
    }
}
