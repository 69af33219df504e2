//! Where a request comes from, as the browser tells.

use std::net::IpAddr;

use http::header::{ORIGIN, REFERER};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use phone_auth_events::SiteOrigin;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the headers tell of the page that sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provenance {
    /// A page of this site, or the user at the address bar.
    Own,
    /// Another site.
    Foreign,
    /// The client does not say.
    Unsaid,
}

/// The origins that count as this site: the configured one, and others that the operator trusts. Never the `Host` of a
/// request: a proxy may send any, and a client chooses it.
#[derive(Debug)]
pub(crate) struct Origins {
    site: Vec<String>,
    trusted: Vec<String>,
}

impl Origins {
    /// The site and the other origins. On a loopback address, the other names of the own machine are the same site: who
    /// develops types one or the other.
    pub(crate) fn new(site: &SiteOrigin, others: &[SiteOrigin]) -> Self {
        let own = normal(site.as_str());
        let mut site = other_loopback_names(&own);
        site.push(own);
        let trusted = others.iter().map(|origin| normal(origin.as_str()));
        Self {
            site,
            trusted: trusted.collect(),
        }
    }

    /// Where a request comes from; says in the log when that is elsewhere.
    pub(crate) fn provenance(&self, parts: &Parts) -> Provenance {
        let provenance = self.said(&parts.headers);
        if provenance == Provenance::Foreign {
            let origin = only(&parts.headers, &ORIGIN).and_then(Result::ok);
            let origin: String = origin.unwrap_or_default().chars().take(100).collect();
            tracing::warn!(
                ?origin,
                site = self.site.last(),
                "a form of another origin was refused; if users see this site under that origin, it is not \
                 configured as the site (site_url) or as trusted (trusted_origins)"
            );
        }
        provenance
    }

    /// Reads `Sec-Fetch-Site`; only without it `Origin`; only without both `Referer`. The first that
    /// says something decides: `Origin: null` says nothing. A header that is there twice, or is not text, is foreign.
    ///
    /// To the browser a trusted origin is another site, so there `Origin` decides what it says of the site.
    fn said(&self, headers: &HeaderMap) -> Provenance {
        if let Some(site) = only(headers, &SEC_FETCH_SITE) {
            let is_trusted = || {
                let origin = only(headers, &ORIGIN).and_then(Result::ok);
                origin.is_some_and(|origin| self.trusted.contains(&normal(origin)))
            };
            return known(match site {
                Ok("same-origin" | "none") => true,
                Ok("same-site" | "cross-site") => is_trusted(),
                _ => false,
            });
        }
        let referer = only(headers, &REFERER).map(|referer| {
            let origin = referer.ok().and_then(origin_of);
            known(origin.is_some_and(|origin| self.is_own(origin)))
        });
        match only(headers, &ORIGIN) {
            None => referer.unwrap_or(Provenance::Unsaid),
            // A page in a sandbox, or one whose policy lets no origin out. It is not what it says to be by `Referer`.
            Some(Ok("null")) => match referer {
                Some(Provenance::Foreign) => Provenance::Foreign,
                _ => Provenance::Unsaid,
            },
            Some(origin) => known(origin.is_ok_and(|origin| self.is_own(origin))),
        }
    }

    fn is_own(&self, origin: &str) -> bool {
        let origin = normal(origin);
        self.site.contains(&origin) || self.trusted.contains(&origin)
    }
}

/// The origins of the same port under the other names of the own machine; none for a site elsewhere.
fn other_loopback_names(site: &str) -> Vec<String> {
    let Some((scheme, authority)) = site.split_once("://") else {
        return Vec::new();
    };
    let host_ends = match authority.rfind(']') {
        Some(bracket) => bracket + 1,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let Some((host, port)) = authority.split_at_checked(host_ends) else {
        return Vec::new();
    };
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = host == "localhost"
        || address
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback());
    if !is_loopback {
        return Vec::new();
    }
    let names = ["localhost", "127.0.0.1", "[::1]"];
    names
        .map(|name| format!("{scheme}://{name}{port}"))
        .to_vec()
}

const fn known(own: bool) -> Provenance {
    if own {
        Provenance::Own
    } else {
        Provenance::Foreign
    }
}

/// The one value of a header. `None` when it is absent, an error when there are several.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Result<&'a str, ()>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return Some(Err(()));
    }
    Some(first.to_str().map_err(|_| ()))
}

/// Scheme, host and port of an address.
fn origin_of(address: &str) -> Option<&str> {
    let host_at = address.find("://")? + 3;
    let after = address.get(host_at..)?;
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    address.get(..host_at + end)
}

