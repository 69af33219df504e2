//! Where the mail server is, and how to talk to it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use phone_auth_events::{Retry, Undelivered};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::dialogue;
use super::refusal::{self, Step};
use super::session::Session;
use super::spoken::Spoken;
use crate::Secret;

/// How a connection to a mail server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Security {
    /// TLS begins by STARTTLS; a server that does not offer it gets no mail (RFC 3207).
    ///
    /// # Security
    /// Who is on the way can add to what is said before TLS begins. A server that says more than it was asked
    /// gets no mail either, and nothing from before TLS counts after it; [`Implicit`](Self::Implicit) has no
    /// such part, and RFC 8314 prefers it.
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
    pub(super) tls: Arc<ClientConfig>,
    /// Whose certificate the server must show.
    pub(super) name: ServerName<'static>,
    pub(super) login: Option<(String, Secret)>,
    /// What it is greeted with.
    pub(super) hello: ClientId,
    /// How long each address of the host may take to be connected to, one after the other.
    pub(super) patience: Duration,
}

impl Server {
    /// A new connection, safe and logged in as the settings say.
    pub(super) async fn connect(&self) -> Result<Session, Undelivered> {
        let hello = &self.hello;
        let failed = |error| Undelivered::with_source(Retry::Later, Step::Connect.failed(), error);
        let mut tcp = self.reach().await?;
        let peer = tcp.peer_addr().map_err(failed)?;
        let stream: Box<dyn AsyncTokioStream> = match self.security {
            Security::None => {
                let offers = dialogue::greeted(&mut tcp, hello).await?;
                Box::new(Spoken::new(tcp, peer, &offers))
            }
            Security::Implicit => {
                let mut tls = self.encrypt(tcp).await?;
                let offers = dialogue::greeted(&mut tls, hello).await?;
                Box::new(Spoken::new(tls, peer, &offers))
            }
            Security::StartTls => {
                let offers = dialogue::greeted(&mut tcp, hello).await?;
                dialogue::start_tls(&mut tcp, &offers).await?;
                let mut tls = self.encrypt(tcp).await?;
                // Nothing from before TLS counts (RFC 3207, 4.2).
                let offers = dialogue::say_hello(&mut tls, hello).await?;
                Box::new(Spoken::new(tls, peer, &offers))
            }
        };
        let connection = AsyncSmtpConnection::connect_with_transport(stream, hello).await;
        let connection = connection.map_err(|error| refusal::of(Step::Connect, error))?;
        let mut session = Session::new(connection);
        if let Some((user, password)) = &self.login {
            let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
            session.log_in(&credentials).await?;
        }
        Ok(session)
    }

    /// A connection to the first address of the host that takes one.
    async fn reach(&self) -> Result<TcpStream, Undelivered> {
        let failed = |error| Undelivered::with_source(Retry::Later, Step::Connect.failed(), error);
        let addresses = lookup_host((self.host.as_str(), self.port)).await;
        let addresses = addresses.map_err(failed)?;
        dial(addresses, self.patience).await.map_err(failed)
    }

    async fn encrypt(&self, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Undelivered> {
        let tls = TlsConnector::from(Arc::clone(&self.tls));
        let stream = tls.connect(self.name.clone(), tcp).await;
        stream.map_err(|error| Undelivered::with_source(Retry::Later, Step::Tls.failed(), error))
    }
}

/// A connection to the first of these addresses that takes one in time.
async fn dial(
    addresses: impl Iterator<Item = SocketAddr>,
    patience: Duration,
) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in addresses {
        match tokio::time::timeout(patience, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(_elapsed) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("security", &self.security)
            .field("login", &self.login)
            .field("hello", &self.hello)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// An address that drops what knocks, as one behind a broken route does: nobody takes up what waits, and
    /// there is room for no more.
    async fn silent() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(Duration::from_millis(500), TcpStream::connect(address)).await
        {
            waiting.push(stream);
        }
        (address, listener, waiting)
    }

    #[tokio::test]
    async fn silent_address_is_passed_over() {
        let (silent, _listener, _waiting) = silent().await;
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = open.local_addr().unwrap();
        let patience = Duration::from_secs(1);
        let stream = dial([silent, open].into_iter(), patience).await;
        assert_eq!(stream.unwrap().peer_addr().unwrap(), open);
        let nowhere = dial([silent].into_iter(), patience).await;
        assert_eq!(nowhere.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
