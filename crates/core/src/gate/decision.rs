//! What a gate answers.

/// What a gate answers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a flow does something for each, and must not forget one"
)]
pub enum GateDecision {
    /// The flow begins.
    Allow,
    /// It does not, in these words for the user: what was wrong, and what to do.
    Deny(String),
    /// It begins when this is answered.
    Challenge(GateChallenge),
}

impl GateDecision {
    /// Denies, in these words for the user.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::gate::GateDecision;
    ///
    /// let denied = GateDecision::deny("Ask your teacher for an account.");
    /// assert_eq!(denied, GateDecision::Deny("Ask your teacher for an account.".to_owned()));
    /// ```
    pub fn deny(words: impl Into<String>) -> Self {
        Self::Deny(words.into())
    }
}

/// What a user, or a program on their side, is asked before a flow begins: a question, an invitation, the result of a
/// computation. The pages show a field for the answer, and hand the [data](Self::data) to the template.
///
/// The gate keeps nothing between question and answer unless it wants to: what it must know again can stand in the data, under
/// a key of its own ([`Keyring::derive`](phone_auth_tokens::Keyring::derive)).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GateChallenge {
    /// What is asked, in words for the user: the label of the field.
    pub prompt: String,
    /// What the template needs, by name: each is an attribute `data-NAME` of the field, so a name is of small ASCII letters,
    /// digits and hyphens.
    pub data: Vec<(String, String)>,
}

impl GateChallenge {
    /// A challenge with this question.
    pub fn new(prompt: impl Into<String>) -> Self {
        Self {
            prompt: prompt.into(),
            data: Vec::new(),
        }
    }

    /// The same with a value for the template.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::gate::GateChallenge;
    ///
    /// let challenge = GateChallenge::new("Wait a moment").with("puzzle", "7f3c").with("bits", "18");
    /// assert_eq!(challenge.data[1], ("bits".to_owned(), "18".to_owned()));
    /// ```
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.data.push((name.into(), value.into()));
        self
    }
}

/// Why a flow did not begin: see [`Failure::gate`](crate::accounts::Failure::gate).
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a page has an answer for each, and must not forget one"
)]
pub enum GateRefusal {
    /// The gate denied it, in these words for the user.
    Denied(String),
    /// The gate wants this answered first.
    Challenged(GateChallenge),
}
