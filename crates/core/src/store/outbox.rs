//! The outbox in a store.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::outbox::{
    Claim, Lease, MessageId, NewMessage, OutboxMessage, Receipts, Revival, Settlement,
};

/// Keeps messages that are owed, until they are settled.
///
/// # Errors
/// As for [`PersonStore`](super::PersonStore).
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// The time by the clock that leases and due times are told by, for a store that many machines share; nothing when
    /// the clock of whoever asks will do, which is what this answers unless it is overridden. A
    /// [worker](crate::accounts::OutboxWorker) gives all times that it claims, extends and puts off by in this time.
    async fn clock(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(None)
    }

    /// Owes a message, due at once. Messages of the same purpose to the same address that are still owed are superseded:
    /// they go, and who is just delivering one can record nothing of it. Dead letters stay. A person who is gone by
    /// now makes it a message to nobody.
    async fn owe_message(&self, message: &NewMessage) -> Result<(), StoreError>;

    /// Claims messages that are due, those that have waited longest first: counts an attempt of each and makes it due
    /// again when the lease ends. No message is claimed by two, however many ask at once.
    ///
    /// A row that cannot be read, such as one of a later version, keeps nobody from getting the others: it is left out,
    /// and the store logs its id. When its link has expired, it becomes a dead letter.
    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError>;

    /// Makes a lease end later, and keeps what became of the message so far. `false`, and nothing changed, when the lease
    /// is lost.
    async fn extend_lease(
        &self,
        lease: Lease,
        until: DateTime<Utc>,
        receipts: &Receipts,
    ) -> Result<bool, StoreError>;

    /// Ends an attempt. `false`, and nothing changed, when the lease is lost.
    async fn settle_message(
        &self,
        lease: Lease,
        settlement: &Settlement,
    ) -> Result<bool, StoreError>;

    /// When the next message is due, of those that are not dead.
    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StoreError>;

    /// A message, dead ones too.
    async fn outbox_message(&self, id: MessageId) -> Result<Option<OutboxMessage>, StoreError>;

    /// At most `limit` messages with ids above `after`, in the order of their ids, dead ones too. A row that
    /// cannot be read is left out, and the store logs its id.
    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError>;

    /// Owes a dead letter anew, as if it were promised now under another key. `false` when there is no such dead letter.
    async fn revive_message(&self, revival: &Revival) -> Result<bool, StoreError>;

    /// Removes dead letters that died before this time; how many they were. In steps, so that nothing waits for it however
    /// many there are: when a later one fails, the earlier are done.
    async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Waits until another process may have owed a message, at most so long. A store that cannot tell waits the whole
    /// time, which is what this does unless it is overridden; within one process the worker is woken without it.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    async fn wait_for_others(&self, patience: Duration) {
        tokio::time::sleep(patience).await;
    }
}
