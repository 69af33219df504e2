//! Counters in a store.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::limits::{Attempt, Decision, Hit, LimitKey, LimitSubject, Tally, TextCount, TextRow};

/// Keeps the counters of [limits](crate::limits).
///
/// A store that many machines share goes by the clock of its own machine, whatever time it is told.
///
/// # Errors
/// As for [`UserStore`](super::UserStore).
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait LimitStore: Send + Sync {
    /// Counts an attempt if all of its counters have room: each as often as its rule says and never more, however many
    /// ask at once and on however many machines.
    ///
    /// A refused attempt counts nothing. Where many ask at once, a store may count it for a moment in those that had
    /// room, and gives it back.
    async fn count(&self, attempt: &Attempt) -> Result<Decision, StoreError>;

    /// Takes hits back that were counted. One whose counter is empty or gone by now is passed over.
    async fn give_back(&self, hits: &[Hit], now: DateTime<Utc>) -> Result<(), StoreError>;

    /// Empties all counters that are about these; how many of them there were.
    async fn clear_limits(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError>;

    /// At most `limit` counters that are full, with keys above `after`, in the order of their keys.
    async fn full_limits_after(
        &self,
        after: Option<&LimitKey>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<LimitRow>, StoreError>;

    /// For how long a counter is full; none for one that has room, or that nothing is counted in.
    async fn full_for(
        &self,
        key: &LimitKey,
        now: DateTime<Utc>,
    ) -> Result<Option<Duration>, StoreError>;

    /// Removes at most `limit` counters that are empty; how many they were.
    ///
    /// What is removed does not come back when a clock that was ahead is set right. Anyone who goes by the clock of one
    /// machine believes no later time than that of the [newest write](super::OutboxStore::newest_write).
    async fn remove_empty_limits(&self, now: DateTime<Utc>, limit: u32) -> Result<u64, StoreError>;

    /// Changes what is counted of text messages in this hour, in all of the scopes together, and gives all that is
    /// counted about their subjects in the last [15 days](TextRow::KEPT): what it has changed as it is then, however many
    /// change it at once.
    ///
    /// The work is the same for every change.
    async fn count_texts(&self, texts: &TextCount) -> Result<Vec<TextRow>, StoreError>;

    /// [Counts](Self::count) an attempt and, unless it is refused, [text messages](Self::count_texts) with it; without
    /// any hit these alone.
    async fn count_with_text(
        &self,
        attempt: &Attempt,
        texts: &TextCount,
    ) -> Result<(Decision, Vec<TextRow>), StoreError>;

    /// At most `limit` rows of what is counted of text messages, after the one of this key and hour, in the order of keys
    /// and hours.
    async fn texts_after(
        &self,
        after: Option<(LimitKey, i64)>,
        limit: u32,
    ) -> Result<Vec<TextRow>, StoreError>;

    /// Has what was sent and not used in any scope of these count as never sent; how many rows that changed. What was used
    /// stays.
    async fn clear_texts(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError>;

    /// Removes at most `limit` rows of what is counted of text messages that are older than 15 days at this hour, or that
    /// count nothing and are older than an hour; how many they were.
    async fn remove_old_texts(&self, hour: i64, limit: u32) -> Result<u64, StoreError>;
}

/// A counter as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct LimitRow {
    /// Which it is.
    pub key: LimitKey,
    /// [What it counts](crate::limits::Limit::as_str), in the word of the version that wrote it.
    pub limit: String,
    /// How full it is.
    pub tally: Tally,
}
