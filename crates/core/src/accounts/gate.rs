//! Asking the application's gate before a flow begins.
//!
//! Many gates take an answer once. A form that is sent twice, by a double click, has the same one both times, and so has one
//! that does two gated things. So an answer that was allowed is allowed again for a moment, for the same question, and of
//! several at once one is asked. It says nothing of what is limited: that is counted each time.

use std::sync::Arc;

use super::lately::Lately;
use super::{Accounts, Failure};
use crate::challenge::ChallengeId;
use crate::gate::{GateChallenge, GateDecision, GateNames, GateRefusal, GateRequest, GatedFlow};
use crate::language::Language;

/// How often an answer is allowed again: a click may come more than twice.
const AGAIN: u32 = 3;

/// The questions that were allowed a moment ago, and how often they are once more.
pub(super) type AllowedAnswers = Lately<u32>;

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

    /// Asks the gate whether a flow begins, unless it has allowed just that a moment ago.
    pub(super) async fn ask_gate(
        &self,
        flow: GatedFlow,
        names: GateNames<'_>,
    ) -> Result<(), Failure> {
        self.ask_gate_to_try(flow, names, "").await
    }

    /// The same of a flow that tries a password: an answer is good for that one, and no other, so it is one guess.
    pub(super) async fn ask_gate_to_try(
        &self,
        flow: GatedFlow,
        names: GateNames<'_>,
        tried: &str,
    ) -> Result<(), Failure> {
        let Some(gate) = self.inner.gate.as_deref() else {
            return Ok(());
        };
        let question = self.question(flow, names, tried);
        let allowed = &self.inner.allowed_answers;
        let turn = match &question {
            Some(question) => Some(self.turn_after(question).await),
            None => None,
        };
        let take = |left: &mut u32| std::mem::replace(left, left.saturating_sub(1)) > 0;
        if question.is_some_and(|it| allowed.of(&it, self.now(), take) == Some(true)) {
            return Ok(());
        }
        // Those who have waited in vain ask at once: one who sends a refused request many times keeps nobody for longer than
        // one answer takes.
        let _turn = turn.filter(|(_, has_waited)| !has_waited);
        let decision = gate.ask(&self.gate_request(flow, names)).await;
        match decision.map_err(Failure::of_gate)? {
            GateDecision::Allow => {
                if let Some(question) = question {
                    allowed.put(question, self.now(), AGAIN);
                }
                // A form that changes an address adds one and has it verified.
                let is_added = flow == GatedFlow::AddAddress;
                let then = is_added.then_some(GatedFlow::RequestVerification);
                let then = then.and_then(|flow| self.question(flow, GateNames::default(), ""));
                if let Some(then) = then {
                    allowed.put(then, self.now(), AGAIN);
                }
                Ok(())
            }
            GateDecision::Deny(words) => Err(Failure::gated(GateRefusal::Denied(words))),
            GateDecision::Challenge(challenge) => {
                Err(Failure::gated(GateRefusal::Challenged(challenge)))
            }
        }
    }

    /// What an answer is allowed for; none without one.
    fn question(&self, flow: GatedFlow, names: GateNames<'_>, tried: &str) -> Option<ChallengeId> {
        let answer = self.gate_answer.as_deref()?;
        let client = self.client.address().map(|it| it.to_string());
        let user = self.client.user().map(|it| it.get().to_string());
        let parts = [
            Some(flow.name()),
            names.username,
            names.email,
            names.phone,
            client.as_deref(),
            user.as_deref(),
            Some(answer),
            Some(tried),
        ];
        let parts = parts.map(|part| part.map_or(&b""[..], str::as_bytes));
        Some(self.inner.limiter.question(&parts))
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
