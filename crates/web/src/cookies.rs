//! The cookies: what they are called, and how they are set, read and cleared.
//!
//! A browser may send several cookies of one name: another host of the domain has set one for all its hosts, or
//! another program one for a longer path. Nothing tells which is ours, so each value that has the form of ours is
//! tried, up to [`MOST_TRIED`].

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use axum_extra::extract::cookie::{Cookie, SameSite};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use phone_auth_core::client::Devices;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::session::SessionKey;

use crate::asked::AskedCodes;
use crate::csrf::is_nonce;
use crate::redirect::encode;

/// The names and flags of this site's cookies.
///
/// Every cookie is `HttpOnly` and `SameSite=Lax`, and `Secure` when the site is https. `Lax` and not
/// `Strict`, because users come from links in messages and should then be logged in.
#[derive(Clone, Debug)]
pub(crate) struct Cookies {
    secure: bool,
    session: Cow<'static, str>,
    /// The name without the prefix `__Host-`, where there is one: sessions that began before are still found there.
    unprefixed_session: Option<Cow<'static, str>>,
    /// The domain all of whose hosts are sent the session cookie; none, and only this host is.
    session_domain: Option<String>,
    csrf: &'static str,
    device: &'static str,
}

/// What the session cookie is called unless an application says otherwise: as Django calls it.
pub(crate) const SESSION: &str = "sessionid";

const CSRF: &str = "csrftoken";
const HOST_CSRF: &str = "__Host-csrftoken";
const CSRF_BESIDE_DJANGO: &str = "phone_auth_csrftoken";

/// The cookie that carries a reset token from the link to the form.
const RESET: &str = "reset_token";

/// The cookies with the keys of the challenges that wait for a code, one for each purpose.
const CHALLENGES: [&str; 3] = [RESET_CHALLENGES, LOG_IN_CHALLENGES, VERIFY_CHALLENGES];
const RESET_CHALLENGES: &str = "phone_auth_challenge_reset";
const LOG_IN_CHALLENGES: &str = "phone_auth_challenge_login";
const VERIFY_CHALLENGES: &str = "phone_auth_challenge_verify";

/// The cookie with those of this purpose.
const fn challenges_for(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::LogIn => LOG_IN_CHALLENGES,
        Purpose::Verify => VERIFY_CHALLENGES,
        // The key of a challenge that confirms who is signed in is derived from that of the session, and what tells or happens has none:
        // nothing of these is ever in a cookie.
        Purpose::ResetPassword | Purpose::Confirm | Purpose::SecurityNotice | Purpose::Event => {
            RESET_CHALLENGES
        }
    }
}

/// The cookie that carries where a user was on the way to, from the page of their addresses to that of a link.
const NEXT: &str = "phone_auth_next";

/// How long that is of interest.
const NEXT_WAITS: Duration = Duration::from_hours(1);

/// The cookie that tells for whom the browser has signed in before.
const DEVICE: &str = "phone_auth_device";
const HOST_DEVICE: &str = "__Host-phone_auth_device";

/// The names that the session cookie cannot have.
pub(crate) const TAKEN: [&str; 8] = [
    CSRF,
    CSRF_BESIDE_DJANGO,
    RESET,
    RESET_CHALLENGES,
    LOG_IN_CHALLENGES,
    VERIFY_CHALLENGES,
    NEXT,
    DEVICE,
];

/// How long a reset token waits in its cookie. The token itself may live shorter or longer; anyone who
/// takes longer opens the link again.
const RESET_WAITS: Duration = Duration::from_hours(1);

/// How many values of one name are tried. Each costs a query, and anyone who sends the request chooses how many there
/// are.
pub(crate) const MOST_TRIED: usize = 8;

