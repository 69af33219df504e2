//! The challenge of the application's gate, as a form shows it.

use std::collections::BTreeMap;

use phone_auth_core::gate::{GateChallenge, GatedFlow};
use serde::Serialize;

use crate::request_context::RequestContext;

/// The field of a form with the answer.
pub(crate) const ANSWER: &str = "gate_answer";

/// What the template `_gate.html` is told, as `gate`.
#[derive(Serialize)]
pub(crate) struct GateView {
    prompt: String,
    data: BTreeMap<String, String>,
}

impl GateView {
    pub(crate) fn of(challenge: &GateChallenge) -> Self {
        let is_name = |name: &str| {
            let is_good =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !name.is_empty() && name.bytes().all(is_good)
        };
        let data = challenge.data.iter().filter(|(name, _)| is_name(name));
        Self {
            prompt: challenge.prompt.clone(),
            data: data.cloned().collect(),
        }
    }

    /// What the form of a flow shows from the start.
    pub(crate) async fn offered(context: &RequestContext, flow: GatedFlow) -> Option<Self> {
        let accounts = context.accounts_in_language();
        let challenge = accounts.offered_challenge(flow).await?;
        Some(Self::of(&challenge))
    }
}
