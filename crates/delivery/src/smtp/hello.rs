//! What the mail server is greeted with, as RFC 5321, 4.1.1.1 and 4.1.3 have it: a full domain name, or an address.
//!
//! The name of this machine is not asked for: in a container it is no domain, and servers refuse it.

use std::net::{Ipv4Addr, Ipv6Addr};

use lettre::transport::smtp::extension::ClientId;
use phone_auth_events::SiteOrigin;

/// The greeting that was set.
pub(super) fn parse(text: &str) -> Option<ClientId> {
    if let Some(address) = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
    {
        let version_6 = || {
            let (tag, address) = address.split_at_checked("IPv6:".len())?;
            let address = address.parse().ok()?;
            tag.eq_ignore_ascii_case("IPv6:")
                .then_some(ClientId::Ipv6(address))
        };
        let version_4 = address.parse().map(ClientId::Ipv4).ok();
        return version_4.or_else(version_6);
    }
    let domain = idna::domain_to_ascii_strict(text).ok()?;
    is_full_domain(&domain).then_some(ClientId::Domain(domain))
}

/// The greeting where none was set: the domain of the site, else of the sender, else the address of the site.
pub(super) fn of(site: &SiteOrigin, senders: &str) -> ClientId {
    let host = host_of(site);
    let domain = [host, senders].into_iter().find_map(parse);
    domain.unwrap_or_else(|| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        let version_6 = || address.parse::<Ipv6Addr>().map(ClientId::Ipv6).ok();
        let version_4 = address.parse::<Ipv4Addr>().map(ClientId::Ipv4).ok();
        version_4
            .or_else(version_6)
            .unwrap_or(ClientId::Ipv4(Ipv4Addr::LOCALHOST))
    })
}

/// The host in an origin, `example.org` in `https://example.org:8000`.
fn host_of(site: &SiteOrigin) -> &str {
    let (_, host) = site.as_str().split_once("://").unwrap_or_default();
    let end = host
        .rfind(':')
        .filter(|colon| !host.get(*colon..).is_some_and(|port| port.contains(']')));
    end.and_then(|end| host.get(..end)).unwrap_or(host)
}

/// Whether a name is of two labels or more, as letters, digits and hyphens make them (RFC 1035, 2.3.1; RFC 1123, 2.1),
/// and no address.
fn is_full_domain(name: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(is_label)
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn greeting_is_a_full_domain_or_address() {
        for (text, said) in [
            ("example.org", "example.org"),
            ("WWW.Example.org", "www.example.org"),
            ("a-1.b2.example", "a-1.b2.example"),
            ("b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("[192.0.2.1]", "[192.0.2.1]"),
            ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
            ("[ipv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), said);
        }
        for text in [
            "",
            "web-1",
            "localhost",
            "3f2a9c1b7d5e",
            "web_1.example.org",
            "-a.example",
            "a-.example",
            "example.org.",
            ".example.org",
            "a..example",
            "192.0.2.1",
            "2001:db8::1",
            "[192.0.2]",
            "[2001:db8::1]",
            "[IPv6:192.0.2.1]",
            "[example.org]",
            "[",
            "[]",
            "a b.example",
            "example.org\r\nRSET",
            "https://example.org",
            "a@example.org",
            "example.org:25",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        let long = format!("{}.example", "a".repeat(64));
        assert_eq!(parse(&long), None);
        let long = format!("{}example", "a1.".repeat(90));
        assert_eq!(parse(&long), None);
    }

    #[test]
    fn greeting_is_of_the_site_or_the_sender() {
        for (site, senders, said) in [
            ("https://example.org", "mail.example", "example.org"),
            (
                "https://www.example.org:8443",
                "mail.example",
                "www.example.org",
            ),
            ("http://localhost:8000", "mail.example", "mail.example"),
            ("http://127.0.0.1:8000", "mail.example", "mail.example"),
            ("http://[::1]:8000", "mail.example", "mail.example"),
            ("http://intranet", "mail.example", "mail.example"),
            ("http://intranet", "localhost", "[127.0.0.1]"),
            ("http://192.0.2.7:8000", "localhost", "[192.0.2.7]"),
            (
                "http://[2001:db8::7]:8000",
                "localhost",
                "[IPv6:2001:db8::7]",
            ),
            ("http://[2001:db8::7]", "localhost", "[IPv6:2001:db8::7]"),
        ] {
            let site = SiteOrigin::parse(site).unwrap();
            assert_eq!(of(&site, senders).to_string(), said, "{site:?}");
        }
    }
}
