//! Promising a message: by a row in the outbox, or, without one, by telling the receivers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::{Builder, Uuid};

use super::message::{MessageEvent, To};
use super::{Accounts, Failure, FailureKind, bound_state};
use crate::address::AddressKind;
use crate::language::Language;
use crate::link::{LinkRequest, LinkTarget};
use crate::outbox::{Binding, MessageSignal, NewMessage, Purpose, Recipient};
use crate::randomness::RandomnessError;
use crate::store::{OutboxStore, StoreError};

/// How long it is believed how many messages are pending.
const COUNT_LASTS: Duration = Duration::from_secs(1);

/// The same once there are as many as may be.
const FULL_LASTS: Duration = Duration::from_millis(100);

/// The outbox of the flows, and the bell that wakes the worker of this process.
pub(super) struct Outbox {
    pub(super) store: Arc<dyn OutboxStore>,
    pub(super) bell: Notify,
    pending: Mutex<Pending>,
}

/// How many messages are pending, as far as this process knows.
#[derive(Default)]
struct Pending {
    counted_at: Option<Instant>,
    /// As counted, and those that were promised here since: too many rather than too few.
    count: u32,
}

impl Outbox {
    pub(super) fn new(store: Arc<dyn OutboxStore>) -> Self {
        Self {
            store,
            bell: Notify::new(),
            pending: Mutex::default(),
        }
    }

    /// Whether as many messages are pending as may be. They are counted now and then, by whoever asks at that time,
    /// whoever is named.
    async fn is_full(&self, limit: u32) -> Result<bool, StoreError> {
        let is_to_be_counted = {
            let mut pending = self.pending();
            let lasts = if pending.count < limit {
                COUNT_LASTS
            } else {
                FULL_LASTS
            };
            let is_old = pending.counted_at.is_none_or(|at| at.elapsed() >= lasts);
            if is_old {
                pending.counted_at = Some(Instant::now());
            }
            is_old
        };
        if is_to_be_counted {
            let count = self.store.pending_messages(limit).await?;
            self.pending().count = count;
        }
        Ok(self.pending().count >= limit)
    }

    fn pending(&self) -> std::sync::MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Accounts {
    /// These flows for somebody who reads this language: the messages that they promise say so. Cheap, and shares
    /// everything else.
    #[must_use]
    pub fn speaking(&self, language: Option<Language>) -> Self {
        Self {
            language,
            ..self.clone()
        }
    }

    /// Whether nobody sends such messages, so that none may be promised.
    pub(super) fn is_unreceived(&self, purpose: Purpose, kind: AddressKind) -> bool {
        let signal = MessageSignal::of(purpose, kind).name();
        self.inner.unreceived.contains(&signal)
    }

    /// Promises a message, to nobody if there is nobody; then the work is the same and nothing is sent. `name` is what was
    /// typed to name the recipient, in its canonical form: a store has who names the same nobody wait for each other as
    /// those do who name the same user.
    ///
    /// With an outbox a row is committed when this returns, and a worker is woken; of a row to nobody nothing is left.
    /// Without one the receivers are told, when [`Dispatch`](super::Dispatch) says.
    pub(super) async fn promise(
        &self,
        purpose: Purpose,
        kind: AddressKind,
        to: Option<To<'_>>,
        name: &str,
    ) -> Result<(), Failure> {
        let now = self.now();
        if let Some(outbox) = &self.inner.outbox {
            let limit = self.settings().max_pending_messages;
            if outbox.is_full(limit).await? {
                tracing::warn!(
                    limit,
                    "as many messages are pending as max_pending_messages allows; a request for one is refused"
                );
                return Err(Failure::new(FailureKind::OutboxFull));
            }
            let message = self.owed(purpose, kind, to.ok_or(name), now)?;
            outbox.store.owe_message(&message).await?;
            if to.is_some() {
                let mut pending = outbox.pending();
                pending.count = pending.count.saturating_add(1);
            }
            // Whoever it is to: to wake the worker is a part of the work.
            outbox.bell.notify_one();
            return Ok(());
        }
        let request = LinkRequest {
            purpose,
            kind,
            address: to.map(|to| to.address.id),
            at: now,
        };
        let newest = Some(self.store().request_link(&request).await?);
        let Some(to) = to else {
            self.inner.links.issue_nothing(now);
            return Ok(());
        };
        let target = LinkTarget {
            address: to.address.clone(),
            person: to.person.clone(),
            newest,
        };
        let (url, token) = self.mint(purpose, &target, now).map_err(Failure::broken)?;
        self.inner.links.announce(&token);
        let expires_at = self.expiry(purpose, kind, now);
        let left = (expires_at - now).to_std().unwrap_or_default();
        let envelope = Self::envelope(None, self.language.as_ref(), now, expires_at, left);
        MessageEvent::new(purpose, to, url, envelope)
            .tell(self)
            .await;
        Ok(())
    }

    fn owed(
        &self,
        purpose: Purpose,
        kind: AddressKind,
        to: Result<To<'_>, &str>,
        now: DateTime<Utc>,
    ) -> Result<NewMessage, RandomnessError> {
        let key = self.message_key()?;
        let binding = match to {
            Ok(to) => bound_state::binding(purpose, to.person, to.address),
            Err(name) => Binding::of_nobody(name),
        };
        Ok(NewMessage {
            key,
            purpose,
            kind,
            recipient: to.ok().map(|to| Recipient {
                person: to.person.id,
                address: to.address.id,
            }),
            binding,
            language: self.language.clone(),
            created_at: now,
            expires_at: self.expiry(purpose, kind, now),
        })
    }

    /// A key for a message, random as every UUID of version 4.
    pub(super) fn message_key(&self) -> Result<String, RandomnessError> {
        let mut key = [0; 16];
        self.inner.randomness.fill(&mut key)?;
        let key: Uuid = Builder::from_random_bytes(key).into_uuid();
        Ok(key.to_string())
    }

    /// When the link of a message that is promised now stops working.
    pub(super) fn expiry(
        &self,
        purpose: Purpose,
        kind: AddressKind,
        now: DateTime<Utc>,
    ) -> DateTime<Utc> {
        let lifetime = self.inner.links.lifetime(purpose, kind);
        TimeDelta::from_std(lifetime)
            .ok()
            .and_then(|lifetime| now.checked_add_signed(lifetime))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }
}
