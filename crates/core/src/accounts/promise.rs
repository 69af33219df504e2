//! Promising a message: by a row in the outbox, or, without one, by telling the receivers.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::Notify;
use uuid::{Builder, Uuid};

use super::Accounts;
use super::error::{FlowError, FlowErrorKind};
use super::links::Links;
use super::message::{MessageEvent, To, signal_of};
use crate::address::AddressKind;
use crate::language::Language;
use crate::link::{LinkRequest, LinkTarget};
use crate::outbox::{Binding, MessagePurpose, NewMessage, Recipient};
use crate::randomness::RandomnessError;
use crate::store::OutboxStore;

/// The outbox of the flows, and the bell that wakes the worker of this process.
pub(super) struct Outbox {
    pub(super) store: Arc<dyn OutboxStore>,
    pub(super) bell: Notify,
}

impl Outbox {
    pub(super) fn new(store: Arc<dyn OutboxStore>) -> Self {
        Self {
            store,
            bell: Notify::new(),
        }
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
    pub(super) fn is_unreceived(&self, purpose: MessagePurpose, kind: AddressKind) -> bool {
        let signal = signal_of(purpose, kind);
        self.inner.unreceived.contains(&signal)
    }

    /// Promises a message, to nobody if there is nobody; then the work is the same and nothing is sent.
    ///
    /// With an outbox a row is committed when this returns, and a worker is woken. Without one the receivers
    /// are told, when [`Dispatch`](super::Dispatch) says.
    pub(super) async fn promise<K: FlowErrorKind>(
        &self,
        purpose: MessagePurpose,
        kind: AddressKind,
        to: Option<To<'_>>,
    ) -> Result<(), FlowError<K>> {
        let now = self.now();
        if let Some(outbox) = &self.inner.outbox {
            let message = self.owed(purpose, kind, to, now)?;
            outbox.store.owe_message(&message).await?;
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
        let url = self
            .mint(purpose, &target, now, true)
            .map_err(|error| FlowError::with_source(K::BROKEN, error))?;
        let expires_at = self.expiry(purpose, kind, now);
        let envelope = Self::envelope(None, self.language.as_ref(), now, expires_at, now);
        MessageEvent::new(purpose, to, url, envelope)
            .tell(self)
            .await;
        Ok(())
    }

    fn owed(
        &self,
        purpose: MessagePurpose,
        kind: AddressKind,
        to: Option<To<'_>>,
        now: DateTime<Utc>,
    ) -> Result<NewMessage, RandomnessError> {
        let key = self.message_key()?;
        let binding = match to {
            Some(to) => Links::binding(purpose, to.person, to.address),
            None => Binding::of(purpose.as_str(), &[]),
        };
        Ok(NewMessage {
            key,
            purpose,
            kind,
            recipient: to.map(|to| Recipient {
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
        purpose: MessagePurpose,
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
