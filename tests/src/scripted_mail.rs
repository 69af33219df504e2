//! A mail server that does what no honest one would: it keeps silent, takes its time, or says more than it
//! was asked.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::PATIENCE;
use crate::certificates::Certificates;

/// What such a server answers to the commands that begin so. A command that is none of these is answered
/// with `250 ok`, and the last line of a mail is the command `.`.
pub type Script = &'static [(&'static str, &'static str)];

/// Answered to a command that is to be left without an answer.
pub const SILENCE: &str = "";

/// A mail server on a port of its own that answers as it is told.
#[derive(Debug)]
pub struct ScriptedMailServer {
    port: u16,
    heard: watch::Receiver<Vec<String>>,
    certificates: Certificates,
}

impl ScriptedMailServer {
    /// Starts one that follows this script. What is answered to `STARTTLS` is sent as it is, and then TLS
    /// begins.
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let certificates = Certificates::new();
        let tls = acceptor(&certificates);
        let (send, heard) = watch::channel(Vec::new());
        let send = Arc::new(send);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (send, tls) = (Arc::clone(&send), tls.clone());
                tokio::spawn(async move { serve(stream, script, &send, &tls).await });
            }
        });
        Self {
            port,
            heard,
            certificates,
        }
    }

    /// Its port, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate that a client is to trust.
    pub fn certificates(&self) -> &Certificates {
        &self.certificates
    }

    /// The lines that it has heard so far, over all connections; each begins with `CONNECT`, and TLS with
    /// `TLS`.
    pub fn heard(&self) -> Vec<String> {
        self.heard.borrow().clone()
    }

    /// Waits until it has heard this line.
    pub async fn hears(&self, line: &str) {
        let mut heard = self.heard.clone();
        let there = heard.wait_for(|heard| heard.iter().any(|known| known == line));
        let there = tokio::time::timeout(PATIENCE, there).await;
        drop(there.expect("the line comes").unwrap());
    }
}

fn acceptor(certificates: &Certificates) -> TlsAcceptor {
    let chain = CertificateDer::from_pem_file(certificates.certificate()).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates.key()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn serve(
    mut stream: TcpStream,
    script: Script,
    send: &watch::Sender<Vec<String>>,
    tls: &TlsAcceptor,
) {
    let hear = |line: String| send.send_modify(|lines| lines.push(line));
    hear("CONNECT".to_owned());
    let greeting = answer(script, "CONNECT").unwrap_or("220 localhost ESMTP\r\n");
    drop(stream.write_all(greeting.as_bytes()).await);
    if talk(&mut stream, script, &hear).await == Some(End::StartTls)
        && let Ok(mut stream) = tls.accept(stream).await
    {
        hear("TLS".to_owned());
        talk(&mut stream, script, &hear).await;
    }
}

#[derive(PartialEq)]
enum End {
    StartTls,
}

/// Answers until the other side leaves, or asks for TLS.
async fn talk(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    script: Script,
    hear: &impl Fn(String),
) -> Option<End> {
    let mut is_content = false;
    loop {
        let line = line(stream).await?;
        if is_content && line != "." {
            continue;
        }
        is_content = line.starts_with("DATA");
        let usual = if is_content {
            "354 go on\r\n"
        } else {
            "250 ok\r\n"
        };
        let said = answer(script, &line).unwrap_or(usual);
        let is_tls = line.starts_with("STARTTLS");
        hear(line);
        stream.write_all(said.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        if is_tls {
            return Some(End::StartTls);
        }
    }
}

fn answer(script: Script, line: &str) -> Option<&'static str> {
    let found = script.iter().find(|(command, _)| line.starts_with(command));
    found.map(|(_, answer)| *answer)
}

/// Reads a byte at a time, so that nothing is taken that belongs to TLS.
async fn line(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await.ok()?);
    }
    line.truncate(line.len() - 2);
    Some(String::from_utf8_lossy(&line).into_owned())
}
