//! Serving HTTP/1.1: accepting, bounding what clients take, and stopping without tearing a request.
//!
//! What a request means is the router's business. This is hyper itself rather than `axum::serve`, which bounds neither
//! the time a client takes nor how many there are. Each stage of a connection has a clock (`progress`): the head of a
//! request, its body, its handling, the reading of the answer, the time between two requests, and its whole life. The
//! clocks of body and handling are the router's, which has an answer to give.

mod accept_queue;
mod client;
mod connection;
mod descriptors;
mod exchange;
mod framing;
mod places;
mod preface;
mod progress;
mod readiness;
mod refusal;
mod stream;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use phone_auth::web::TrustedProxies;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout_at};

use accept_queue::AcceptQueue;
use connection::Shared;
use places::{Asked, Places};
pub(crate) use progress::Clocks;
pub(crate) use refusal::Refusals;

/// How long to wait before accepting again when the system is out of file descriptors or memory.
const BREATH: Duration = Duration::from_millis(100);

/// How many connections the system keeps that are not accepted yet.
const BACKLOG: u32 = 1024;

/// How many are accepted before it is looked for places.
const MOST_AT_ONCE: usize = 256;

/// How many wait for a place whose client is known. They take descriptors that are kept for others.
const MOST_WAITING: usize = descriptors::RESERVED / 2;

/// How much of an answer the system keeps for a client that does not read it. Pages are smaller than this.
const SEND_BUFFER: u32 = 64 * 1024;

/// How many clients at once are told at leisure that there is no place for them.
const MOST_REFUSED: usize = 64;

/// What clients may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Connections at once; more make others give way, or wait in the system's queue.
    pub(crate) connections: usize,
    /// How many of them one client may have, unless it may be a proxy.
    pub(crate) share: usize,
    pub(crate) clocks: Clocks,
}

/// What stands between the program and its clients.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    /// Those whose word about a client is taken.
    pub(crate) trusted: TrustedProxies,
    /// Within which time they give it before the first request, in the PROXY protocol; then nobody else is served. None when
    /// they give it in the requests.
    pub(crate) preface: Option<Duration>,
}

/// A bound address, ready to serve.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    proxies: Proxies,
}

/// Connections that are being finished after the server stopped accepting.
#[derive(Debug)]
pub(crate) struct Finishing {
    serving: Serving,
    /// Those that the system had accepted by then, and had no place yet.
    queue: Vec<Accepted>,
}

/// A connection that has no place yet, and where it is from.
type Accepted = (TcpStream, SocketAddr);

/// What it takes to serve a connection.
#[derive(Debug)]
struct Serving {
    shared: Arc<Shared>,
    places: Arc<Places>,
    /// How many more clients without a place may be told so at leisure.
    refused: Arc<Semaphore>,
}

impl Server {
    /// Takes an address. From here on connections are queued, and answered once [`serve`](Self::serve) runs.
    ///
    /// # Errors
    /// When the address is in use, not of this machine, or not allowed.
    pub(crate) fn bind(addr: SocketAddr) -> io::Result<Self> {
        let listener = Self::bound(addr)?.listen(BACKLOG)?;
        let addr = listener.local_addr()?;
        Ok(Self {
            listener,
            addr,
            proxies: Proxies::default(),
        })
    }

    /// The same behind these proxies.
    pub(crate) fn behind(mut self, proxies: Proxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Whether the address could be taken; nobody can connect to it meanwhile.
    ///
    /// # Errors
    /// As for [`bind`](Self::bind).
    pub(crate) fn look(addr: SocketAddr) -> io::Result<()> {
        Self::bound(addr).map(drop)
    }

    fn bound(addr: SocketAddr) -> io::Result<TcpSocket> {
        let socket = match addr {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        }?;
        // A restarted site takes its address back at once. On Windows this would let another program share it.
        socket.set_reuseaddr(cfg!(unix))?;
        socket.set_send_buffer_size(SEND_BUFFER)?;
        socket.bind(addr)?;
        Ok(socket)
    }

    /// The address taken, with the port that the system chose if it was 0.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `stop` is ready; then the address is free, and what was accepted can finish. Each request carries the
    /// address of its peer, [`ConnectInfo<SocketAddr>`](axum::extract::ConnectInfo), see [`Shared::peer_for_pages`].
    pub(crate) async fn serve(
        self,
        router: Router,
        refusals: Refusals,
        limits: Limits,
        stop: impl Future<Output = ()>,
    ) -> Finishing {
        let connections = descriptors::for_connections(limits.connections);
        if connections < limits.connections {
            let wanted = limits.connections;
            tracing::warn!(
                wanted,
                connections,
                "the system gives fewer file descriptors than max_connections needs (ulimit -n)"
            );
        }
        let serving = Serving::new(
            Shared::new(router, refusals, self.proxies.clone()),
            Places::new(connections, limits.share, limits.clocks),
        );
        let mut waiting = AcceptQueue::new(MOST_WAITING.min(connections / 2));
        let (mut stop, mut is_full) = (pin!(stop), false);
        loop {
            let changed = serving.places.changed();
            is_full = serving.seat(&mut waiting, is_full);
            let accepted = tokio::select! {
                biased;
                () = stop.as_mut() => break,
                accepted = self.listener.accept(), if !waiting.is_full() => accepted,
                () = changed, if !waiting.is_empty() => continue,
            };
            // All that have come: the one to be preferred may be the last of them.
            let mut all = std::iter::once(accepted).chain(self.more());
            let failed = all.find_map(|accepted| serving.receive(accepted, &mut waiting).err());
            if let Some(error) = failed {
                tracing::warn!(%error, "cannot accept connections, trying again");
                serving.places.make_room();
                sleep(BREATH).await;
            }
        }
        let mut queue = waiting.into_all();
        queue.extend(queued(self.listener));
        Finishing { serving, queue }
    }

    /// Whatever else has come, up to a number that keeps nobody waiting.
    fn more(&self) -> impl Iterator<Item = io::Result<Accepted>> {
        (0..MOST_AT_ONCE).map_while(|_| {
            let mut context = Context::from_waker(Waker::noop());
            match self.listener.poll_accept(&mut context) {
                Poll::Ready(accepted) => Some(accepted),
                Poll::Pending => None,
            }
        })
    }
}

impl Serving {
    fn new(shared: Arc<Shared>, places: Arc<Places>) -> Self {
        let refused = Arc::new(Semaphore::new(MOST_REFUSED));
        Self {
            shared,
            places,
            refused,
        }
    }

