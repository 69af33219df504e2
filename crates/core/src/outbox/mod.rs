//! The outbox: messages to users, kept in the store until receivers have delivered them.
//!
//! A flow that enqueues a message writes one row, in one transaction, and answers. A
//! [worker](OutboxWorker) claims the row under a lease, mints the link, calls the receivers of
//! the message's signal, and records what became of each. What failed is tried again, later and later, until the
//! link would no longer work; then the message is a dead letter, kept with the reason.
//!
//! # Security
//! A row holds who, which address, which purpose and when, never a token: tokens are derived, so the link is made
//! when it is sent. A copy of the database opens nothing. A message that has nothing left to do, because the password
//! was changed meanwhile, the address was verified or a newer message was requested, is [obsolete](Obsolete) and not
//! sent. Whatever else keeps a message from being sent makes it a dead letter with its reason, never nothing.
//!
//! For a reset that was asked for under a name that no account has, a row is written and removed in the same
//! transaction. So the answer takes the same reads and writes no matter who was named, and strangers store nothing.
//! What they can have stored, messages to users who exist, is one row for each address and purpose, pending or dead,
//! and [at most so many in all](crate::settings::Settings::max_pending_messages).
//!
//! # Events
//! An event that a durable receiver asks for is a row too, committed with the change that it tells of. It goes to no user and
//! has no link; the rest is as for messages.
//!
//! # Delivery
//! At least once: anyone who dies between a call and its record makes the call once more. The
//! [key](NewMessage::key) of a message is the same for each attempt, and reaches the receivers in the
//! [envelope](phone_auth_events::Envelope).

mod attempt;
mod backoff;
mod binding;
mod bound_state;
mod dead_letters;
mod enqueue;
mod event;
mod handle;
mod lanes;
mod message;
mod notice;
mod open_link;
mod outgoing;
mod pending_count;
mod pending_event;
mod queue;
mod receipts;
mod redaction;
mod store_clock;
mod sweep;
mod texts;
mod wait;
mod worker;
mod worker_options;

pub use backoff::BackOff;
pub use binding::Binding;
pub use dead_letters::DeadLetterRefusal;
pub(crate) use event::{Addressee, Carries, Manner, MessageEvent, To, envelope, flow_of};
pub use handle::Outbox;
pub(crate) use handle::OutboxParts;
pub use message::{
    AttemptOutcome, Claim, DeadLetter, Lease, LeaseState, MessageId, NewMessage, NextDue, Obsolete,
    OutboxMessage, OutboxRow, Recipient, Requeue, Requeued, Superseded, UnreadableMessage,
    read_told,
};
pub use notice::{Notice, Notices};
pub use pending_event::PendingEvent;
pub use phone_auth_events::{AccountChange, Channel, DurableSignal, MessageSignal, Purpose};
pub use queue::{Queue, Queues};
pub use receipts::{Receipt, ReceiptOutcome, Receipts, ReceiptsError};
pub use wait::Wait;
pub use worker::OutboxWorker;
pub use worker_options::WorkerOptions;
