//! Serving HTTP/1.1: accepting, bounding slow clients, and stopping without tearing a request.
//!
//! What a request means is the router's business. This is hyper itself rather than `axum::serve`,
//! which bounds neither the time a client takes for the head of a request nor how many there are.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// How long to wait before accepting again when the system is out of file descriptors or memory.
const BREATH: Duration = Duration::from_millis(100);

/// What clients may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once; more wait in the system's queue.
    pub(crate) connections: usize,
    /// Time for the head of a request, and for being idle before it.
    pub(crate) head: Duration,
}

/// A bound address, ready to serve.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    addr: SocketAddr,
}

/// Connections that are being finished after the server stopped accepting.
#[derive(Debug)]
pub(crate) struct Finishing(GracefulShutdown);

impl Server {
    /// Takes an address. From here on connections are queued, and answered once [`serve`](Self::serve) runs.
    ///
    /// # Errors
    /// When the address is in use, not of this machine, or not allowed.
    pub(crate) async fn bind(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        Ok(Self { listener, addr })
    }

    /// The address taken, with the port that the system chose if it was 0.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `stop` is ready; then the address is free, and what is under way can finish. Each request carries the
    /// address of its peer, [`ConnectInfo<SocketAddr>`](ConnectInfo).
    pub(crate) async fn serve(
        self,
        router: Router,
        limits: Limits,
        stop: impl Future<Output = ()>,
    ) -> Finishing {
        let connections = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(limits.connections));
        let mut protocol = http1::Builder::new();
        protocol
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            // A client that is done sending may still wait for its answer (RFC 9112, 9.6).
            .half_close(true);
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                biased;
                () = &mut stop => break,
                accepted = self.accept(&room) => accepted,
            };
            let Some((stream, peer, permit)) = accepted else {
                break;
            };
            let router = TowerToHyperService::new(router.clone());
            let service = service_fn(move |mut request: hyper::Request<Incoming>| {
                request.extensions_mut().insert(ConnectInfo(peer));
                router.call(request)
            });
            let connection = protocol.serve_connection(TokioIo::new(stream), service);
            let connection = connections.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    // Clients break off all the time: worth a look only for who looks for it.
                    tracing::debug!(%error, "a connection ended early");
                }
                drop(permit);
            });
        }
        Finishing(connections)
    }

    /// The next connection, when there is room for it. `None` when the semaphore is closed, which
    /// nobody does.
    async fn accept(
        &self,
        room: &Arc<Semaphore>,
    ) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = Arc::clone(room).acquire_owned().await.ok()?;
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    // Answers are written whole; waiting for more would only delay them.
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "a connection ended at once");
                        continue;
                    }
                    return Some((stream, peer, permit));
                }
                Err(error) if is_of_one_connection(&error) => {
                    tracing::debug!(%error, "a connection ended at once");
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections, trying again");
                    tokio::time::sleep(BREATH).await;
                }
            }
        }
    }
}

impl Finishing {
    /// How many connections are open.
    pub(crate) fn open(&self) -> Option<NonZeroUsize> {
        NonZeroUsize::new(self.0.count())
    }

    /// Lets requests under way finish, and closes connections without one. Whether all ended in time.
    pub(crate) async fn finish(self, grace: Duration) -> bool {
        timeout(grace, self.0.shutdown()).await.is_ok()
    }
}

/// Whether accepting failed for one connection only, so that the next may be accepted at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}
