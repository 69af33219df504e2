//! Enqueueing a message: one row in the store, and the worker of this process is woken.

use phone_auth_events::Purpose;
use uuid::{Builder, Uuid};

use super::event::{Addressee, Carries};
use super::handle::Outbox;
use super::{Binding, NewMessage, bound_state};
use crate::flow_error::{Failure, FailureKind};
use crate::language::Language;
use crate::randomness::RandomnessError;

impl Outbox {
    /// Enqueues a message. To nobody it is the same work and nothing is sent.
    ///
    /// A row is committed when this returns, and a worker is woken; of a row to nobody nothing is left.
    pub(crate) async fn enqueue(
        &self,
        purpose: Purpose,
        to: Addressee<'_>,
        language: Option<&Language>,
        carries: Carries,
    ) -> Result<(), Failure> {
        let outbox = &*self.inner;
        if outbox.pending.is_full(&*outbox.store).await? {
            tracing::warn!(
                limit = outbox.pending.limit(),
                "as many messages are pending as max_pending_messages allows; a request for one is refused"
            );
            return Err(Failure::new(FailureKind::OutboxFull));
        }
        let message = self.message(purpose, to, language, carries)?;
        outbox.store.enqueue_message(&message).await?;
        if message.recipient.is_some() {
            outbox.pending.add_one();
        }
        // No matter who it is to: to wake the worker is a part of the work.
        outbox.wake.notify_one();
        Ok(())
    }

    fn message(
        &self,
        purpose: Purpose,
        to: Addressee<'_>,
        language: Option<&Language>,
        carries: Carries,
    ) -> Result<NewMessage, RandomnessError> {
        let (kind, now) = (to.kind(), self.inner.clock.stored_now());
        Ok(NewMessage {
            key: self.new_key()?,
            purpose,
            kind,
            recipient: to.recipient(),
            binding: match to {
                Addressee::User(to) => bound_state::binding(purpose, to.user, to.address),
                Addressee::Nobody { name, .. } => Binding::of_nobody(name),
            },
            language: language.cloned(),
            created_at: now,
            expires_at: self.inner.links.expiry(purpose, kind, now),
            code_half_life: carries.code_half_life(&self.inner.links),
        })
    }

    /// A key for a message, random as every UUID of version 4.
    pub(super) fn new_key(&self) -> Result<String, RandomnessError> {
        let mut key = [0; 16];
        self.inner.randomness.fill(&mut key)?;
        let key: Uuid = Builder::from_random_bytes(key).into_uuid();
        Ok(key.to_string())
    }
}
