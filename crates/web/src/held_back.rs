//! What stands above a form that was held back before its flow began, so that it is shown once more with what was typed.

use std::time::Duration;

use axum::response::{IntoResponseParts, ResponseParts};
use http::StatusCode;
use phone_auth_core::accounts::{Failure, FailureKind};
use phone_auth_core::gate::{GateChallenge, GateRefusal};

use crate::wait;

/// What is said above a form whose challenge was not answered, or not rightly.
pub(crate) const ONE_MORE_STEP: &str =
    "One more step: answer the question at the end of the form, and send it again.";

/// What is said where nothing was begun, because there is too much to do.
pub(crate) const BUSY: &str = "There is more to do than can be done at once, so nothing was changed. Wait a few seconds and try again.";

/// Why a form is shown again though nothing in it is wrong: it was sent too often, the application's gate denies it or
/// wants a challenge answered, or there is too much to do just now. Nothing was begun, so what was typed is still wanted.
///
/// It is for forms of your own: [`RequestContext::held_back`](crate::RequestContext::held_back) gives it. As a part of
/// an answer it sets `Retry-After` where one has to wait.
///
/// # Examples
/// ```
/// use axum::response::{Html, IntoResponse, Response};
/// use phone_auth_core::accounts::Failure;
/// use phone_auth_web::RequestContext;
///
/// fn failed(context: &RequestContext, failure: &Failure) -> Response {
///     match context.held_back("join", failure) {
///         // Here the form of the application goes, with these words above it.
///         Some(held) => (held.status(), held.clone(), Html(held.words().to_owned())).into_response(),
///         None => context.failed("join", failure),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct HeldBack {
    status: StatusCode,
    words: String,
    challenge: Option<GateChallenge>,
    retry_after: Option<Duration>,
}

impl HeldBack {
    /// What holds it back; nothing where the flow may have begun.
    pub(crate) fn of(failure: &Failure) -> Option<Self> {
        let (status, words, challenge, retry_after) = match (failure.kind(), failure.gate()) {
            (_, Some(GateRefusal::Denied(words))) => {
                (StatusCode::FORBIDDEN, words.clone(), None, None)
            }
            (_, Some(GateRefusal::Challenged(challenge))) => {
                let words = ONE_MORE_STEP.to_owned();
                (StatusCode::FORBIDDEN, words, Some(challenge.clone()), None)
            }
            (FailureKind::Limited { wait: time, .. }, None) => {
                let words = wait::too_often(time);
                (StatusCode::TOO_MANY_REQUESTS, words, None, Some(time))
            }
            (FailureKind::Busy | FailureKind::OutboxFull, None) => {
                let (status, words) = (StatusCode::SERVICE_UNAVAILABLE, BUSY.to_owned());
                (status, words, None, Some(wait::RETRY_WAIT))
            }
            _ => return None,
        };
        Some(Self {
            status,
            words,
            challenge,
            retry_after,
        })
    }

    /// The status of the answer: 403 of the gate, 429 where it was done too often, 503 where there is too much to do.
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    /// What to say above the form, as our own pages do: of a denial these are the words of your gate.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// The challenge of the gate: the form asks for its answer in the field `gate_answer`.
    pub const fn challenge(&self) -> Option<&GateChallenge> {
        self.challenge.as_ref()
    }
}

impl IntoResponseParts for HeldBack {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Self::Error> {
        if let Some(time) = self.retry_after {
            wait::retry_after(parts.headers_mut(), time);
        }
        Ok(parts)
    }
}
