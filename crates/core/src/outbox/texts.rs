//! What the outbox does about the counts of text messages: one that reached nobody costs nobody's budget.

use chrono::{DateTime, Utc};
use phone_auth_events::Purpose;

use super::handle::Inner;
use super::{Binding, NewMessage, Superseded, bound_state};
use crate::address::{AddressKind, AddressRecord};
use crate::limits::{TextChange, TextCount, TextRow, Whose};

/// A text message that was counted when it was asked for.
pub(super) struct Text {
    number: String,
    whose: Whose,
}

impl Text {
    /// What a message to this address was counted by; none for one that is not counted. By whom it was asked
    /// for is not kept with a message: the counts of their network, and of an owner's browser, stay.
    pub(super) fn of(message: &NewMessage, address: &AddressRecord) -> Option<Self> {
        let is_counted = matches!(
            message.purpose,
            Purpose::ResetPassword | Purpose::Verify | Purpose::LogIn | Purpose::Confirm
        );
        if message.kind != AddressKind::Phone || !is_counted {
            return None;
        }
        // A number that a message verifies was not proven when it was asked for.
        let is_proven = address.is_verified && message.purpose != Purpose::Verify;
        Some(Self {
            number: address.value.clone(),
            whose: if is_proven {
                Whose::Proven
            } else {
                Whose::Unproven
            },
        })
    }
}

impl Inner {
    /// Changes what is counted of a text message in this hour. A store that cannot be asked leaves it as it is.
    pub(super) async fn count_text(&self, text: &Text, change: TextChange, hour: i64) {
        if !self.counts_texts {
            return;
        }
        let count = self.text_count(text, change, hour);
        if let Err(error) = self.limiter.store.count_texts(&count).await {
            tracing::warn!(%error, "what is counted of a text message was not changed");
        }
    }

    /// What is to be taken back where this message to this address has superseded one that reached nobody.
    pub(super) fn unsent_before(
        &self,
        message: &NewMessage,
        address: &AddressRecord,
        superseded: &Superseded,
    ) -> Option<TextCount> {
        let kept = Binding::from_stored([], superseded.binding_parts.clone());
        let is_counted = self.counts_texts
            && !superseded.receipts.may_have_gone_out()
            && bound_state::is_same_address(&kept, message.purpose, address);
        let text = Text::of(message, address).filter(|_| is_counted)?;
        let hour = hour_counted(&kept, superseded.created_at);
        Some(self.text_count(&text, TextChange::TakenBack, hour))
    }

    fn text_count(&self, text: &Text, change: TextChange, hour: i64) -> TextCount {
        TextCount {
            scopes: (self.limiter).scopes_of_waiting_text(&text.number, text.whose),
            change,
            hour,
        }
    }
}

/// In which hour a text message was counted that has this binding and stands as though enqueued then.
pub(super) fn hour_counted(kept: &Binding, created_at: DateTime<Utc>) -> i64 {
    bound_state::hour_counted(kept).unwrap_or(TextRow::hour_of(created_at))
}
