//! The hidden field of a form and the cookie beside it, for templates of the application's own.

use std::convert::Infallible;
use std::fmt;

use axum::response::{IntoResponseParts, ResponseParts};
use http::HeaderValue;

use super::FIELD;
use crate::set_cookie::add_cookie;

/// The hidden field that a form of this site carries, as HTML, and a part of the answer that sets the cookie beside it.
///
/// Templates of this crate have `{{ csrf_token }}`; this is for others, such as askama's or maud's, which must not escape
/// it. From [`RequestContext::csrf_field`](crate::RequestContext::csrf_field).
///
/// # Security
/// The field is the user's own: no cache that others share may keep the page. [`Web::layer`](crate::Web::layer) says so.
///
/// # Examples
/// ```
/// use axum::response::{Html, IntoResponse, Response};
/// use phone_auth_web::RequestContext;
///
/// async fn note(context: RequestContext) -> Response {
///     let csrf = context.csrf_field();
///     let page = format!("<form method=\"post\">{csrf}<input name=\"note\"><button>Add</button></form>");
///     (csrf, Html(page)).into_response()
/// }
/// ```
#[derive(Clone)]
#[must_use = "the field is of no use without the cookie, which is set when this is a part of the answer"]
pub struct CsrfField {
    token: String,
    cookie: Option<HeaderValue>,
}

impl CsrfField {
    pub(crate) const fn new(token: String, cookie: Option<HeaderValue>) -> Self {
        Self { token, cookie }
    }
}

impl fmt::Display for CsrfField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is made of letters, digits, `-`, `_` and `.`.
        let token = &self.token;
        write!(
            f,
            "<input type=\"hidden\" name=\"{FIELD}\" value=\"{token}\">"
        )
    }
}

impl fmt::Debug for CsrfField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CsrfField(…)")
    }
}

impl IntoResponseParts for CsrfField {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        add_cookie(response.headers_mut(), self.cookie);
        Ok(response)
    }
}