/// An origin in lower case, without the port that its scheme implies.
fn normal(origin: &str) -> String {
    let origin = origin.to_ascii_lowercase();
    let default_port = if origin.starts_with("https:") {
        ":443"
    } else {
        ":80"
    };
    origin
        .strip_suffix(default_port)
        .map_or(origin.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use http::Request;

    fn check(headers: &[(&str, &str)], expected: Provenance) {
        let origin = |text| SiteOrigin::parse(text).unwrap();
        let site = origin("https://example.org");
        let origins = Origins::new(&site, &[origin("https://app.example.net:8443")]);
        let mut request = Request::builder().uri("/accounts/login/");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(origins.provenance(&parts), expected, "{headers:?}");
    }

    #[test]
    fn fetch_metadata_decides_first() {
        check(&[("sec-fetch-site", "same-origin")], Provenance::Own);
        check(&[("sec-fetch-site", "none")], Provenance::Own);
        check(&[("sec-fetch-site", "same-site")], Provenance::Foreign);
        check(&[("sec-fetch-site", "cross-site")], Provenance::Foreign);
        check(&[("sec-fetch-site", "")], Provenance::Foreign);
        check(
            &[
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://example.org"),
            ],
            Provenance::Foreign,
        );
    }

    #[test]
    fn own_origin_is_recognised() {
        for origin in [
            "https://example.org",
            "https://EXAMPLE.org:443",
            "https://app.example.net:8443",
        ] {
            // Whatever host the proxy names.
            for host in [
                "example.org",
                "internal:8443",
                "127.0.0.1:8000",
                "evil.example",
            ] {
                check(&[("host", host), ("origin", origin)], Provenance::Own);
            }
        }
    }

    #[test]
    fn referer_ends_its_origin_anywhere() {
        for end in ["", "/", "/accounts/", "?a=/", "#a/"] {
            let own = format!("https://example.org{end}");
            check(&[("referer", &own)], Provenance::Own);
            let foreign = format!("https://evil.example{end}https://example.org/");
            check(&[("referer", &foreign)], Provenance::Foreign);
        }
    }

    #[test]
    fn trusted_origin_is_another_site_to_browsers() {
        for site in ["same-site", "cross-site"] {
            for (origin, expected) in [
                ("https://app.example.net:8443", Provenance::Own),
                ("https://app.example.net", Provenance::Foreign),
                ("https://evil.example", Provenance::Foreign),
                // The site itself is never another site: someone made this up.
                ("https://example.org", Provenance::Foreign),
                ("null", Provenance::Foreign),
            ] {
                check(&[("sec-fetch-site", site), ("origin", origin)], expected);
            }
        }
    }

    #[test]
    fn host_of_a_request_is_no_site() {
        for (host, origin) in [
            ("evil.example", "https://evil.example"),
            ("evil.example:8443", "https://evil.example:8443"),
            ("localhost", "https://localhost"),
            ("127.0.0.1", "https://127.0.0.1"),
        ] {
            check(&[("host", host), ("origin", origin)], Provenance::Foreign);
            let referer = format!("{origin}/accounts/login/");
            check(
                &[("host", host), ("referer", &referer)],
                Provenance::Foreign,
            );
        }
    }

    #[test]
    fn null_origin_says_nothing() {
        check(&[("origin", "null")], Provenance::Unsaid);
        check(
            &[("origin", "null"), ("referer", "https://evil.example/")],
            Provenance::Foreign,
        );
        check(
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            Provenance::Foreign,
        );
        check(
            &[("origin", "null"), ("origin", "null")],
            Provenance::Foreign,
        );
    }

    #[test]
    fn loopback_names_are_one_machine() {
        for (site, origin, is_own) in [
            ("http://127.0.0.1:8000", "http://localhost:8000", true),
            ("http://127.0.0.1:8000", "http://[::1]:8000", true),
            ("http://[::1]:8000", "http://127.0.0.1:8000", true),
            ("http://127.1.2.3:8000", "http://127.0.0.1:8000", true),
            ("http://localhost", "http://127.0.0.1", true),
            ("http://127.0.0.1:8000", "http://localhost:8001", false),
            ("http://127.0.0.1:8000", "https://localhost:8000", false),
            (
                "http://127.0.0.1:8000",
                "http://localhost.evil.example:8000",
                false,
            ),
            ("http://example.org:8000", "http://localhost:8000", false),
            ("https://example.org", "http://localhost", false),
        ] {
            let origins = Origins::new(&SiteOrigin::parse(site).unwrap(), &[]);
            assert_eq!(origins.is_own(origin), is_own, "{site} {origin}");
        }
    }

    #[test]
    fn foreign_origin_is_refused() {
        for origin in [
            "",
            "NULL",
            "http://example.org",
            "https://example.org.evil.example",
            "https://example.org:444",
            "https://evil.example",
        ] {
            check(
                &[("host", "example.org"), ("origin", origin)],
                Provenance::Foreign,
            );
        }
        check(
            &[
                ("origin", "https://example.org"),
                ("origin", "https://evil.example"),
            ],
            Provenance::Foreign,
        );
    }

    #[test]
    fn referer_decides_last() {
        check(
            &[("referer", "https://example.org/accounts/login/?next=/")],
            Provenance::Own,
        );
        check(&[("referer", "https://example.org")], Provenance::Own);
        check(
            &[("referer", "https://example.org.evil.example/")],
            Provenance::Foreign,
        );
        check(
            &[("referer", "https://example.org@evil.example/")],
            Provenance::Foreign,
        );
        check(&[("referer", "about:blank")], Provenance::Foreign);
        check(
            &[("referer", "https://example.org/"), ("origin", "null")],
            Provenance::Unsaid,
        );
    }

    #[test]
    fn silent_client_is_unsaid() {
        check(&[("host", "example.org")], Provenance::Unsaid);
    }
}
