//! One connection, from its first byte to its end.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};

use super::Proxies;
use super::client::Client;
use super::exchange::Exchange;
use super::places::Place;
use super::preface;
use super::progress::Stage;
use super::readiness::{Wanted, is_ready};
use super::refusal::{Refusals, linger};
use super::stream::Stream;

/// The longest head of a request, and how much of a body or an answer is held at once. A browser sends a tenth of this;
/// each connection that does not end its head may hold it.
const BUFFER: usize = 16 * 1024;

/// How long the system may take to close a connection.
const CLOSING: Duration = Duration::from_secs(1);

/// How much longer than its clock a connection stays whose client has sent what was waited for, and we have not read it.
const LOOK: Duration = Duration::from_millis(100);

/// What all connections have in common.
#[derive(Debug)]
pub(super) struct Shared {
    router: Router,
    protocol: http1::Builder,
    pub(super) refusals: Refusals,
    proxies: Proxies,
}

/// Why a connection ends.
enum End {
    /// It is over, by an error or not.
    Over(hyper::Result<()>),
    /// The client took too long.
    Late,
    /// Another needs its place.
    GaveWay,
}

impl Shared {
    pub(super) fn new(router: Router, refusals: Refusals, proxies: Proxies) -> Arc<Self> {
        let mut protocol = http1::Builder::new();
        protocol
            // Its clocks are ours, see `progress`.
            .header_read_timeout(None)
            .max_buf_size(BUFFER)
            // A client that is done sending may still wait for its answer (RFC 9112, 9.6).
            .half_close(true);
        Arc::new(Self {
            router,
            protocol,
            refusals,
            proxies,
        })
    }

    /// Who is at the other end of a connection.
    pub(super) fn client(&self, stream: &TcpStream, peer: SocketAddr) -> Client {
        if self.proxies.trusted.contains(peer.ip()) {
            return Client::proxy(peer.ip());
        }
        let own = stream.local_addr().ok();
        Client::of(peer.ip(), own.map(|own| own.ip()))
    }

    /// The peer as the pages are to know it: a trusted proxy or the client that it names, or what may be a proxy. None when
    /// this is not a connection of a trusted proxy, although it must be.
    async fn peer_for_pages(&self, stream: &TcpStream, peer: SocketAddr) -> Option<SocketAddr> {
        let is_trusted = self.proxies.trusted.contains(peer.ip());
        let Some(patience) = self.proxies.preface else {
            let client = self.client(stream, peer);
            return Some(if is_trusted {
                peer
            } else {
                client.peer_for_pages(peer)
            });
        };
        if !is_trusted {
            tracing::warn!(
                peer = %peer.ip(),
                "a connection does not come from trusted_proxies, and proxy_protocol takes no other"
            );
            return None;
        }
        match timeout(patience, preface::read(stream)).await {
            Ok(Ok(client)) => Some(client.unwrap_or(peer)),
            Ok(Err(error)) => {
                tracing::warn!(%error, proxy = %peer.ip(), "a connection does not begin with the PROXY protocol, version 2");
                None
            }
            Err(_late) => None,
        }
    }
}

/// Serves a connection to its end.
pub(super) async fn serve(
    shared: Arc<Shared>,
    stream: Arc<TcpStream>,
    peer: SocketAddr,
    place: Place,
) {
    let progress = &place.progress;
    let known = unless_it_gives_way(&place, shared.peer_for_pages(&stream, peer)).await;
    let Some(Some(peer)) = known else {
        progress.ends();
        if let (Some(None), Some(stream)) = (known, Arc::into_inner(stream)) {
            let giving = shared.refusals.give(stream, StatusCode::BAD_REQUEST);
            unless_it_gives_way(&place, giving).await;
        }
        return;
    };
    let exchange = Exchange::new(shared.router.clone(), peer, Arc::clone(progress));
    let stream = TokioIo::new(Stream::new(stream, Arc::clone(progress)));
    let mut connection = shared.protocol.serve_connection(stream, exchange);
    let mut clock = pin!(sleep_until(Instant::now()));
    let mut looked: Option<(Instant, Instant)> = None;
    let end = poll_fn(|context| {
        progress.runs(context.waker());
        if progress.has_given_way() && !place.stays() {
            return Poll::Ready(End::GaveWay);
        }
        if let Poll::Ready(over) = Pin::new(&mut connection).poll(context) {
            return Poll::Ready(End::Over(over));
        }
        while let Some(deadline) = progress.deadline() {
            let extended = looked.filter(|(of, _)| *of == deadline);
            let until = extended.map_or(deadline, |(_, until)| until);
            if clock.deadline() != until {
                clock.as_mut().reset(until);
            }
            if clock.as_mut().poll(context).is_pending() {
                break;
            }
            if extended.is_some() || !progress.is_ready() {
                return Poll::Ready(End::Late);
            }
            looked = Some((deadline, Instant::now() + LOOK));
        }
        progress.rests();
        Poll::Pending
    })
    .await;
    let parts = connection.into_parts();
    progress.ends();
    // Its only other owner was the progress.
    if let Some(stream) = Arc::into_inner(parts.io.into_inner().into_inner()) {
        let is_sending = !parts.read_buf.is_empty();
        close(&shared.refusals, stream, &place, end, is_sending).await;
    }
}

