//! A mail server that does what no honest one would: it keeps silent, takes its time, or says more than it
//! was asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

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
/// with `250 ok`, and the last line of a mail is the command `.`. Where several answers begin alike, each is given once,
/// in their order, and the last from then on. A server that answers 421, or 221 to `QUIT`, leaves.
pub type Script = &'static [(&'static str, &'static str)];

/// Answered to a command that is to be left without an answer.
pub const SILENCE: &str = "";

/// Answered to a command at which the server leaves without a word.
pub const GONE: &str = "gone";

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
        let told = Arc::new(Told {
            script,
            given: Mutex::default(),
            send,
        });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (told, tls) = (Arc::clone(&told), tls.clone());
                tokio::spawn(async move { serve(stream, &told, &tls).await });
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

/// What its connections share.
struct Told {
    script: Script,
    /// How often each command was answered by the script.
    given: Mutex<HashMap<&'static str, usize>>,
    send: watch::Sender<Vec<String>>,
}

impl Told {
    fn hear(&self, line: String) {
        self.send.send_modify(|lines| lines.push(line));
    }

    fn answer(&self, line: &str) -> Option<&'static str> {
        let (command, _) = self
            .script
            .iter()
            .find(|(command, _)| line.starts_with(command))?;
        let same = self.script.iter().filter(|(other, _)| other == command);
        let answers: Vec<_> = same.map(|(_, answer)| *answer).collect();
        let mut given = self.given.lock().unwrap();
        let count = given.entry(command).or_default();
        let nth = (*count).min(answers.len() - 1);
        *count += 1;
        Some(answers[nth])
    }
}

async fn serve(mut stream: TcpStream, told: &Told, tls: &TlsAcceptor) {
    told.hear("CONNECT".to_owned());
    let greeting = told.answer("CONNECT").unwrap_or("220 localhost ESMTP\r\n");
    drop(stream.write_all(greeting.as_bytes()).await);
    if talk(&mut stream, told).await == Some(End::StartTls)
        && let Ok(mut stream) = tls.accept(stream).await
    {
        told.hear("TLS".to_owned());
        talk(&mut stream, told).await;
    }
}

#[derive(PartialEq)]
enum End {
    StartTls,
}

/// Answers until either side leaves, or the other asks for TLS.
async fn talk(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), told: &Told) -> Option<End> {
    let mut is_content = false;
    loop {
        let line = line(stream).await?;
        if is_content && line != "." {
            continue;
        }
        let usual = match line.as_str() {
            "QUIT" => "221 bye\r\n",
            "DATA" => "354 go on\r\n",
            _ => "250 ok\r\n",
        };
        let said = told.answer(&line).unwrap_or(usual);
        is_content = said.starts_with("354");
        let is_tls = line.starts_with("STARTTLS") && said.starts_with("220");
        told.hear(line);
        if said == GONE {
            return None;
        }
        stream.write_all(said.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        if said.starts_with("221") || said.starts_with("421") {
            return None;
        }
        if is_tls {
            return Some(End::StartTls);
        }
    }
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