    /// Takes in what was accepted.
    ///
    /// # Errors
    /// When no connection can be accepted now.
    fn receive(
        &self,
        accepted: io::Result<Accepted>,
        waiting: &mut AcceptQueue<Accepted>,
    ) -> io::Result<()> {
        match accepted {
            Ok((stream, peer)) => {
                let client = self.shared.client(&stream, peer);
                let holding = self.places.holding();
                let refused = waiting.put(client, (stream, peer), |client| holding.of(client));
                drop(holding);
                if let Some((refused, _)) = refused {
                    self.refuse(refused);
                }
                Ok(())
            }
            Err(error) if is_of_one_connection(&error) => {
                tracing::debug!(%error, "a connection ended at once");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Serves those for which there are places; whether all are taken, which was so before or is worth a line in the log.
    fn seat(&self, waiting: &mut AcceptQueue<Accepted>, mut was_full: bool) -> bool {
        loop {
            let holding = self.places.holding();
            let next = waiting.next(|client| holding.of(client));
            drop(holding);
            let Some((client, wanted)) = next else {
                return false;
            };
            let place = match self.places.ask(client, wanted, !was_full) {
                Asked::Full => return true,
                Asked::Taken(place) => Some(place),
                Asked::OverShare => None,
            };
            was_full = false;
            let next = match place {
                Some(_) => waiting.pop(client),
                None => waiting.refuse(client),
            };
            if let Some((stream, peer)) = next {
                self.begin(stream, peer, place);
            }
        }
    }

    /// Serves a connection, if there is a place for it.
    fn begin(&self, stream: TcpStream, peer: SocketAddr, place: Option<places::Place>) {
        let Some(place) = place else {
            return self.refuse(stream);
        };
        // Answers are written whole; waiting for more would only delay them. Where it fails, they are delayed.
        drop(stream.set_nodelay(true));
        let stream = Arc::new(stream);
        place.progress.is_on(&stream);
        tokio::spawn(connection::serve(
            Arc::clone(&self.shared),
            stream,
            peer,
            place,
        ));
    }

    /// Tells a client that it has its share. A few may hear it out at once; the connections of more are just closed.
    fn refuse(&self, stream: TcpStream) {
        let shared = Arc::clone(&self.shared);
        let Ok(hearing) = Arc::clone(&self.refused).try_acquire_owned() else {
            return shared
                .refusals
                .give_at_once(&stream, StatusCode::SERVICE_UNAVAILABLE);
        };
        tokio::spawn(async move {
            let refusals = &shared.refusals;
            refusals.give(stream, StatusCode::SERVICE_UNAVAILABLE).await;
            drop(hearing);
        });
    }
}

impl Finishing {
    /// How many connections are open.
    pub(crate) fn open(&self) -> Option<NonZeroUsize> {
        NonZeroUsize::new(self.serving.places.taken() + self.queue.len())
    }

    /// Lets requests under way finish, takes those that were on their way, and closes connections without one. Whether all
    /// ended in time.
    pub(crate) async fn finish(self, deadline: Instant) -> bool {
        let Self { serving, queue } = self;
        serving.places.stop();
        let finished = async {
            for (stream, peer) in queue {
                let place = serving
                    .places
                    .take(serving.shared.client(&stream, peer))
                    .await;
                serving.begin(stream, peer, place);
            }
            serving.places.emptied().await;
        };
        timeout_at(deadline, finished).await.is_ok()
    }
}

/// The connections that the system had accepted when the listener is closed: their clients believe that they are served.
fn queued(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.into_std() else {
        return Vec::new();
    };
    // It does not block: the first call that would wait is an error, and ends it. More than the queue holds came later.
    let accepted = (0..=BACKLOG).map_while(|_| listener.accept().ok());
    accepted
        .filter_map(|(stream, peer)| {
            stream.set_nonblocking(true).ok()?;
            Some((TcpStream::from_std(stream).ok()?, peer))
        })
        .collect()
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
