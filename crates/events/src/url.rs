//! URLs that events carry: relative, and never printed by accident.

use serde::{Serialize, Serializer};
use std::{error::Error, fmt};

/// A URL without scheme and host, as events carry it: `/accounts/password_reset_confirm/…`.
///
/// # Security
/// It usually holds a one-time token, so that `Debug` does not show it and there is no `Display`; [`as_str`](Self::as_str)
/// is the deliberate way to its text. It begins with exactly one `/`, so that a browser can never take it for another
/// host, and it holds only printable ASCII other than the characters that RFC 3986 excludes.
#[derive(Clone)]
pub struct RelativeUrl(String);

impl RelativeUrl {
    /// Takes a URL that begins at the root of the site.
    ///
    /// # Errors
    /// [`NotRooted`](UrlErrorKind::NotRooted), [`NamesHost`](UrlErrorKind::NamesHost) or
    /// [`Character`](UrlErrorKind::Character).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{RelativeUrl, SiteOrigin};
    ///
    /// let url = RelativeUrl::new("/accounts/login/")?;
    /// let site: SiteOrigin = "https://example.org".parse()?;
    /// assert_eq!(url.absolute(&site), "https://example.org/accounts/login/");
    /// assert!(RelativeUrl::new("//elsewhere.example/").is_err());
    /// # Ok::<(), phone_auth_events::UrlError>(())
    /// ```
    pub fn new(text: impl Into<String>) -> Result<Self, UrlError> {
        let text = text.into();
        match text.as_bytes() {
            [b'/', b'/' | b'\\', ..] => return Err(UrlErrorKind::NamesHost.into()),
            [b'/', ..] => {}
            _ => return Err(UrlErrorKind::NotRooted.into()),
        }
        // Without an early exit, so that the compiler looks at many bytes at once.
        if text
            .bytes()
            .fold(false, |any, byte| any | is_excluded(byte))
        {
            return Err(UrlErrorKind::Character.into());
        }
        Ok(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The URL with the origin of the site before it, as a message needs it.
    pub fn absolute(&self, site: &SiteOrigin) -> String {
        format!("{}{}", site.as_str(), self.0)
    }
}

/// RFC 3986, section 2: whatever is not printable ASCII, and the characters that no URL may hold unescaped.
#[expect(
    clippy::needless_bitwise_bool,
    reason = "lazy operators would branch at every byte"
)]
fn is_excluded(byte: u8) -> bool {
    !byte.is_ascii_graphic()
        | (byte == b'"')
        | (byte == b'<')
        | (byte == b'>')
        | (byte == b'\\')
        | (byte == b'^')
        | (byte == b'`')
        | (byte == b'{')
        | (byte == b'|')
        | (byte == b'}')
}

impl fmt::Debug for RelativeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelativeUrl(…)")
    }
}

impl Serialize for RelativeUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// Where the site is reached: scheme, host and port, `https://example.org`.
///
/// # Security
/// It is configured, never taken from a request's `Host`: who chose that could send others links to a site of their own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SiteOrigin(String);

impl SiteOrigin {
    /// Reads an origin. Without a path, a query or a user; a single `/` at the end is let pass.
    ///
    /// # Errors
    /// [`NotAnOrigin`](UrlErrorKind::NotAnOrigin).
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let refused = || UrlError::of_origin(text);
        let url = url::Url::parse(text).map_err(|_| refused())?;
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let is_anonymous =
            url.username().is_empty() && url.password().is_none() && !text.contains('@');
        if is_web && is_bare && is_anonymous {
            Ok(Self(url.origin().ascii_serialization()))
        } else {
            Err(refused())
        }
    }

    /// The text, without a `/` at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the site is reached over TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// Whether it leads to the machine of the one who opens it: `localhost` or a name under it (RFC 6761, 6.3), or a
    /// loopback address. In doubt it does not.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::SiteOrigin;
    ///
    /// assert!(SiteOrigin::parse("http://localhost:8000")?.is_loopback());
    /// assert!(!SiteOrigin::parse("https://localhost.example.org")?.is_loopback());
    /// # Ok::<(), phone_auth_events::UrlError>(())
    /// ```
    pub fn is_loopback(&self) -> bool {
        let url = url::Url::parse(&self.0).ok();
        match url.as_ref().and_then(url::Url::host) {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.to_canonical().is_loopback(),
            None => false,
        }
    }
}

impl std::str::FromStr for SiteOrigin {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

impl fmt::Display for SiteOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is no URL of the kind asked for. Of a relative URL the text is not kept: it may hold a token. An origin is a
/// setting, and is said as it was given, unless it may hold a password.
pub struct UrlError {
    kind: UrlErrorKind,
    given: Option<String>,
}

/// The most characters of a text that is no origin which its error says.
const MOST_OF_AN_ORIGIN: usize = 200;

/// Why a text is no URL of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlErrorKind {
    /// A relative URL does not begin with `/`.
    NotRooted,
    /// A relative URL begins with `//` or `/\`: a browser would go to another host.
    NamesHost,
    /// A relative URL holds a character that no URL may hold unescaped.
    Character,
    /// An origin is not `http://host` or `https://host`, each with or without a port.
    NotAnOrigin,
}

impl UrlError {
    /// What an origin was given as; cut off where it is longer than any.
    fn of_origin(text: &str) -> Self {
        let given: String = text.chars().take(MOST_OF_AN_ORIGIN).collect();
        Self {
            kind: UrlErrorKind::NotAnOrigin,
            given: Some(given).filter(|_| !text.contains('@')),
        }
    }

