//! A gateway that tests send to: it keeps each request and answers as it is told, also in ways that no
//! honest server would.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::PATIENCE;
use crate::certificates::Certificates;

/// A gateway on a port of its own, for as long as the runtime of its test.
#[derive(Debug)]
pub struct Gateway {
    origin: String,
    received: watch::Receiver<Vec<Received>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    certificates: Option<Certificates>,
}

/// What it does with a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// Answers with these bytes and keeps the connection.
    Bytes(String),
    /// Says nothing and keeps the connection open.
    Hang,
    /// Takes its time, then answers 200.
    Late(Duration),
    /// Closes the connection without a word.
    Close,
    /// Answers with these bytes, then hangs.
    Unfinished(String),
}

impl Reply {
    /// A status with headers, each ended by CR LF, and a body.
    pub fn status(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Bytes(format!(
            "HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
    }
}

/// A request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// Names in small letters, and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Received {
    /// A header; nothing when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }
}

impl Gateway {
    /// Starts one that answers 200.
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Starts one over TLS, with a certificate of its own authority.
    pub async fn start_tls() -> Self {
        Self::start_with(Some(Certificates::new())).await
    }

    async fn start_with(certificates: Option<Certificates>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if certificates.is_some() {
            "https"
        } else {
            "http"
        };
        let (send, received) = watch::channel(Vec::new());
        let replies = Arc::default();
        let served = Arc::new(Served {
            send,
            replies: Arc::clone(&replies),
            tls: certificates.as_ref().map(acceptor),
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&served).serve(stream));
            }
        });
        Self {
            origin: format!("{scheme}://localhost:{port}"),
            received,
            replies,
            certificates,
        }
    }

    /// Where it is, without a path.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The certificate that a client is to trust.
    pub fn certificates(&self) -> &Certificates {
        self.certificates.as_ref().expect("it was started over TLS")
    }

    /// Answers the next requests so, each with one of these.
    pub fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }

    /// The requests so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// The newest request.
    pub fn last(&self) -> Received {
        self.received().pop().expect("there was a request")
    }

    /// The request that is number `nth`, from 1.
    pub async fn nth(&self, nth: usize) -> Received {
        let mut received = self.received.clone();
        let there = received.wait_for(|received| received.len() >= nth);
        let there = tokio::time::timeout(PATIENCE, there).await;
        there.expect("the request comes").unwrap()[nth - 1].clone()
    }
}

/// What its connections share.
struct Served {
    send: watch::Sender<Vec<Received>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    tls: Option<TlsAcceptor>,
}

impl Served {
    async fn serve(self: Arc<Self>, stream: TcpStream) {
        match &self.tls {
            None => self.talk(stream).await,
            // A client that does not trust us ends the handshake.
            Some(tls) => match tls.accept(stream).await {
                Ok(stream) => self.talk(stream).await,
                Err(_refused) => {}
            },
        }
    }

    async fn talk(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        while let Some(request) = read(&mut stream).await {
            self.send.send_modify(|received| received.push(request));
            let reply = self.replies.lock().unwrap().pop_front();
            match reply.unwrap_or_else(|| Reply::status(200, "", "")) {
                Reply::Bytes(bytes) => drop(stream.write_all(bytes.as_bytes()).await),
                Reply::Late(time) => {
                    tokio::time::sleep(time).await;
                    let done = b"HTTP/1.1 200 Said\r\nContent-Length: 0\r\n\r\n";
                    drop(stream.write_all(done).await);
                }
                Reply::Close => return,
                Reply::Hang => std::future::pending::<()>().await,
                Reply::Unfinished(bytes) => {
                    drop(stream.write_all(bytes.as_bytes()).await);
                    drop(stream.flush().await);
                    std::future::pending::<()>().await;
                }
            }
            drop(stream.flush().await);
        }
    }
}

/// Reads a request with its body; nothing when the connection ends.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Received> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut start = lines.next()?.split(' ');
    let mut request = Received {
        method: start.next()?.to_owned(),
        target: start.next()?.to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect(),
        body: String::new(),
    };
    let length: usize = request.header("content-length").parse().unwrap_or(0);
    while bytes.len() < head_end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    request.body = String::from_utf8(bytes[head_end + 4..].to_vec()).unwrap();
    Some(request)
}

fn acceptor(certificates: &Certificates) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(certificates.certificate()).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates.key()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}
