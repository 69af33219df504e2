//! Cookies of an answer.

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

/// Adds a cookie to an answer.
pub(crate) fn add_cookie(headers: &mut HeaderMap, cookie: Option<HeaderValue>) {
    if let Some(cookie) = cookie {
        headers.append(SET_COOKIE, cookie);
    }
}

/// Adds a cookie to an answer, in the place of one of its name that the answer sets already.
pub(crate) fn set_cookie_anew(headers: &mut HeaderMap, cookie: Option<HeaderValue>) {
    let Some(cookie) = cookie else {
        return;
    };
    let name = |cookie: &HeaderValue| {
        let mut parts = cookie.as_bytes().split(|byte| *byte == b'=');
        parts.next().unwrap_or_default().to_vec()
    };
    let kept = headers.get_all(SET_COOKIE).iter();
    let kept: Vec<_> = kept
        .filter(|it| name(it) != name(&cookie))
        .cloned()
        .collect();
    headers.remove(SET_COOKIE);
    for cookie in kept.into_iter().chain([cookie]) {
        headers.append(SET_COOKIE, cookie);
    }
}
