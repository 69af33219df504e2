//! Who is at the other end of a connection, as far as places are concerned.
//!
//! Which address may be that of a proxy is decided in one place for the listener and the pages: [`ClientNetwork`]. Who
//! stands behind a proxy is not known here: to the listener, the proxy is the client.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use phone_auth::core::client::ClientNetwork;

/// A client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Client {
    /// An address of IPv4, or a network of 64 bits of IPv6, which is what one customer of a provider has.
    Network(ClientNetwork),
    /// What may be a proxy of the site, with everybody behind it: one on this machine or in the same private network.
    Near(IpAddr),
}

impl Client {
    /// The client at an address; `own` is the address of this machine that it has reached.
    pub(super) fn of(peer: IpAddr, own: Option<IpAddr>) -> Self {
        let network = ClientNetwork::of_peer(peer, own);
        network.map_or_else(|| Self::Near(peer.to_canonical()), Self::Network)
    }

    /// The proxy at an address that the settings name: it has everybody behind it, wherever it is.
    pub(super) fn proxy(peer: IpAddr) -> Self {
        Self::Near(peer.to_canonical())
    }

    /// Whether it may be a proxy. Such a client may have all places.
    pub(super) fn is_near(self) -> bool {
        matches!(self, Self::Near(_))
    }

    /// The peer as the pages know it. They do not see which address of this machine was reached, so that anyone who has
    /// come from that same address has come from 127.0.0.1: to them, too, it may be a proxy.
    pub(super) fn peer_for_pages(self, peer: SocketAddr) -> SocketAddr {
        if self.is_near() && ClientNetwork::of(peer.ip()).is_some() {
            return (Ipv4Addr::LOCALHOST, peer.port()).into();
        }
        peer
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn client(peer: &str) -> Client {
        let own = "198.51.100.7".parse().ok();
        Client::of(peer.parse().unwrap(), own)
    }

    #[test]
    fn networks_are_clients() {
        for (one, other, same) in [
            ("203.0.113.1", "203.0.113.1", true),
            ("203.0.113.1", "203.0.113.2", false),
            ("203.0.113.1", "::ffff:203.0.113.1", true),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", true),
            ("2001:db8:0:1::1", "2001:db8:0:2::1", false),
        ] {
            assert_eq!(client(one) == client(other), same, "{one} {other}");
        }
    }

    #[test]
    fn own_proxies_are_near() {
        for (peer, near) in [
            ("127.0.0.1", true),
            ("127.8.8.8", false),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("192.168.0.9", true),
            ("100.64.0.1", true),
            ("100.128.0.1", false),
            ("169.254.1.1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(client(peer).is_near(), near, "{peer}");
        }
    }

    /// Whom the listener takes for a proxy, the pages take for one.
    #[test]
    fn pages_agree_about_proxies() {
        for peer in [
            "127.0.0.1",
            "127.8.8.8",
            "::1",
            "10.1.2.3",
            "203.0.113.1",
            "198.51.100.7",
            "::ffff:198.51.100.7",
            "198.51.100.8",
            "fd00::1",
            "2001:db8::1",
        ] {
            let client = client(peer);
            let shown = client.peer_for_pages(SocketAddr::new(peer.parse().unwrap(), 4711));
            let network = ClientNetwork::of(shown.ip());
            assert_eq!(network.is_none(), client.is_near(), "{peer}");
            assert_eq!(shown.port(), 4711, "{peer}");
        }
    }
}
