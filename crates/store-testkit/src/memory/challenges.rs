//! Challenges, in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::challenge::{Challenge, ChallengeId, NewChallenge};
use phone_auth_core::outbox::Purpose;
use phone_auth_core::store::{ChallengeStore, StoreError};

use super::MemoryStore;

#[async_trait]
impl ChallengeStore for MemoryStore {
    async fn begin_challenge(&self, new: &NewChallenge) -> Result<(), StoreError> {
        self.write(|state| {
            let mut new = *new;
            let previous = new.previous.and_then(|id| state.challenges.remove(&id));
            if let Some(left) = previous.filter(|it| {
                (it.purpose, it.email, it.phone) == (new.purpose, new.email, new.phone)
                    && it.expires_at > new.created_at
            }) {
                new.attempts = new.attempts.min(left.attempts);
            }
            state.challenges.insert(new.place(), new);
            Ok(())
        })
    }

    async fn attempt_challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        now: DateTime<Utc>,
    ) -> Result<Option<Challenge>, StoreError> {
        self.write(|state| {
            let place = if state.challenges.contains_key(id) {
                *id
            } else {
                id.place_of_nobody()
            };
            let Some(found) = state.challenges.get_mut(&place) else {
                return Ok(None);
            };
            if found.purpose != purpose || found.attempts == 0 || found.expires_at <= now {
                return Ok(None);
            }
            found.attempts -= 1;
            Ok(Some(Challenge {
                email: found.email,
                phone: found.phone,
                attempts_left: found.attempts,
            }))
        })
    }

    async fn end_challenge(&self, id: &ChallengeId) -> Result<bool, StoreError> {
        self.write(|state| Ok(state.challenges.remove(id).is_some()))
    }

    async fn remove_expired_challenges(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.write(|state| {
            let over = state
                .challenges
                .iter()
                .filter(|(_, it)| it.expires_at <= now);
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let ids: Vec<_> = over.map(|(id, _)| *id).take(most).collect();
            for id in &ids {
                state.challenges.remove(id);
            }
            Ok(u64::try_from(ids.len()).unwrap_or(u64::MAX))
        })
    }
}
