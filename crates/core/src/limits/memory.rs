//! Counters in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::{
    Attempt, Decision, Hit, Limit, LimitKey, LimitSubject, Tally, TextCount, TextCounts, TextRow,
    decide, give_back,
};
use crate::store::{LimitRow, LimitStore, StoreError};

/// Counters in the memory of this process, for a site whose store keeps none: another process does not know them, and
/// a restart forgets them.
///
/// # Examples
/// ```
/// use chrono::Utc;
/// use phone_auth_core::limits::{Attempt, Decision, Hit, Limit, LimitKey, LimitRule, MemoryLimits};
/// use phone_auth_core::store::LimitStore;
///
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let limits = MemoryLimits::new();
/// let attempt = Attempt {
///     hits: vec![Hit {
///         key: LimitKey::from_bytes([7; 16]),
///         limit: Limit::LogIns,
///         rule: LimitRule::Rate("1/min".parse()?),
///     }],
///     at: Utc::now(),
///     is_stranger: true,
/// };
/// assert!(matches!(limits.count(&attempt).await?, Decision::Counted { .. }));
/// assert!(matches!(limits.count(&attempt).await?, Decision::Refused { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct MemoryLimits {
    counters: Mutex<Counters>,
}

#[derive(Default)]
struct Counters {
    all: BTreeMap<LimitKey, (Limit, Tally)>,
    /// In the order in which they are empty.
    by_end: BTreeSet<(DateTime<Utc>, LimitKey)>,
    texts: TextCounts,
}

/// How many counters are kept at most; a further one takes the place of the one that would be empty first.
const MOST: usize = 100_000;

impl MemoryLimits {
    /// No counters.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many counters there are, empty ones too.
    pub fn counter_count(&self) -> usize {
        self.lock().all.len()
    }