impl Cookies {
    /// Cookies for a site, whose session cookie has this name. `host_prefix` puts `__Host-` before the names, so that
    /// no other host of the domain can set them (RFC 6265bis, section 4.1.3.2).
    pub(crate) fn new(secure: bool, host_prefix: bool, session: Cow<'static, str>) -> Self {
        if host_prefix {
            return Self {
                secure,
                session: format!("__Host-{session}").into(),
                unprefixed_session: Some(session),
                session_domain: None,
                csrf: HOST_CSRF,
                device: HOST_DEVICE,
            };
        }
        Self {
            secure,
            session,
            unprefixed_session: None,
            session_domain: None,
            csrf: CSRF,
            device: DEVICE,
        }
    }

    /// Cookies beside those of a Django site on the same host: the session cookie is for this domain, and its CSRF
    /// cookie is left to it.
    pub(crate) fn beside_django(mut self, domain: Option<String>) -> Self {
        self.session_domain = domain;
        self.csrf = CSRF_BESIDE_DJANGO;
        self
    }

    /// The session keys that a browser sent, each once.
    ///
    /// # Security
    /// With the prefix, a cookie without it counts only for a key of the first version: any host of the domain can set
    /// such a cookie, and would log a user in to an account of its own by it.
    pub(crate) fn session_keys(&self, headers: &HeaderMap) -> Vec<SessionKey> {
        let prefixed = values(headers, &self.session).filter_map(SessionKey::parse);
        let older = self
            .unprefixed_session
            .iter()
            .flat_map(|name| values(headers, name))
            .filter_map(SessionKey::parse)
            .filter(SessionKey::is_of_first_version);
        let mut keys: Vec<SessionKey> = Vec::new();
        for key in prefixed.chain(older) {
            if keys.len() == MOST_TRIED {
                break;
            }
            if keys.iter().all(|known| known.reveal() != key.reveal()) {
                keys.push(key);
            }
        }
        keys
    }

    /// The values of the CSRF cookie that a browser sent.
    pub(crate) fn read_csrf(&self, headers: &HeaderMap) -> Vec<String> {
        distinct(values(headers, self.csrf).filter(|value| is_nonce(value)))
    }

    /// What tells for whom this browser has signed in before. Every cookie of the name counts: one that another
    /// host of the domain has set hides none.
    pub(crate) fn read_devices(&self, headers: &HeaderMap) -> Devices {
        let texts: Vec<&str> = values(headers, self.device).collect();
        Devices::parse(&texts.join("."))
    }

    /// Sets for whom this browser has signed in before.
    pub(crate) fn set_devices(&self, devices: &Devices) -> Option<HeaderValue> {
        self.header(self.device, &devices.text(), "/", Some(Devices::LIFETIME))
    }

