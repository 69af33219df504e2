//! The cookies: what they are called, and how they are set, read and cleared.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use axum_extra::extract::cookie::{Cookie, SameSite};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

/// The names and flags of this site's cookies.
///
/// Every cookie is `HttpOnly` and `SameSite=Lax`, and `Secure` when the site is https. `Lax` and not
/// `Strict`, because people come from links in messages and should then be logged in.
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    secure: bool,
    session: Cow<'static, str>,
    /// The domain all of whose hosts are sent the session cookie; none, and only this host is.
    session_domain: Option<String>,
    csrf: &'static str,
}

/// The cookie that carries a reset token from the link to the form.
const RESET: &str = "reset_token";

/// How long a reset token waits in its cookie. The token itself may live shorter or longer; whoever
/// takes longer opens the link again.
const RESET_WAITS: Duration = Duration::from_hours(1);

impl Cookies {
    /// Cookies for a site. `host_prefix` puts `__Host-` before the names, so that no other host of
    /// the domain can set them (RFC 6265bis, section 4.1.3.2).
    pub(crate) const fn new(secure: bool, host_prefix: bool) -> Self {
        Self {
            secure,
            session: Cow::Borrowed(if host_prefix {
                "__Host-sessionid"
            } else {
                "sessionid"
            }),
            session_domain: None,
            csrf: if host_prefix {
                "__Host-csrftoken"
            } else {
                "csrftoken"
            },
        }
    }

    /// Cookies beside those of a Django site on the same host: its session cookie is ours, by this name if
    /// it has another, and for this domain. Its CSRF cookie is left to it.
    pub(crate) fn beside_django(mut self, session: Option<String>, domain: Option<String>) -> Self {
        self.session_domain = domain;
        if let Some(name) = session {
            self.session = name.into();
        }
        self.csrf = "phone_auth_csrftoken";
        self
    }

    /// The session key that a browser sent, as it came.
    pub(crate) fn read_session(&self, headers: &HeaderMap) -> Option<String> {
        read(headers, &self.session)
    }

    /// The CSRF cookie that a browser sent, as it came.
    pub(crate) fn read_csrf(&self, headers: &HeaderMap) -> Option<String> {
        read(headers, self.csrf)
    }

    /// The reset token that a browser sent, as it came.
    #[expect(
        clippy::unused_self,
        reason = "cookies are read through this value, whatever their name depends on"
    )]
    pub(crate) fn read_reset(&self, headers: &HeaderMap) -> Option<String> {
        read(headers, RESET)
    }

    /// Sets the session key for as long as the session lives.
    pub(crate) fn set_session(&self, key: &str, lifetime: Duration) -> Option<HeaderValue> {
        self.session_header(key, lifetime)
    }

    /// Makes the browser forget its session key.
    pub(crate) fn clear_session(&self) -> Option<HeaderValue> {
        self.session_header("", Duration::ZERO)
    }

    /// Sets the CSRF cookie until the browser is closed.
    pub(crate) fn set_csrf(&self, value: &str) -> Option<HeaderValue> {
        self.header(self.csrf, value, "/", None)
    }

    /// Sets a reset token for the one path that reads it.
    pub(crate) fn set_reset(&self, token: &str, path: &str) -> Option<HeaderValue> {
        self.header(RESET, token, path, Some(RESET_WAITS))
    }

    /// Makes the browser forget a reset token.
    pub(crate) fn clear_reset(&self, path: &str) -> Option<HeaderValue> {
        self.header(RESET, "", path, Some(Duration::ZERO))
    }

    fn session_header(&self, key: &str, lifetime: Duration) -> Option<HeaderValue> {
        let mut cookie = self.cookie(&self.session, key, "/");
        if let Some(domain) = &self.session_domain {
            cookie.set_domain(domain);
        }
        header(&cookie, Some(lifetime))
    }

    fn header(
        &self,
        name: &str,
        value: &str,
        path: &str,
        lifetime: Option<Duration>,
    ) -> Option<HeaderValue> {
        header(&self.cookie(name, value, path), lifetime)
    }

    fn cookie<'c>(&self, name: &'c str, value: &'c str, path: &'c str) -> Cookie<'c> {
        Cookie::build((name, value))
            .path(path)
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(self.secure)
            .build()
    }
}

/// The header that sets a cookie.
fn header(cookie: &Cookie<'_>, lifetime: Option<Duration>) -> Option<HeaderValue> {
    let mut cookie = cookie.to_string();
    if let Some(lifetime) = lifetime {
        let _ = write!(cookie, "; Max-Age={}", lifetime.as_secs());
    }
    let mut header = HeaderValue::try_from(cookie).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// The first cookie of this name. Browsers send the one with the longest path first.
///
/// Other programs of the host may set cookies with bytes beyond ASCII, which browsers send beside
/// ours in the same header (RFC 6265, section 5.4): those do not hide ours.
fn read(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then(|| value.to_owned()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn sent(header: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::from_static(header))])
    }

    #[test]
    fn named_cookie_is_found() {
        let cookies = Cookies::new(false, false);
        let headers = sent("a=1; sessionid=abc; csrftoken=x=y");
        assert_eq!(cookies.read_session(&headers).as_deref(), Some("abc"));
        assert_eq!(cookies.read_csrf(&headers).as_deref(), Some("x=y"));
        assert_eq!(cookies.read_reset(&headers), None);
    }

    #[test]
    fn odd_neighbours_hide_no_cookie() {
        for neighbour in [&b"theme=\xc3\xa9"[..], b"theme=\xff", b"\xff", b"="] {
            let value = [neighbour, b"; sessionid=abc; ", neighbour].concat();
            let headers =
                HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(&value).unwrap())]);
            let read = Cookies::new(false, false).read_session(&headers);
            assert_eq!(read.as_deref(), Some("abc"), "{neighbour:?}");
        }
    }

    #[test]
    fn host_prefix_changes_names() {
        let cookies = Cookies::new(true, true);
        assert_eq!(cookies.read_session(&sent("sessionid=abc")), None);
        assert_eq!(
            cookies
                .read_session(&sent("__Host-sessionid=abc"))
                .as_deref(),
            Some("abc")
        );
    }

    #[test]
    fn session_cookie_has_every_flag() {
        let header = Cookies::new(true, false).set_session("key", Duration::from_mins(1));
        assert_eq!(
            header.as_ref().and_then(|header| header.to_str().ok()),
            Some("sessionid=key; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60")
        );
    }

    #[test]
    fn domain_is_that_of_the_session_alone() {
        let cookies = Cookies::new(true, false).beside_django(None, Some("example.org".to_owned()));
        for (header, has_domain) in [
            (cookies.set_session("key", Duration::from_mins(1)), true),
            (cookies.clear_session(), true),
            (cookies.set_csrf("token"), false),
            (cookies.set_reset("token", "/"), false),
        ] {
            let header = header.unwrap();
            let header = header.to_str().unwrap();
            let attribute = "; Domain=example.org";
            assert_eq!(header.contains(attribute), has_domain, "{header}");
        }
    }

    #[test]
    fn secure_is_left_out_without_https() {
        let header = Cookies::new(false, false).clear_session();
        assert_eq!(
            header.as_ref().and_then(|header| header.to_str().ok()),
            Some("sessionid=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0")
        );
    }
}
