//! The challenge of the application's gate, as a form shows it.

use std::collections::BTreeMap;

use phone_auth_core::gate::GateChallenge;
use serde::Serialize;

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
}
