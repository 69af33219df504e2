//! Why the pages could not be put together.

use std::error::Error;
use std::fmt;

/// What stands in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WebBuildErrorKind {
    /// The folder of templates cannot be read, or a template has a mistake.
    Templates,
    /// Cookies with the prefix `__Host-` were asked for on a site that is not https.
    HostCookiesNeedHttps,
    /// Cookies with the prefix `__Host-` were asked for on a site that shares its sessions with Django.
    HostCookiesBesideDjango,
    /// The session cookie cannot have the name that was given.
    CookieName,
    /// The session cookie was given a name of its own beside the one of a Django site that sessions are shared with.
    TwoCookieNames,
    /// The session cookie was to have a domain that the site is not in.
    CookieDomain,
    /// The cookie of a Django site was described, and no sessions are shared with one.
    NoSharedSessions,
    /// A network of trusted proxies is so wide that clients are in it.
    TrustedProxies,
    /// The sign-up page of the application is not at a path of this site.
    SignUpPath,
    /// `login_redirect_url` leads to the sign-up page of the application, which leads on to it again.
    SignUpCircle,
    /// The log-in page of the application is not at a path of this site, or at one with a query.
    LogInPath,
    /// `login_redirect_url` leads to the log-in page of the application, which leads on to it again.
    LogInCircle,
    /// The `Content-Security-Policy` cannot stand in a header.
    ContentSecurityPolicy,
}

/// The error of [`WebBuilder::build`](crate::WebBuilder::build).
pub struct WebBuildError {
    kind: WebBuildErrorKind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl WebBuildError {
    pub(crate) fn with_source(
        kind: WebBuildErrorKind,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            kind,
            source: Some(Box::new(source)),
        }
    }

    /// What stands in the way.
    pub fn kind(&self) -> WebBuildErrorKind {
        self.kind
    }
}

impl From<WebBuildErrorKind> for WebBuildError {
    fn from(kind: WebBuildErrorKind) -> Self {
        Self { kind, source: None }
    }
}

impl fmt::Display for WebBuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            WebBuildErrorKind::Templates => "the templates cannot be used",
            WebBuildErrorKind::HostCookiesNeedHttps => {
                "cookies with the prefix __Host- need a site whose address begins with https://"
            }
            WebBuildErrorKind::HostCookiesBesideDjango => {
                "cookies with the prefix __Host- are not those of the Django site that sessions are shared with; \
                 leave host_cookies out"
            }
            WebBuildErrorKind::CookieName => {
                "the session cookie cannot have this name; choose letters, digits, - and _, not the name of \
                 another cookie of this site, and leave out the prefix __Host-, which host_cookies adds"
            }
            WebBuildErrorKind::TwoCookieNames => {
                "the session cookie has the name of Django's while sessions are shared with it, so session_cookie_name would \
                 have no effect: leave it out"
            }
            WebBuildErrorKind::CookieDomain => {
                "the domain of the session cookie is not one that the host of the site is in"
            }
            WebBuildErrorKind::NoSharedSessions => {
                "the session cookie of a Django site was described, which has no effect while no sessions are shared \
                 with one: leave it out, or share them"
            }
            WebBuildErrorKind::TrustedProxies => {
                "a network of trusted proxies is wider than 10.0.0.0/8 or fc00::/7, so that clients in it could choose the address \
                 that counts: name those of the proxies alone"
            }
            WebBuildErrorKind::SignUpPath => {
                "the sign-up page of the application needs a path on this site, such as /join/"
            }
            WebBuildErrorKind::SignUpCircle => {
                "login_redirect_url leads to the sign-up page of the application, from which anyone who is signed in is led on: \
                 name another page"
            }
            WebBuildErrorKind::LogInPath => {
                "the log-in page of the application needs a path on this site without a query, such as /enter/"
            }
            WebBuildErrorKind::LogInCircle => {
                "login_redirect_url leads to the log-in page of the application, from which anyone who is signed in is led on: \
                 name another page"
            }
            WebBuildErrorKind::ContentSecurityPolicy => {
                "the content security policy cannot stand in a header"
            }
        })
    }
}

impl fmt::Debug for WebBuildError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_events::write_causes(self, f)
    }
}

impl Error for WebBuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
