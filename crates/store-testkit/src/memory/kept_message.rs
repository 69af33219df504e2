//! A message of the outbox, as it is kept in memory.

use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressKind;
use phone_auth_core::outbox::{
    NewMessage, OutboxMessage, Purpose, Receipts, Superseded, UnreadableMessage, Wait,
};
use phone_auth_core::user::UserId;

use super::state::to_micros;

/// A message as it is kept.
pub(super) struct Kept {
    /// With the receipts of its own.
    pub(super) message: OutboxMessage,
    /// The attempt that has it.
    pub(super) leased_attempt: Option<u32>,
    /// Since when it waits until it is due, if it does.
    pub(super) waits_since: Option<DateTime<Utc>>,
    /// What became of the message that it superseded.
    pub(super) earlier: Receipts,
    /// The column whose text cannot be read, as one of a later version.
    pub(super) unreadable: Option<&'static str>,
}

impl Kept {
    /// To whom it goes.
    pub(super) fn user(&self) -> Option<UserId> {
        let message = &self.message.message;
        let of_notice = message.told().map(|(user, _)| user);
        message
            .recipient
            .map(|recipient| recipient.user)
            .or(of_notice)
    }

    /// Puts a text into a column. What a message was before it could not be read is not lost.
    pub(super) fn set_text(&mut self, column: &'static str, text: &str) {
        let is_read = match column {
            "purpose" => Purpose::parse(text).is_some(),
            "kind" => [AddressKind::Email, AddressKind::Phone]
                .iter()
                .any(|kind| kind.to_string() == text),
            // Of an older message it is passed over.
            "earlier_receipts" => true,
            _ => Receipts::from_text(text).is_ok(),
        };
        self.unreadable = (!is_read).then_some(column);
    }

    pub(super) fn unreadable(&self) -> Option<UnreadableMessage> {
        self.unreadable.map(|column| UnreadableMessage {
            id: self.message.id,
            column,
            deadline: Some(self.message.deadline()),
            is_dead: !self.is_pending(),
        })
    }

    /// Until when it is left to a later version: no signal of this one is for it.
    pub(super) fn left_until(&self) -> Option<DateTime<Utc>> {
        let is_of_none = matches!(self.unreadable, Some("purpose" | "kind"));
        is_of_none.then(|| self.message.deadline())
    }

    pub(super) fn is_pending(&self) -> bool {
        self.message.dead.is_none()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.message.ready_attempt == self.message.attempts && !self.is_under_way()
    }

    /// Whether an attempt was begun that has not ended.
    pub(super) fn is_under_way(&self) -> bool {
        self.leased_attempt == Some(self.message.attempts)
    }

    /// What a newer message is told that takes its place.
    pub(super) fn superseded(&self) -> Option<Superseded> {
        let is_tried = self.message.ready_attempt < self.message.attempts;
        let is_unknown = self.message.is_in_doubt || (is_tried && self.is_under_way());
        (!is_unknown).then(|| Superseded {
            created_at: self.message.message.created_at,
            binding_parts: self.message.message.binding.parts().map(str::to_owned),
            receipts: self.message.receipts.clone(),
        })
    }

    /// Whether both are messages of one purpose to one address.
    pub(super) fn is_like(&self, other: &NewMessage) -> bool {
        let mine = &self.message.message;
        let address = |message: &NewMessage| message.recipient.map(|to| to.address);
        mine.purpose == other.purpose
            && mine.kind == other.kind
            && address(other).is_some()
            && address(mine) == address(other)
    }

    /// The message as the one who claims it gets it.
    pub(super) fn told(&self) -> OutboxMessage {
        let mut message = self.message.clone();
        message.receipts = message.receipts.after(self.earlier.clone());
        message
    }

    pub(super) fn keep(&mut self, receipts: &Receipts) {
        self.message.receipts = receipts.clone();
        self.earlier = Receipts::default();
    }

    /// Has it wait until it is due.
    pub(super) fn wait(&mut self, wait: Wait) {
        self.message.due_at = to_micros(wait.until);
        self.waits_since = Some(to_micros(wait.since));
    }

    /// What a clock that was set back makes of its wait.
    pub(super) fn wait_anew(&mut self, now: DateTime<Utc>) {
        let until = self.message.due_at;
        let wait = self.waits_since.map(|since| Wait { since, until });
        if let Some(anew) = wait.and_then(|wait| wait.anew(now)) {
            let is_leased = self.is_under_way();
            self.wait(Wait {
                until: if is_leased { anew.until } else { now },
                ..anew
            });
        }
    }

    /// Makes it due at once, as before its first attempt. No lease from before holds.
    pub(super) fn ready(&mut self) {
        self.message.attempts += 1;
        self.message.ready_attempt = self.message.attempts;
        self.message.is_in_doubt = false;
        self.leased_attempt = None;
        self.waits_since = None;
    }

    /// Puts a newer message in its place.
    pub(super) fn supersede(
        &mut self,
        newer: NewMessage,
        now: DateTime<Utc>,
        requested_at: Option<DateTime<Utc>>,
    ) {
        let is_leased = self.is_under_way() && self.message.due_at > now;
        if is_leased {
            // It has not been tried.
            self.message.ready_attempt = self.message.attempts;
            self.message.is_in_doubt = false;
        } else if !self.is_ready() {
            self.ready();
            self.message.due_at = self.message.due_at.min(now);
        }
        self.message.enqueued_at = newer.created_at;
        self.message.message = newer;
        self.message.requested_at = requested_at;
        let receipts = std::mem::take(&mut self.message.receipts);
        if receipts != Receipts::default() {
            self.earlier = receipts;
        }
        self.unreadable = None;
    }
}
