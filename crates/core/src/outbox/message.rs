//! A message that is pending, and what a worker says of it to the store.

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_events::{Channel, MessageSignal, Purpose};
use serde::Serialize;

use super::{Binding, Notice, PendingEvent, Queue, Queues, Receipts, Wait};
use crate::address::{AddressId, AddressKind};
use crate::challenge::NewChallenge;
use crate::language::Language;
use crate::link::LinkRequest;
use crate::user::UserId;

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

/// Who is to get a message, and at which of their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct Recipient {
    /// Whose account it is about.
    pub user: UserId,
    /// The row of the address, among those of the message's kind.
    pub address: AddressId,
}

/// A message as a flow enqueues it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct NewMessage {
    /// The same for each attempt to deliver it, and for no other message.
    pub key: String,
    /// What it is for.
    pub purpose: Purpose,
    /// By which kind of address it goes; of an event, the kind that it tells of.
    pub kind: AddressKind,
    /// Who is to get it; nobody when the name that was given is nobody's, or when it is a notice or an event.
    pub recipient: Option<Recipient>,
    /// What it tells and where it goes, if it is a security notice. A notice supersedes no other message and is
    /// superseded by none: each tells of another change.
    pub notice: Option<Notice>,
    /// The event, if it is one for durable receivers. It supersedes nothing and is superseded by none, as a notice.
    pub event: Option<PendingEvent>,
    /// The state that its link depends on, as it was when the message was enqueued.
    pub binding: Binding,
    /// The language that the user asked in.
    pub language: Option<Language>,
    /// By which channel it goes. What a version wrote that knew none goes by the [usual](Channel::usual) one.
    pub channel: Channel,
    /// When it was enqueued, to the microsecond; the link counts its age from here. For a link that is sent again a store
    /// keeps here when it was made, and moves the expiry and [`enqueued_at`](OutboxMessage::enqueued_at) by as much.
    pub created_at: DateTime<Utc>,
    /// When its link stops working, and trying ends.
    pub expires_at: DateTime<Utc>,
    /// For how long the same code is sent again, when one is asked for: see
    /// [`LinkRequest::code_half_life`](crate::link::LinkRequest::code_half_life). Not kept with the message.
    pub code_half_life: Option<TimeDelta>,
    /// The challenge that begins with it, in the same transaction, whomever it goes to. Not kept with the message.
    pub challenge: Option<NewChallenge>,
}

impl NewMessage {
    /// The queue that it waits in.
    pub const fn queue(&self) -> Queue {
        match MessageSignal::of(self.purpose, self.kind) {
            Some(signal) => Queue::Message(signal),
            None => Queue::Event,
        }
    }

    /// Whom it is about and the text that a store keeps of it, if it is a notice or an event. One that tells
    /// [of a closed account](PendingEvent::closed) is about nobody who is there.
    pub fn told(&self) -> Option<(UserId, String)> {
        let of_notice = self.notice.as_ref().map(|it| (it.user, it.to_text()));
        of_notice.or_else(|| self.event.as_ref().map(|it| (it.user, it.to_text())))
    }

    /// Whether it tells of the end of an account: it is nobody's, and says who its user was.
    pub fn tells_of_the_end(&self) -> bool {
        self.event.as_ref().is_some_and(|it| it.closed.is_some())
    }

    /// The same about this user, if it is a notice or an event: of one that is stored with it the flow does not know the
    /// number.
    #[must_use]
    pub fn about(mut self, user: UserId) -> Self {
        if let Some(notice) = &mut self.notice {
            notice.user = user;
        }
        if let Some(event) = &mut self.event {
            event.user = user;
        }
        self
    }