    fn lock(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counters {
    fn find(&self, key: &LimitKey) -> Option<Tally> {
        self.all.get(key).map(|(_, tally)| *tally)
    }

    fn put(&mut self, hit: &Hit, tally: Tally) {
        self.remove(&hit.key);
        if self.all.len() >= MOST
            && let Some((_, first)) = self.by_end.pop_first()
        {
            self.all.remove(&first);
        }
        self.all.insert(hit.key, (hit.limit, tally));
        self.by_end.insert((tally.expires_at, hit.key));
    }

    fn count(&mut self, attempt: &Attempt) -> Decision {
        let find = |key: &LimitKey| Ok::<_, Infallible>(self.find(key));
        let Ok((decision, tallies)) = decide(attempt, find);
        for (hit, tally) in attempt.hits.iter().zip(tallies) {
            self.put(hit, tally);
        }
        decision
    }

    fn count_texts(&mut self, texts: &TextCount) -> Vec<TextRow> {
        if self.texts.row_count() >= MOST {
            self.texts.remove_oldest();
        }
        self.texts.count(texts)
    }

    fn remove(&mut self, key: &LimitKey) -> bool {
        let removed = self.all.remove(key);
        if let Some((_, tally)) = removed {
            self.by_end.remove(&(tally.expires_at, *key));
        }
        removed.is_some()
    }
}

#[async_trait]
impl LimitStore for MemoryLimits {
    async fn count(&self, attempt: &Attempt) -> Result<Decision, StoreError> {
        Ok(self.lock().count(attempt))
    }

    async fn give_back(&self, hits: &[Hit], now: DateTime<Utc>) -> Result<(), StoreError> {
        let mut counters = self.lock();
        for hit in hits {
            match give_back(hit, counters.find(&hit.key).as_ref(), now) {
                Some(Some(tally)) => counters.put(hit, tally),
                Some(None) => drop(counters.remove(&hit.key)),
                None => {}
            }
        }
        Ok(())
    }

    async fn clear_limits(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError> {
        let mut counters = self.lock();
        let mut keys = Vec::new();
        for subject in subjects {
            let about = counters.all.range(subject.first()..=subject.last());
            keys.extend(about.map(|(key, _)| *key));
        }
        let removed = keys.iter().filter(|key| counters.remove(key)).count();
        Ok(u64::try_from(removed).unwrap_or(u64::MAX))
    }

    async fn full_limits_after(
        &self,
        after: Option<&LimitKey>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<LimitRow>, StoreError> {
        let counters = self.lock();
        let rows = counters.all.iter().filter(|(key, (_, tally))| {
            after.is_none_or(|after| *key > after) && tally.blocked_until > now
        });
        let rows = rows.map(|(key, (limit, tally))| LimitRow {
            key: *key,
            limit: limit.as_str().to_owned(),
            tally: *tally,
        });
        Ok(rows
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .collect())
    }

    async fn full_for(
        &self,
        key: &LimitKey,
        now: DateTime<Utc>,
    ) -> Result<Option<Duration>, StoreError> {
        let tally = self.lock().find(key);
        let wait = tally.and_then(|tally| (tally.blocked_until - now).to_std().ok());
        Ok(wait.filter(|wait| !wait.is_zero()))
    }

    async fn remove_empty_limits(&self, now: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let mut counters = self.lock();
        let mut removed = 0;
        while removed < limit
            && let Some((end, key)) = counters.by_end.first()
            && *end <= now
        {
            let key = *key;
            counters.remove(&key);
            removed += 1;
        }
        Ok(removed.into())
    }

    async fn count_texts(&self, texts: &TextCount) -> Result<Vec<TextRow>, StoreError> {
        Ok(self.lock().count_texts(texts))
    }

    async fn count_with_text(
        &self,
        attempt: &Attempt,
        texts: &TextCount,
    ) -> Result<(Decision, Vec<TextRow>), StoreError> {
        let mut counters = self.lock();
        let decision = counters.count(attempt);
        let rows = match decision {
            Decision::Counted { .. } => counters.count_texts(texts),
            Decision::Refused { .. } => Vec::new(),
        };
        Ok((decision, rows))
    }

    async fn texts_after(
        &self,
        after: Option<(LimitKey, i64)>,
        limit: u32,
    ) -> Result<Vec<TextRow>, StoreError> {
        Ok(self.lock().texts.after(after, limit))
    }

    async fn clear_texts(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError> {
        Ok(self.lock().texts.clear(subjects))
    }

    async fn remove_old_texts(&self, hour: i64, limit: u32) -> Result<u64, StoreError> {
        Ok(self.lock().texts.remove_old(hour, limit))
    }
}

impl fmt::Debug for MemoryLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLimits")
            .field("counters", &self.lock().all.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LimitRule;

    #[test]
    fn counters_in_memory_have_a_bound() {
        let mut counters = Counters::default();
        let now = Utc::now();
        let rule = LimitRule::InARow(100);
        for number in 0..u64::try_from(MOST + 10).unwrap_or_default() {
            let hit = Hit {
                key: LimitKey::from_bytes(u128::from(number).to_be_bytes()),
                limit: Limit::LogIns,
                rule,
            };
            let tally = rule.count(None, now + Duration::from_micros(number));
            let Ok(tally) = tally else { continue };
            counters.put(&hit, tally);
        }
        assert_eq!((counters.all.len(), counters.by_end.len()), (MOST, MOST));
        let first = counters.all.first_key_value().map(|(key, _)| *key);
        assert_eq!(first, Some(LimitKey::from_bytes(10_u128.to_be_bytes())));
    }

    #[test]
    fn counter_ends_once() {
        let mut counters = Counters::default();
        let (now, rule) = (Utc::now(), LimitRule::InARow(100));
        let hit = Hit {
            key: LimitKey::from_bytes([1; 16]),
            limit: Limit::LogIns,
            rule,
        };
        for seconds in 0..3 {
            let Ok(tally) = rule.count(None, now + Duration::from_secs(seconds)) else {
                continue;
            };
            counters.put(&hit, tally);
        }
        assert_eq!((counters.all.len(), counters.by_end.len()), (1, 1));
    }
}