    /// The reset tokens that a browser sent.
    #[expect(
        clippy::unused_self,
        reason = "cookies are read through this value, whatever their name depends on"
    )]
    pub(crate) fn read_reset(&self, headers: &HeaderMap) -> Vec<String> {
        distinct(values(headers, RESET).filter(|value| is_token(value)))
    }

    /// The challenges of this purpose that a browser sent, each key once.
    #[expect(
        clippy::unused_self,
        reason = "cookies are read through this value, whatever their name depends on"
    )]
    pub(crate) fn read_challenges(&self, headers: &HeaderMap, purpose: Purpose) -> AskedCodes {
        // One of another form does not count, so that none hides ours.
        let values = values(headers, challenges_for(purpose)).filter(|it| AskedCodes::is_form(it));
        let values = distinct(values);
        AskedCodes::parse(&values, MOST_TRIED)
    }

    /// Keeps the keys of the challenges of this purpose for so long, with what was typed to ask for their codes.
    pub(crate) fn set_challenges(
        &self,
        (purpose, asked): (Purpose, &AskedCodes),
        path: &str,
        lifetime: Duration,
    ) -> Option<HeaderValue> {
        self.header(
            challenges_for(purpose),
            &asked.value(),
            path,
            Some(lifetime),
        )
    }

    /// Makes the browser forget the challenges of this purpose.
    pub(crate) fn clear_challenges(&self, purpose: Purpose, path: &str) -> Option<HeaderValue> {
        self.header(challenges_for(purpose), "", path, Some(Duration::ZERO))
    }

    /// Makes the browser forget those of every purpose.
    pub(crate) fn clear_all_challenges(&self, path: &str) -> impl Iterator<Item = HeaderValue> {
        let cleared = |name| self.header(name, "", path, Some(Duration::ZERO));
        CHALLENGES.into_iter().filter_map(cleared)
    }

    /// Sets the session key for so long, or until the browser is closed.
    pub(crate) fn set_session(&self, key: &str, lifetime: Option<Duration>) -> Option<HeaderValue> {
        self.session_header(key, lifetime)
    }

    /// Makes the browser forget its session key, under each name that is read.
    pub(crate) fn clear_session(&self) -> impl Iterator<Item = HeaderValue> {
        let older = self
            .unprefixed_session
            .as_deref()
            .and_then(|name| self.header(name, "", "/", Some(Duration::ZERO)));
        self.session_header("", Some(Duration::ZERO))
            .into_iter()
            .chain(older)
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

    /// Keeps where a user was on the way to while they verify an address: the link opens without it.
    pub(crate) fn set_next(&self, next: &str, path: &str) -> Option<HeaderValue> {
        let mut value = String::new();
        encode(&mut value, next);
        self.header(NEXT, &value, path, Some(NEXT_WAITS))
    }

    /// Makes the browser forget where a user was on the way to.
    pub(crate) fn clear_next(&self, path: &str) -> Option<HeaderValue> {
        self.header(NEXT, "", path, Some(Duration::ZERO))
    }

    /// Where the user was on the way to, as the browser says: each value, no matter who has set it.
    #[expect(
        clippy::unused_self,
        reason = "all cookies are read and set by the same value"
    )]
    pub(crate) fn read_next(&self, headers: &HeaderMap) -> Vec<String> {
        let decoded = |value: String| {
            let mut decoded = form_urlencoded::parse(value.as_bytes());
            decoded.next().map(|(text, _)| text.into_owned())
        };
        let values = distinct(values(headers, NEXT)).into_iter();
        values.filter_map(decoded).collect()
    }

    fn session_header(&self, key: &str, lifetime: Option<Duration>) -> Option<HeaderValue> {
        let mut cookie = self.cookie(&self.session, key, "/");
        if let Some(domain) = &self.session_domain {
            cookie.set_domain(domain);
        }
        header(&cookie, lifetime)
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

/// The values of the cookies of this name, in the order of the browser, without the quotes that may stand around one
/// (RFC 6265, section 4.1.1).
///
/// Other programs of the host may set cookies with bytes beyond ASCII, which browsers send beside
/// ours in the same header (RFC 6265, section 5.4): those do not hide ours.
fn values<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='))
        .filter(move |(found, _)| found.trim() == name)
        .map(|(_, value)| unquoted(value.trim()))
}

fn unquoted(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value)
}

/// Whether a text may be a token of a link, ours or Django's: the other values of its name are not tried.
fn is_token(text: &str) -> bool {
    let is_of_token = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    (20..=200).contains(&text.len()) && text.contains('-') && text.bytes().all(is_of_token)
}

