//! Where requests go, and with what patience.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Url};

use crate::loopback::is_loopback;
use crate::{BuildError, BuildErrorKind, tls};

/// What is known of a gateway besides what to send there.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) may_be_plain: bool,
    pub(crate) root_certificate: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            may_be_plain: false,
            root_certificate: None,
            timeout: Duration::from_secs(20),
        }
    }
}

impl Endpoint {
    /// A URL that requests may go to: https, or http on this machine, with no name or password in it.
    ///
    /// # Errors
    /// `Url`, `LogInUrl`, `Plaintext`.
    pub(crate) fn url(&self, text: &str) -> Result<Url, BuildError> {
        let url = Url::parse(text)
            .map_err(|error| BuildError::with_source(BuildErrorKind::Url, error))?;
        // They would not be sent, and stand in the clear where an address is no secret.
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BuildError::new(BuildErrorKind::LogInUrl));
        }
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "https" => Ok(url),
            "http" if self.may_be_plain || is_loopback(host) => Ok(url),
            "http" => Err(BuildError::new(BuildErrorKind::Plaintext)),
            _ => Err(BuildError::new(BuildErrorKind::Url)),
        }
    }

    /// A client that goes where it is told and nowhere else: no redirect, no proxy of the environment.
    ///
    /// # Errors
    /// `Certificate`, `Tls`.
    pub(crate) fn client(&self) -> Result<Client, BuildError> {
        let tls = tls::client_config(self.root_certificate.as_deref())?;
        Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .no_proxy()
            .timeout(self.timeout)
            .user_agent(concat!("phone-auth/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| BuildError::with_source(BuildErrorKind::Tls, error))
    }
}
