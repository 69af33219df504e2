//! What a page answered.

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use http_body_util::BodyExt;

/// What a browser is shown in the end, when all redirects are followed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TestPage {
    /// The path and the query of the page.
    pub path: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The text of the body.
    pub body: String,
}

impl TestPage {
    pub(crate) async fn read(path: String, response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => panic!("the body of {path} breaks off: {error}"),
        };
        Self {
            path,
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// A header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}
