//! Why a text message is refused.

use std::fmt;

use serde::Serialize;

/// Why a text message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MessageRefusal {
    /// The site sends nothing to numbers of this country.
    Country,
    /// Messages to numbers of this type cost too much.
    NumberType,
    /// Too many to this number were not used.
    Number,
    /// Too many to numbers of this dial code were not used.
    DialCode,
    /// Too many to numbers of the same thousand were not used.
    Prefix,
    /// One client network asks for messages to several countries, and none was used.
    Network,
    /// Too many of this site were not used.
    Site,
}

impl MessageRefusal {
    /// The word for it, in the log and on the command line.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::MessageRefusal;
    ///
    /// assert_eq!(MessageRefusal::DialCode.as_str(), "dial_code");
    /// ```
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::NumberType => "number_type",
            Self::Number => "number",
            Self::DialCode => "dial_code",
            Self::Prefix => "prefix",
            Self::Network => "network",
            Self::Site => "site",
        }
    }
}

impl fmt::Display for MessageRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