    /// The request for a link that this message is, when it is made at this time.
    pub fn request(&self, at: DateTime<Utc>) -> LinkRequest {
        LinkRequest {
            purpose: self.purpose,
            kind: self.kind,
            address: self.recipient.map(|recipient| recipient.address),
            at,
            half_life: Some((self.expires_at - self.created_at) / 2),
            code_half_life: self.code_half_life,
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
    /// What was enqueued.
    pub message: NewMessage,
    /// The request that it answers, as [`LinkRequest`](crate::link::LinkRequest)s are counted; `None` when a version that
    /// did not count them has stored it.
    pub requested_at: Option<DateTime<Utc>>,
    /// When it was enqueued, by the clock of the store: its age counts from here, wherever the flow ran.
    pub enqueued_at: DateTime<Utc>,
    /// The number of the last attempt. It only grows, so that no two attempts ever have the same.
    pub attempts: u32,
    /// The number that stood there when it was enqueued, superseded another or was requeued: the next attempt is its first,
    /// and until then it is due whatever the clock says.
    pub ready_attempt: u32,
    /// How many attempts have failed since it was enqueued or requeued: what the back-off goes by.
    pub failures: u32,
    /// When it may be claimed: of a message under way, the end of the lease.
    pub due_at: DateTime<Utc>,
    /// What became of it so far, by receiver. Of a message that superseded another, also which receivers failed at that
    /// one and want to be left alone.
    pub receipts: Receipts,
    /// When and why it was given up.
    pub dead: Option<DeadLetter>,
    /// Whether an attempt at it was begun and never ended before another was: its worker was killed, or took longer than its
    /// lease, and nobody knows what it has sent. So it stays until another message takes the place of this one, or it is
    /// requeued.
    pub is_in_doubt: bool,
}

/// A message that a newer one has superseded. Nobody is delivering it, and nobody was who did not say what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct Superseded {
    /// When it was enqueued, as [`NewMessage::created_at`].
    pub created_at: DateTime<Utc>,
    /// The parts of its binding, as [`Binding::parts`].
    pub binding_parts: Option<String>,
    /// What became of it, without what became of those before it. None for a message that nobody has tried.
    pub receipts: Receipts,
}

/// What a store has read of a row that is a notice or an event: neither for any other purpose, and `None` for a text that is
/// neither of the two, such as one of a later version. A row of nobody's is an event that says who its user was.
///
/// # Examples
/// ```
/// use phone_auth_core::outbox::{Purpose, read_told};
/// use phone_auth_core::user::UserId;
///
/// let user = Some(UserId::new(7));
/// let text = r#"{"signal":"user_signed_up","sender":"sign_up"}"#;
/// assert!(read_told(Purpose::Event, user, text).is_some_and(|(_, event)| event.is_some()));
/// assert_eq!(read_told(Purpose::SecurityNotice, user, text), None);
/// assert_eq!(read_told(Purpose::Event, None, text), None);
/// ```
pub fn read_told(
    purpose: Purpose,
    user: Option<UserId>,
    text: &str,
) -> Option<(Option<Notice>, Option<PendingEvent>)> {
    Some(match purpose {
        Purpose::SecurityNotice => (Some(Notice::from_text(user?, text)?), None),
        Purpose::Event => {
            let event = PendingEvent::from_text(user.unwrap_or(UserId::new(0)), text)?;
            let is_whose = user.is_some() || event.closed.is_some();
            (None, Some(event).filter(|_| is_whose).map(Some)?)
        }
        Purpose::ResetPassword | Purpose::Verify | Purpose::LogIn | Purpose::Confirm => {
            (None, None)
        }
    })
}

impl OutboxMessage {
    /// The lease of the one who has just claimed it.
    pub fn lease(&self) -> Lease {
        Lease {
            id: self.id,
            attempt: self.attempts,
            key: self.message.key.clone(),
        }
    }

    /// When its link stops working and trying ends, by the clock of the store.
    pub fn deadline(&self) -> DateTime<Utc> {
        let lifetime = self.message.expires_at - self.message.created_at;
        self.enqueued_at
            .checked_add_signed(lifetime)
            .unwrap_or(self.message.expires_at)
    }
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "anyone who shows rows shows the damaged ones too"
)]
pub enum OutboxRow {
    /// A message.
    Message(Box<OutboxMessage>),
    /// A row with a value in it that cannot be read, such as one of a later version.
    Unreadable(UnreadableMessage),
}

impl OutboxRow {
    /// The number of the row.
    pub fn id(&self) -> MessageId {
        match self {
            Self::Message(message) => message.id,
            Self::Unreadable(row) => row.id,
        }
    }

    /// The message, if it can be read.
    pub fn into_message(self) -> Option<OutboxMessage> {
        match self {
            Self::Message(message) => Some(*message),
            Self::Unreadable(_) => None,
        }
    }
}

