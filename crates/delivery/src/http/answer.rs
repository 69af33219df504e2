//! What a gateway answered.

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;

/// The longest that a gateway may make us wait. A link lives for minutes or hours.
const LONGEST: Duration = Duration::from_hours(1);

/// An answer, as far as it matters.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    /// The number that many gateways give a refusal in their JSON.
    pub(crate) code: Option<u64>,
    /// The body, if it came whole. It may repeat the link.
    pub(super) body: Option<Vec<u8>>,
}

/// The field that is read of a body of JSON. A number can hold no link.
#[derive(Deserialize)]
struct Refusal {
    code: u64,
}

impl Answer {
    pub(super) fn new(status: u16, retry_after: Option<Duration>, body: Option<Vec<u8>>) -> Self {
        let text = body.as_deref().unwrap_or_default();
        let refusal: Option<Refusal> = serde_json::from_slice(text).ok();
        Self {
            status,
            retry_after,
            code: refusal.map(|refusal| refusal.code),
            body,
        }
    }
}

/// How long to wait, as `Retry-After` says: seconds or a date (RFC 9110, 10.2.3), an hour at most.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let wait = if is_number {
        // A number too large for us is longer than the longest too.
        text.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        let then = httpdate::parse_http_date(text).ok()?;
        then.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;

    #[test]
    fn retry_after_is_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (value, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("86400", Some(3600)),
            ("99999999999999999999999", Some(3600)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30)),
            ("Sun Nov  6 08:50:07 1994", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Sat, 06 Nov 2094 08:00:00 GMT", Some(3600)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, value.parse().unwrap());
            let expected = seconds.map(Duration::from_secs);
            assert_eq!(retry_after(&headers, now), expected, "{value}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn only_number_is_read() {
        for (body, code) in [
            (
                &br#"{"code": 21211, "message": "no number"}"#[..],
                Some(21_211),
            ),
            (br#"{"code": "https://example.org/x"}"#, None),
            (br#"["x"]"#, None),
            (b"\xff", None),
            (b"", None),
        ] {
            assert_eq!(Answer::new(400, None, Some(body.to_vec())).code, code);
        }
    }
}
