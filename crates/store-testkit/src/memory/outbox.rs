//! The outbox, in memory.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::link::LinkRequest;
use phone_auth_core::outbox::{
    AttemptOutcome, Claim, DeadLetter, Lease, LeaseState, MessageId, NewMessage, NextDue, Notices,
    OutboxMessage, OutboxRow, Receipts, Requeue, Requeued, Superseded, Wait,
};
use phone_auth_core::store::{OutboxStore, StoreError};
use phone_auth_core::user::UserId;

use super::MemoryStore;
use super::kept_message::Kept;
use super::state::{State, to_micros};

#[async_trait]
impl OutboxStore for MemoryStore {
    async fn enqueue_message(
        &self,
        message: &NewMessage,
    ) -> Result<Option<Superseded>, StoreError> {
        let [superseded] = self.enqueue_all([message]).await?;
        Ok(superseded)
    }

    async fn enqueue_both(
        &self,
        messages: [&NewMessage; 2],
    ) -> Result<[Option<Superseded>; 2], StoreError> {
        self.enqueue_all(messages).await
    }

    async fn pending_messages(&self, at_most: u32) -> Result<u32, StoreError> {
        self.read(|state| {
            let is_counted =
                |kept: &&Kept| kept.is_pending() && kept.message.message.event.is_none();
            let pending = state.outbox.values().filter(is_counted);
            let count = u32::try_from(pending.count()).unwrap_or(u32::MAX);
            count.min(at_most)
        })
        .await
    }

    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError> {
        self.write(|state| Ok(state.claim(claim))).await
    }

    async fn extend_lease(
        &self,
        lease: &Lease,
        wait: Wait,
        receipts: &Receipts,
    ) -> Result<LeaseState, StoreError> {
        self.write(|state| {
            let Some((kept, lease_state)) = state.leased(lease) else {
                return Ok(LeaseState::Lost);
            };
            kept.wait(wait);
            if lease_state == LeaseState::Held {
                kept.keep(receipts);
            }
            Ok(lease_state)
        })
        .await
    }

    async fn finish_message(
        &self,
        lease: &Lease,
        outcome: &AttemptOutcome,
    ) -> Result<LeaseState, StoreError> {
        self.write(|state| {
            let Some((kept, lease_state)) = state.leased(lease) else {
                return Ok(LeaseState::Lost);
            };
            if lease_state == LeaseState::Superseded {
                return Ok(lease_state);
            }
            match outcome {
                AttemptOutcome::Finished => {
                    state.outbox.remove(&lease.id);
                }
                AttemptOutcome::Retry {
                    wait,
                    failures,
                    receipts,
                } => {
                    kept.wait(*wait);
                    kept.message.failures = *failures;
                    kept.leased_attempt = None;
                    kept.keep(receipts);
                }
                AttemptOutcome::DeadLettered { letter, receipts } => {
                    kept.message.dead = Some(letter.clone());
                    kept.keep(receipts);
                    let dead = kept.message.message.clone();
                    state.outbox.retain(|id, other| {
                        *id == lease.id || other.is_pending() || !other.is_like(&dead)
                    });
                }
            }
            Ok(lease_state)
        })
        .await
    }

