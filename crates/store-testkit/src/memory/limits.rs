//! Counters of limits, in memory: those of `core`, which fail when the store is told to, and whose clock can be set.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::limits::{Attempt, Decision, Hit, LimitKey, LimitSubject, TextCount, TextRow};
use phone_auth_core::store::{LimitRow, LimitStore, StoreError};

use super::MemoryStore;

impl MemoryStore {
    /// The time that counters go by: as though they had been shifted in time.
    async fn limit_time(&self, now: DateTime<Utc>) -> Result<DateTime<Utc>, StoreError> {
        self.read(|state| now - state.limits_shifted).await
    }

    async fn shifted(&self, attempt: &Attempt) -> Result<Attempt, StoreError> {
        let at = self.limit_time(attempt.at).await?;
        Ok(Attempt {
            at,
            ..attempt.clone()
        })
    }
}

#[async_trait]
impl LimitStore for MemoryStore {
    async fn count(&self, attempt: &Attempt) -> Result<Decision, StoreError> {
        self.limits.count(&self.shifted(attempt).await?).await
    }

    async fn give_back(&self, hits: &[Hit], now: DateTime<Utc>) -> Result<(), StoreError> {
        self.limits
            .give_back(hits, self.limit_time(now).await?)
            .await
    }

    async fn clear_limits(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError> {
        self.read(|_| ()).await?;
        self.limits.clear_limits(subjects).await
    }

    async fn full_limits_after(
        &self,
        after: Option<&LimitKey>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<LimitRow>, StoreError> {
        let now = self.limit_time(now).await?;
        self.limits.full_limits_after(after, limit, now).await
    }

    async fn full_for(
        &self,
        key: &LimitKey,
        now: DateTime<Utc>,
    ) -> Result<Option<Duration>, StoreError> {
        let now = self.limit_time(now).await?;
        self.limits.full_for(key, now).await
    }

    async fn remove_empty_limits(&self, now: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let now = self.limit_time(now).await?;
        self.limits.remove_empty_limits(now, limit).await
    }

    async fn count_texts(&self, texts: &TextCount) -> Result<Vec<TextRow>, StoreError> {
        self.read(|_| ()).await?;
        self.limits.count_texts(texts).await
    }

    async fn count_with_text(
        &self,
        attempt: &Attempt,
        texts: &TextCount,
    ) -> Result<(Decision, Vec<TextRow>), StoreError> {
        let attempt = self.shifted(attempt).await?;
        self.limits.count_with_text(&attempt, texts).await
    }

    async fn texts_after(
        &self,
        after: Option<(LimitKey, i64)>,
        limit: u32,
    ) -> Result<Vec<TextRow>, StoreError> {
        self.read(|_| ()).await?;
        self.limits.texts_after(after, limit).await
    }

    async fn clear_texts(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError> {
        self.read(|_| ()).await?;
        self.limits.clear_texts(subjects).await
    }

    async fn remove_old_texts(&self, hour: i64, limit: u32) -> Result<u64, StoreError> {
        self.read(|_| ()).await?;
        self.limits.remove_old_texts(hour, limit).await
    }
}
