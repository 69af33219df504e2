//! A limit on the time that a request takes, which tells whose time it was.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::MatchedPath;
use axum::response::Response;
use http::header::CONNECTION;
use http::{HeaderValue, Request, StatusCode};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, sleep_until};
use tower::{Layer, Service};

use crate::web::Web;

/// A layer that ends requests which take too long, with a page that says whose time it was.
///
/// From [`Web::time_limit`].
#[derive(Clone, Debug)]
pub struct TimeLimitLayer {
    web: Web,
    limit: Duration,
}

impl TimeLimitLayer {
    pub(crate) const fn new(web: Web, limit: Duration) -> Self {
        Self { web, limit }
    }
}

impl<S> Layer<S> for TimeLimitLayer {
    type Service = TimeLimit<S>;

    fn layer(&self, inner: S) -> Self::Service {
        TimeLimit {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service that [`TimeLimitLayer`] makes.
#[derive(Clone, Debug)]
pub struct TimeLimit<S> {
    inner: S,
    layer: TimeLimitLayer,
}

impl<S> Service<Request<Body>> for TimeLimit<S>
where
    S: Service<Request<Body>, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let TimeLimitLayer { web, limit } = self.layer.clone();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let coming = Arc::new(Coming::new());
        let noting = Arc::clone(&coming);
        let mut request = request.map(|body| {
            Body::new(Watched {
                body,
                coming: noting,
            })
        });
        request.extensions_mut().insert(BodyIsTimed);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let mut answer = pin!(answer);
            loop {
                let deadline = coming.since() + limit;
                tokio::select! {
                    biased;
                    answer = answer.as_mut() => return answer,
                    () = sleep_until(deadline) => {}
                }
                if coming.since() + limit <= Instant::now() {
                    break;
                }
            }
            let route = route.as_ref().map_or("none", MatchedPath::as_str);
            let mut response = if coming.is_awaited() {
                tracing::info!(route, "a body did not come in time");
                web.error_page(StatusCode::REQUEST_TIMEOUT)
            } else {
                let seconds = limit.as_secs_f32();
                tracing::warn!(route, seconds, "a request was not answered in time");
                web.error_page(StatusCode::SERVICE_UNAVAILABLE)
            };
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
            Ok(response)
        })
    }
}

/// Says that the time of a body is limited here, so that nobody else limits it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyIsTimed;

/// How a body comes.
#[derive(Debug)]
struct Coming(Mutex<State>);

#[derive(Debug)]
struct State {
    /// When the request began, and then when its body had come.
    since: Instant,
    /// Whether someone waits for more of it.
    is_awaited: bool,
    has_ended: bool,
}

impl Coming {
    fn new() -> Self {
        Self(Mutex::new(State {
            since: Instant::now(),
            is_awaited: false,
            has_ended: false,
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn since(&self) -> Instant {
        self.state().since
    }

    fn is_awaited(&self) -> bool {
        self.state().is_awaited
    }

    fn note(&self, is_awaited: bool, has_ended: bool) {
        let mut state = self.state();
        if has_ended && !state.has_ended {
            state.has_ended = true;
            state.since = Instant::now();
        }
        state.is_awaited = is_awaited;
    }
}

/// A body that notes how it comes.
#[derive(Debug)]
struct Watched {
    body: Body,
    coming: Arc<Coming>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let has_ended = matches!(frame, Poll::Ready(None)) || self.body.is_end_stream();
        self.coming.note(frame.is_pending(), has_ended);
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Web {
    /// A layer that answers a request which takes longer than `limit` with a page: 408 while the client still sends its
    /// body, 503 with `Retry-After` when the time was spent here, and a line in the log.
    ///
    /// Body and handling each have this time: the clock begins anew when the body has come.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// use axum::Router;
    /// use phone_auth_web::Web;
    ///
    /// fn app(web: &Web) -> Router {
    ///     web.router().layer(web.time_limit(Duration::from_secs(30)))
    /// }
    /// ```
    pub fn time_limit(&self, limit: Duration) -> TimeLimitLayer {
        TimeLimitLayer::new(self.clone(), limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body that has ended is looked at again by who wants to know: that gives the handler no more time.
    #[tokio::test(start_paused = true)]
    async fn body_ends_once() {
        let coming = Coming::new();
        let begun = Instant::now();
        for (seconds, has_ended, since) in [(0, false, 0), (5, true, 5), (9, true, 5)] {
            sleep_until(begun + Duration::from_secs(seconds)).await;
            coming.note(false, has_ended);
            let since = Duration::from_secs(since);
            assert_eq!(coming.since() - begun, since, "{seconds} s");
        }
    }
}
