//! What a message says: a code, a link, or both.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// What a message says where it has a code: the code, the link, or both. Where there is no code it says the link.
///
/// # Examples
/// ```
/// use phone_auth_events::Carries;
///
/// assert_eq!("code".parse(), Ok(Carries::Code));
/// assert!("neither".parse::<Carries>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there is no fourth")]
pub enum Carries {
    /// The code alone.
    Code,
    /// The link alone.
    Link,
    /// Both.
    Both,
}

impl FromStr for Carries {
    type Err = NotCarried;

    fn from_str(text: &str) -> Result<Self, NotCarried> {
        match text {
            "code" => Ok(Self::Code),
            "link" => Ok(Self::Link),
            "both" => Ok(Self::Both),
            _ => Err(NotCarried),
        }
    }
}

/// A text that says nothing that a message can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotCarried;

impl fmt::Display for NotCarried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one of code, link and both")
    }
}

impl Error for NotCarried {}

/// What messages say, by the address that they go to.
///
/// # Examples
/// ```
/// use phone_auth_events::{Carries, CarriesTo};
///
/// let carries = CarriesTo::all(Carries::Code).by_prefix("+1", Carries::Both).by_prefix("+1212", Carries::Link);
/// assert_eq!(carries.to("+41446681800"), Carries::Code);
/// assert_eq!(carries.to("+13105550123"), Carries::Both);
/// assert_eq!(carries.to("+12125552368"), Carries::Link);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriesTo {
    usual: Carries,
    by_prefix: Vec<(String, Carries)>,
}

impl CarriesTo {
    /// This, to whatever address.
    pub const fn all(usual: Carries) -> Self {
        Self {
            usual,
            by_prefix: Vec::new(),
        }
    }

    /// The same, and this to addresses that begin so; of several prefixes the longest counts.
    #[must_use]
    pub fn by_prefix(mut self, prefix: impl Into<String>, carries: Carries) -> Self {
        self.by_prefix.push((prefix.into(), carries));
        self
    }

    /// The same, and this to the addresses that no prefix is about.
    #[must_use]
    pub const fn else_to_all(mut self, usual: Carries) -> Self {
        self.usual = usual;
        self
    }

    /// What a message to this address says.
    pub fn to(&self, address: &str) -> Carries {
        let prefixes = self.by_prefix.iter();
        let fitting = prefixes.filter(|(prefix, _)| address.starts_with(prefix));
        let longest = fitting.max_by_key(|(prefix, _)| prefix.len());
        longest.map_or(self.usual, |(_, carries)| *carries)
    }

    /// Whether a message to some address may say this.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{Carries, CarriesTo};
    ///
    /// let carries = CarriesTo::all(Carries::Code).by_prefix("+1", Carries::Both);
    /// assert!(carries.may_be(Carries::Both) && !carries.may_be(Carries::Link));
    /// ```
    pub fn may_be(&self, carries: Carries) -> bool {
        self.usual == carries || self.by_prefix.iter().any(|(_, it)| *it == carries)
    }
}

/// Both, to whatever address.
impl Default for CarriesTo {
    fn default() -> Self {
        Self::all(Carries::Both)
    }
}
