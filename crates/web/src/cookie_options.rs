//! What the cookies are to be like, as a site describes it, and what browsers would not take of that.

use std::net::IpAddr;

use phone_auth_events::SiteOrigin;

use crate::build_error::{WebBuildError, WebBuildErrorKind};
use crate::cookies::{self, Cookies};

/// What the cookies are called, and for which hosts they are: what the methods of
/// [`WebBuilder`](crate::WebBuilder) describe one by one, as one value. A program that reads it from settings asks
/// [`Web::check_cookies`](crate::Web::check_cookies) before it opens a database, and hands the same value to
/// [`WebBuilder::cookies`](crate::WebBuilder::cookies).
///
/// # Examples
/// ```
/// use phone_auth_events::SiteOrigin;
/// use phone_auth_web::{CookieOptions, Web, WebBuildErrorKind};
///
/// let mut options = CookieOptions::default();
/// let site = SiteOrigin::parse("http://example.org")?;
/// assert!(Web::check_cookies(&site, false, &options).is_ok());
///
/// options.host_prefix = Some(true);
/// let refused = Web::check_cookies(&site, false, &options).unwrap_err();
/// assert_eq!(refused.kind(), WebBuildErrorKind::HostCookiesNeedHttps);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CookieOptions {
    /// As [`WebBuilder::session_cookie_name`](crate::WebBuilder::session_cookie_name).
    pub session_name: Option<String>,
    /// As [`WebBuilder::host_cookies`](crate::WebBuilder::host_cookies).
    pub host_prefix: Option<bool>,
    /// As [`WebBuilder::django_session_cookie`](crate::WebBuilder::django_session_cookie).
    pub django_session_name: Option<String>,
    /// As [`WebBuilder::django_session_cookie_domain`](crate::WebBuilder::django_session_cookie_domain).
    pub django_session_domain: Option<String>,
}

impl CookieOptions {
    /// The cookies of a site that shares its sessions with Django, or does not.
    pub(crate) fn make(
        &self,
        site: &SiteOrigin,
        shares_sessions: bool,
    ) -> Result<Cookies, WebBuildError> {
        let https = site.is_https();
        let host_prefix = self.host_prefix.unwrap_or(https && !shares_sessions);
        if host_prefix && !https {
            return Err(WebBuildErrorKind::HostCookiesNeedHttps.into());
        }
        if host_prefix && shares_sessions {
            return Err(WebBuildErrorKind::HostCookiesBesideDjango.into());
        }
        let of_django = [&self.django_session_name, &self.django_session_domain];
        if !shares_sessions && of_django.into_iter().any(Option::is_some) {
            return Err(WebBuildErrorKind::NoSharedSessions.into());
        }
        let own = self.session_name.as_deref();
        if own.is_some_and(|name| name.starts_with("__")) {
            return Err(WebBuildErrorKind::CookieName.into());
        }
        let name = self.django_session_name.as_deref();
        if name.is_some() && own.is_some() {
            return Err(WebBuildErrorKind::TwoCookieNames.into());
        }
        let name = name.or(own).unwrap_or(cookies::SESSION).to_owned();
        if !is_cookie_name(&name) || cookies::TAKEN.contains(&name.as_str()) {
            return Err(WebBuildErrorKind::CookieName.into());
        }
        let cookies = Cookies::new(https, host_prefix, name.into());
        if !shares_sessions {
            return Ok(cookies);
        }
        let domain = match self.django_session_domain.as_deref() {
            Some(domain) if !is_in(host_of(site), domain) => {
                return Err(WebBuildErrorKind::CookieDomain.into());
            }
            domain => domain.map(|domain| domain.trim_start_matches('.').to_owned()),
        };
        Ok(cookies.beside_django(domain))
    }
}

/// Whether a cookie can have this name: a token of RFC 9110, section 5.6.2.
fn is_cookie_name(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

/// Whether a host, which may have a port, is in a domain, as RFC 6265, section 5.1.3 has it. A dot before the
/// domain counts for nothing.
fn is_in(host: &str, domain: &str) -> bool {
    let domain = domain.strip_prefix('.').unwrap_or(domain);
    let name = host.split(':').next().unwrap_or_default();
    let is_name = !domain.is_empty() && name.parse::<IpAddr>().is_err();
    let before = name
        .to_ascii_lowercase()
        .strip_suffix(&domain.to_ascii_lowercase())
        .map(|before| before.is_empty() || before.ends_with('.'));
    is_name && before == Some(true)
}

/// What comes after the scheme.
pub(crate) fn host_of(site: &SiteOrigin) -> &str {
    let origin = site.as_str();
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::is_in;

    #[test]
    fn domains_hold_their_hosts() {
        for (host, domain, is) in [
            ("example.org", "example.org", true),
            ("www.example.org:8443", "example.org", true),
            ("www.Example.org", ".example.ORG", true),
            ("example.org", "www.example.org", false),
            ("badexample.org", "example.org", false),
            ("example.org", "", false),
            ("example.org", ".", false),
            ("example.org", "org; Secure", false),
            ("127.0.0.1:8000", "127.0.0.1", false),
            ("127.0.0.1:8000", "0.0.1", false),
        ] {
            assert_eq!(is_in(host, domain), is, "{host} {domain}");
        }
    }
}
