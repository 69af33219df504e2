//! What an operator does with the outbox: look, send again, throw away.

use chrono::{DateTime, Utc};

use super::bound_state::{self, Changed};
use super::handle::Outbox;
use super::open_link::{Missing, is_code_alone, not_replaced, still_open, still_there};
use super::texts::Text;
use super::{Binding, MessageId, Obsolete, OutboxMessage, OutboxRow, Requeue, Requeued};
use crate::flow_error::{Failure, FlowError};
use crate::limits::{TextChange, TextRow};

impl Outbox {
    /// At most `limit` rows of the outbox, in the order of their ids, after the one with the id `after`: messages that
    /// are pending, dead letters, and what cannot be read.
    ///
    /// # Errors
    /// [`Unavailable`](crate::accounts::FailureKind::Unavailable) or [`Broken`](crate::accounts::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn rows_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, Failure> {
        Ok(self.inner.store.outbox_after(after, limit).await?)
    }

    /// Re-queues a dead letter, with a link that works from now on and a key of its own, at the receivers where it was not
    /// delivered. A text message counts as one that is sent now, though no budget refuses it. An event for durable receivers keeps its key: it is the same event. It is bound to the state as it is now. A worker of this process is woken.
    ///
    /// # Errors
    /// - [`NoSuchLetter`](DeadLetterRefusal::NoSuchLetter): there is no such message, or it is not dead.
    /// - [`Unreadable`](DeadLetterRefusal::Unreadable): a column of its row cannot be read.
    /// - [`Gone`](DeadLetterRefusal::Gone), [`Disabled`](DeadLetterRefusal::Disabled): there is nobody to send it to.
    /// - [`Obsolete`](DeadLetterRefusal::Obsolete): it has nothing left to do; it stays a dead letter.
    /// - [`Failed`](FlowError::Failed), [`Unavailable`](crate::accounts::FailureKind::Unavailable) or
    ///   [`Broken`](crate::accounts::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It happens whole or not at all. A text message that was not sent again may stay counted as one that was.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    ///
    /// use phone_auth_core::accounts::{Accounts, FlowError};
    /// use phone_auth_core::outbox::{DeadLetterRefusal, MessageId};
    /// use phone_auth_store_testkit::MemoryStore;
    /// use phone_auth_tokens::{Keyring, SecretKey};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let store = Arc::new(MemoryStore::new());
    /// let builder = Accounts::builder(store.clone(), Keyring::new(SecretKey::generate()?));
    /// let accounts = builder.outbox(store).build()?;
    /// let outbox = accounts.outbox().ok_or("no outbox")?;
    /// let refused = outbox.requeue(MessageId::new(7)).await;
    /// assert!(matches!(refused, Err(FlowError::Refused(DeadLetterRefusal::NoSuchLetter))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn requeue(&self, id: MessageId) -> Result<(), FlowError<DeadLetterRefusal>> {
        let outbox = &*self.inner;
        let letter = match outbox.store.outbox_message(id).await? {
            Some(OutboxRow::Message(letter)) if letter.dead.is_some() => letter,
            Some(OutboxRow::Unreadable(row)) if row.is_dead => {
                return Err(FlowError::Refused(DeadLetterRefusal::Unreadable));
            }
            _ => return Err(FlowError::Refused(DeadLetterRefusal::NoSuchLetter)),
        };
        let (mut binding, text) = self.rebound(&letter).await?;
        let now = outbox.clock.stored_now();
        let hour = TextRow::hour_of(now);
        if text.is_some() {
            binding = bound_state::counted_in(&binding, hour);
        }
        let requeue = Requeue {
            id,
            key: if letter.message.event.is_some() {
                letter.message.key.clone()
            } else {
                self.new_key()?
            },
            binding,
            now,
            expires_at: outbox
                .links
                .expiry(letter.message.purpose, letter.message.kind, now),
            receipts: letter.receipts.only_done(),
        };
        // Before it is due: a worker of another process may give it up at once, and takes it off the count then.
        if let Some(text) = &text {
            outbox.count_text(text, TextChange::Sent, hour).await;
        }
        let requeued = outbox.store.requeue_message(&requeue).await?;
        if let (Some(text), false) = (&text, requeued == Requeued::Pending) {
            outbox.count_text(text, TextChange::TakenBack, hour).await;
        }
        match requeued {
            Requeued::Pending => {
                outbox.wake.notify_one();
                Ok(())
            }
            Requeued::NoSuchLetter => Err(FlowError::Refused(DeadLetterRefusal::NoSuchLetter)),
            Requeued::Superseded => Err(obsolete(Obsolete::NewerRequest)),
        }
    }

    /// What a message depends on, as it is now, and what it is counted as where it is a text message.
    ///
    /// An address that was corrected since is where the message is wanted; a password that was changed since leaves
    /// nothing to reset; and a link that was asked for since must not stop working.
    async fn rebound(
        &self,
        letter: &OutboxMessage,
    ) -> Result<(Binding, Option<Text>), FlowError<DeadLetterRefusal>> {
        let message = &letter.message;
        if message.tells_of_the_end() {
            return Ok((message.binding.clone(), None));
        }
        if let Some((user, _)) = message.told() {
            let user = self.inner.users.user(user).await?;
            return match user {
                Some(_) => Ok((message.binding.clone(), None)),
                None => Err(missing(Missing::Gone)),
            };
        }
        let recipient = message.recipient.ok_or_else(|| missing(Missing::Gone))?;
        let found = self
            .inner
            .users
            .link_target(message.purpose, message.kind, recipient.address)
            .await?;
        let target = still_there(found, recipient).map_err(missing)?;
        still_open(message.purpose, &target).map_err(obsolete)?;
        // What is sent again is the link.
        if is_code_alone(message.purpose) {
            return Err(obsolete(Obsolete::Over));
        }
        not_replaced(letter, &target).map_err(obsolete)?;
        let (user, address) = (&target.user, &target.address);
        let kept = &message.binding;
        let compared = bound_state::compare(kept, message.purpose, user, address);
        if let Err(Changed::Obsolete(Obsolete::PasswordChanged)) = compared {
            return Err(obsolete(Obsolete::PasswordChanged));
        }
        let binding = bound_state::binding(message.purpose, user, address);
        Ok((binding, Text::of(message, &target.address)))
    }

    /// Removes dead letters that were given up before this time; how many they were.
    ///
    /// # Errors
    /// [`Unavailable`](crate::accounts::FailureKind::Unavailable) or [`Broken`](crate::accounts::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It goes in steps, and each happens whole or not at all. What an earlier step has removed stays removed.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    ///
    /// use chrono::{TimeDelta, Utc};
    /// use phone_auth_core::accounts::Accounts;
    /// use phone_auth_store_testkit::MemoryStore;
    /// use phone_auth_tokens::{Keyring, SecretKey};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let store = Arc::new(MemoryStore::new());
    /// let builder = Accounts::builder(store.clone(), Keyring::new(SecretKey::generate()?));
    /// let accounts = builder.outbox(store).build()?;
    /// let outbox = accounts.outbox().ok_or("no outbox")?;
    /// let a_month_ago = Utc::now() - TimeDelta::days(30);
    /// assert_eq!(outbox.purge_dead_letters(a_month_ago).await?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, Failure> {
        Ok(self.inner.store.purge_dead_letters(before).await?)
    }
}

const fn obsolete(why: Obsolete) -> FlowError<DeadLetterRefusal> {
    FlowError::Refused(DeadLetterRefusal::Obsolete(why))
}

const fn missing(why: Missing) -> FlowError<DeadLetterRefusal> {
    FlowError::Refused(match why {
        Missing::Gone => DeadLetterRefusal::Gone,
        Missing::Disabled => DeadLetterRefusal::Disabled,
    })
}

/// Why [`Outbox::requeue`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum DeadLetterRefusal {
    /// There is no such message, or it is not dead.
    #[error("there is no such dead letter")]
    NoSuchLetter,
    /// A column of its row cannot be read.
    #[error("a column of its row cannot be read")]
    Unreadable,
    /// The user or the address was deleted, or the address became another user's.
    #[error("{}", Missing::Gone.text())]
    Gone,
    /// The user is disabled.
    #[error("{}", Missing::Disabled.text())]
    Disabled,
    /// It has nothing left to do.
    #[error("{}", .0.text())]
    Obsolete(Obsolete),
}
