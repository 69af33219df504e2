//! A layer for whole applications: what holds for every answer that depends on who is logged in.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::response::Response;
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderValue, Request};
use tower::{Layer, Service};

use crate::headers::{is_public, vary_by_cookie};

/// What became of the session of one request. A request that has none of these has nobody who would set a cookie, and so
/// its session keeps its key.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionUse(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    is_asked: AtomicBool,
    /// The cookie of a session that got another key while the request was answered.
    renewed: Mutex<Option<HeaderValue>>,
}

impl SessionUse {
    /// The answer depends on who is logged in.
    pub(crate) fn ask(&self) {
        self.0.is_asked.store(true, Ordering::Relaxed);
    }

    fn is_asked(&self) -> bool {
        self.0.is_asked.load(Ordering::Relaxed)
    }

    /// Has the cookie be set with the answer.
    pub(crate) fn renew(&self, cookie: Option<HeaderValue>) {
        *self
            .0
            .renewed
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = cookie;
    }

    /// Sets the cookie, unless the answer sets that of a session begun or ended meanwhile.
    pub(crate) fn set_renewed(&self, headers: &mut HeaderMap) {
        let renewed = &self.0.renewed;
        let renewed = renewed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(cookie) = renewed else {
            return;
        };
        let name = |value: &HeaderValue| {
            value
                .as_bytes()
                .split(|byte| *byte == b'=')
                .next()
                .map(<[u8]>::to_vec)
        };
        let is_set = headers
            .get_all(SET_COOKIE)
            .iter()
            .any(|set| name(set) == name(&cookie));
        if !is_set {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

/// A layer for a whole application: caches keep no answer that depends on who is logged in, and a session that gets
/// another key is told to the browser.
///
/// An answer depends on it when anything asked who is logged in: an extractor, a guard, a
/// [`RequestContext`](crate::RequestContext). It then has `Cache-Control: private, no-store`, unless it says otherwise
/// itself, and `Vary: Cookie`, unless it says that it is `public`. Other answers stay as they are.
///
/// From [`Web::layer`](crate::Web::layer).
#[derive(Clone, Copy, Debug)]
pub struct SessionLayer(());

impl SessionLayer {
    pub(crate) const fn new() -> Self {
        Self(())
    }
}

impl<S> Layer<S> for SessionLayer {
    type Service = WithSession<S>;

    fn layer(&self, inner: S) -> Self::Service {
        WithSession { inner }
    }
}

/// The service that [`SessionLayer`] makes.
#[derive(Clone, Debug)]
pub struct WithSession<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for WithSession<S>
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
        Box::pin(async move {
            let mut response = answer.await?;
            let headers = response.headers_mut();
            session.set_renewed(headers);
            if session.is_asked() {
                headers
                    .entry(CACHE_CONTROL)
                    .or_insert(HeaderValue::from_static("private, no-store"));
                if !is_public(headers) {
                    vary_by_cookie(headers);
                }
            }
            Ok(response)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the answer itself says of the session is newer than the key that it was given on the way.
    #[test]
    fn renewed_session_gives_way() {
        for (set, count) in [
            ("sessionid=b; Path=/", 1),
            ("sessionid2=b", 2),
            ("a=sessionid", 2),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(SET_COOKIE, HeaderValue::from_static(set));
            let session = SessionUse::default();
            session.renew(Some(HeaderValue::from_static("sessionid=a; Path=/")));
            session.set_renewed(&mut headers);
            assert_eq!(headers.get_all(SET_COOKIE).iter().count(), count, "{set}");
            assert_eq!(
                headers.get(SET_COOKIE).map(HeaderValue::as_bytes),
                Some(set.as_bytes())
            );
        }
    }
}
