//! What became of a message at each of its receivers.

use std::error::Error;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Wait;

/// What became of a message at one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReceiptOutcome {
    /// Delivered, or not for this receiver; it is not called again.
    Done,
    /// Refused for good; it is not called again.
    Refused,
    /// Failed; it is called again.
    Failed,
}

impl ReceiptOutcome {
    /// The name, for a log.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// What became of a message at one receiver, at its last attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The id of the receiver.
    pub receiver: String,
    /// What became of it.
    pub outcome: ReceiptOutcome,
    /// Why, if it did not succeed; holds no link.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// When it may be called again at the earliest, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<DateTime<Utc>>,
    /// Whether the receiver said that it is for another one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_passed_on: bool,
    /// Since when it is left alone, by the same clock; not told by a version that did not keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<DateTime<Utc>>,
    /// Whether the message may have gone out all the same, at this attempt or an earlier one: it timed out or panicked, or the
    /// other side did not answer. A version that did not keep it tells nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub may_have_gone_out: bool,
}

impl Receipt {
    /// What became of a message at this receiver.
    pub fn new(
        receiver: impl Into<String>,
        outcome: ReceiptOutcome,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            receiver: receiver.into(),
            outcome,
            reason: reason.into(),
            not_before: None,
            is_passed_on: false,
            since: None,
            may_have_gone_out: false,
        }
    }

    /// The same of a receiver that may have sent the message all the same.
    #[must_use]
    pub fn unsure(mut self) -> Self {
        self.may_have_gone_out = true;
        self
    }

    /// The same of a receiver that said that the message is for another one; it is not called again.
    #[must_use]
    pub fn passed_on(mut self) -> Self {
        self.is_passed_on = true;
        self
    }

    /// The same of a receiver that is called again after this wait, and not before.
    #[must_use]
    pub fn left_alone(mut self, wait: Wait) -> Self {
        self.not_before = Some(wait.until);
        self.since = Some(wait.since);
        self
    }
}

/// What became of a message, one receipt for each receiver that was called. A store keeps it as a text.
///
/// # Examples
/// ```
/// use phone_auth_core::outbox::{Receipt, ReceiptOutcome, Receipts};
///
/// let mut receipts = Receipts::default();
/// receipts.note(Receipt::new("my_app::mail", ReceiptOutcome::Failed, "no route to host"));
/// receipts.note(Receipt::new("my_app::mail", ReceiptOutcome::Done, ""));
/// assert!(receipts.is_final("my_app::mail") && !receipts.is_final("my_app::audit"));
/// assert_eq!(Receipts::from_text(&receipts.to_text())?, receipts);
/// assert!(Receipts::from_text("not a list").is_err());
/// # Ok::<(), phone_auth_core::outbox::ReceiptsError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Receipts(Vec<Receipt>);

impl Receipts {
    /// All of them, in the order of the first call.
    pub fn iter(&self) -> std::slice::Iter<'_, Receipt> {
        self.0.iter()
    }

    /// Notes what became of a receiver, over what was noted of it before. What may have gone out once may have for good.
    pub fn note(&mut self, mut receipt: Receipt) {
        match self
            .0
            .iter_mut()
            .find(|old| old.receiver == receipt.receiver)
        {
            Some(old) => {
                receipt.may_have_gone_out |= old.may_have_gone_out;
                *old = receipt;
            }
            None => self.0.push(receipt),
        }
    }

    /// Whether this receiver is not to be called again.
    pub fn is_final(&self, receiver: &str) -> bool {
        let receipt = self.0.iter().find(|receipt| receipt.receiver == receiver);
        receipt.is_some_and(|receipt| receipt.outcome != ReceiptOutcome::Failed)
    }

    /// Whether this receiver is to be called at this time: it has not had the message, and has not asked to be left alone
    /// until later. A clock that was set back behind the time at which it asked says nothing of when that is over; then it
    /// is called.
    pub fn is_due(&self, receiver: &str, now: DateTime<Utc>) -> bool {
        let receipt = self.0.iter().find(|receipt| receipt.receiver == receiver);
        receipt.is_none_or(|receipt| {
            receipt.outcome == ReceiptOutcome::Failed
                && (receipt.not_before.is_none_or(|time| time <= now)
                    || receipt.since.is_some_and(|since| now < since))
        })
    }

    /// Whether someone may have the message: a receiver has delivered it, or it is not known that it did not.
    pub(crate) fn may_have_gone_out(&self) -> bool {
        self.0.iter().any(|receipt| {
            let is_delivered = receipt.outcome == ReceiptOutcome::Done && !receipt.is_passed_on;
            is_delivered || receipt.may_have_gone_out
        })
    }

    /// Those of the receivers that delivered it; the others are called again.
    #[must_use]
    pub fn only_done(mut self) -> Self {
        self.0
            .retain(|receipt| receipt.outcome == ReceiptOutcome::Done && !receipt.is_passed_on);
        self
    }

    /// These receipts of a message, and of the message that it superseded those of receivers that failed: they may have
    /// asked to be left alone, and a newer message is no reason not to.
    #[must_use]
    pub fn after(mut self, superseded: Self) -> Self {
        for mut receipt in superseded.0 {
            // That was the other message.
            receipt.may_have_gone_out = false;
            let is_known = self.0.iter().any(|own| own.receiver == receipt.receiver);
            if receipt.outcome == ReceiptOutcome::Failed && !is_known {
                self.0.push(receipt);
            }
        }
        self
    }

    /// The text that a store keeps: a list in JSON.
    pub fn to_text(&self) -> String {
        // Strings and words become JSON always.
        serde_json::to_string(&self.0).unwrap_or_default()
    }

    /// What [`to_text`](Self::to_text) gave.
    ///
    /// # Errors
    /// When it is another text.
    pub fn from_text(text: &str) -> Result<Self, ReceiptsError> {
        serde_json::from_str(text)
            .map(Self)
            .map_err(|source| ReceiptsError { source })
    }
}

impl<'a> IntoIterator for &'a Receipts {
    type Item = &'a Receipt;
    type IntoIter = std::slice::Iter<'a, Receipt>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// A text is no list of receipts.
pub struct ReceiptsError {
    source: serde_json::Error,
}

impl fmt::Debug for ReceiptsError {
    /// The sentence and its causes: a `main` that returns the error prints them in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_events::write_causes(self, f)
    }
}

impl fmt::Display for ReceiptsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the text is no list of receipts")
    }
}

impl Error for ReceiptsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.source)
    }
}
