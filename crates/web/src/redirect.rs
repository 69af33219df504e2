//! Redirects. Every target is a path of this site: no host that a request names reaches one.

use std::fmt::Write as _;

use axum::extract::OriginalUri;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, LOCATION};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, StatusCode, Uri};
use phone_auth_urls::MAX_NEXT_BYTES;

use crate::headers::vary_by_cookie;

/// 302 to a path of this site, as django-phone-auth answers after a form.
pub(crate) fn found(path: &str) -> Response {
    to(StatusCode::FOUND, path)
}

/// The same, to where only this user goes: nobody keeps the answer for another.
pub(crate) fn found_for_user(path: &str) -> Response {
    let mut response = found(path);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    vary_by_cookie(headers);
    response
}

/// 302 to the log-in page, which leads back to where the user wanted to go. An address that is too long to be led
/// back to is left out: encoded, it would be up to three times as long again.
pub(crate) fn to_login(login: &str, wanted: &Uri) -> Response {
    let wanted = wanted.path_and_query().map_or("/", PathAndQuery::as_str);
    if wanted.len() > MAX_NEXT_BYTES {
        return found(login);
    }
    let mut target = String::with_capacity(login.len() + wanted.len() + 16);
    target.push_str(login);
    target.push_str("?next=");
    encode(&mut target, wanted);
    found(&target)
}

/// Adds a value to a query. Slashes stay, as django-phone-auth leaves them: a query may hold them (RFC 3986, section
/// 3.4).
pub(crate) fn encode(target: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            target.push(char::from(byte));
        } else {
            let _ = write!(target, "%{byte:02X}");
        }
    }
}

/// Leads from a path without its final slash to the one with it; the query stays.
///
/// 301 for GET and HEAD; 308 for the rest, so that a form posted to the wrong path arrives with all
/// it carries. Mount it beside a page of one's own, at the page's path without the slash.
///
/// # Examples
/// ```
/// use axum::{Router, routing::{any, get}};
/// use phone_auth_web::append_slash;
///
/// let app: Router = Router::new()
///     .route("/reports/", get(async || "the reports"))
///     .route("/reports", any(append_slash));
/// ```
pub async fn append_slash(method: Method, OriginalUri(uri): OriginalUri) -> Response {
    let status = match method {
        Method::GET | Method::HEAD => StatusCode::MOVED_PERMANENTLY,
        _ => StatusCode::PERMANENT_REDIRECT,
    };
    // A path that begins with two slashes would be read as a host, and browsers read a backslash as a slash.
    let path = uri.path().trim_start_matches('/').replace('\\', "%5C");
    let query = uri
        .query()
        .map_or_else(String::new, |query| format!("?{query}"));
    to(status, &format!("/{path}/{query}"))
}

fn to(status: StatusCode, path: &str) -> Response {
    match HeaderValue::try_from(path) {
        Ok(location) => (status, [(LOCATION, location)]).into_response(),
        // Settings and the sanitiser of `next` let no such path through.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(response: &Response) -> Option<&str> {
        response.headers().get(LOCATION)?.to_str().ok()
    }

    #[test]
    fn wanted_page_is_percent_encoded() {
        let wanted = Uri::from_static("/members/email/?a=1&b=%20");
        let response = to_login("/accounts/login/", &wanted);
        assert_eq!(
            location(&response),
            Some("/accounts/login/?next=/members/email/%3Fa%3D1%26b%3D%2520")
        );
    }

    #[test]
    fn long_page_is_left_out() {
        let wanted = |length: usize| -> Uri {
            let path = format!("/{}", "%".repeat(length - 1));
            Uri::builder()
                .path_and_query(path)
                .build()
                .unwrap_or_default()
        };
        let longest = to_login("/accounts/login/", &wanted(MAX_NEXT_BYTES));
        assert!(location(&longest).is_some_and(|to| to.contains("next=")));
        let longer = to_login("/accounts/login/", &wanted(MAX_NEXT_BYTES + 1));
        assert_eq!(location(&longer), Some("/accounts/login/"));
    }

    #[tokio::test]
    async fn query_survives_the_slash() {
        let uri = Uri::from_static("/accounts/login?next=/a/");
        let response = append_slash(Method::GET, OriginalUri(uri)).await;
        assert_eq!(response.status(), StatusCode::MOVED_PERMANENTLY);
        assert_eq!(location(&response), Some("/accounts/login/?next=/a/"));
    }

    #[tokio::test]
    async fn posted_form_is_not_dropped() {
        let uri = Uri::from_static("/accounts/login");
        let response = append_slash(Method::POST, OriginalUri(uri)).await;
        assert_eq!(response.status(), StatusCode::PERMANENT_REDIRECT);
    }

    #[tokio::test]
    async fn doubled_slash_names_no_host() {
        let uri = Uri::from_static("//evil.example/x");
        let response = append_slash(Method::GET, OriginalUri(uri)).await;
        assert_eq!(location(&response), Some("/evil.example/x/"));
        for (asked, leads) in [
            ("/\\evil.example", "/%5Cevil.example/"),
            ("/a\\b", "/a%5Cb/"),
            ("///\\evil.example", "/%5Cevil.example/"),
        ] {
            let Ok(uri) = Uri::try_from(asked) else {
                continue;
            };
            let response = append_slash(Method::GET, OriginalUri(uri)).await;
            assert_eq!(location(&response), Some(leads), "{asked}");
        }
    }
}
