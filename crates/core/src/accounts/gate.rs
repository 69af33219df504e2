//! Asking the application's gate before a flow begins.

use std::sync::Arc;

use super::{Accounts, Failure};
use crate::gate::{GateChallenge, GateDecision, GateNames, GateRefusal, GateRequest, GatedFlow};
use crate::language::Language;

impl Accounts {
    /// These flows with the answer to a challenge of the [gate](super::AccountsBuilder::gate): what the form has in its
    /// field `gate_answer`. Cheap, and shares everything else.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FailureKind, FlowError};
    /// use phone_auth_core::gate::{Gate, GateChallenge, GateDecision, GateError, GateRequest, async_trait};
    /// use phone_auth_core::password::Password;
    ///
    /// struct Invited;
    ///
    /// #[async_trait]
    /// impl Gate for Invited {
    ///     async fn ask(&self, request: &GateRequest<'_>) -> Result<GateDecision, GateError> {
    ///         Ok(match request.answer {
    ///             Some("open sesame") => GateDecision::Allow,
    ///             _ => GateDecision::Challenge(GateChallenge::new("Your invitation")),
    ///         })
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    #[doc = include_str!("example_builder.txt")]
    /// let accounts = builder.gate(Invited).build()?;
    /// let asked = accounts.request_password_reset("ann@example.org").await;
    /// assert!(matches!(asked, Err(FlowError::Failed(failure)) if failure.kind() == FailureKind::Challenged));
    /// accounts.with_gate_answer(Some("open sesame")).request_password_reset("ann@example.org").await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_gate_answer(&self, answer: Option<&str>) -> Self {
        let answer = answer.filter(|it| !it.is_empty() && it.len() <= GateRequest::MAX_ANSWER);
        Self {
            gate_answer: answer.map(Arc::from),
            ..self.clone()
        }
    }

    /// The challenge that the form of a flow shows from the start, if the gate has one. One that cannot be told now is
    /// logged, and the form is shown without.
    ///
    /// # Cancel safety
    /// It only asks the gate.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::gate::GatedFlow;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// // Without a gate nothing is asked.
    /// assert!(accounts.offered_challenge(GatedFlow::SignUp).await.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn offered_challenge(&self, flow: GatedFlow) -> Option<GateChallenge> {
        let gate = self.inner.gate.as_deref()?;
        let request = self.gate_request(flow, GateNames::default());
        match gate.offer(&request).await {
            Ok(offered) => offered,
            Err(error) => {
                let flow = flow.name();
                tracing::warn!(flow, error = ?error.to_string(), "the gate offers no challenge");
                None
            }
        }
    }

    /// Asks the gate whether a flow begins.
    pub(super) async fn ask_gate(
        &self,
        flow: GatedFlow,
        names: GateNames<'_>,
    ) -> Result<(), Failure> {
        let Some(gate) = self.inner.gate.as_deref() else {
            return Ok(());
        };
        let decision = gate.ask(&self.gate_request(flow, names)).await;
        match decision.map_err(Failure::of_gate)? {
            GateDecision::Allow => Ok(()),
            GateDecision::Deny(words) => Err(Failure::gated(GateRefusal::Denied(words))),
            GateDecision::Challenge(challenge) => {
                Err(Failure::gated(GateRefusal::Challenged(challenge)))
            }
        }
    }

    fn gate_request<'a>(&'a self, flow: GatedFlow, names: GateNames<'a>) -> GateRequest<'a> {
        GateRequest {
            flow,
            client: self.client.address(),
            user: self.client.user(),
            language: self.language.as_ref().map(Language::as_str),
            names,
            answer: self.gate_answer.as_deref(),
        }
    }
}
