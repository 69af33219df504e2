//! Counters of limits, in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::limits::{
    self, Attempt, Decision, Hit, LimitKey, LimitSubject, Tally, TextChange, TextRow, TextScope,
};
use phone_auth_core::store::{LimitRow, LimitStore, StoreError};

use super::MemoryStore;
use super::state::State;

#[async_trait]
impl LimitStore for MemoryStore {
    async fn count(&self, attempt: &Attempt) -> Result<Decision, StoreError> {
        self.write(|state| {
            let find = |key: &LimitKey| Ok::<_, StoreError>(state.tally(key));
            let (decision, tallies) = limits::decide(attempt, find)?;
            for (hit, tally) in attempt.hits.iter().zip(tallies) {
                state.put_tally(hit, tally);
            }
            Ok(decision)
        })
    }

    async fn give_back(&self, hits: &[Hit], now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(|state| {
            for hit in hits {
                match limits::give_back(hit, state.tally(&hit.key).as_ref(), now) {
                    Some(Some(tally)) => state.put_tally(hit, tally),
                    Some(None) => drop(state.limits.remove(&hit.key)),
                    None => {}
                }
            }
            Ok(())
        })
    }

    async fn clear_limits(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError> {
        self.write(|state| {
            let before = state.limits.len();
            let is_about = |key: &LimitKey| {
                let mut subjects = subjects.iter();
                subjects.any(|it| (it.first()..=it.last()).contains(key))
            };
            state.limits.retain(|key, _| !is_about(key));
            let removed = before - state.limits.len();
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
    }

    async fn full_limits_after(
        &self,
        after: Option<&LimitKey>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<LimitRow>, StoreError> {
        self.read(|state| {
            let rows = state.limits.iter().filter(|(key, (_, tally))| {
                after.is_none_or(|after| *key > after) && tally.blocked_until > now
            });
            let rows = rows.map(|(key, (limit, tally))| LimitRow {
                key: *key,
                limit: limit.clone(),
                tally: *tally,
            });
            rows.take(usize::try_from(limit).unwrap_or(usize::MAX))
                .collect()
        })
    }

    async fn remove_empty_limits(&self, now: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.write(|state| {
            let empty = state
                .limits
                .iter()
                .filter(|(_, (_, tally))| tally.expires_at <= now);
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            let keys: Vec<_> = empty.map(|(key, _)| *key).take(most).collect();
            for key in &keys {
                state.limits.remove(key);
            }
            Ok(u64::try_from(keys.len()).unwrap_or(u64::MAX))
        })
    }

    async fn count_texts(
        &self,
        scopes: &[TextScope],
        change: TextChange,
        hour: i64,
    ) -> Result<Vec<TextRow>, StoreError> {
        self.write(|state| Ok(state.texts.count(scopes, change, hour)))
    }

    async fn texts_after(
        &self,
        after: Option<(LimitKey, i64)>,
        limit: u32,
    ) -> Result<Vec<TextRow>, StoreError> {
        self.read(|state| state.texts.after(after, limit))
    }

    async fn remove_old_texts(&self, hour: i64, limit: u32) -> Result<u64, StoreError> {
        self.write(|state| Ok(state.texts.remove_old(hour, limit)))
    }
}

impl State {
    fn tally(&self, key: &LimitKey) -> Option<Tally> {
        self.limits.get(key).map(|(_, tally)| *tally)
    }

    fn put_tally(&mut self, hit: &Hit, tally: Tally) {
        let limit = hit.limit.as_str().to_owned();
        self.limits.insert(hit.key, (limit, tally));
    }
}
