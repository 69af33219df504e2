//! Who sends a request, as far as that is known before anyone has typed a right password.
//!
//! It decides nothing about what a user may do. It says against whose share work counts, so that a
//! flood by strangers keeps nobody out who is known.

mod browser;
mod devices;
mod network;

use std::fmt;
use std::net::IpAddr;

pub use browser::BrowserName;
pub use devices::Devices;
pub(crate) use devices::{AccountMark, DeviceNonce, DeviceToken};
pub use network::ClientNetwork;

use crate::user::UserId;

/// Who sends a request: the address of the peer, whose session the browser has, and who has signed in
/// with it before. [`Accounts::for_client`](crate::accounts::Accounts::for_client) hands it to the flows.
///
/// What is not known is left out; then the client is a stranger from nowhere, who shares with all others
/// of that kind.
///
/// # Examples
/// ```
/// use std::net::IpAddr;
///
/// use phone_auth_core::client::{Client, Devices};
///
/// let peer: IpAddr = "203.0.113.7".parse()?;
/// let client = Client::new().at(peer).with_devices(Devices::parse(""));
/// assert_eq!(client.address(), Some(peer));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Client {
    address: Option<IpAddr>,
    browser: Option<BrowserName>,
    devices: Devices,
    signed_in: Option<UserId>,
}

impl Client {
    /// Someone of whom nothing is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same at this address, as the connection says it. A header that a client can write is no such
    /// address, unless a proxy of one's own has written it.
    #[must_use]
    pub fn at(mut self, address: IpAddr) -> Self {
        self.address = Some(address);
        self
    }

    /// The same that says this of itself in the header `User-Agent`. It is shown to the owner of a session, and decides nothing.
    #[must_use]
    pub fn with_user_agent(mut self, user_agent: &str) -> Self {
        self.browser = BrowserName::read(user_agent);
        self
    }

    /// The same with the tokens that earlier sign-ins have left in the browser.
    #[must_use]
    pub fn with_devices(mut self, devices: Devices) -> Self {
        self.devices = devices;
        self
    }

    /// The address of the peer.
    pub const fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Its browser and system in words, if it said something that is known.
    pub const fn browser(&self) -> Option<&BrowserName> {
        self.browser.as_ref()
    }

    /// The network that counts as one client; none where the address is unknown or may be that of a proxy.
    pub fn network(&self) -> Option<ClientNetwork> {
        ClientNetwork::of(self.address?)
    }

    /// The same with a session of the user who has this number.
    pub(crate) fn of_user(self, user: UserId) -> Self {
        Self {
            signed_in: Some(user),
            ..self
        }
    }

    pub(crate) const fn devices(&self) -> &Devices {
        &self.devices
    }

    pub(crate) const fn user(&self) -> Option<UserId> {
        self.signed_in
    }

    pub(crate) fn is_signed_in_as(&self, user: UserId) -> bool {
        self.signed_in == Some(user)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.address)
            .field("is_signed_in", &self.signed_in.is_some())
            .finish_non_exhaustive()
    }
}
