//! The two kinds of address.

use serde::Serialize;
use std::fmt;

/// Which of the two kinds an address is: the same for addresses, for messages and for ids in links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(
    clippy::exhaustive_enums,
    reason = "there are two tables and two signals of each; a third kind would change every caller"
)]
pub enum AddressKind {
    /// An email address.
    Email,
    /// A phone number.
    Phone,
}

impl AddressKind {
    /// The word for this kind in forms, links and stores: `email` or `phone`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }

    /// Reads what [`as_str`](Self::as_str) writes, and nothing else.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::AddressKind;
    ///
    /// assert_eq!(AddressKind::parse("phone"), Some(AddressKind::Phone));
    /// assert_eq!(AddressKind::parse("Phone"), None);
    /// ```
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Email, Self::Phone]
            .into_iter()
            .find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for AddressKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
