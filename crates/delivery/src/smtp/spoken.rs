//! A stream to a mail server, as the client of mail can take it.
//!
//! lettre begins with the greeting and `EHLO`, which were said before ([`dialogue`](super::dialogue)), and understands
//! fewer answers than RFC 5321 has. So it hears of the server what was said, in the form that it understands.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How long a line may be for us to look at it. A longer one is handed on as it is, and refused there.
const MOST_BYTES: usize = 16 * 1024;

/// A stream whose server has greeted, and has been told our name.
#[derive(Debug)]
pub(super) struct Spoken<S> {
    stream: S,
    peer: SocketAddr,
    /// Whether the client has yet to say `EHLO`, which goes no further.
    is_to_greet: bool,
    /// What the server has said of its next line.
    line: Vec<u8>,
    /// What the client is to hear next, and how much of that it has heard.
    ready: Vec<u8>,
    heard: usize,
}

impl<S> Spoken<S> {
    /// A stream to this peer, whose server has offered so much.
    pub(super) fn new(stream: S, peer: SocketAddr, offers: &[String]) -> Self {
        Self {
            stream,
            peer,
            is_to_greet: true,
            line: Vec::new(),
            ready: greeting(offers),
            heard: 0,
        }
    }
}

/// A greeting and the answer to `EHLO`, in the form that the client understands: keywords in large letters (RFC 5321,
/// 2.4: they may be in any), `AUTH=` as some servers have it for old clients, and a name.
fn greeting(offers: &[String]) -> Vec<u8> {
    let offers = offers.iter().skip(1).map(|line| {
        let line = line.to_ascii_uppercase();
        match line.strip_prefix("AUTH=") {
            Some(mechanisms) => format!("250-AUTH {mechanisms}\r\n"),
            None => format!("250-{line}\r\n"),
        }
    });
    let offers: String = offers.collect();
    format!("220 ready\r\n250-server\r\n{offers}250 OK\r\n").into_bytes()
}

/// A line as the client understands it: a code has a text behind it, in UTF-8, and the line ends in CR LF.
fn understood(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end_matches(['\r', '\n']);
    let is_code = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let space = if is_code { " " } else { "" };
    format!("{text}{space}\r\n").into_bytes()
}

impl<S: AsyncRead + Unpin> AsyncRead for Spoken<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            let ready = this.ready.get(this.heard..).unwrap_or_default();
            if !ready.is_empty() {
                let (now, _later) = ready.split_at(buffer.remaining().min(ready.len()));
                buffer.put_slice(now);
                this.heard += now.len();
                return Poll::Ready(Ok(()));
            }
            this.ready.clear();
            this.heard = 0;
            let mut room = [0; 2048];
            let mut read = ReadBuf::new(&mut room);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                // The end. What there is of a line is none.
                return Poll::Ready(Ok(()));
            }
            for part in read.filled().split_inclusive(|byte| *byte == b'\n') {
                this.line.extend_from_slice(part);
                if this.line.ends_with(b"\n") {
                    this.ready.extend(understood(&mem::take(&mut this.line)));
                } else if this.line.len() > MOST_BYTES {
                    this.ready.append(&mut this.line);
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Spoken<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_to_greet {
            self.is_to_greet = !bytes.ends_with(b"\n");
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> AsyncTokioStream for Spoken<S>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_understood() {
        for (line, expected) in [
            (&b"250 ok\r\n"[..], "250 ok\r\n"),
            (b"250\r\n", "250 \r\n"),
            (b"250 \r\n", "250 \r\n"),
            (b"250\n", "250 \r\n"),
            (b"250-a\n", "250-a\r\n"),
            (b"550 bo\xeete pleine\r\n", "550 bo\u{fffd}te pleine\r\n"),
            (b"abc\r\n", "abc\r\n"),
            (b"\r\n", "\r\n"),
        ] {
            assert_eq!(understood(line), expected.as_bytes(), "{line:?}");
        }
    }

    #[test]
    fn offers_are_in_large_letters() {
        let offers = ["mail", "auth=login", "auth plain LOGIN", "smtputf8"].map(str::to_owned);
        let expected = "220 ready\r\n250-server\r\n250-AUTH LOGIN\r\n250-AUTH PLAIN LOGIN\r\n\
                        250-SMTPUTF8\r\n250 OK\r\n";
        assert_eq!(greeting(&offers), expected.as_bytes());
        let nothing = "220 ready\r\n250-server\r\n250 OK\r\n";
        assert_eq!(greeting(&[]), nothing.as_bytes());
    }
}
