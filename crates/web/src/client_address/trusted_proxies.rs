//! The proxies whose word about a client is taken, and how they give it.

use std::fmt;
use std::net::IpAddr;

use http::{HeaderMap, HeaderName, header::FORWARDED};
use ipnet::IpNet;

use super::hops;

/// The widest networks that proxies of one's own are in: `10.0.0.0/8` and `fc00::/7`. Anyone who trusts more trusts strangers.
const WIDEST: [u8; 2] = [8, 7];

/// How many hops of a header are looked at, from the last.
const MOST_HOPS: usize = 32;

/// The proxies in front of a site, which say in a header whose request it is.
///
/// The header is read from its end: the last hop was written by the proxy that is connected, the one before by the hop
/// before, if that is trusted too. The first that is not is the client; what stands left of it is whatever the client
/// wrote.
///
/// # Security
/// Name the networks of the proxies and no more. Anyone who is in one of them can choose the address that counts.
///
/// # Examples
/// ```
/// use phone_auth_web::{ClientAddressHeader, TrustedProxies};
///
/// let networks = ["10.0.0.0/8".parse()?, "::1/128".parse()?];
/// let proxies = TrustedProxies::new(networks, ClientAddressHeader::XForwardedFor);
/// assert!(proxies.contains("10.1.2.3".parse()?));
/// assert!(!proxies.contains("203.0.113.7".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies {
    networks: Vec<IpNet>,
    header: ClientAddressHeader,
}

/// The header in which proxies say whose request it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientAddressHeader {
    /// `X-Forwarded-For`, to which each proxy adds the address of its client.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239), to which each proxy adds an element with `for=`.
    Forwarded,
    /// `X-Real-IP`, which a proxy sets to the address of its client. It says nothing of further hops.
    XRealIp,
}

impl ClientAddressHeader {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::XForwardedFor, Self::Forwarded, Self::XRealIp];

    /// The name of the header in small letters, as settings have it.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_web::ClientAddressHeader;
    ///
    /// assert_eq!(ClientAddressHeader::XRealIp.name(), "x-real-ip");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
            Self::XRealIp => "x-real-ip",
        }
    }

    pub(super) fn header(self) -> HeaderName {
        match self {
            Self::Forwarded => FORWARDED,
            Self::XForwardedFor | Self::XRealIp => HeaderName::from_static(self.name()),
        }
    }
}

/// The most characters of a text that is no network which its error says.
const MOST_OF_A_TEXT: usize = 100;

/// A text is neither a network nor an address. Its `Debug` is the sentence: a `main` that returns the error prints it in this
/// way.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no network: write an address, or one with the number of bits that its network has in common, such as \
     10.0.0.0/8, 192.0.2.7 or 2001:db8::/32"
)]
pub struct NetworkError(String);

impl fmt::Debug for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TrustedProxies {
    /// The proxies of these networks, which write this header.
    pub fn new(networks: impl IntoIterator<Item = IpNet>, header: ClientAddressHeader) -> Self {
        let networks = networks.into_iter().collect();
        Self { networks, header }
    }

