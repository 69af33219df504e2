//! Counters of limits, on SQLite. The one thread that writes decides, so nobody changes a counter meanwhile.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::limits::{
    self, Attempt, Decision, Hit, LimitKey, LimitSubject, Tally, TextCount, TextRow, TextScope,
};
use phone_auth_core::store::{LimitRow, LimitStore, StoreError, StoreErrorKind};
use rusqlite::{Connection, Row, params};

use crate::failure::Failure;
use crate::rows;
use crate::store::SqliteStore;

pub(crate) const FIND: &str =
    "SELECT hits, blocked_until, expires_at FROM phone_auth_limit WHERE digest = ?1";

const PUT: &str = "INSERT INTO phone_auth_limit (digest, counter, hits, blocked_until, expires_at)
    VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (digest) DO UPDATE SET counter = ?2, hits = ?3, blocked_until = ?4, expires_at = ?5";

pub(crate) const REMOVE: &str = "DELETE FROM phone_auth_limit WHERE digest = ?1";

pub(crate) const CLEAR: &str = "DELETE FROM phone_auth_limit WHERE digest BETWEEN ?1 AND ?2";

pub(crate) const FULL_AFTER: &str = "SELECT CAST(hits AS INTEGER), CAST(blocked_until AS INTEGER),
        CAST(expires_at AS INTEGER), digest, counter
    FROM phone_auth_limit
    WHERE digest > ?1 AND blocked_until > ?2 AND typeof(digest) = 'blob' AND length(digest) = 16
    ORDER BY digest LIMIT ?3";

pub(crate) const REMOVE_EMPTY: &str = "DELETE FROM phone_auth_limit
    WHERE digest IN (SELECT digest FROM phone_auth_limit WHERE expires_at <= ?1 LIMIT ?2)";

pub(crate) const COUNT_TEXT: &str =
    "INSERT INTO phone_auth_limit_sms (digest, hour, scope, sent, used)
    VALUES (?1, ?2, ?3, max(?4, 0), max(?5, 0))
    ON CONFLICT (digest, hour) DO UPDATE SET sent = max(sent + ?4, 0), used = max(used + ?5, 0)";

pub(crate) const TEXTS: &str = "SELECT digest, hour, scope, sent, used FROM phone_auth_limit_sms
    WHERE digest BETWEEN ?1 AND ?2 AND hour > ?3";

pub(crate) const TEXTS_AFTER: &str =
    "SELECT digest, hour, scope, CAST(sent AS INTEGER), CAST(used AS INTEGER) FROM phone_auth_limit_sms
    WHERE (digest, hour) > (?1, ?2) AND typeof(digest) = 'blob' AND length(digest) = 16 AND typeof(hour) = 'integer'
    ORDER BY digest, hour LIMIT ?3";

pub(crate) const CLEAR_TEXTS: &str =
    "UPDATE phone_auth_limit_sms SET sent = used WHERE digest BETWEEN ?1 AND ?2 AND sent > used";

pub(crate) const REMOVE_OLD_TEXTS: &str = "DELETE FROM phone_auth_limit_sms WHERE (digest, hour) IN (
        SELECT digest, hour FROM phone_auth_limit_sms
        WHERE hour <= ?1 - ?2 OR (hour > ?1 - 24 AND hour < ?1 - 1 AND sent = 0 AND used = 0) LIMIT ?3
    )";

#[async_trait]
impl LimitStore for SqliteStore {
    async fn count(&self, attempt: &Attempt) -> Result<Decision, StoreError> {
        let attempt = attempt.clone();
        self.write(move |connection| count(connection, &attempt))
            .await
    }

    async fn give_back(&self, hits: &[Hit], now: DateTime<Utc>) -> Result<(), StoreError> {
        let hits = hits.to_vec();
        self.write(move |connection| {
            for hit in &hits {
                let tally = find(connection, &hit.key)?;
                match limits::give_back(hit, tally.as_ref(), now) {
                    Some(Some(tally)) => put(connection, hit, &tally)?,
                    Some(None) => drop(remove(connection, &hit.key)?),
                    None => {}
                }
            }
            Ok(())
        })
        .await
    }

