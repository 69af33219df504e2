//! Enqueueing a message: one row in the store, and the worker of this process is woken.

use chrono::{DateTime, Utc};
use phone_auth_events::{AccountChange, Channel, Purpose};
use uuid::{Builder, Uuid};

use super::event::{Addressee, Manner};
use super::handle::Outbox;
use super::texts::Text;
use super::{Binding, NewMessage, Notice, PendingEvent, Superseded, bound_state};
use crate::address::AddressKind;
use crate::flow_error::{Failure, FailureKind};
use crate::language::Language;
use crate::limits::{TextCount, TextRow};
use crate::link::Links;
use crate::randomness::{Randomness, RandomnessError};
use crate::store::StoreError;
use crate::user::UserId;

impl Outbox {
    /// Enqueues a message. To nobody it is the same work and nothing is sent.
    ///
    /// A row is committed when this returns, and a worker is woken; of a row to nobody nothing is left. The answer is what is to
    /// be taken back of a text message that it has superseded and that reached nobody.
    pub(crate) async fn enqueue(
        &self,
        purpose: Purpose,
        to: Addressee<'_>,
        manner: Manner<'_>,
    ) -> Result<Option<TextCount>, Failure> {
        self.refuse_when_full().await?;
        let message = self.message(purpose, to, manner)?;
        let superseded = self.keep(&message).await?;
        Ok(self.unsent_before(&message, to, superseded))
    }

    /// Enqueues a message to each of two kinds of addresses: both, or neither.
    pub(crate) async fn enqueue_both(
        &self,
        purpose: Purpose,
        messages: &[(Addressee<'_>, Manner<'_>); 2],
    ) -> Result<Option<TextCount>, Failure> {
        self.refuse_when_full().await?;
        let [first, second] = (*messages).map(|(to, manner)| self.message(purpose, to, manner));
        let (first, second) = (first?, second?);
        let superseded = self.inner.store.enqueue_both([&first, &second]).await?;
        let mut unsent = None;
        let all = [&first, &second].into_iter().zip(superseded);
        for ((message, superseded), (to, _)) in all.zip(messages) {
            self.was_kept(message);
            // One of the two at most is a text message.
            unsent = unsent.or(self.unsent_before(message, *to, superseded));
        }
        Ok(unsent)
    }

    fn unsent_before(
        &self,
        message: &NewMessage,
        to: Addressee<'_>,
        superseded: Option<Superseded>,
    ) -> Option<TextCount> {
        let Addressee::User(to) = to else {
            return None;
        };
        self.inner.unsent_before(message, to.address, &superseded?)
    }

    /// Enqueues a notice by itself: not with a change, which its flow hands to the store.
    pub(crate) async fn enqueue_notice(&self, notice: &NewMessage) -> Result<(), Failure> {
        self.refuse_when_full().await?;
        self.keep(notice).await.map(drop)
    }

    async fn refuse_when_full(&self) -> Result<(), Failure> {
        if self.is_full().await? {
            tracing::warn!(
                limit = self.inner.pending.limit(),
                "as many messages are pending as max_pending_messages allows; a request for one is refused"
            );
            return Err(Failure::new(FailureKind::OutboxFull));
        }
        Ok(())
    }

    async fn keep(&self, message: &NewMessage) -> Result<Option<Superseded>, Failure> {
        let superseded = self.inner.store.enqueue_message(message).await?;
        self.was_kept(message);
        Ok(superseded)
    }

    fn was_kept(&self, message: &NewMessage) {
        let outbox = &*self.inner;
        if message.recipient.is_some() || message.notice.is_some() {
            outbox.pending.add_one();
        }
        // No matter who it is to: to wake the worker is a part of the work.
        outbox.wake.notify_one();
    }

    /// Whether as many messages are pending as may be.
    pub(crate) async fn is_full(&self) -> Result<bool, StoreError> {
        self.inner.pending.is_full(&*self.inner.store).await
    }

    /// Says that a store has enqueued these with a change: they are counted, less the events, and the worker is woken.
    pub(crate) fn were_enqueued<'a>(&self, all: impl Iterator<Item = &'a NewMessage>) {
        let mut is_any = false;
        for message in all {
            is_any = true;
            if message.event.is_none() {
                self.inner.pending.add_one();
            }
        }
        if is_any {
            self.inner.wake.notify_one();
        }
    }

    fn message(
        &self,
        purpose: Purpose,
        to: Addressee<'_>,
        manner: Manner<'_>,
    ) -> Result<NewMessage, RandomnessError> {
        let (kind, now) = (to.kind(), self.inner.clock.stored_now());
        let mut message = NewMessage {
            key: self.new_key()?,
            purpose,
            kind,
            recipient: to.recipient(),
            notice: None,
            event: None,
            binding: match to {
                Addressee::User(to) => bound_state::binding(purpose, to.user, to.address),
                Addressee::Nobody { name, .. } => Binding::of_nobody(name),
            },
            language: manner.language.cloned(),
            channel: manner.channel,
            created_at: now,
            expires_at: self.inner.links.expiry(purpose, kind, now),
            code_half_life: manner.carries.code_half_life(&self.inner.links),
            challenge: manner.carries.challenge(),
        };
        if let Addressee::User(to) = to
            && Text::of(&message, to.address).is_some()
        {
            // A store may keep it as enqueued when its link was made.
            let hour = TextRow::hour_of(now);
            message.binding = bound_state::counted_in(&message.binding, hour);
        }
        Ok(message)
    }

    /// A key for a message, random as every UUID of version 4.
    pub(super) fn new_key(&self) -> Result<String, RandomnessError> {
        new_key(&*self.inner.randomness)
    }
}

impl NewMessage {
    /// A notice of a change that is made now, to this user at this address.
    pub(crate) fn notice(
        (user, kind, to): (UserId, AddressKind, &str),
        change: &AccountChange,
        language: Option<&Language>,
        now: DateTime<Utc>,
        links: &Links,
        randomness: &dyn Randomness,
    ) -> Result<Self, RandomnessError> {
        Ok(Self {
            key: new_key(randomness)?,
            purpose: Purpose::SecurityNotice,
            kind,
            recipient: None,
            notice: Some(Notice {
                user,
                to: to.to_owned(),
                change: change.clone(),
            }),
            event: None,
            binding: Binding::of_nothing(),
            language: language.cloned(),
            channel: Channel::usual(kind),
            created_at: now,
            expires_at: links.expiry(Purpose::SecurityNotice, kind, now),
            code_half_life: None,
            challenge: None,
        })
    }
}

impl NewMessage {
    /// An event for durable receivers, of a change that is made now.
    pub(crate) fn event(
        event: PendingEvent,
        now: DateTime<Utc>,
        links: &Links,
        randomness: &dyn Randomness,
    ) -> Result<Self, RandomnessError> {
        let kind = event.kind();
        Ok(Self {
            key: new_key(randomness)?,
            purpose: Purpose::Event,
            kind,
            recipient: None,
            notice: None,
            event: Some(event),
            binding: Binding::of_nothing(),
            language: None,
            channel: Channel::usual(kind),
            created_at: now,
            expires_at: links.expiry(Purpose::Event, kind, now),
            code_half_life: None,
            challenge: None,
        })
    }
}

fn new_key(randomness: &dyn Randomness) -> Result<String, RandomnessError> {
    let mut key = [0; 16];
    randomness.fill(&mut key)?;
    let key: Uuid = Builder::from_random_bytes(key).into_uuid();
    Ok(key.to_string())
}