    /// The same, of networks and addresses as text, as settings have them.
    ///
    /// # Errors
    /// [`NetworkError`] when one of them is neither.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_web::{ClientAddressHeader, TrustedProxies};
    ///
    /// let header = ClientAddressHeader::XForwardedFor;
    /// let proxies = TrustedProxies::parse(["10.0.0.0/8", "192.0.2.7"], header)?;
    /// assert!(proxies.contains("192.0.2.7".parse()?));
    ///
    /// let error = TrustedProxies::parse(["10.0.0.0/33"], header).unwrap_err();
    /// assert!(error.to_string().starts_with("\"10.0.0.0/33\" is no network"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn parse<'a>(
        networks: impl IntoIterator<Item = &'a str>,
        header: ClientAddressHeader,
    ) -> Result<Self, NetworkError> {
        let read = |text: &str| {
            let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
            let network = text.parse().ok().or_else(address);
            network.ok_or_else(|| NetworkError(text.chars().take(MOST_OF_A_TEXT).collect()))
        };
        let networks: Result<Vec<IpNet>, NetworkError> = networks.into_iter().map(read).collect();
        Ok(Self::new(networks?, header))
    }

    /// Whether a network is narrow enough to be one of proxies. In one as wide as `0.0.0.0/0` are clients as well, and each of
    /// them could choose the address that counts.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_web::TrustedProxies;
    ///
    /// assert!(TrustedProxies::may_be(&"10.0.0.0/8".parse()?));
    /// assert!(!TrustedProxies::may_be(&"::/0".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn may_be(network: &IpNet) -> bool {
        let [v4, v6] = WIDEST;
        let widest = match network {
            IpNet::V4(_) => v4,
            IpNet::V6(_) => v6,
        };
        network.prefix_len() >= widest
    }

    /// Whether one of its networks is too wide.
    pub(crate) fn trusts_strangers(&self) -> bool {
        !self.networks.iter().all(Self::may_be)
    }

    /// Whether an address is that of a trusted proxy. An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the
    /// IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }

    /// Whether none is named.
    pub const fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// The header that they write.
    pub const fn header(&self) -> ClientAddressHeader {
        self.header
    }

    /// The client of a request that a trusted proxy has sent with these headers. None when the header is missing, or
    /// does not say it: an address that was hidden, or a hop that cannot be read.
    ///
    /// # Examples
    /// ```
    /// use http::HeaderMap;
    /// use phone_auth_web::{ClientAddressHeader, TrustedProxies};
    ///
    /// let proxies = TrustedProxies::new(["10.0.0.0/8".parse()?], ClientAddressHeader::XForwardedFor);
    /// let mut headers = HeaderMap::new();
    /// // The client wrote the first, a proxy the second, and the proxy in front of this site the third.
    /// headers.insert("x-forwarded-for", "127.0.0.1, 203.0.113.7, 10.1.2.3".parse()?);
    /// assert_eq!(proxies.client(&headers), Some("203.0.113.7".parse()?));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let values = headers.get_all(self.header.header());
        if self.header == ClientAddressHeader::XRealIp {
            // Where it stands twice, the proxy has added its own behind what the client wrote.
            return hops::node(values.iter().next_back()?.as_bytes());
        }
        let mut farthest = None;
        let mut left = MOST_HOPS;
        for value in values.iter().rev() {
            for hop in hops::from_last(value.as_bytes()) {
                left = left.checked_sub(1)?;
                let address = match self.header {
                    ClientAddressHeader::Forwarded => hops::forwarded_for(hop)?,
                    _ => hops::node(hop)?,
                };
                farthest = Some(address);
                if !self.contains(address) {
                    return farthest;
                }
            }
        }
        farthest
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::ClientAddressHeader::{Forwarded, XForwardedFor, XRealIp};
    use super::*;

    fn client(header: ClientAddressHeader, values: &[&str]) -> Option<String> {
        let networks = ["10.0.0.0/8", "2001:db8:ffff::/48"].map(|net| net.parse().unwrap());
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header.header(), value.parse().unwrap());
        }
        let found = TrustedProxies::new(networks, header).client(&headers);
        found.map(|address| address.to_string())
    }

    /// The header, its values, and the client.
    type Row = (
        ClientAddressHeader,
        &'static [&'static str],
        Option<&'static str>,
    );

    const TABLE: &[Row] = &[
        (XForwardedFor, &["203.0.113.7"], Some("203.0.113.7")),
        // Whatever the client wrote stands left of what the proxy added.
        (
            XForwardedFor,
            &["1.2.3.4, 203.0.113.7"],
            Some("203.0.113.7"),
        ),
        (
            XForwardedFor,
            &["nonsense, 203.0.113.7"],
            Some("203.0.113.7"),
        ),
        (
            XForwardedFor,
            &["203.0.113.7, 10.9.9.9"],
            Some("203.0.113.7"),
        ),
        (
            XForwardedFor,
            &["1.2.3.4,203.0.113.7 ,10.9.9.9,10.1.1.1"],
            Some("203.0.113.7"),
        ),
        // Several headers of one name are one list.
        (
            XForwardedFor,
            &["1.2.3.4", "203.0.113.7"],
            Some("203.0.113.7"),
        ),
        (
            XForwardedFor,
            &["203.0.113.7", "10.1.1.1"],
            Some("203.0.113.7"),
        ),
        (XForwardedFor, &["203.0.113.7:4711"], Some("203.0.113.7")),
        (XForwardedFor, &["2001:db8::7"], Some("2001:db8::7")),
        (XForwardedFor, &["[2001:db8::7]"], Some("2001:db8::7")),
        (XForwardedFor, &["[2001:db8::7]:4711"], Some("2001:db8::7")),
        (XForwardedFor, &["::ffff:203.0.113.7"], Some("203.0.113.7")),
        (
            XForwardedFor,
            &["203.0.113.7, ::ffff:10.0.0.1"],
            Some("203.0.113.7"),
        ),
        (
            XForwardedFor,
            &["203.0.113.7, 2001:db8:ffff::1"],
            Some("203.0.113.7"),
        ),
        (XForwardedFor, &["10.0.0.3, 10.0.0.2"], Some("10.0.0.3")),
        (XForwardedFor, &["203.0.113.7, unknown"], None),
        (XForwardedFor, &["203.0.113.7, "], None),
        (XForwardedFor, &["203.0.113.7, nonsense, 10.0.0.1"], None),
        (XForwardedFor, &["fe80::1%eth0"], None),
        (XForwardedFor, &["[203.0.113.7]"], None),
        (XForwardedFor, &["203.0.113"], None),
        (XForwardedFor, &["203.0.113.7:port"], None),
        (XForwardedFor, &["203.0.113.7:99999"], None),
        (XForwardedFor, &[""], None),
        (XForwardedFor, &[], None),
        (Forwarded, &["for=203.0.113.7"], Some("203.0.113.7")),
        (
            Forwarded,
            &["for=1.2.3.4, for=203.0.113.7;proto=https;by=10.0.0.1"],
            Some("203.0.113.7"),
        ),
        (
            Forwarded,
            &["proto=https;FOR=\"203.0.113.7:4711\""],
            Some("203.0.113.7"),
        ),
        (
            Forwarded,
            &["for=\"[2001:db8::7]:4711\""],
            Some("2001:db8::7"),
        ),
        (
            Forwarded,
            &["for=203.0.113.7", "for=10.0.0.1"],
            Some("203.0.113.7"),
        ),
        // A comma and a quotation mark within quotation marks end nothing.
        (
            Forwarded,
            &[r#"for=1.2.3.4;host="a, for=5.6.7.8", for=203.0.113.7"#],
            Some("203.0.113.7"),
        ),
        (
            Forwarded,
            &[r#"for=203.0.113.7;host="a\", for=5.6.7.8""#],
            Some("203.0.113.7"),
        ),
        (
            Forwarded,
            &[r#"for=203.0.113.7;host="a;for=5.6.7.8""#],
            Some("203.0.113.7"),
        ),
        // Whatever the client leaves open hides nothing of what the proxy adds.
        (
            Forwarded,
            &[r#"for="1.2.3.4, for=203.0.113.7"#],
            Some("203.0.113.7"),
        ),
        (
            Forwarded,
            &[r#"for="1.2.3.4\, for="[2001:db8::7]:1""#],
            Some("2001:db8::7"),
        ),
        (Forwarded, &["for=203.0.113.7, for=unknown"], None),
        (Forwarded, &["for=_hidden"], None),
        (Forwarded, &["for=\"203.0.113.7"], None),
        (Forwarded, &["for=\"203.0.113.7\"\""], None),
        // A backslash before the last quotation mark stands for itself, where another one is before it.
        (
            Forwarded,
            &[r#"for="a, for=1.2.3.4;host=\\", for=10.0.0.1"#],
            None,
        ),
        (Forwarded, &["by=203.0.113.7"], None),
        (Forwarded, &["for=203.0.113.7;for=1.2.3.4"], None),
        (Forwarded, &["for=2001:db8::7"], None),
        (XRealIp, &["203.0.113.7"], Some("203.0.113.7")),
        (XRealIp, &["1.2.3.4", "203.0.113.7"], Some("203.0.113.7")),
        (XRealIp, &["1.2.3.4, 203.0.113.7"], None),
        (XRealIp, &["10.0.0.1"], Some("10.0.0.1")),
    ];

    #[test]
    fn hops_are_read_from_the_last() {
        for (header, values, expected) in TABLE {
            let found = client(*header, values);
            assert_eq!(found.as_deref(), *expected, "{} {values:?}", header.name());
        }
        // More hops than anyone has are not followed.
        for (hops, expected) in [(MOST_HOPS, Some("10.0.0.1")), (MOST_HOPS + 1, None)] {
            let long = vec!["10.0.0.1"; hops].join(",");
            assert_eq!(client(XForwardedFor, &[&long]).as_deref(), expected);
        }
    }

    #[test]
    fn networks_of_strangers_are_too_wide() {
        for (network, may_be) in [
            ("10.0.0.0/8", true),
            ("10.0.0.0/7", false),
            ("fc00::/7", true),
            ("fc00::/6", false),
            ("0.0.0.0/0", false),
            ("::/0", false),
        ] {
            let network = network.parse().unwrap();
            assert_eq!(TrustedProxies::may_be(&network), may_be, "{network}");
            let proxies = TrustedProxies::new([network], XForwardedFor);
            assert_eq!(proxies.trusts_strangers(), !may_be, "{network}");
        }
    }

    #[test]
    fn mapped_addresses_are_those_of_the_network() {
        let proxies = TrustedProxies::new(["10.0.0.0/8".parse().unwrap()], XForwardedFor);
        for (address, contains) in [
            ("10.0.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("11.0.0.1", false),
            ("::ffff:11.0.0.1", false),
        ] {
            assert_eq!(
                proxies.contains(address.parse().unwrap()),
                contains,
                "{address}"
            );
        }
    }
}
