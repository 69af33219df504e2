//! Answers that the listener gives itself, where no request reaches the router.

use std::io::{self, Write as _};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::body::to_bytes;
use axum::http::header::{CONNECTION, CONTENT_LENGTH};
use axum::http::{HeaderValue, Response, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest page that is kept.
const LONGEST: usize = 1 << 20;

/// How long a client may go on sending what nobody reads, so that it sees the answer before the connection is reset.
const LINGER: Duration = Duration::from_secs(1);

/// How many bytes it may send then.
const MOST_DISCARDED: usize = 256 * 1024;

/// The answers, rendered once.
#[derive(Debug)]
pub(crate) struct Refusals(Vec<(StatusCode, Vec<u8>)>);

impl Refusals {
    /// The statuses of such answers: a head that cannot be read, comes too slowly or is too long, and no place.
    pub(crate) const STATUSES: [StatusCode; 5] = [
        StatusCode::BAD_REQUEST,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::URI_TOO_LONG,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        StatusCode::SERVICE_UNAVAILABLE,
    ];

    /// Keeps the pages that tell of these errors.
    pub(crate) async fn new(page: impl Fn(StatusCode) -> Response<Body>) -> Self {
        let mut kept = Vec::new();
        for status in Self::STATUSES {
            let (mut parts, body) = page(status).into_parts();
            // A page that fails to come leaves its head.
            let body = to_bytes(body, LONGEST).await.unwrap_or_default();
            parts
                .headers
                .insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            parts
                .headers
                .insert(CONNECTION, HeaderValue::from_static("close"));
            let mut bytes = Vec::new();
            for (name, value) in &parts.headers {
                bytes.extend_from_slice(name.as_str().as_bytes());
                bytes.extend_from_slice(b": ");
                bytes.extend_from_slice(value.as_bytes());
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"\r\n");
            bytes.extend_from_slice(&body);
            kept.push((status, bytes));
        }
        Self(kept)
    }

    /// The whole answer, as it is now.
    fn answer(&self, status: StatusCode) -> Vec<u8> {
        let known = self.0.iter().find(|(known, _)| *known == status);
        let rest = known.map_or(
            &b"content-length: 0\r\nconnection: close\r\n\r\n"[..],
            |known| &known.1,
        );
        let mut answer = Vec::with_capacity(rest.len() + 100);
        let date = httpdate::fmt_http_date(SystemTime::now());
        // A vector takes whatever is written.
        drop(write!(answer, "HTTP/1.1 {status}\r\ndate: {date}\r\n"));
        answer.extend_from_slice(rest);
        answer
    }

    /// Answers as far as the system takes it at once, and closes the connection.
    pub(super) fn give_at_once(&self, stream: &TcpStream, status: StatusCode) {
        // Anyone who does not hear it finds the connection closed.
        drop(stream.try_write(&self.answer(status)));
    }

    /// Answers, and closes the connection once the client has seen it, or time is up.
    pub(super) async fn give(&self, mut stream: TcpStream, status: StatusCode) {
        let answer = self.answer(status);
        let giving = async {
            stream.write_all(&answer).await?;
            see_off(stream).await
        };
        drop(timeout(LINGER, giving).await);
    }
}

/// Closes a connection whose client may be sending still, once it has seen all that was written, or time is up. With
/// unread bytes the system would reset it, and the client might lose what it has not read (RFC 9112, 9.6).
pub(super) async fn linger(stream: TcpStream) {
    drop(timeout(LINGER, see_off(stream)).await);
}

async fn see_off(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut buffer = [0; 4096];
    let mut left = MOST_DISCARDED;
    loop {
        let read = stream.read(&mut buffer).await?;
        left = left.saturating_sub(read);
        if read == 0 || left == 0 {
            return Ok(());
        }
    }
}
