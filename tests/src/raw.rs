//! Bytes on a TCP connection, for what no well-behaved client sends.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

use crate::PATIENCE;
use crate::site::Site;

/// A connection to a site.
#[derive(Debug)]
pub struct Raw(TcpStream);

impl Raw {
    /// Connects.
    pub async fn connect(site: &Site) -> Self {
        Self(TcpStream::connect(site.host()).await.unwrap())
    }

    /// Connects from another address of this machine, as another client would, with little room for what it does not read.
    pub async fn connect_from(site: &Site, from: Ipv4Addr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let connected = socket.connect(site.host().parse().unwrap());
        let connected = tokio::time::timeout(PATIENCE, connected).await;
        Self(connected.expect("the site accepts in time").unwrap())
    }

    /// Sends as much as the other side takes within a moment.
    pub async fn press(&mut self, bytes: &[u8]) {
        let sending = self.0.write_all(bytes);
        drop(tokio::time::timeout(Duration::from_millis(20), sending).await);
    }

    /// Sends bytes; whether the other side still took them.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.0.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Reads until the answer's headers are complete and returns the status; `None` when the other
    /// side hangs up without a word.
    pub async fn status(&mut self) -> Option<u16> {
        let head = self.read_until(b"\r\n\r\n").await;
        let text = String::from_utf8_lossy(&head).into_owned();
        text.strip_prefix("HTTP/1.1 ")?
            .split(' ')
            .next()?
            .trim()
            .parse()
            .ok()
    }

    /// Reads until the other side hangs up.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        // One that is refused early may find the connection reset.
        drop(read.expect("the site hangs up in time"));
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Whether the other side closes the connection within `time`.
    pub async fn is_closed_within(&mut self, time: Duration) -> bool {
        let mut sink = vec![0; 4096];
        let end = async {
            loop {
                match self.0.read(&mut sink).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
        };
        tokio::time::timeout(time, end).await.is_ok()
    }

    async fn read_until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let read = async {
            while !bytes.ends_with(end) {
                match self.0.read_u8().await {
                    Ok(byte) => bytes.push(byte),
                    Err(_) => return,
                }
            }
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("the site answers in time");
        bytes
    }
}
