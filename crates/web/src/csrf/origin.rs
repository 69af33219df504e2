//! Where a request comes from, as the browser tells.

use http::header::{HOST, ORIGIN, REFERER};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use phone_auth_signals::SiteOrigin;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What the headers tell of the page that sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Provenance {
    /// A page of this site, or the person at the address bar.
    Own,
    /// Another site, or one that does not want to be known.
    Foreign,
    /// The client does not say.
    Unsaid,
}

/// The origins that count as this site.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    scheme: &'static str,
    site: String,
}

impl Origins {
    pub(crate) fn new(site: &SiteOrigin) -> Self {
        let scheme = if site.is_https() { "https" } else { "http" };
        Self {
            scheme,
            site: normal(site.as_str()),
        }
    }

    /// Reads `Sec-Fetch-Site`; only without it `Origin`; only without both `Referer`. The first that
    /// is there decides. A header that is there twice, or is not text, is foreign.
    pub(crate) fn provenance(&self, parts: &Parts) -> Provenance {
        let headers = &parts.headers;
        if let Some(site) = only(headers, &SEC_FETCH_SITE) {
            return known(matches!(site, Ok("same-origin" | "none")));
        }
        if let Some(origin) = only(headers, &ORIGIN) {
            return known(origin.is_ok_and(|origin| self.is_own(origin, parts)));
        }
        if let Some(referer) = only(headers, &REFERER) {
            let origin = referer.ok().and_then(origin_of);
            return known(origin.is_some_and(|origin| self.is_own(origin, parts)));
        }
        Provenance::Unsaid
    }

    /// Whether an origin is the configured site, or the host that was asked, under the site's scheme.
    fn is_own(&self, origin: &str, parts: &Parts) -> bool {
        let origin = normal(origin);
        origin == self.site
            || host(parts)
                .is_some_and(|host| origin == normal(&format!("{}://{host}", self.scheme)))
    }
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

/// The host that a request asks for: of the target when it names one (HTTP/2), else `Host`.
fn host(parts: &Parts) -> Option<&str> {
    let of_target = parts.uri.authority().map(http::uri::Authority::as_str);
    of_target.or_else(|| parts.headers.get(HOST).and_then(text))
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
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
        let origins = Origins::new(&SiteOrigin::parse("https://example.org").unwrap());
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
            "https://internal:8443",
        ] {
            check(
                &[("host", "internal:8443"), ("origin", origin)],
                Provenance::Own,
            );
        }
    }

    #[test]
    fn foreign_origin_is_refused() {
        for origin in [
            "null",
            "",
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
            Provenance::Foreign,
        );
    }

    #[test]
    fn silent_client_is_unsaid() {
        check(&[("host", "example.org")], Provenance::Unsaid);
    }
}