/// Says what there is to say, and closes the connection.
async fn close(
    refusals: &Refusals,
    mut stream: TcpStream,
    place: &Place,
    end: End,
    is_sending: bool,
) {
    let stage = place.stage();
    match (end, stage) {
        (End::Over(over), _) => {
            let mut refused = place.progress.refused();
            if let Err(error) = over {
                // Clients break off all the time: worth a look only for who looks for it.
                tracing::debug!(%error, "a connection ended early");
                // hyper leaves a client of HTTP/2 without a word.
                let is_first = stage == Stage::Head && error.is_parse();
                refused = refused.or(is_first.then_some(StatusCode::BAD_REQUEST));
            }
            if let Some(status) = refused {
                return until_it_gives_way(place, refusals.give(stream, status)).await;
            }
        }
        // What came was the rest of a body: an answer to it would be taken for that to another request.
        (End::Late, Stage::Head) if place.progress.leaves_a_body() => {}
        (End::Late, Stage::Head) => {
            tracing::debug!("the head of a request did not come in time");
            let giving = refusals.give(stream, StatusCode::REQUEST_TIMEOUT);
            return until_it_gives_way(place, giving).await;
        }
        (End::Late, Stage::Body) => {
            tracing::debug!("a body did not come before the end");
            let giving = refusals.give(stream, StatusCode::SERVICE_UNAVAILABLE);
            return until_it_gives_way(place, giving).await;
        }
        (End::GaveWay, Stage::Head | Stage::Body) => {
            refusals.give_at_once(&stream, StatusCode::SERVICE_UNAVAILABLE);
            return;
        }
        (End::Late | End::GaveWay, Stage::Writing) => {
            tracing::debug!("an answer was not read in time");
            // Reset, or the system would keep what nobody reads.
            drop(stream.set_zero_linger());
            return;
        }
        (End::GaveWay, _) => return,
        (End::Late, _) => {}
    }
    let is_sending = is_sending || place.progress.leaves_a_body();
    if is_sending || is_ready(&stream, Wanted::Bytes) {
        return until_it_gives_way(place, linger(stream)).await;
    }
    // Whether the client still hears of it or not, the connection is gone.
    drop(timeout(CLOSING, stream.shutdown()).await);
}

/// The last words of a connection, for as long as nobody else needs its place. They keep it, so that a flood of heads
/// which cannot be read takes no more than places; but they end at once where it is to be another's.
async fn until_it_gives_way(place: &Place, giving: impl Future<Output = ()>) {
    unless_it_gives_way(place, giving).await;
}

/// What comes of this while nobody else needs the place; none when it is to be another's.
async fn unless_it_gives_way<T>(place: &Place, what: impl Future<Output = T>) -> Option<T> {
    let mut what = pin!(what);
    poll_fn(|context| {
        place.progress.runs(context.waker());
        place.progress.rests();
        if place.progress.has_given_way() {
            return Poll::Ready(None);
        }
        what.as_mut().poll(context).map(Some)
    })
    .await
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::super::places::Places;
    use super::super::progress::Clocks;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn last_words_end_where_the_place_is_needed() {
        let hour = Duration::from_hours(1);
        let clocks = Clocks {
            head: hour,
            answer: hour,
            idle: hour,
        };
        let client = |last: u8| Client::of([203, 0, 113, last].into(), None);
        let places = Places::new(1, 1, clocks);
        let place = places.take(client(1)).await.unwrap();
        let words = until_it_gives_way(&place, std::future::pending());
        let other = places.take(client(2));
        let both = async { tokio::join!(words, other).1 };
        let other = timeout(Duration::from_mins(1), both).await.unwrap();
        assert!(other.is_some());
    }
}
