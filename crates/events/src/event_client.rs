//! Whose request made something happen.

use std::fmt;
use std::net::IpAddr;

use phone_auth_signals::Event;
use serde::Serialize;

/// An event that tells what a request made happen.
pub trait Happened: Event {
    /// The event of this client; none where it is not known.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{EventClient, Happened, LoginFailure, Sender, UserLoginFailed};
    ///
    /// let event = UserLoginFailed::new(Sender::new("log_in"), LoginFailure::WrongPassword, None);
    /// let client = EventClient::new("203.0.113.7".parse()?);
    /// assert_eq!(event.of(Some(client)).client, Some(client));
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    #[must_use]
    fn of(self, client: Option<EventClient>) -> Self;
}

/// The client whose request made something happen, as far as it is known.
///
/// # Security
/// An address is personal data. [`redacted`](Self::redacted) keeps it out of logs that show events by `Debug`; anyone who is
/// sent the event as JSON gets it.
///
/// # Examples
/// ```
/// use phone_auth_events::EventClient;
///
/// let client = EventClient::new("203.0.113.7".parse()?);
/// assert_eq!(client.address.to_string(), "203.0.113.7");
/// assert!(!format!("{:?}", client.redacted()).contains("203"));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EventClient {
    /// The address that the request came from.
    pub address: IpAddr,
    #[serde(skip)]
    is_redacted: bool,
}

impl EventClient {
    /// The client at this address.
    pub const fn new(address: IpAddr) -> Self {
        Self {
            address,
            is_redacted: false,
        }
    }

    /// The same, whose `Debug` does not show the address.
    #[must_use]
    pub const fn redacted(mut self) -> Self {
        self.is_redacted = true;
        self
    }
}

impl fmt::Debug for EventClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut client = f.debug_struct("EventClient");
        if self.is_redacted {
            client.field("address", &format_args!("[redacted]"));
        } else {
            client.field("address", &self.address);
        }
        client.finish()
    }
}
