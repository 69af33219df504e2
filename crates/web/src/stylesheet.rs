//! The style sheet: served from the program under a name that changes with its content.

use std::fmt::Write as _;

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use sha2::{Digest, Sha256};

use crate::headers::RESOURCE_POLICY;

/// What is served when the folder of templates has no `phone_auth/style.css` of its own.
pub(crate) const EMBEDDED: &str = include_str!("../templates/phone_auth/style.css");

/// A style sheet and the path it is served at.
#[derive(Clone, Debug)]
pub(crate) struct Stylesheet {
    path: String,
    text: Bytes,
}

impl Stylesheet {
    /// A style sheet below the mount. A browser may keep it for ever: another text has another path.
    pub(crate) fn new(mount: &str, text: String) -> Self {
        let digest = Sha256::digest(text.as_bytes());
        let mut name = String::with_capacity(12);
        for byte in digest.iter().take(6) {
            let _ = write!(name, "{byte:02x}");
        }
        Self {
            path: format!("{mount}static/phone_auth.{name}.css"),
            text: Bytes::from(text),
        }
    }

    /// Where it is served.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// The answer to a request for it.
    pub(crate) fn response(&self) -> Response {
        let headers = [
            (
                CONTENT_TYPE,
                HeaderValue::from_static("text/css; charset=utf-8"),
            ),
            (
                CACHE_CONTROL,
                HeaderValue::from_static("public, max-age=31536000, immutable"),
            ),
            (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            (RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
        ];
        (StatusCode::OK, headers, self.text.clone()).into_response()
    }
}