    /// The reason.
    pub fn kind(&self) -> UrlErrorKind {
        self.kind
    }
}

impl From<UrlErrorKind> for UrlError {
    fn from(kind: UrlErrorKind) -> Self {
        Self { kind, given: None }
    }
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(given) = &self.given {
            write!(f, "{given:?} is no origin: ")?;
        }
        f.write_str(match self.kind {
            UrlErrorKind::NotRooted => "a relative URL begins with `/`",
            UrlErrorKind::NamesHost => {
                "a relative URL begins with one `/` only, or it would name a host"
            }
            UrlErrorKind::Character => {
                "a URL holds printable ASCII only, and none of \" < > \\ ^ ` { | }"
            }
            UrlErrorKind::NotAnOrigin => {
                "an origin is a scheme and a host, such as https://example.org, and no path"
            }
        })
    }
}

impl fmt::Debug for UrlError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::write_causes(self, f)
    }
}

impl Error for UrlError {}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use crate::*;

    #[test]
    fn wrong_origin_is_said_as_given() {
        let rule = "an origin is a scheme and a host, such as https://example.org, and no path";
        let long = "x".repeat(300);
        for (text, given) in [
            ("shop.example", "\"shop.example\" is no origin: "),
            (
                "https://shop.example/tea\n",
                "\"https://shop.example/tea\\n\" is no origin: ",
            ),
            // It may hold a password.
            ("https://ann:secret@shop.example", ""),
            (&*long, &format!("\"{}\" is no origin: ", "x".repeat(200))),
        ] {
            let error = SiteOrigin::parse(text).unwrap_err();
            assert_eq!(error.to_string(), format!("{given}{rule}"));
        }
        let error = RelativeUrl::new("token").unwrap_err();
        assert!(!error.to_string().contains("token"), "{error}");
    }

    fn check_url(text: &str, expected: Option<UrlErrorKind>) {
        let found = RelativeUrl::new(text).err().map(|error| error.kind());
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn relative_url_stays_on_its_site() {
        use UrlErrorKind::{Character, NamesHost, NotRooted};
        for text in ["/", "/a/", "/a/?next=/b/", "/a/b-c_d~e.f/%C3%A4#g"] {
            check_url(text, None);
        }
        for text in ["", "a/", "https://example.org/", "?a", "\\a", " /a"] {
            check_url(text, Some(NotRooted));
        }
        for text in ["//", "//example.org/", "/\\example.org", "///a"] {
            check_url(text, Some(NamesHost));
        }
        for text in [
            "/a b",
            "/a\n",
            "/\u{e4}",
            "/a\\b",
            "/<a>",
            "/\"",
            "/\t/example.org",
            "/\u{7f}",
        ] {
            check_url(text, Some(Character));
        }
    }

    #[test]
    fn relative_url_hides_from_debug() {
        assert_eq!(
            format!("{:?}", RelativeUrl::new("/secret/").unwrap()),
            "RelativeUrl(…)"
        );
    }

    #[test]
    fn origin_is_scheme_and_host() {
        let cases = [
            ("https://example.org", "https://example.org"),
            ("https://example.org/", "https://example.org"),
            ("HTTP://Example.ORG:8000", "http://example.org:8000"),
            ("https://example.org:443", "https://example.org"),
            ("http://[::1]:8000", "http://[::1]:8000"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ];
        for (text, expected) in cases {
            let origin = SiteOrigin::parse(text).unwrap();
            assert_eq!(origin.as_str(), expected);
            assert_eq!(origin.is_https(), expected.starts_with("https"));
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for (text, is) in [
            ("http://localhost", true),
            ("https://LOCALHOST:8443", true),
            ("http://site.localhost:3000", true),
            ("http://127.0.0.1:8000", true),
            ("http://127.9.9.9", true),
            ("http://0x7f.1", true),
            ("http://[::1]:8000", true),
            ("http://[::ffff:127.0.0.1]", true),
            ("https://example.org", false),
            ("https://localhost.example.org", false),
            ("https://notlocalhost", false),
            ("http://127.0.0.1.example.org", false),
            ("http://0.0.0.0:8000", false),
            ("http://192.168.0.7", false),
            ("http://[::]:8000", false),
        ] {
            let origin = SiteOrigin::parse(text).unwrap();
            assert_eq!(origin.is_loopback(), is, "{text}");
        }
    }

    #[test]
    fn more_than_an_origin_is_refused() {
        let cases = [
            "",
            "example.org",
            "ftp://example.org",
            "file:///etc",
            "https://",
            "https://example.org/accounts",
            "https://example.org?a",
            "https://example.org#a",
            "https://anna@example.org",
            "https://:secret@example.org",
            "https://@example.org",
        ];
        for text in cases {
            let kind = SiteOrigin::parse(text).err().map(|error| error.kind());
            assert_eq!(kind, Some(UrlErrorKind::NotAnOrigin), "{text:?}");
        }
    }

    #[test]
    fn absolute_url_begins_with_the_origin() {
        let site = SiteOrigin::parse("https://example.org:8443/").unwrap();
        let url = RelativeUrl::new("/accounts/login/").unwrap();
        assert_eq!(
            url.absolute(&site),
            "https://example.org:8443/accounts/login/"
        );
    }
}