/// The columns that hold words: a later version may have others, and its workers know them.
const COLUMNS_OF_WORDS: [&str; 5] = ["purpose", "kind", "channel", "receipts", "notice"];

/// A row of the outbox that cannot be read. A worker that comes upon it makes it a dead letter, unless it may be one of a
/// later version: that is kept for a worker which knows it, as long as its link works.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct UnreadableMessage {
    /// The number of its row.
    pub id: MessageId,
    /// The column whose value cannot be read.
    pub column: &'static str,
    /// When its link stops working, by the clock of the store; `None` when that cannot be read either.
    pub deadline: Option<DateTime<Utc>>,
    /// Whether it is a dead letter by now.
    pub is_dead: bool,
}

impl UnreadableMessage {
    /// Why it cannot be sent, for the operator.
    pub fn reason(&self) -> String {
        format!("its column {} cannot be read", self.column)
    }

    /// Whether it is kept at this time, for a worker of a later version that may have written it.
    pub fn is_kept(&self, now: DateTime<Utc>) -> bool {
        COLUMNS_OF_WORDS.contains(&self.column)
            && self.deadline.is_some_and(|deadline| now < deadline)
    }
}

/// When there is something to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a worker that did not know one would not know how long to wait"
)]
pub enum NextDue {
    /// Nothing is pending.
    Never,
    /// At once, whatever the clock says.
    Now,
    /// At this time.
    At(DateTime<Utc>),
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
    /// But none of these queues.
    pub without: Queues,
}

/// The right to deliver a message. It is lost when the lease has ended and someone else has claimed the message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct Lease {
    /// Which message.
    pub id: MessageId,
    /// Which attempt: a later one has another number, so that who was slow records nothing over it.
    pub attempt: u32,
    /// The key of the message, by which it is told whether a newer one has taken its place.
    pub key: String,
}

/// What is left of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a worker that did not know one could not tell whether it may go on"
)]
pub enum LeaseState {
    /// It holds.
    Held,
    /// It holds, but a newer message has taken the place of the one that is being delivered.
    Superseded,
    /// The message is another user's, or gone.
    Lost,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a store that did not know one would lose the message"
)]
pub enum AttemptOutcome {
    /// Delivered, or nothing is left to do; the row goes.
    Finished,
    /// Try again later.
    Retry {
        /// When it is due next, and since when it waits for that.
        wait: Wait,
        /// How many attempts have failed so far.
        failures: u32,
        /// What became of it so far, by receiver.
        receipts: Receipts,
    },
    /// Given up; the row is kept for the operator.
    DeadLettered {
        /// When and why.
        letter: DeadLetter,
        /// What became of it, by receiver.
        receipts: Receipts,
    },
}

/// A dead letter that is requeued. Its back-off begins again; the number of its attempts goes on.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct Requeue {
    /// Which one.
    pub id: MessageId,
    /// The key of the attempts to come: a receiver that took the old message and was not heard must not take the new link
    /// for a repeat. An event has its own again.
    pub key: String,
    /// The state that its link depends on, as it is now.
    pub binding: Binding,
    /// When it is enqueued, and due.
    pub now: DateTime<Utc>,
    /// When its link stops working.
    pub expires_at: DateTime<Utc>,
    /// What became of it at the receivers that are not to be called again.
    pub receipts: Receipts,
}

/// What became of a requeue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an operator is told each in words of its own"
)]
pub enum Requeued {
    /// The message is pending again.
    Pending,
    /// There is no such dead letter.
    NoSuchLetter,
    /// A newer message of the same purpose to the same address is pending, or a newer link was asked for; the letter stays
    /// one.
    Superseded,
}

/// Why a message has nothing left to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Obsolete {
    /// The address is verified by now.
    Verified,
    /// The password is another by now.
    PasswordChanged,
    /// A newer message was requested.
    NewerRequest,
    /// Its link or its code was used.
    Used,
    /// It says a code alone, which is over.
    Over,
}

impl Obsolete {
    /// The reason in a few words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Verified => "the address is verified by now",
            Self::PasswordChanged => "the password was changed",
            Self::NewerRequest => "a newer message was requested",
            Self::Used => "it was used",
            Self::Over => "its code is over",
        }
    }
}
