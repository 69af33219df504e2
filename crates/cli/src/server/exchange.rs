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
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response};
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
        Box::pin(async move {
            poll_fn(|context| progress.poll_turn(context)).await;
            let noting = Arc::clone(&progress);
            progress.leaves_body(!request.body().is_end_stream());
            let mut request = request.map(|body| Body::new(Sent(body, noting)));
            request.extensions_mut().insert(ConnectInfo(peer));
            let mut response = router.call(request).await?;
            // Whatever comes of a body after its answer is not a request.
            if progress.is_last() || progress.leaves_a_body() {
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