    async fn release_superseded(
        &self,
        lease: &Lease,
        failures: u32,
        receipts: &Receipts,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let Some((kept, LeaseState::Superseded)) = state.leased(lease) else {
                return Ok(false);
            };
            kept.ready();
            kept.message.failures = failures;
            kept.message.due_at = kept.message.due_at.min(kept.message.enqueued_at);
            kept.earlier = receipts.clone();
            Ok(true)
        })
        .await
    }

    async fn next_due(&self) -> Result<NextDue, StoreError> {
        self.read(|state| {
            let pending = || state.outbox.values().filter(|kept| kept.is_pending());
            if pending().any(|kept| kept.is_ready() && kept.left_until().is_none()) {
                return NextDue::Now;
            }
            let due = |kept: &Kept| kept.left_until().unwrap_or(kept.message.due_at);
            let next = pending().map(due).min();
            next.map_or(NextDue::Never, NextDue::At)
        })
        .await
    }

    async fn outbox_message(&self, id: MessageId) -> Result<Option<OutboxRow>, StoreError> {
        self.read(|state| state.outbox.get(&id).map(row)).await
    }

    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.read(|state| {
            let later = state.outbox.iter().filter(|(id, _)| Some(**id) > after);
            later.take(limit).map(|(_, kept)| row(kept)).collect()
        })
        .await
    }

    async fn requeue_message(&self, requeue: &Requeue) -> Result<Requeued, StoreError> {
        self.write(|state| {
            let letter = state.outbox.get(&requeue.id);
            let Some(letter) = letter.filter(|kept| !kept.is_pending()) else {
                return Ok(Requeued::NoSuchLetter);
            };
            let target = letter.message.message.clone();
            let mut pending = state.outbox.values().filter(|kept| kept.is_pending());
            let newest = target.recipient.and_then(|recipient| {
                state.newest_request(target.purpose, target.kind, recipient.address)
            });
            let is_replaced = letter
                .message
                .requested_at
                .is_some_and(|at| newest > Some(at));
            if is_replaced || pending.any(|kept| kept.is_like(&target)) {
                return Ok(Requeued::Superseded);
            }
            // It is a request for a link, as it was when it was enqueued.
            let requested_at = state.request_link(&LinkRequest {
                half_life: None,
                code_half_life: None,
                ..target.request(requeue.now)
            });
            if let Some(kept) = state.outbox.get_mut(&requeue.id) {
                kept.ready();
                let message = &mut kept.message;
                message.dead = None;
                message.requested_at = Some(requested_at);
                message.failures = 0;
                message.due_at = to_micros(requeue.now);
                message.enqueued_at = to_micros(requeue.now);
                message.message.key.clone_from(&requeue.key);
                message.message.binding = requeue.binding.clone();
                message.message.created_at = to_micros(requeue.now);
                message.message.expires_at = to_micros(requeue.expires_at);
                kept.keep(&requeue.receipts);
            }
            Ok(Requeued::Pending)
        })
        .await
    }

    async fn newest_write(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read(|state| {
            let sessions = state.sessions.values().map(|it| &it.session);
            let session = sessions.max_by_key(|session| session.expires_at);
            let message = state.outbox.values().next_back();
            let message = message.map(|kept| kept.message.enqueued_at);
            session.map(|session| session.created_at).max(message)
        })
        .await
    }

    async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.write(|state| {
            let all = state.outbox.len();
            state.outbox.retain(|_, kept| {
                let died = kept.message.dead.as_ref().map(|letter| letter.at);
                died.is_none_or(|died| died >= before)
            });
            Ok(u64::try_from(all - state.outbox.len()).unwrap_or(u64::MAX))
        })
        .await
    }
}

fn row(kept: &Kept) -> OutboxRow {
    match kept.unreadable() {
        Some(row) => OutboxRow::Unreadable(row),
        None => OutboxRow::Message(Box::new(kept.told())),
    }
}

impl State {
    /// Enqueues the notices of a change to this user that was made.
    pub(super) fn enqueue_notices(&mut self, user: UserId, notices: &Notices) {
        for message in notices {
            let _ = self.enqueue(&message.clone().about(user));
        }
    }

