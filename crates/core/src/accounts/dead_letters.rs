//! What an operator does with the outbox: look, send again, throw away.

use chrono::{DateTime, Utc};

use super::Accounts;
use super::error::{BROKEN_TEXT, FlowError, FlowErrorKind, UNAVAILABLE_TEXT, sealed::Sealed};
use super::promise::Outbox;
use crate::outbox::{MessageId, OutboxMessage, Revival};

impl Accounts {
    /// At most `limit` messages of the outbox, in the order of their ids, after the one with the id `after`: those that
    /// are owed, and the dead letters.
    ///
    /// # Errors
    /// - [`NoOutbox`](DeadLetterErrorKind::NoOutbox): the flows have none.
    /// - [`Unavailable`](DeadLetterErrorKind::Unavailable), [`Broken`](DeadLetterErrorKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, DeadLetterError> {
        Ok(self.opened()?.store.outbox_after(after, limit).await?)
    }

    /// Owes a dead letter anew, with a link that works from now on and a key of its own, at the receivers where it was not
    /// delivered. A worker of this process is woken.
    ///
    /// A reset whose password has changed since is not sent even so.
    ///
    /// # Errors
    /// - [`NoOutbox`](DeadLetterErrorKind::NoOutbox): the flows have none.
    /// - [`NoSuchLetter`](DeadLetterErrorKind::NoSuchLetter): there is no such message, or it is not dead.
    /// - [`Unavailable`](DeadLetterErrorKind::Unavailable), [`Broken`](DeadLetterErrorKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It happens whole or not at all.
    pub async fn retry_dead_letter(&self, id: MessageId) -> Result<(), DeadLetterError> {
        let outbox = self.opened()?;
        let none = || DeadLetterError::new(DeadLetterErrorKind::NoSuchLetter);
        let letter = outbox.store.outbox_message(id).await?.ok_or_else(none)?;
        let now = self.now();
        let revival = Revival {
            id,
            key: self.message_key()?,
            now,
            expires_at: self.expiry(letter.message.purpose, letter.message.kind, now),
            receipts: letter.receipts.only_done(),
        };
        if letter.dead.is_none() || !outbox.store.revive_message(&revival).await? {
            return Err(none());
        }
        outbox.bell.notify_one();
        Ok(())
    }

    /// Removes dead letters that were given up before this time; how many they were.
    ///
    /// # Errors
    /// - [`NoOutbox`](DeadLetterErrorKind::NoOutbox): the flows have none.
    /// - [`Unavailable`](DeadLetterErrorKind::Unavailable), [`Broken`](DeadLetterErrorKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It happens whole or not at all.
    pub async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, DeadLetterError> {
        Ok(self.opened()?.store.purge_dead_letters(before).await?)
    }

    fn opened(&self) -> Result<&Outbox, DeadLetterError> {
        let none = || DeadLetterError::new(DeadLetterErrorKind::NoOutbox);
        self.inner.outbox.as_ref().ok_or_else(none)
    }
}

/// Why nothing was done with a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadLetterErrorKind {
    /// The flows have no outbox.
    NoOutbox,
    /// There is no such message, or it is not dead.
    NoSuchLetter,
    /// The store is not available; trying again later may work.
    Unavailable,
    /// The store answered what it should not.
    Broken,
}

impl Sealed for DeadLetterErrorKind {}

impl FlowErrorKind for DeadLetterErrorKind {
    const UNAVAILABLE: Self = Self::Unavailable;
    const BROKEN: Self = Self::Broken;
    const BUSY: Option<Self> = None;

    fn text(self) -> &'static str {
        match self {
            Self::NoOutbox => "there is no outbox",
            Self::NoSuchLetter => "there is no such dead letter",
            Self::Unavailable => UNAVAILABLE_TEXT,
            Self::Broken => BROKEN_TEXT,
        }
    }
}

/// The error of what an operator does with the outbox.
pub type DeadLetterError = FlowError<DeadLetterErrorKind>;