    async fn clear_limits(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError> {
        let subjects = subjects.to_vec();
        self.write(move |connection| {
            let mut removed = 0;
            for subject in &subjects {
                let (first, last) = (subject.first(), subject.last());
                let keys = (first.as_bytes().as_slice(), last.as_bytes().as_slice());
                removed += rows::change(connection, CLEAR, keys)?;
            }
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
        .await
    }

    async fn full_limits_after(
        &self,
        after: Option<&LimitKey>,
        limit: u32,
        now: DateTime<Utc>,
    ) -> Result<Vec<LimitRow>, StoreError> {
        let after = after.map_or(&[][..], |after| after.as_bytes());
        self.read(|connection| {
            let page = (after, now.timestamp_micros(), limit);
            rows::all(connection, FULL_AFTER, page, |row| {
                let key = rows::blob(row, 3)?.try_into();
                Ok(LimitRow {
                    key: LimitKey::from_bytes(key.map_err(|_| StoreErrorKind::Broken)?),
                    limit: rows::text(row, 4)?,
                    tally: tally(row)?,
                })
            })
        })
    }

    async fn full_for(
        &self,
        key: &LimitKey,
        now: DateTime<Utc>,
    ) -> Result<Option<Duration>, StoreError> {
        let tally = self.read(|connection| find(connection, key))?;
        let wait = tally.and_then(|tally| (tally.blocked_until - now).to_std().ok());
        Ok(wait.filter(|wait| !wait.is_zero()))
    }

    async fn remove_empty_limits(&self, now: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let empty = (now.timestamp_micros(), limit);
            let removed = rows::change(connection, REMOVE_EMPTY, empty)?;
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
        .await
    }

    async fn count_texts(&self, texts: &TextCount) -> Result<Vec<TextRow>, StoreError> {
        let texts = texts.clone();
        self.write(move |connection| count_texts(connection, &texts))
            .await
    }

    async fn count_with_text(
        &self,
        attempt: &Attempt,
        texts: &TextCount,
    ) -> Result<(Decision, Vec<TextRow>), StoreError> {
        let (attempt, texts) = (attempt.clone(), texts.clone());
        self.write(move |connection| {
            let decision = count(connection, &attempt)?;
            let rows = match decision {
                Decision::Counted { .. } => count_texts(connection, &texts)?,
                Decision::Refused { .. } => Vec::new(),
            };
            Ok((decision, rows))
        })
        .await
    }

    async fn texts_after(
        &self,
        after: Option<(LimitKey, i64)>,
        limit: u32,
    ) -> Result<Vec<TextRow>, StoreError> {
        let hour = after.map_or(0, |(_, hour)| hour);
        let key = after.map_or_else(Vec::new, |(key, _)| key.as_bytes().to_vec());
        self.read(|connection| rows::all(connection, TEXTS_AFTER, (key, hour, limit), text_row))
    }

    async fn clear_texts(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError> {
        let subjects = subjects.to_vec();
        self.write(move |connection| {
            let mut changed = 0;
            for subject in &subjects {
                let (first, last) = (subject.first(), subject.last());
                let keys = (first.as_bytes().as_slice(), last.as_bytes().as_slice());
                changed += rows::change(connection, CLEAR_TEXTS, keys)?;
            }
            Ok(u64::try_from(changed).unwrap_or(u64::MAX))
        })
        .await
    }

    async fn remove_old_texts(&self, hour: i64, limit: u32) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let old = (hour, TextRow::KEPT, limit);
            let removed = rows::change(connection, REMOVE_OLD_TEXTS, old)?;
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
        .await
    }
}

fn count(connection: &Connection, attempt: &Attempt) -> Result<Decision, Failure> {
    let (decision, tallies) = limits::decide(attempt, |key| find(connection, key))?;
    for (hit, tally) in attempt.hits.iter().zip(&tallies) {
        put(connection, hit, tally)?;
    }
    Ok(decision)
}

fn count_texts(connection: &Connection, texts: &TextCount) -> Result<Vec<TextRow>, Failure> {
    let (sent, used) = texts.change.numbers();
    let mut found = Vec::new();
    for TextScope { key, name } in &texts.scopes {
        let digest = key.as_bytes().as_slice();
        let changed = params![digest, texts.hour, name, sent, used];
        rows::change(connection, COUNT_TEXT, changed)?;
        let (first, last) = (key.subject().first(), key.subject().last());
        let since = texts.hour - TextRow::KEPT;
        let about = params![
            first.as_bytes().as_slice(),
            last.as_bytes().as_slice(),
            since
        ];
        found.extend(rows::all(connection, TEXTS, about, text_row)?);
    }
    Ok(found)
}

fn text_row(row: &Row<'_>) -> Result<TextRow, Failure> {
    let key = rows::blob(row, 0)?.try_into();
    Ok(TextRow {
        key: LimitKey::from_bytes(key.map_err(|_| StoreErrorKind::Broken)?),
        hour: row.get(1)?,
        scope: rows::text(row, 2)?,
        sent: row.get(3)?,
        used: row.get(4)?,
    })
}

fn find(connection: &Connection, key: &LimitKey) -> Result<Option<Tally>, Failure> {
    rows::first(connection, FIND, [key.as_bytes().as_slice()], tally)
}

fn put(connection: &Connection, hit: &Hit, tally: &Tally) -> Result<(), Failure> {
    let row = params![
        hit.key.as_bytes().as_slice(),
        hit.limit.as_str(),
        tally.hits,
        tally.blocked_until.timestamp_micros(),
        tally.expires_at.timestamp_micros(),
    ];
    rows::change(connection, PUT, row)?;
    Ok(())
}

fn remove(connection: &Connection, key: &LimitKey) -> Result<usize, Failure> {
    rows::change(connection, REMOVE, [key.as_bytes().as_slice()])
}

/// The tally in the first columns of a row.
fn tally(row: &Row<'_>) -> Result<Tally, Failure> {
    // A time that no calendar has is as good as the last one.
    let time = |column| {
        let time = DateTime::from_timestamp_micros(row.get(column)?);
        Ok::<_, Failure>(time.unwrap_or(DateTime::<Utc>::MAX_UTC))
    };
    let hits: i64 = row.get(0)?;
    Ok(Tally {
        hits: u32::try_from(hits.max(0)).unwrap_or(u32::MAX),
        blocked_until: time(1)?,
        expires_at: time(2)?,
    })
}
