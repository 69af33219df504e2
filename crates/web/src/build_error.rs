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
    /// No cookie can have the name that the session cookie was to have.
    CookieName,
    /// The session cookie was to have a domain that the site is not in, or one beside the prefix `__Host-`.
    CookieDomain,
    /// The `Content-Security-Policy` cannot stand in a header.
    ContentSecurityPolicy,
}

/// The error of [`WebBuilder::build`](crate::WebBuilder::build).
#[derive(Debug)]
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
            WebBuildErrorKind::CookieName => "no cookie can have the name of the session cookie",
            WebBuildErrorKind::CookieDomain => {
                "the domain of the session cookie is not one that the host of the site is in, or the cookies \
                 have the prefix __Host-, which allows none"
            }
            WebBuildErrorKind::ContentSecurityPolicy => {
                "the content security policy cannot stand in a header"
            }
        })
    }
}

impl Error for WebBuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
