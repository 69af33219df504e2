//! One request and its answer, as the router handles them, with a note of where each begins and ends.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{CONNECTION, TRANSFER_ENCODING};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::progress::Progress;

/// Hands the requests of one connection to the router.
#[derive(Debug)]
pub(super) struct Exchange {
    router: TowerToHyperService<Router>,
    peer: SocketAddr,
    progress: Arc<Progress>,
}

impl Exchange {
    pub(super) fn new(router: Router, peer: SocketAddr, progress: Arc<Progress>) -> Self {
        Self {
            router: TowerToHyperService::new(router),
            peer,
            progress,
        }
    }
}

impl Service<Request<Incoming>> for Exchange {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (router, peer) = (self.router.clone(), self.peer);
        let progress = Arc::clone(&self.progress);
        let is_refused = progress.counts_request() || has_odd_encoding(request.headers());
        Box::pin(async move {
            poll_fn(|context| progress.poll_turn(context)).await;
            if is_refused {
                return Ok(refusal(progress));
            }
            let noting = Arc::clone(&progress);
            progress.leaves_body(!request.body().is_end_stream());
            // Where a body has no length of its own, not everybody may see the same end of it.
            let is_last = request.headers().contains_key(TRANSFER_ENCODING);
            let mut request = request.map(|body| Body::new(Sent(body, noting)));
            request.extensions_mut().insert(ConnectInfo(peer));
            let mut response = router.call(request).await?;
            // Whatever comes of a body after its answer is not a request.
            if is_last || progress.is_last() || progress.leaves_a_body() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            progress.begins_answer();
            Ok(response.map(|body| Answer {
                body,
                _end: End(progress),
            }))
        })
    }
}

/// Whether a body comes in another coding than in chunks. hyper looks for the last that is named, and undoes no other.
fn has_odd_encoding(headers: &HeaderMap) -> bool {
    let mut encodings = headers.get_all(TRANSFER_ENCODING).iter();
    let is_chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    encodings.next().is_some_and(|first| !is_chunked(first)) || encodings.next().is_some()
}

/// An empty answer, in place of which the listener writes its own.
fn refusal(progress: Arc<Progress>) -> Response<Answer> {
    progress.refuse(StatusCode::BAD_REQUEST);
    progress.leaves_body(true);
    progress.begins_answer();
    let mut response = Response::new(Answer {
        body: Body::empty(),
        _end: End(progress),
    });
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

/// The body of a request.
struct Sent(Incoming, Arc<Progress>);

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.0).poll_frame(context);
        if matches!(frame, Poll::Ready(None)) || self.0.is_end_stream() {
            self.1.leaves_body(false);
        }
        if frame.is_pending() {
            self.1.awaits_body();
        } else if !self.1.has_body() {
            return Poll::Pending;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    _end: End,
}

/// Notes the end of an answer, sent whole or not.
#[derive(Debug)]
struct End(Arc<Progress>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.ends_answer();
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
