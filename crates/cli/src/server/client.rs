//! Who is at the other end of a connection, as far as places are concerned.
//!
//! This is the one place where that is decided. Who stands behind a proxy is not known here: to the listener, the proxy is
//! the client.

use std::net::{IpAddr, Ipv6Addr};

/// A client: an address of IPv4, or a network of 64 bits of IPv6, which is what one customer of a provider has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Client {
    network: IpAddr,
    is_near: bool,
}

impl Client {
    /// The client at an address; `own` is the address of this machine that it has reached.
    pub(super) fn of(peer: IpAddr, own: Option<IpAddr>) -> Self {
        let peer = peer.to_canonical();
        let is_near = is_near(peer) || own.is_some_and(|own| own.to_canonical() == peer);
        let network = match peer {
            IpAddr::V4(_) => peer,
            IpAddr::V6(address) => {
                let bits = address.to_bits() >> 64 << 64;
                IpAddr::V6(Ipv6Addr::from_bits(bits))
            }
        };
        Self { network, is_near }
    }

    /// Whether it may be a proxy of the site, with everybody behind it: one on this machine or in the same private network.
    /// Such a client may have all places.
    pub(super) fn is_near(self) -> bool {
        self.is_near
    }
}

/// Whether an address is of this machine or of a private network (RFC 1918, RFC 6598, RFC 4193), or link-local.
fn is_near(peer: IpAddr) -> bool {
    match peer {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            let is_shared = first == 100 && second & 0xc0 == 64;
            address.is_loopback() || address.is_private() || address.is_link_local() || is_shared
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
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
            ("127.8.8.8", true),
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
}
