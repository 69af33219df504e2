//! A connection's bytes, with a note of each that comes or goes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::framing::Framing;
use super::progress::Progress;

/// A stream that tells its [`Progress`].
#[derive(Debug)]
pub(super) struct Stream {
    inner: Arc<TcpStream>,
    progress: Arc<Progress>,
    framing: Framing,
}

impl Stream {
    pub(super) fn new(inner: Arc<TcpStream>, progress: Arc<Progress>) -> Self {
        Self {
            inner,
            progress,
            framing: Framing::default(),
        }
    }

    pub(super) fn into_inner(self) -> Arc<TcpStream> {
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

    /// Writes as soon as there is room.
    fn write(
        &self,
        context: &mut Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let written = loop {
            match self.inner.poll_write_ready(context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => break Poll::Ready(Err(error)),
                Poll::Pending => break Poll::Pending,
            }
            match write(&self.inner) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => break Poll::Ready(written),
            }
        };
        self.progress.has_written(written.is_pending());
        written
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.inner.poll_read_ready(context))?;
            match self.inner.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => {
                    let read = read?;
                    let before = buffer.filled().len();
                    buffer.advance(read);
                    if read > 0 {
                        self.progress.has_read();
                    }
                    let new = buffer.filled().get(before..).unwrap_or_default();
                    if let Some(request) = self.framing.read(new) {
                        self.progress.refuses_request(request);
                    }
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.takes(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        self.write(context, |stream| stream.try_write(bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if parts.first().is_some_and(|part| self.takes(part)) {
            return Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()));
        }
        self.write(context, |stream| stream.try_write_vectored(parts))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // What was written is the system's.
        self.progress.has_flushed();
        Poll::Ready(Ok(()))
    }

    /// Does nothing: the connection is ended by its owner, who may have something to say before.
    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
