//! One line in the log for each request, without anything secret.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::MatchedPath;
use axum::response::Response;
use http::Request;
use phone_auth_core::settings::Settings;
use tower::{Layer, Service};
use tracing::field::{Empty, display};
use tracing::{Instrument, Span};

/// A layer that notes each request: method, the pattern of its route, status and time, and on the account pages the
/// address of the client, unless the setting `redact_client_addresses` is on.
///
/// # Security
/// It notes the pattern, `/accounts/password_reset_confirm/{uidb64}/{token}/`, and never the address
/// itself, whose path or query may hold a token; nor headers, cookies or forms.
///
/// # Examples
/// ```
/// use axum::Router;
/// use phone_auth_web::{RequestLogLayer, Web};
///
/// fn app(web: &Web) -> Router {
///     web.router().layer(RequestLogLayer::new())
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RequestLogLayer;

impl RequestLogLayer {
    /// The layer. Put it around everything by [`Router::layer`](axum::Router::layer).
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for RequestLogLayer {
    type Service = RequestLog<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequestLog { inner }
    }
}

/// The service that [`RequestLogLayer`] makes.
#[derive(Clone, Debug)]
pub struct RequestLog<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for RequestLog<S>
where
    S: Service<Request<B>, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let began = Instant::now();
        let matched = request.extensions().get::<MatchedPath>();
        let route = matched.map_or("none", MatchedPath::as_str);
        // `Debug` escapes control characters: a method is whatever the client says it is.
        let span =
            tracing::info_span!("request", method = ?request.method(), route, client = Empty);
        let answer = self.inner.call(request);
        let noted = async move {
            let response = answer.await?;
            let status = response.status().as_u16();
            let microseconds = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
            tracing::info!(status, microseconds, "answered");
            Ok(response)
        };
        Box::pin(noted.instrument(span))
    }
}

/// Notes whose request it is in the line of the request under way, if there is one.
pub(crate) fn note_client(settings: &Settings, address: IpAddr) {
    if !settings.redact_client_addresses {
        Span::current().record("client", display(address));
    }
}