/// The values that are not empty, each once, as many as are tried.
fn distinct<'h>(values: impl Iterator<Item = &'h str>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for value in values.filter(|value| !value.is_empty()) {
        if kept.len() == MOST_TRIED {
            break;
        }
        if kept.iter().all(|known| known != value) {
            kept.push(value.to_owned());
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    fn sent(header: &str) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, HeaderValue::try_from(header).unwrap())])
    }

    fn plain() -> Cookies {
        Cookies::new(false, false, SESSION.into())
    }

    fn keys(cookies: &Cookies, headers: &HeaderMap) -> Vec<String> {
        let keys = cookies.session_keys(headers);
        keys.iter().map(|key| key.reveal().to_owned()).collect()
    }

    fn key(number: u8) -> String {
        SessionKey::from_bytes(&[number; 32]).reveal().to_owned()
    }

    #[test]
    fn every_value_of_a_name_is_read() {
        let (a, b) = (key(1), key(2));
        let cookies = plain();
        for (header, found) in [
            (format!("a=1; sessionid={a}; csrftoken=x"), vec![&a]),
            (format!("sessionid={a}; sessionid={b}"), vec![&a, &b]),
            (format!("sessionid={b}; sessionid={a}"), vec![&b, &a]),
            (format!("sessionid={a}; sessionid={a}"), vec![&a]),
            (format!("sessionid=\"{a}\""), vec![&a]),
            (
                format!("sessionid=; sessionid=junk; sessionid={a}"),
                vec![&a],
            ),
            (format!("sessionid = {a} ;x=y"), vec![&a]),
            (format!("Sessionid={a}; xsessionid={a}; sessionid"), vec![]),
        ] {
            let found: Vec<String> = found.into_iter().cloned().collect();
            assert_eq!(keys(&cookies, &sent(&header)), found, "{header}");
        }
    }

    #[test]
    fn values_of_another_form_hide_none() {
        let (nonce, other) = ("A".repeat(22), "B".repeat(21) + "A");
        let (token, newer) = (
            format!("toxhc0-{}", "1".repeat(32)),
            format!("toxhc1-{}", "2".repeat(32)),
        );
        let (one_code, other_code) = ("A".repeat(43), "B".repeat(42) + "A");
        let junk = |name: &str| format!("{name}=x; {name}=; {name}=x-{{}}; ").repeat(MOST_TRIED);
        for (name, ours) in [
            ("csrftoken", [&nonce, &other]),
            ("reset_token", [&token, &newer]),
            ("phone_auth_challenge_reset", [&one_code, &other_code]),
        ] {
            let [one, two] = ours;
            let header = format!(
                "{0}{name}={one}; {0}{name}=\"{two}\"; {name}={one}",
                junk(name)
            );
            let headers = sent(&header);
            let read = match name {
                "csrftoken" => plain().read_csrf(&headers),
                "reset_token" => plain().read_reset(&headers),
                _ => {
                    let read = plain().read_challenges(&headers, Purpose::ResetPassword);
                    let keys = read.as_slice().iter();
                    keys.map(|it| it.key.reveal().to_owned()).collect()
                }
            };
            assert_eq!(read, [one.as_str(), two.as_str()], "{name}");
        }
    }

    #[test]
    fn values_that_are_tried_are_bounded() {
        let many: Vec<_> = (0..100)
            .map(|number| format!("sessionid={}", key(number)))
            .collect();
        assert_eq!(keys(&plain(), &sent(&many.join("; "))).len(), MOST_TRIED);
        let many: Vec<_> = (0..100)
            .map(|number| format!("reset_token=toxhc0-{number:032}"))
            .collect();
        assert_eq!(
            plain().read_reset(&sent(&many.join("; "))).len(),
            MOST_TRIED
        );
    }

    #[test]
    fn odd_neighbours_hide_no_cookie() {
        for neighbour in [&b"theme=\xc3\xa9"[..], b"theme=\xff", b"\xff", b"="] {
            let ours = format!("; sessionid={}; ", key(1));
            let value = [neighbour, ours.as_bytes(), neighbour].concat();
            let headers =
                HeaderMap::from_iter([(COOKIE, HeaderValue::from_bytes(&value).unwrap())]);
            assert_eq!(keys(&plain(), &headers), [key(1)], "{neighbour:?}");
        }
    }

    #[test]
    fn prefix_keeps_other_hosts_out() {
        let cookies = Cookies::new(true, true, SESSION.into());
        let (ours, theirs) = (key(1), key(2));
        // As the first version made them.
        let older = ours.trim_start_matches('2').to_owned();
        for (header, found) in [
            (format!("__Host-sessionid={ours}"), vec![ours.clone()]),
            (format!("sessionid={theirs}"), vec![]),
            (
                format!("sessionid={theirs}; __Host-sessionid={ours}"),
                vec![ours.clone()],
            ),
            (format!("sessionid={older}"), vec![older.clone()]),
            (
                format!("sessionid={older}; __Host-sessionid={ours}"),
                vec![ours.clone(), older.clone()],
            ),
        ] {
            assert_eq!(keys(&cookies, &sent(&header)), found, "{header}");
        }
    }

    #[test]
    fn session_cookie_has_every_flag() {
        let header = Cookies::new(true, false, SESSION.into())
            .set_session("key", Some(Duration::from_mins(1)));
        assert_eq!(
            header.as_ref().and_then(|header| header.to_str().ok()),
            Some("sessionid=key; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=60")
        );
    }

    #[test]
    fn device_cookie_has_every_flag() {
        for (host_prefix, name) in [(false, ""), (true, "__Host-")] {
            let cookies = Cookies::new(true, host_prefix, SESSION.into());
            let header = cookies.set_devices(&Devices::default());
            assert_eq!(
                header.as_ref().and_then(|header| header.to_str().ok()),
                Some(
                    format!("{name}phone_auth_device=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=31536000")
                        .as_str()
                )
            );
        }
    }

    /// None is shown by whatever prints a header.
    #[test]
    fn every_cookie_has_its_path_and_time() {
        let cookies = Cookies::new(true, false, SESSION.into());
        for (header, name, path, time) in [
            (cookies.set_csrf("x"), "csrftoken=x", "/", ""),
            (cookies.set_session("x", None), "sessionid=x", "/", ""),
            (
                cookies.set_reset("x", "/a/"),
                "reset_token=x",
                "/a/",
                "; Max-Age=3600",
            ),
            (
                cookies.set_next("/tea house/", "/a/"),
                "phone_auth_next=/tea%20house/",
                "/a/",
                "; Max-Age=3600",
            ),
            (
                cookies.clear_next("/a/"),
                "phone_auth_next=",
                "/a/",
                "; Max-Age=0",
            ),
            (
                cookies.clear_reset("/a/"),
                "reset_token=",
                "/a/",
                "; Max-Age=0",
            ),
        ] {
            let header = header.unwrap();
            let expected = format!("{name}; HttpOnly; SameSite=Lax; Secure; Path={path}{time}");
            assert_eq!(header.to_str().unwrap(), expected);
            assert!(header.is_sensitive(), "{expected}");
        }
    }

    #[test]
    fn tokens_have_a_dash_and_bounds() {
        let of = |chars: usize| format!("{}-", "a".repeat(chars - 1));
        for (chars, is) in [(19, false), (20, true), (200, true), (201, false)] {
            assert_eq!(is_token(&of(chars)), is, "{chars}");
        }
        assert!(!is_token(&"a".repeat(40)));
        assert!(!is_token(&of(40).replace("aa-", "a\"-")));
    }

    #[test]
    fn domain_is_that_of_the_session_alone() {
        let cookies =
            Cookies::new(true, false, SESSION.into()).beside_django(Some("example.org".to_owned()));
        for (header, has_domain) in [
            (
                cookies.set_session("key", Some(Duration::from_mins(1))),
                true,
            ),
            (cookies.clear_session().next(), true),
            (cookies.set_csrf("token"), false),
            (cookies.set_devices(&Devices::default()), false),
            (cookies.set_reset("token", "/"), false),
        ] {
            let header = header.unwrap();
            let header = header.to_str().unwrap();
            let attribute = "; Domain=example.org";
            assert_eq!(header.contains(attribute), has_domain, "{header}");
        }
    }

    #[test]
    fn every_name_is_forgotten() {
        let cleared = |cookies: &Cookies| -> Vec<String> {
            let headers = cookies.clear_session();
            headers
                .map(|header| header.to_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(
            cleared(&plain()),
            ["sessionid=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0"]
        );
        assert_eq!(
            cleared(&Cookies::new(true, true, "who".into())),
            [
                "__Host-who=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0",
                "who=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0",
            ]
        );
    }
}
