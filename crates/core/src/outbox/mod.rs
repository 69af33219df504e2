//! The outbox: messages that are owed to people, kept in the store until receivers have delivered them.
//!
//! A flow that promises a message writes one row, in one transaction, and answers. A
//! [worker](crate::accounts::OutboxWorker) claims the row under a lease, mints the link, calls the receivers of
//! the message's signal, and records what became of each. What failed is tried again, later and later, until the
//! link would no longer work; then the message is a dead letter, kept with the reason.
//!
//! # Security
//! A row holds who, which address, which purpose and when, never a token: tokens are derived, so the link is made
//! when it is sent. A copy of the database opens nothing. A message whose link would be void by then, because the
//! password changed meanwhile or the address was verified, is not sent.
//!
//! A reset that was asked for under a name that nobody has is a row as well, to nobody. So the answer takes the same
//! reads and writes whoever was named.
//!
//! # Delivery
//! At least once: whoever dies between a call and its record makes the call once more. The
//! [key](NewMessage::key) of a message is the same for each attempt, and reaches the receivers in the
//! [envelope](phone_auth_signals::Envelope).

mod backoff;
mod binding;
mod message;
mod receipts;

pub use backoff::BackOff;
pub use binding::Binding;
pub use message::{
    Claim, DeadLetter, Lease, MessageId, MessagePurpose, NewMessage, OutboxMessage, Recipient,
    Revival, Settlement,
};
pub use receipts::{Receipt, ReceiptOutcome, Receipts, ReceiptsError};
