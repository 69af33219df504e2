//! A connection's bytes, with a note of each that comes or goes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::progress::Progress;

/// A stream that tells its [`Progress`].
#[derive(Debug)]
pub(super) struct Stream {
    inner: TcpStream,
    progress: Arc<Progress>,
}

impl Stream {
    pub(super) fn new(inner: TcpStream, progress: Arc<Progress>) -> Self {
        Self { inner, progress }
    }

    pub(super) fn into_inner(self) -> TcpStream {
        self.inner
    }

    /// Whether these bytes are hyper's own answer to a head that it cannot read. It has neither words nor headers, so it
    /// is taken here and written in ours.
    fn takes(&self, bytes: &[u8]) -> bool {
        let answer = bytes
            .strip_prefix(b"HTTP/1.1 ")
            .or_else(|| bytes.strip_prefix(b"HTTP/1.0 "));
        let status = answer.and_then(|rest| rest.get(..3));
        let status = status.and_then(|status| StatusCode::from_bytes(status).ok());
        status.is_some_and(|status| status.is_client_error() && self.progress.refuses(status))
    }

    fn note(&self, written: &Poll<io::Result<usize>>) {
        self.progress.has_written(written.is_pending());
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.progress.has_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.takes(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if parts.first().is_some_and(|part| self.takes(part)) {
            return Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()));
        }
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, parts);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(context))?;
        self.progress.has_flushed();
        Poll::Ready(Ok(()))
    }

    /// Does nothing: the connection is ended by its owner, who may have something to say before.
    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
