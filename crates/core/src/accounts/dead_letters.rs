//! What an operator does with the outbox: look, send again, throw away.

use chrono::{DateTime, Utc};

use super::Accounts;
use super::bound_state::{self, Changed};
use super::error::{BROKEN_TEXT, FlowError, FlowErrorKind, UNAVAILABLE_TEXT, sealed::Sealed};
use super::open_link::{Missing, not_replaced, still_open, still_there};
use super::promise::Outbox;
use crate::outbox::{Binding, MessageId, Obsolete, OutboxMessage, OutboxRow, Revival, Revived};

impl Accounts {
    /// At most `limit` rows of the outbox, in the order of their ids, after the one with the id `after`: messages that
    /// are owed, dead letters, and what cannot be read.
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
    ) -> Result<Vec<OutboxRow>, DeadLetterError> {
        Ok(self.opened()?.store.outbox_after(after, limit).await?)
    }

    /// Owes a dead letter anew, with a link that works from now on and a key of its own, at the receivers where it was not
    /// delivered. It is bound to the state as it is now. A worker of this process is woken.
    ///
    /// # Errors
    /// - [`NoOutbox`](DeadLetterErrorKind::NoOutbox): the flows have none.
    /// - [`NoSuchLetter`](DeadLetterErrorKind::NoSuchLetter): there is no such message, or it is not dead.
    /// - [`Unreadable`](DeadLetterErrorKind::Unreadable): a column of its row cannot be read.
    /// - [`Gone`](DeadLetterErrorKind::Gone), [`Disabled`](DeadLetterErrorKind::Disabled): there is nobody to send it to.
    /// - [`Obsolete`](DeadLetterErrorKind::Obsolete): it has nothing left to do; it stays a dead letter.
    /// - [`Unavailable`](DeadLetterErrorKind::Unavailable), [`Broken`](DeadLetterErrorKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It happens whole or not at all.
    pub async fn retry_dead_letter(&self, id: MessageId) -> Result<(), DeadLetterError> {
        let outbox = self.opened()?;
        let letter = match outbox.store.outbox_message(id).await? {
            Some(OutboxRow::Message(letter)) if letter.dead.is_some() => letter,
            Some(OutboxRow::Unreadable(row)) if row.is_dead => {
                return Err(DeadLetterError::new(DeadLetterErrorKind::Unreadable));
            }
            _ => return Err(DeadLetterError::new(DeadLetterErrorKind::NoSuchLetter)),
        };
        let binding = self.rebound(&letter).await?;
        let now = self.now();
        let revival = Revival {
            id,
            key: self.message_key()?,
            binding,
            now,
            expires_at: self.expiry(letter.message.purpose, letter.message.kind, now),
            receipts: letter.receipts.only_done(),
        };
        match outbox.store.revive_message(&revival).await? {
            Revived::Pending => {
                outbox.bell.notify_one();
                Ok(())
            }
            Revived::NoSuchLetter => Err(DeadLetterError::new(DeadLetterErrorKind::NoSuchLetter)),
            Revived::Superseded => Err(obsolete(Obsolete::NewerRequest)),
        }
    }

    /// What a message depends on, as it is now.
    ///
    /// An address that was corrected since is where the message is wanted; a password that was changed since leaves
    /// nothing to reset; and a link that was asked for since must not stop working.
    async fn rebound(&self, letter: &OutboxMessage) -> Result<Binding, DeadLetterError> {
        let message = &letter.message;
        let recipient = message.recipient.ok_or_else(|| missing(Missing::Gone))?;
        let found = self
            .store()
            .link_target(message.purpose, message.kind, recipient.address)
            .await?;
        let target = still_there(found, recipient).map_err(missing)?;
        still_open(message.purpose, &target).map_err(obsolete)?;
        not_replaced(letter, &target).map_err(obsolete)?;
        let (person, address) = (&target.person, &target.address);
        let kept = &message.binding;
        match bound_state::compare(kept, message.purpose, person, address) {
            Err(Changed::Obsolete(Obsolete::PasswordChanged)) => {
                Err(obsolete(Obsolete::PasswordChanged))
            }
            _ => Ok(bound_state::binding(message.purpose, person, address)),
        }
    }

    /// Removes dead letters that were given up before this time; how many they were.
    ///
    /// # Errors
    /// - [`NoOutbox`](DeadLetterErrorKind::NoOutbox): the flows have none.
    /// - [`Unavailable`](DeadLetterErrorKind::Unavailable), [`Broken`](DeadLetterErrorKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It goes in steps, and each happens whole or not at all. What an earlier step has removed stays removed.
    pub async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, DeadLetterError> {
        Ok(self.opened()?.store.purge_dead_letters(before).await?)
    }

    fn opened(&self) -> Result<&Outbox, DeadLetterError> {
        let none = || DeadLetterError::new(DeadLetterErrorKind::NoOutbox);
        self.inner.outbox.as_ref().ok_or_else(none)
    }
}

fn obsolete(why: Obsolete) -> DeadLetterError {
    DeadLetterError::new(DeadLetterErrorKind::Obsolete(why))
}

fn missing(why: Missing) -> DeadLetterError {
    DeadLetterError::new(match why {
        Missing::Gone => DeadLetterErrorKind::Gone,
        Missing::Disabled => DeadLetterErrorKind::Disabled,
    })
}

/// Why nothing was done with a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeadLetterErrorKind {
    /// The flows have no outbox.
    NoOutbox,
    /// There is no such message, or it is not dead.
    NoSuchLetter,
    /// A column of its row cannot be read.
    Unreadable,
    /// The user or the address was deleted, or the address became another user's.
    Gone,
    /// The user is disabled.
    Disabled,
    /// It has nothing left to do.
    Obsolete(Obsolete),
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
            Self::Unreadable => "a column of its row cannot be read",
            Self::Gone => Missing::Gone.text(),
            Self::Disabled => Missing::Disabled.text(),
            Self::Obsolete(why) => why.text(),
            Self::Unavailable => UNAVAILABLE_TEXT,
            Self::Broken => BROKEN_TEXT,
        }
    }
}

/// The error of what an operator does with the outbox.
pub type DeadLetterError = FlowError<DeadLetterErrorKind>;
