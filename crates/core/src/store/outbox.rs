//! The outbox in a store.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::outbox::{
    AttemptOutcome, Claim, Lease, LeaseState, MessageId, NewMessage, NextDue, OutboxMessage,
    OutboxRow, Receipts, Requeue, Requeued, Superseded, Wait,
};

/// Keeps messages that are pending, until they are delivered or given up.
///
/// # Errors
/// As for [`UserStore`](super::UserStore).
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait OutboxStore: Send + Sync {
    /// The time by the clock that leases and due times are told by, for a store that many machines share; nothing when
    /// the clock of the one who asks will do, which is what this answers unless it is overridden. A
    /// [worker](crate::outbox::OutboxWorker) gives all times that it claims, extends and puts off by in this time, and
    /// dates dead letters by it. What flows give, as when a message was enqueued, is by the clock of their machine.
    async fn clock(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(None)
    }

    /// Enqueues a message, due at once, whatever the clock says then and later. It keeps when that was, by the
    /// clock of the store; a store without one takes what the flow says.
    ///
    /// A pending message of the same purpose to the same address is superseded: the new one takes its place in the row,
    /// and so in the order. Anyone who is delivering the older one keeps the lease, and hears of it; until the lease
    /// ends or is [released](Self::release_superseded), the new one is not due. Receivers that failed at the older one
    /// are left alone for as long as they asked: the number of failures and their receipts pass over. Dead letters
    /// stay.
    ///
    /// It is a [request for a link](super::AddressStore::request_link). One that is for the same link as before stands as
    /// though it had been enqueued when that was made, and is due now: its three times move by as much. A dead letter
    /// with that link counts as older from then on, so that it does not come back beside what was sent since.
    ///
    /// A [notice](NewMessage::notice) is a row of its own, always. A call that makes a change and is given notices enqueues
    /// them in the same transaction; where it changes nothing it enqueues nothing.
    ///
    /// A message to nobody, or to a user who is gone by now, is written and removed in the same transaction: the same
    /// work, and nothing is left of it.
    ///
    /// A [challenge](NewMessage::challenge) that comes with it [begins](super::ChallengeStore::begin_challenge) in the same
    /// transaction.
    ///
    /// The answer is the message that it has superseded, as it was: where no attempt at that one is under way, and none was
    /// begun that never ended. Of another it is nothing: anyone who is delivering it hears of the newer one. A message that
    /// has superseded another while that was being delivered was not tried, no matter who has the lease.
    async fn enqueue_message(&self, message: &NewMessage)
    -> Result<Option<Superseded>, StoreError>;

    /// Enqueues two messages as [`enqueue_message`](Self::enqueue_message) does, in one transaction: both, or neither. They go
    /// to addresses of different kinds, email first; the answer is in the same order.
    async fn enqueue_both(
        &self,
        messages: [&NewMessage; 2],
    ) -> Result<[Option<Superseded>; 2], StoreError>;

    /// How many messages and notices are pending, dead letters left out; counted up to `at_most`. Events for durable
    /// receivers are not among them.
    async fn pending_messages(&self, at_most: u32) -> Result<u32, StoreError>;

    /// Claims messages that are due, those that have waited longest first: counts an attempt of each and makes it due
    /// again when the lease ends. No message is claimed by two, however many ask at once. One whose attempt before never
    /// ended is [in doubt](OutboxMessage::is_in_doubt) from then on.
    ///
    /// A row that cannot be read keeps nobody from getting the others: it is due, and becomes a dead letter with the name
    /// of the column as its reason; the store logs its id. One that a later version may have written is kept until its link
    /// expires. Where no signal of this version is for it, by its purpose and kind, it is left alone until then, so that
    /// a worker of that version gets it at once; where it holds another word that cannot be read, it is leased to
    /// nobody, and a worker of that version gets it when a lease ends. What is left of the receipts
    /// of a message that it superseded is passed over when it cannot be read.
    ///
    /// A clock that is set back, by whatever, delays no message for longer than it waited for anyway. Where a message
    /// waits since a time that lies ahead of `now`, what was put off is due, and a lease runs for its whole length from
    /// now on: anyone who holds it and lives extends it, by the clock as it is. A store with a [clock](Self::clock) of
    /// its own takes no later time than that for `now`.
    ///
    /// What is left out by `without` costs nothing, however much it is.
    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError>;

    /// Makes a lease end with this wait, and keeps what became of the message so far. Nothing is changed when the lease
    /// is lost; nothing but its end when the message is superseded.
    async fn extend_lease(
        &self,
        lease: &Lease,
        wait: Wait,
        receipts: &Receipts,
    ) -> Result<LeaseState, StoreError>;

    /// Ends an attempt and its lease. Nothing is changed when the lease is lost or the message is superseded.
    ///
    /// Of the dead letters of one purpose to one address the newest alone is kept.
    async fn finish_message(
        &self,
        lease: &Lease,
        outcome: &AttemptOutcome,
    ) -> Result<LeaseState, StoreError>;

    /// Ends the lease of a message that was superseded: the newer one is due at once, after so many failures and with
    /// these receipts of the older. `false`, and nothing changed, when the lease is lost or the message is not
    /// superseded.
    async fn release_superseded(
        &self,
        lease: &Lease,
        failures: u32,
        receipts: &Receipts,
    ) -> Result<bool, StoreError>;

    /// When the next message is due, of those that are not dead; one that is left to a later version, when its link
    /// expires. A clock that was set back is not looked at: what waits
    /// since a time ahead is due by its time, until it is [claimed](Self::claim_messages).
    async fn next_due(&self) -> Result<NextDue, StoreError>;

    /// A row, dead letters too.
    async fn outbox_message(&self, id: MessageId) -> Result<Option<OutboxRow>, StoreError>;

    /// At most `limit` rows with ids above `after`, in the order of their ids, dead letters and rows that cannot be
    /// read too.
    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError>;

    /// Re-queues a dead letter, as if it were enqueued now under another key; due at once, whatever the clock says. No
    /// lease from before holds.
    async fn requeue_message(&self, requeue: &Requeue) -> Result<Requeued, StoreError>;

    /// When the session that ends last began or the last message was enqueued, whichever is later; `None` where there is
    /// neither. By this a store without a [`clock`](Self::clock) tells that the time of a process cannot be
    /// believed; one that has a clock is not asked.
    async fn newest_write(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(None)
    }

    /// Removes dead letters that died before this time; how many they were. In steps, so that nothing waits for it
    /// however many there are: when a later one fails, the earlier are done.
    async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, StoreError>;

    /// Waits until another process may have enqueued a message, at most so long. A store that cannot tell waits the
    /// whole time, which is what this does unless it is overridden; within one process the worker is woken without it.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    async fn wait_for_others(&self, patience: Duration) {
        tokio::time::sleep(patience).await;
    }
}
