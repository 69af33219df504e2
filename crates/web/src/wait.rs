//! How long someone has to wait: in words, and as a header.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;

/// How long a browser is asked to wait when there is too much to do.
pub(crate) const RETRY_WAIT: Duration = Duration::from_secs(5);

/// Says when to come back.
pub(crate) fn retry_after(headers: &mut HeaderMap, wait: Duration) {
    headers.insert(RETRY_AFTER, seconds(wait).into());
}

/// What is said to the one who did something too often.
pub(crate) fn too_often(wait: Duration) -> String {
    format!("Too many tries. Wait {} and try again.", in_words(wait))
}

/// A time in words, and none too short.
pub(crate) fn in_words(wait: Duration) -> String {
    match seconds(wait) {
        1 => "1 second".to_owned(),
        seconds @ 2..=90 => format!("{seconds} seconds"),
        seconds @ 91..=5_400 => format!("{} minutes", seconds.div_ceil(60)),
        seconds @ 5_401..=172_800 => format!("{} hours", seconds.div_ceil(3_600)),
        seconds => format!("{} days", seconds.div_ceil(86_400)),
    }
}

/// Whole seconds, so that nobody comes back too early.
fn seconds(wait: Duration) -> u64 {
    wait.as_millis()
        .div_ceil(1_000)
        .try_into()
        .unwrap_or(u64::MAX)
        .max(1)
}
