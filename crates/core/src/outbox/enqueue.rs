//! Enqueueing a message: one row in the store, and the worker of this process is woken.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phone_auth_events::Purpose;
use tokio::time::Instant;
use uuid::{Builder, Uuid};

use super::event::Addressee;
use super::handle::Outbox;
use super::{Binding, NewMessage, bound_state};
use crate::flow_error::{Failure, FailureKind};
use crate::language::Language;
use crate::randomness::RandomnessError;
use crate::store::{OutboxStore, StoreError};

/// How long it is believed how many messages are pending.
const COUNT_LASTS: Duration = Duration::from_secs(1);

/// The same once there are as many as may be.
const FULL_LASTS: Duration = Duration::from_millis(100);

impl Outbox {
    /// Enqueues a message. To nobody it is the same work and nothing is sent.
    ///
    /// A row is committed when this returns, and a worker is woken; of a row to nobody nothing is left.
    pub(crate) async fn enqueue(
        &self,
        purpose: Purpose,
        to: Addressee<'_>,
        language: Option<&Language>,
    ) -> Result<(), Failure> {
        let outbox = &*self.inner;
        if outbox.pending.is_full(&*outbox.store).await? {
            tracing::warn!(
                limit = outbox.pending.limit,
                "as many messages are pending as max_pending_messages allows; a request for one is refused"
            );
            return Err(Failure::new(FailureKind::OutboxFull));
        }
        let message = self.message(purpose, to, language)?;
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

/// How many messages are pending, as far as this process knows.
pub(super) struct PendingCount {
    limit: u32,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    counted_at: Option<Instant>,
    /// As counted, and those that were enqueued here since: too many rather than too few.
    count: u32,
}

impl PendingCount {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit,
            known: Mutex::default(),
        }
    }

    /// Whether as many messages are pending as may be. They are counted now and then, by the one who asks at that time,
    /// no matter who is named.
    async fn is_full(&self, store: &dyn OutboxStore) -> Result<bool, StoreError> {
        let is_to_be_counted = {
            let mut known = self.known();
            let lasts = if known.count < self.limit {
                COUNT_LASTS
            } else {
                FULL_LASTS
            };
            let is_old = known.counted_at.is_none_or(|at| at.elapsed() >= lasts);
            if is_old {
                known.counted_at = Some(Instant::now());
            }
            is_old
        };
        if is_to_be_counted {
            let count = store.pending_messages(self.limit).await?;
            self.known().count = count;
        }
        Ok(self.known().count >= self.limit)
    }

    fn add_one(&self) {
        let mut known = self.known();
        known.count = known.count.saturating_add(1);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
