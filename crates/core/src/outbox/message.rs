//! A message that is owed, and what a worker says of it to the store.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Binding, Receipts};
use crate::address::{AddressId, AddressKind};
use crate::language::Language;
use crate::link::LinkRequest;
use crate::person::PersonId;

/// The number of a message in the outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct MessageId(i64);

impl MessageId {
    /// The id of the row with this number.
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The number of the row.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// What the link of a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "each has two signals of its own; a further purpose would change every worker"
)]
pub enum MessagePurpose {
    /// To set a new password.
    ResetPassword,
    /// To show that an address is one's own.
    Verify,
}

impl MessagePurpose {
    /// The word for this purpose in a store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ResetPassword => "reset_password",
            Self::Verify => "verify",
        }
    }

    /// The purpose that a store has this word for.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::ResetPassword, Self::Verify]
            .into_iter()
            .find(|purpose| purpose.as_str() == word)
    }
}

/// Who is to get a message, and at which of their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct Recipient {
    /// Whose account it is about.
    pub person: PersonId,
    /// The row of the address, among those of the message's kind.
    pub address: AddressId,
}

/// A message as a flow owes it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct NewMessage {
    /// The same for each attempt to deliver it, and for no other message.
    pub key: String,
    /// What its link is for.
    pub purpose: MessagePurpose,
    /// By which kind of address it goes.
    pub kind: AddressKind,
    /// Who is to get it; nobody when the name that was given is nobody's.
    pub recipient: Option<Recipient>,
    /// The state that its link depends on, as it was when the message was promised.
    pub binding: Binding,
    /// The language that the person asked in.
    pub language: Option<Language>,
    /// When it was promised, to the microsecond; the link counts its age from here.
    pub created_at: DateTime<Utc>,
    /// When its link stops working, and trying ends.
    pub expires_at: DateTime<Utc>,
}

impl NewMessage {
    /// The request for a link that this message is, when it is made at this time.
    pub fn request(&self, at: DateTime<Utc>) -> LinkRequest {
        LinkRequest {
            purpose: self.purpose,
            kind: self.kind,
            address: self.recipient.map(|recipient| recipient.address),
            at,
        }
    }
}

/// A message as it stands in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct OutboxMessage {
    /// The number of its row.
    pub id: MessageId,
    /// What was promised.
    pub message: NewMessage,
    /// The request that it answers, as [`LinkRequest`](crate::link::LinkRequest)s are counted; `None` when a version that
    /// did not count them has stored it.
    pub requested_at: Option<DateTime<Utc>>,
    /// How often it was claimed.
    pub attempts: u32,
    /// When it may be claimed: of a message under way, the end of the lease.
    pub due_at: DateTime<Utc>,
    /// What became of it so far, by receiver.
    pub receipts: Receipts,
    /// When and why it was given up.
    pub dead: Option<DeadLetter>,
}

impl OutboxMessage {
    /// The lease of whoever has just claimed it.
    pub const fn lease(&self) -> Lease {
        Lease {
            id: self.id,
            attempt: self.attempts,
        }
    }
}

/// Why a message was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct DeadLetter {
    /// When.
    pub at: DateTime<Utc>,
    /// What the operator reads; holds no link.
    pub reason: String,
}

/// What a worker asks for.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct Claim {
    /// Messages that are due at this time.
    pub now: DateTime<Utc>,
    /// Until when nobody else gets them.
    pub until: DateTime<Utc>,
    /// At most how many.
    pub limit: u32,
}

/// The right to deliver a message. It is lost when the lease has ended and somebody else has claimed the message, or
/// when a newer message superseded it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct Lease {
    /// Which message.
    pub id: MessageId,
    /// Which attempt: a later one has another number, so that who was slow records nothing over it.
    pub attempt: u32,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a store that did not know one would lose the message"
)]
pub enum Settlement {
    /// Nothing is owed any more; the row goes.
    Settled,
    /// Try again at this time.
    Again {
        /// When it is due next.
        due_at: DateTime<Utc>,
        /// What became of it so far, by receiver.
        receipts: Receipts,
    },
    /// Given up; the row is kept for the operator.
    Dead {
        /// When and why.
        letter: DeadLetter,
        /// What became of it, by receiver.
        receipts: Receipts,
    },
}

/// A dead letter that is owed anew. It counts its attempts from the beginning.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct Revival {
    /// Which one.
    pub id: MessageId,
    /// The key of the attempts to come: a receiver that took the old message and was not heard must not take the new link
    /// for a repeat.
    pub key: String,
    /// When it is promised, and due.
    pub now: DateTime<Utc>,
    /// When its link stops working.
    pub expires_at: DateTime<Utc>,
    /// What became of it at the receivers that are not to be called again.
    pub receipts: Receipts,
}
