//! Guards as layers: for routes whose handlers need not know who is there.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::CACHE_CONTROL;
use tower::{Layer, Service};

use super::Rule;
use crate::headers::vary_by_cookie;
use crate::request_context::original_uri;
use crate::web::Web;

/// A guard for routes, by [`Router::route_layer`](axum::Router::route_layer) or
/// [`Router::layer`](axum::Router::layer).
///
/// It reads the session once for the guard, and for the extractors behind it. Pages that are let
/// through are marked `Cache-Control: private, no-store` unless they say otherwise, and
/// `Vary: Cookie`.
///
/// The pages of this library that one needs in order to log in pass a guard for those who are: a layer over the whole
/// site does not lock them away.
///
/// From [`Web::login_required`], [`Web::anonymous_required`], [`Web::verified_email_required`] and
/// [`Web::verified_phone_required`].
///
/// # Examples
/// ```
/// use axum::{Router, routing::get};
/// use phone_auth_web::Web;
///
/// fn members(web: &Web) -> Router {
///     Router::new()
///         .route("/members/", get(async || "hello"))
///         .route("/members/news/", get(async || "nothing new"))
///         .route_layer(web.verified_email_required())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct GuardLayer {
    web: Web,
    rule: Rule,
}

impl GuardLayer {
    pub(crate) const fn new(web: Web, rule: Rule) -> Self {
        Self { web, rule }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded {
            inner,
            guard: self.clone(),
        }
    }
}

/// The service that [`GuardLayer`] makes.
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    inner: S,
    guard: GuardLayer,
}

impl<S> Service<Request> for Guarded<S>
where
    S: Service<Request, Response = Response> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The clone that was polled ready does the work; a fresh one waits for the next request.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let GuardLayer { web, rule } = self.guard.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            if rule != Rule::Anonymous && web.is_open_to_all(&original_uri(&parts)) {
                return inner.call(Request::from_parts(parts, body)).await;
            }
            if let Err(refusal) = rule.check(&web, &mut parts).await {
                return Ok(refusal.into_response());
            }
            let mut response = inner.call(Request::from_parts(parts, body)).await?;
            let headers = response.headers_mut();
            headers
                .entry(CACHE_CONTROL)
                .or_insert(HeaderValue::from_static("private, no-store"));
            vary_by_cookie(headers);
            Ok(response)
        })
    }
}

impl Web {
    /// A layer that lets only users through who are logged in; others are sent to the log-in page
    /// and come back from there.
    ///
    /// Behind it, handlers find who it is by [`LoggedIn`](crate::LoggedIn), without a second look
    /// into the store.
    ///
    /// # Examples
    /// ```
    /// use axum::{Router, routing::get};
    /// use phone_auth_web::Web;
    ///
    /// fn orders(web: &Web) -> Router {
    ///     Router::new().route("/orders/", get("tea")).layer(web.login_required())
    /// }
    /// ```
    pub fn login_required(&self) -> GuardLayer {
        GuardLayer::new(self.clone(), Rule::LoggedIn)
    }

    /// A layer that lets only users through who are not logged in; others are sent to the setting
    /// `login_redirect_url`.
    ///
    /// # Examples
    /// ```
    /// use axum::{Router, routing::get};
    /// use phone_auth_web::Web;
    ///
    /// fn welcome(web: &Web) -> Router {
    ///     Router::new().route("/welcome/", get("Join us")).layer(web.anonymous_required())
    /// }
    /// ```
    pub fn anonymous_required(&self) -> GuardLayer {
        GuardLayer::new(self.clone(), Rule::Anonymous)
    }

    /// A layer that lets only users through who have a verified email address. Anyone who is logged
    /// in without one is sent to the page that asks for verification.
    ///
    /// # Examples
    /// ```
    /// use axum::{Router, routing::get};
    /// use phone_auth_web::Web;
    ///
    /// fn news(web: &Web) -> Router {
    ///     Router::new().route("/news/", get("news")).layer(web.verified_email_required())
    /// }
    /// ```
    pub fn verified_email_required(&self) -> GuardLayer {
        GuardLayer::new(self.clone(), Rule::VerifiedEmail)
    }

    /// A layer that lets only users through who have a verified phone number. Anyone who is logged in
    /// without one is sent to the page that asks for verification.
    ///
    /// # Examples
    /// ```
    /// use axum::{Router, routing::get};
    /// use phone_auth_web::Web;
    ///
    /// fn alerts(web: &Web) -> Router {
    ///     Router::new().route("/alerts/", get("alerts")).layer(web.verified_phone_required())
    /// }
    /// ```
    pub fn verified_phone_required(&self) -> GuardLayer {
        GuardLayer::new(self.clone(), Rule::VerifiedPhone)
    }
}
