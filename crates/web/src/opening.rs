//! Whether someone opened a link, or a program looked what is behind it.

use http::{HeaderMap, HeaderName, Method};

/// What browsers and programs send that fetch a page before anyone asks for it.
const AHEAD: [HeaderName; 4] = [
    HeaderName::from_static("sec-purpose"),
    HeaderName::from_static("purpose"),
    HeaderName::from_static("x-purpose"),
    HeaderName::from_static("x-moz"),
];

/// What a browser says of a page that someone goes to (W3C Fetch Metadata, sections 2.1 and 2.2).
const GOING_THERE: [(HeaderName, &str); 2] = [
    (HeaderName::from_static("sec-fetch-dest"), "document"),
    (HeaderName::from_static("sec-fetch-mode"), "navigate"),
];

/// Whether a request for a link may be someone who opened it: not HEAD, not fetched ahead, not an image, a frame or a
/// script. A client that says nothing counts as someone.
pub(crate) fn is_by_someone(method: &Method, headers: &HeaderMap) -> bool {
    let is_ahead = AHEAD.iter().any(|name| headers.contains_key(name));
    let goes_there = GOING_THERE
        .iter()
        .all(|(name, value)| headers.get_all(name).iter().all(|said| said == value));
    method != Method::HEAD && !is_ahead && goes_there
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn programs_are_told_from_users() {
        for (headers, is) in [
            (&[][..], true),
            (
                &[
                    ("sec-fetch-dest", "document"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-site", "cross-site"),
                ],
                true,
            ),
            (
                &[("sec-fetch-site", "none"), ("sec-fetch-user", "?1")],
                true,
            ),
            (&[("sec-purpose", "prefetch")], false),
            (
                &[
                    ("sec-purpose", "prefetch;prerender"),
                    ("sec-fetch-dest", "document"),
                ],
                false,
            ),
            (&[("sec-purpose", "prefetch;anonymous-client-ip")], false),
            (&[("purpose", "prefetch")], false),
            (&[("purpose", "preview")], false),
            (&[("x-purpose", "preview")], false),
            (&[("x-moz", "prefetch")], false),
            (&[("sec-fetch-dest", "image")], false),
            (
                &[("sec-fetch-dest", "iframe"), ("sec-fetch-mode", "navigate")],
                false,
            ),
            (
                &[("sec-fetch-dest", "empty"), ("sec-fetch-mode", "cors")],
                false,
            ),
            (&[("sec-fetch-mode", "no-cors")], false),
            (
                &[("sec-fetch-dest", "document"), ("sec-fetch-dest", "image")],
                false,
            ),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_by_someone(&Method::GET, &map), is, "{headers:?}");
            assert!(!is_by_someone(&Method::HEAD, &map), "{headers:?}");
        }
    }
}