    /// Enqueues a message; the one that it has superseded.
    pub(super) fn enqueue(&mut self, message: &NewMessage) -> Option<Superseded> {
        if let Some((user, _)) = message.told() {
            if message.tells_of_the_end() || self.users.contains_key(&user) {
                let now = to_micros(message.created_at);
                let message = NewMessage {
                    created_at: now,
                    expires_at: to_micros(message.expires_at),
                    ..message.clone()
                };
                self.insert_message(message, None, now);
            }
            return None;
        }
        let recipient = message
            .recipient
            .filter(|recipient| self.users.contains_key(&recipient.user));
        let request = message.request(message.created_at);
        let requested_at = self.request_link(&request);
        recipient?;
        let now = to_micros(message.created_at);
        // The same link again: as though it had been enqueued when that was made.
        let made_at = to_micros(request.made_at(requested_at));
        let message = NewMessage {
            created_at: made_at,
            expires_at: to_micros(message.expires_at) + (made_at - now),
            code_half_life: None,
            challenge: None,
            ..message.clone()
        };
        // A letter with the same link is older than this message.
        for letter in self.outbox.values_mut().filter(|kept| !kept.is_pending()) {
            if letter.is_like(&message) && letter.message.requested_at == Some(requested_at) {
                letter.message.requested_at = Some(requested_at - TimeDelta::microseconds(1));
            }
        }
        let requested_at = Some(requested_at);
        let mut pending = self.outbox.values_mut().filter(|kept| kept.is_pending());
        if let Some(older) = pending.find(|kept| kept.is_like(&message)) {
            let superseded = older.superseded();
            older.supersede(message, now, requested_at);
            return superseded;
        }
        self.insert_message(message, requested_at, now);
        None
    }

    fn insert_message(
        &mut self,
        message: NewMessage,
        requested_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) {
        self.last_message += 1;
        let id = MessageId::new(self.last_message);
        let enqueued = OutboxMessage {
            id,
            enqueued_at: message.created_at,
            message,
            requested_at,
            attempts: 0,
            ready_attempt: 0,
            failures: 0,
            due_at: now,
            receipts: Receipts::default(),
            dead: None,
            is_in_doubt: false,
        };
        let kept = Kept {
            message: enqueued,
            leased_attempt: None,
            waits_since: None,
            earlier: Receipts::default(),
            unreadable: None,
        };
        self.outbox.insert(id, kept);
    }

    fn claim(&mut self, claim: &Claim) -> Vec<OutboxMessage> {
        let now = to_micros(claim.now);
        for kept in self.outbox.values_mut().filter(|kept| kept.is_pending()) {
            kept.wait_anew(now);
        }
        let is_asked = |kept: &&Kept| {
            kept.unreadable.is_some() || !claim.without.contains(kept.message.message.queue())
        };
        let pending = self.outbox.values().filter(|kept| kept.is_pending());
        let mut due: Vec<_> = pending
            .filter(|kept| kept.is_ready() || kept.message.due_at <= claim.now)
            .filter(is_asked)
            .filter(|kept| kept.left_until().is_none_or(|until| until <= claim.now))
            .map(|kept| {
                let is_read = kept.unreadable.is_none();
                (is_read, kept.message.due_at.min(claim.now), kept.message.id)
            })
            .collect();
        due.sort_unstable();
        // Behind what cannot be read there may be what can.
        let unread = due.iter().filter(|(is_read, ..)| !is_read).count();
        let limit = usize::try_from(claim.limit).unwrap_or(usize::MAX);
        due.truncate(limit.saturating_add(unread));
        let claimed = due.into_iter().filter_map(|(is_read, _, id)| {
            let kept = self.outbox.get_mut(&id)?;
            if let Some(row) = kept.unreadable().filter(|row| !row.is_kept(claim.now)) {
                let (at, reason) = (claim.now, row.reason());
                kept.message.dead = Some(DeadLetter { at, reason });
                return None;
            }
            // One that superseded another under way was not tried.
            kept.message.is_in_doubt |=
                kept.is_under_way() && kept.message.ready_attempt < kept.message.attempts;
            kept.message.attempts += 1;
            kept.leased_attempt = Some(kept.message.attempts);
            kept.wait(Wait {
                since: claim.now,
                until: claim.until,
            });
            is_read.then(|| kept.told())
        });
        claimed.collect()
    }

    /// The message of a lease that still holds, or the one that has taken its place.
    fn leased(&mut self, lease: &Lease) -> Option<(&mut Kept, LeaseState)> {
        let kept = self.outbox.get_mut(&lease.id).filter(|kept| {
            kept.is_pending()
                && kept.message.attempts == lease.attempt
                && kept.leased_attempt == Some(lease.attempt)
        })?;
        let is_same = kept.message.message.key == lease.key;
        let state = if is_same {
            LeaseState::Held
        } else {
            LeaseState::Superseded
        };
        Some((kept, state))
    }
}
