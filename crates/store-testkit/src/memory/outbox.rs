//! The outbox, in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::outbox::{
    Claim, Lease, MessageId, NewMessage, OutboxMessage, Receipts, Revival, Settlement,
};
use phone_auth_core::store::{OutboxStore, StoreError};

use super::MemoryStore;
use super::state::{State, to_micros};

#[async_trait]
impl OutboxStore for MemoryStore {
    async fn owe_message(&self, message: &NewMessage) -> Result<(), StoreError> {
        self.write(|state| {
            state.owe(message);
            Ok(())
        })
    }

    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError> {
        self.write(|state| Ok(state.claim(claim)))
    }

    async fn extend_lease(
        &self,
        lease: Lease,
        until: DateTime<Utc>,
        receipts: &Receipts,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let Some(message) = state.leased(lease) else {
                return Ok(false);
            };
            message.due_at = to_micros(until);
            message.receipts = receipts.clone();
            Ok(true)
        })
    }

    async fn settle_message(
        &self,
        lease: Lease,
        settlement: &Settlement,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let Some(message) = state.leased(lease) else {
                return Ok(false);
            };
            match settlement {
                Settlement::Settled => {
                    state.outbox.remove(&lease.id);
                }
                Settlement::Again { due_at, receipts } => {
                    message.due_at = to_micros(*due_at);
                    message.receipts = receipts.clone();
                }
                Settlement::Dead { letter, receipts } => {
                    message.dead = Some(letter.clone());
                    message.receipts = receipts.clone();
                }
            }
            Ok(true)
        })
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read(|state| {
            let owed = state
                .outbox
                .values()
                .filter(|message| message.dead.is_none());
            owed.map(|message| message.due_at).min()
        })
    }

    async fn outbox_message(&self, id: MessageId) -> Result<Option<OutboxMessage>, StoreError> {
        self.read(|state| state.outbox.get(&id).cloned())
    }

    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.read(|state| {
            let later = state
                .outbox
                .values()
                .filter(|message| Some(message.id) > after);
            later.take(limit).cloned().collect()
        })
    }

    async fn revive_message(&self, revival: &Revival) -> Result<bool, StoreError> {
        self.write(|state| {
            let letter = state.outbox.get_mut(&revival.id);
            let Some(message) = letter.filter(|message| message.dead.is_some()) else {
                return Ok(false);
            };
            message.dead = None;
            message.message.key.clone_from(&revival.key);
            message.attempts = 0;
            message.due_at = to_micros(revival.now);
            message.receipts = revival.receipts.clone();
            message.message.created_at = to_micros(revival.now);
            message.message.expires_at = to_micros(revival.expires_at);
            let request = message.message.request(revival.now);
            let requested_at = state.request_link(&request);
            if let Some(message) = state.outbox.get_mut(&revival.id) {
                message.requested_at = Some(requested_at);
            }
            Ok(true)
        })
    }

    async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        self.write(|state| {
            let all = state.outbox.len();
            state.outbox.retain(|_, message| {
                let died = message.dead.as_ref().map(|letter| letter.at);
                died.is_none_or(|died| died >= before)
            });
            Ok(u64::try_from(all - state.outbox.len()).unwrap_or(u64::MAX))
        })
    }
}

impl State {
    fn owe(&mut self, message: &NewMessage) {
        let recipient = message
            .recipient
            .filter(|recipient| self.people.contains_key(&recipient.person));
        if let Some(recipient) = recipient {
            self.outbox.retain(|_, other| {
                let same = other.message.purpose == message.purpose
                    && other.message.kind == message.kind
                    && other
                        .message
                        .recipient
                        .is_some_and(|other| other.address == recipient.address);
                !same || other.dead.is_some()
            });
        }
        let requested_at = self.request_link(&message.request(message.created_at));
        self.last_message += 1;
        let id = MessageId::new(self.last_message);
        let owed = OutboxMessage {
            id,
            message: NewMessage {
                recipient,
                created_at: to_micros(message.created_at),
                expires_at: to_micros(message.expires_at),
                ..message.clone()
            },
            requested_at: Some(requested_at),
            attempts: 0,
            due_at: to_micros(message.created_at),
            receipts: Receipts::default(),
            dead: None,
        };
        self.outbox.insert(id, owed);
    }

    fn claim(&mut self, claim: &Claim) -> Vec<OutboxMessage> {
        let mut due: Vec<_> = self
            .outbox
            .values()
            .filter(|message| message.dead.is_none() && message.due_at <= claim.now)
            .map(|message| (message.due_at, message.id))
            .collect();
        due.sort_unstable();
        due.truncate(usize::try_from(claim.limit).unwrap_or(usize::MAX));
        let claimed = due.into_iter().filter_map(|(_, id)| {
            let message = self.outbox.get_mut(&id)?;
            message.attempts += 1;
            message.due_at = to_micros(claim.until);
            Some(message.clone())
        });
        claimed.collect()
    }

    /// The message of a lease that still holds.
    fn leased(&mut self, lease: Lease) -> Option<&mut OutboxMessage> {
        self.outbox
            .get_mut(&lease.id)
            .filter(|message| message.dead.is_none() && message.attempts == lease.attempt)
    }
}
