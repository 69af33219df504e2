//! Requests to a gateway: bounded in time and size, without redirects, over TLS.

mod answer;
mod confirmation;
mod endpoint;
mod statuses;

pub use statuses::StatusSet;

pub(crate) use answer::Answer;
#[cfg(feature = "sms-gateway")]
pub(crate) use confirmation::Condition;
pub(crate) use endpoint::Endpoint;
pub(crate) use statuses::Statuses;

use phone_auth_events::{Retry, Undelivered};
use reqwest::{Client, Request, Response};
use tokio::time::{Duration, Instant, timeout_at};

/// How much of an answer is read. It says little that we need; what is read lets the connection be kept.
const MOST_BYTES: usize = 16 * 1024;

/// How long the rest of an answer may take once its status is known.
const REST: Duration = Duration::from_secs(1);

/// Sends a request and reads the answer as far as it matters: where `is_body_needed`, its body until the request has run
/// out of time.
///
/// # Errors
/// `Later` when none comes. The error shows no address: a key may stand in it.
pub(crate) async fn send(
    client: &Client,
    request: Request,
    whom: &str,
    is_body_needed: bool,
) -> Result<Answer, Undelivered> {
    let sent = client.execute(request).await;
    let response = sent.map_err(|error| {
        let failed = if error.is_timeout() {
            "does not answer in time"
        } else if error.is_connect() {
            "cannot be reached"
        } else {
            "gives no answer that is HTTP"
        };
        let reason = format!("the {whom} {failed}");
        // What was written and not answered may have arrived.
        let is_unsent = error.is_connect() || error.is_builder();
        let error = Undelivered::with_source(Retry::Later, reason, error.without_url());
        if is_unsent { error.unsent() } else { error }
    })?;
    let status = response.status().as_u16();
    let retry_after = answer::retry_after(response.headers(), std::time::SystemTime::now());
    let body = body_of(response, is_body_needed).await;
    Ok(Answer::new(status, retry_after, body))
}

/// The body, if it comes whole. Where it is not needed, the status has said what became of the message, so that a body
/// which is too long, too slow or broken off changes nothing.
async fn body_of(mut response: Response, is_needed: bool) -> Option<Vec<u8>> {
    let end = (!is_needed).then(|| Instant::now() + REST);
    let mut body = Vec::new();
    loop {
        let chunk = match end {
            Some(end) => timeout_at(end, response.chunk()).await.ok()?,
            None => response.chunk().await,
        };
        match chunk.ok()? {
            Some(chunk) => body.extend_from_slice(&chunk),
            None => return Some(body),
        }
        if body.len() > MOST_BYTES {
            return None;
        }
    }
}
