//! Where the mail server is, and how to talk to it.

use std::fmt;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use phone_auth_signals::{Retry, Undelivered};

use super::refusal::{self, Step};
use crate::Secret;

/// How a connection to a mail server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Security {
    /// TLS begins by STARTTLS; a server that does not offer it gets no mail (RFC 3207).
    StartTls,
    /// TLS begins with the connection (RFC 8314).
    Implicit,
    /// Everybody on the way can read the links and the password.
    None,
}

impl Security {
    /// The port that is usual with it.
    pub(super) const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

/// A mail server.
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) tls: TlsParameters,
    pub(super) login: Option<(String, Secret)>,
    /// How long it may take to answer one command.
    pub(super) patience: Duration,
}

impl Server {
    /// A new connection, safe and logged in as the settings say.
    pub(super) async fn connect(&self) -> Result<AsyncSmtpConnection, Undelivered> {
        let hello = ClientId::default();
        let implicit = (self.security == Security::Implicit).then(|| self.tls.clone());
        let address = (self.host.as_str(), self.port);
        let patience = Some(self.patience);
        let connection =
            AsyncSmtpConnection::connect_tokio1(address, patience, &hello, implicit, None).await;
        let mut connection = connection.map_err(|error| refusal::of(Step::Connect, error))?;
        if self.security == Security::StartTls {
            if !connection.can_starttls() {
                let why = "the mail server does not offer STARTTLS";
                return Err(Undelivered::new(Retry::Later, why));
            }
            let begun = connection.starttls(self.tls.clone(), &hello).await;
            begun.map_err(|error| refusal::of(Step::Tls, error))?;
        }
        if let Some((user, password)) = &self.login {
            let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let let_in = connection.auth(&mechanisms, &credentials).await;
            let_in.map_err(|error| refusal::of(Step::LogIn, error))?;
        }
        Ok(connection)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("login", &self.login)
            .finish_non_exhaustive()
    }
}
