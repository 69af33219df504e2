//! How much of an address counts as one client.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network that counts as one client: an IPv4 address, or the first 64 bits of an IPv6 address, of which
/// one customer usually has all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientNetwork(Prefix);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Prefix {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl ClientNetwork {
    /// The network of an address. None for an address behind which many may be: 127.0.0.1, `::1`, private,
    /// shared and link-local ones. A reverse proxy or the bridge of a container has such an address, and
    /// then all clients have it; what would be held against one of them would be held against all.
    ///
    /// The rest of 127.0.0.0/8 counts as clients: the system takes 127.0.0.1 for the one who chooses nothing else.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::client::ClientNetwork;
    ///
    /// let of = |address: &str| address.parse().ok().and_then(ClientNetwork::of);
    /// assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
    /// assert_ne!(of("203.0.113.1"), of("203.0.113.2"));
    /// assert_eq!(of("::ffff:203.0.113.1"), of("203.0.113.1"));
    /// assert_eq!(of("192.168.0.7"), None);
    /// ```
    pub fn of(address: IpAddr) -> Option<Self> {
        Self::of_peer(address, None)
    }

    /// The network of the one who is at the other end of a connection, where `own` is the address of this machine that
    /// they have reached. None where [`of`](Self::of) gives none, and for a peer that has the same address: it is on
    /// this machine, and may be a proxy that was told the public address of the site.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::client::ClientNetwork;
    ///
    /// let own = "203.0.113.1".parse()?;
    /// assert_eq!(ClientNetwork::of_peer(own, Some(own)), None);
    /// assert!(ClientNetwork::of_peer("203.0.113.2".parse()?, Some(own)).is_some());
    /// # Ok::<(), std::net::AddrParseError>(())
    /// ```
    pub fn of_peer(address: IpAddr, own: Option<IpAddr>) -> Option<Self> {
        if own.is_some_and(|own| own.to_canonical() == address.to_canonical()) {
            return None;
        }
        match unwrapped(address) {
            IpAddr::V4(address) => {
                (!may_be_a_proxy(address)).then(|| Self(Prefix::V4(address.octets())))
            }
            IpAddr::V6(address) => {
                let network = address.octets().first_chunk().copied();
                network
                    .filter(|_| !may_be_a_proxy_v6(address))
                    .map(|network| Self(Prefix::V6(network)))
            }
        }
    }

    /// The bytes of the network.
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.0 {
            Prefix::V4(bytes) => bytes,
            Prefix::V6(bytes) => bytes,
        }
    }

    /// The bytes of the network that this one is in, of which one customer may well have all: the first 24 bits of an
    /// IPv4 address, the first 48 of an IPv6 address.
    pub(crate) fn wide_bytes(&self) -> &[u8] {
        let shorter = match self.0 {
            Prefix::V4(_) => 3,
            Prefix::V6(_) => 6,
        };
        self.bytes().get(..shorter).unwrap_or_default()
    }
}

/// The IPv4 address that an address of IPv6 stands for, where it does: a mapped one, or one that a NAT64 has made (RFC 6052).
/// Behind the network of all of those are all clients of IPv4.
fn unwrapped(address: IpAddr) -> IpAddr {
    const NAT64: [u16; 6] = [0x64, 0xff9b, 0, 0, 0, 0];
    match address.to_canonical() {
        IpAddr::V6(address) if address.segments().starts_with(&NAT64) => {
            let [.., a, b, c, d] = address.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        other => other,
    }
}

fn may_be_a_proxy(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // RFC 6598: between a provider and its customers, also the network of some clusters.
    let is_shared = first == 100 && (64..128).contains(&second);
    address == Ipv4Addr::LOCALHOST
        || address.is_unspecified()
        || address.is_private()
        || address.is_link_local()
        || is_shared
}

fn may_be_a_proxy_v6(address: Ipv6Addr) -> bool {
    address.is_loopback()
        || address.is_unspecified()
        || address.is_unique_local()
        || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn proxies_count_as_nobody() {
        for (address, is_client) in [
            ("203.0.113.9", true),
            ("8.8.8.8", true),
            ("172.15.0.1", true),
            ("172.32.0.1", true),
            ("100.63.0.1", true),
            ("100.128.0.1", true),
            ("127.0.0.2", true),
            ("127.3.4.5", true),
            ("2001:db8::1", true),
            ("::ffff:203.0.113.9", true),
            ("127.0.0.1", false),
            ("::ffff:127.0.0.1", false),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("172.17.0.1", false),
            ("192.168.1.1", false),
            ("169.254.1.1", false),
            ("100.64.0.1", false),
            ("100.127.255.254", false),
            ("::1", false),
            ("::", false),
            ("fd00::1", false),
            ("fe80::1", false),
            ("::ffff:10.1.2.3", false),
            ("64:ff9b::203.0.113.9", true),
            ("64:ff9b::10.1.2.3", false),
        ] {
            let network = ClientNetwork::of(address.parse().unwrap());
            assert_eq!(network.is_some(), is_client, "{address}");
        }
    }

    #[test]
    fn own_address_is_nobody_in_either_form() {
        let forms = ["203.0.113.1", "::ffff:203.0.113.1"].map(|it| it.parse().unwrap());
        for own in forms {
            for address in forms {
                assert_eq!(
                    ClientNetwork::of_peer(address, Some(own)),
                    None,
                    "{address}"
                );
            }
            let other = "203.0.113.2".parse().unwrap();
            assert!(ClientNetwork::of_peer(other, Some(own)).is_some());
        }
    }

    #[test]
    fn customer_has_sixty_four_bits() {
        let of = |address: &str| ClientNetwork::of(address.parse().unwrap());
        assert_eq!(
            of("2001:db8:1:2:3::4"),
            of("2001:db8:1:2:ffff:ffff:ffff:ffff")
        );
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("203.0.113.1"), of("203.0.113.2"));
        // By way of a NAT64 each client of IPv4 is itself.
        assert_eq!(of("64:ff9b::203.0.113.1"), of("203.0.113.1"));
        assert_ne!(of("64:ff9b::203.0.113.1"), of("64:ff9b::203.0.113.2"));
        assert_ne!(of("64:ff9b:1::cb00:7101"), of("203.0.113.1"));
    }

    #[test]
    fn wide_networks_hold_many() {
        for (address, bytes, wide) in [
            ("203.0.113.9", &[203, 0, 113, 9][..], &[203, 0, 113][..]),
            (
                "2001:db8:1:2::9",
                &[0x20, 1, 0xd, 0xb8, 0, 1, 0, 2],
                &[0x20, 1, 0xd, 0xb8, 0, 1],
            ),
        ] {
            let network = ClientNetwork::of(address.parse().unwrap()).unwrap();
            assert_eq!((network.bytes(), network.wide_bytes()), (bytes, wide));
        }
    }
}
