//! The headers of every page.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, VARY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use tower::{Layer, Service};

use crate::session_layer::SessionUse;

/// What our pages may load and do: a style sheet and images of this site, forms to this site, no
/// script at all, and no page around them (ASVS 5.0, 3.4.3 and 3.4.6).
pub(crate) const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; \
    img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Two years, as the preload lists of browsers ask. Without `includeSubDomains`: other hosts of the
/// domain are not ours to decide about.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
pub(crate) const RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// A layer that puts the headers of an account page on every answer.
///
/// `Content-Security-Policy`, `X-Frame-Options`, `X-Content-Type-Options`, `Referrer-Policy`,
/// `Permissions-Policy`, `Cross-Origin-Opener-Policy`, `Cross-Origin-Resource-Policy`,
/// `Cache-Control: private, no-store`, and `Strict-Transport-Security` when the site is https. What an
/// answer has set itself stays. `Vary` gains `Cookie`, unless the answer says itself that it is `public`.
///
/// From [`Web::page_headers`](crate::Web::page_headers).
#[derive(Clone, Debug)]
pub struct PageHeadersLayer {
    content_policy: HeaderValue,
    https: bool,
}

impl PageHeadersLayer {
    pub(crate) const fn new(content_policy: HeaderValue, https: bool) -> Self {
        Self {
            content_policy,
            https,
        }
    }

    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        let mut unless_set = |name: HeaderName, value: HeaderValue| {
            headers.entry(name).or_insert(value);
        };
        unless_set(CONTENT_SECURITY_POLICY, self.content_policy.clone());
        unless_set(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        unless_set(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Not `no-referrer`: browsers then send `Origin: null` with the forms of the page.
        unless_set(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        unless_set(
            PERMISSIONS_POLICY,
            HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
        );
        unless_set(OPENER_POLICY, HeaderValue::from_static("same-origin"));
        // No other site shows a page of ours as an image or reads it as a script.
        unless_set(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        unless_set(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        if self.https {
            unless_set(STRICT_TRANSPORT_SECURITY, HSTS);
        }
        if !is_public(headers) {
            vary_by_cookie(headers);
        }
    }
}

/// Whether an answer is for everybody alike, as a style sheet is.
pub(crate) fn is_public(headers: &HeaderMap) -> bool {
    let said = headers.get_all(CACHE_CONTROL).iter();
    said.filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case("public"))
}

/// Tells caches that the answer depends on the session cookie.
pub(crate) fn vary_by_cookie(headers: &mut HeaderMap) {
    let said = headers
        .get_all(VARY)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("cookie"));
    if !said {
        headers.append(VARY, HeaderValue::from_static("Cookie"));
    }
}

impl<S> Layer<S> for PageHeadersLayer {
    type Service = PageHeaders<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PageHeaders {
            inner,
            layer: self.clone(),
        }
    }
}

/// The service that [`PageHeadersLayer`] makes.
#[derive(Clone, Debug)]
pub struct PageHeaders<S> {
    inner: S,
    layer: PageHeadersLayer,
}

impl<S, B> Service<Request<B>> for PageHeaders<S>
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

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let session = SessionUse::default();
        request.extensions_mut().insert(session.clone());
        let answer = self.inner.call(request);
        let layer = self.layer.clone();
        Box::pin(async move {
            let mut response = answer.await?;
            session.set_renewed(response.headers_mut());
            layer.apply(response.headers_mut());
            Ok(response)
        })
    }
}
