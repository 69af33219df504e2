//! The check of where a request comes from, as a layer for the application's own routes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::Response;
use http::Method;
use tower::{Layer, Service};

use super::Provenance;
use crate::answer::{self, RequestError};
use crate::request_context::RequestContext;
use crate::web::Web;

/// A layer that refuses requests which may change something unless the browser says that a page of
/// this site sent them: by `Sec-Fetch-Site`, without it by `Origin`, without both by `Referer`.
///
/// GET, HEAD and OPTIONS pass. What says nothing is refused with 403.
///
/// From [`Web::same_origin_required`].
#[derive(Clone, Debug)]
pub struct SameOriginLayer {
    web: Web,
}

impl SameOriginLayer {
    pub(crate) const fn new(web: Web) -> Self {
        Self { web }
    }
}

impl<S> Layer<S> for SameOriginLayer {
    type Service = SameOrigin<S>;

    fn layer(&self, inner: S) -> Self::Service {
        SameOrigin {
            inner,
            web: self.web.clone(),
        }
    }
}

/// The service that [`SameOriginLayer`] makes.
#[derive(Clone, Debug)]
pub struct SameOrigin<S> {
    inner: S,
    web: Web,
}

impl<S> Service<Request> for SameOrigin<S>
where
    S: Service<Request, Response = Response>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (parts, body) = request.into_parts();
        let passes = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS)
            || self.web.origins().provenance(&parts) == Provenance::Own;
        if passes {
            return Box::pin(self.inner.call(Request::from_parts(parts, body)));
        }
        let response = answer::request_error(
            &RequestContext::unasked(&self.web, &parts),
            RequestError::Origin,
        );
        Box::pin(std::future::ready(Ok(response)))
    }
}

impl Web {
    /// A layer that lets requests which may change something through only when the browser says
    /// that a page of this site sent them.
    ///
    /// For the application's own routes that do not read a [`SubmittedForm`](crate::SubmittedForm),
    /// JSON among them. A client that does not say where it comes from is refused.
    ///
    /// # Examples
    /// ```
    /// use axum::{Router, routing::post};
    /// use phone_auth_web::Web;
    ///
    /// fn api(web: &Web) -> Router {
    ///     Router::new().route("/api/orders/", post("ordered")).layer(web.same_origin_required())
    /// }
    /// ```
    pub fn same_origin_required(&self) -> SameOriginLayer {
        SameOriginLayer::new(self.clone())
    }
}
