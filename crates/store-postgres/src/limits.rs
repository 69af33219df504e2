//! Counters of limits, on PostgreSQL. A decision is one statement, by the clock of the server.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::limits::{
    Attempt, Decision, Hit, LimitKey, LimitSubject, RuleNumbers, Tally, TextChange, TextRow,
    TextScope,
};
use phone_auth_core::store::{LimitRow, LimitStore, StoreError, StoreErrorKind};
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::gates::Pass;
use crate::pool::Query;
use crate::rows;
use crate::store::PostgresStore;

/// What is asked: the counters and their rules, and one time for all of them.
macro_rules! asked {
    () => {
        "asked AS MATERIALIZED (
            SELECT a.*, (extract(epoch FROM c.now) * 1000000)::int8 AS now
            FROM (SELECT clock_timestamp() AS now) c,
                unnest($1::bytea[], $2::text[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[])
                    AS a (digest, counter, step, span, free, stop, keep)
        )"
    };
}

/// When a counter `t` has room again by the rule `a`, as `LimitRule::count` says: what lies further ahead than it ever could
/// is not believed.
macro_rules! free_at {
    () => {
        "CASE WHEN t.expires_at IS NULL OR t.expires_at <= a.now THEN 0
            WHEN a.stop = 0 AND t.expires_at > a.now + a.span + 60000000 THEN 0
            WHEN a.stop = 0 THEN t.expires_at + a.step - a.span
            WHEN t.hits >= a.stop AND t.expires_at > a.now + a.keep + 60000000 THEN 0
            WHEN t.hits >= a.stop THEN t.expires_at
            WHEN t.blocked_until > a.now + a.span + 60000000 THEN 0
            ELSE t.blocked_until END"
    };
}

/// What a counter `t` is with one hit more by the rule `a`.
macro_rules! next {
    () => {
        "h.hits,
            CASE WHEN a.stop = 0 THEN e.expires_at + a.step - a.span
                WHEN h.hits >= a.stop THEN e.expires_at
                WHEN h.hits < a.free THEN a.now
                ELSE a.now + least(a.step << least(h.hits - a.free, 20)::int4, a.span) END,
            e.expires_at"
    };
}

/// The parts of [`next`] that it needs more than once.
macro_rules! parts {
    () => {
        "CROSS JOIN LATERAL (
            SELECT CASE WHEN a.stop > 0 AND t.expires_at > a.now THEN t.hits + 1 ELSE 1 END AS hits
        ) h CROSS JOIN LATERAL (
            SELECT CASE WHEN a.stop > 0 THEN a.now + a.keep
                WHEN t.expires_at > a.now + a.span + 60000000 THEN a.now + a.span
                ELSE greatest(t.expires_at, a.now) + a.step END AS expires_at
        ) e"
    };
}

/// Counts if all have room. It looks first, without a lock: while a counter is full nobody waits for its row, however many
/// ask. Then each row is counted on the condition that it has room by now; in the order of their digests, so that two
/// never wait for each other. Where another one was faster, a part may be counted, which is given back.
pub(crate) const COUNT: &str = concat!(
    "WITH ",
    asked!(),
    ", seen AS MATERIALIZED (
        SELECT a.digest, a.now, a.step, ",
    free_at!(),
    " AS free_at FROM asked a LEFT JOIN phone_auth_limit t ON t.digest = a.digest
    ), counted AS (
        INSERT INTO phone_auth_limit AS t (digest, counter, hits, blocked_until, expires_at)
        SELECT a.digest, a.counter, ",
    next!(),
    " FROM asked a LEFT JOIN (SELECT 0::int8 AS hits, NULL::int8 AS expires_at) t ON true ",
    parts!(),
    " WHERE NOT EXISTS (SELECT 1 FROM seen WHERE free_at > now)
        ORDER BY a.digest
        ON CONFLICT (digest) DO UPDATE SET (counter, hits, blocked_until, expires_at) = (
            SELECT a.counter, ",
    next!(),
    " FROM asked a ",
    parts!(),
    " WHERE a.digest = t.digest
        ) WHERE (SELECT ",
    free_at!(),
    " <= a.now FROM asked a WHERE a.digest = t.digest)
        RETURNING digest, hits, expires_at
    )
    SELECT s.digest, greatest(s.free_at - s.now, s.step), s.free_at > s.now, c.hits, c.expires_at - s.now
    FROM seen s LEFT JOIN counted c ON c.digest = s.digest"
);

/// Takes hits back, in the same order.
pub(crate) const GIVE_BACK: &str = concat!(
    "WITH ",
    asked!(),
    ", held AS MATERIALIZED (
        SELECT digest FROM phone_auth_limit WHERE digest = ANY ($1) ORDER BY digest FOR UPDATE
    )
    UPDATE phone_auth_limit t SET
        hits = CASE WHEN a.stop > 0 THEN greatest(t.hits - 1, 0) ELSE t.hits END,
        blocked_until = CASE WHEN a.stop > 0 THEN a.now ELSE t.blocked_until - a.step END,
        expires_at = CASE WHEN a.stop = 0 THEN t.expires_at - a.step WHEN t.hits > 1 THEN t.expires_at ELSE a.now END
    FROM asked a WHERE t.digest = a.digest AND t.digest IN (SELECT digest FROM held)"
);

pub(crate) const CLEAR: &str = "WITH held AS MATERIALIZED (
        SELECT t.digest FROM unnest($1::bytea[], $2::bytea[]) AS s (first, last)
            JOIN phone_auth_limit t ON t.digest BETWEEN s.first AND s.last
        ORDER BY t.digest FOR UPDATE OF t
    ), removed AS (
        DELETE FROM phone_auth_limit t USING held h WHERE t.digest = h.digest RETURNING 1
    )
    SELECT count(*) FROM removed";

pub(crate) const FULL_AFTER: &str = "SELECT digest, counter, hits, blocked_until, expires_at
    FROM phone_auth_limit
    WHERE digest > $1 AND blocked_until > (extract(epoch FROM clock_timestamp()) * 1000000)::int8
    ORDER BY digest LIMIT $2";

/// Counters that someone else is about to change or remove are left for the next time.
pub(crate) const REMOVE_EMPTY: &str = "WITH empty AS (
        SELECT digest FROM phone_auth_limit
        WHERE expires_at <= (extract(epoch FROM now()) * 1000000)::int8
        LIMIT $1 FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM phone_auth_limit t USING empty e WHERE t.digest = e.digest RETURNING 1
    )
    SELECT count(*) FROM removed";

/// Changes what is counted in this hour, in the order of the digests, and gives it as it is then, with what the snapshot
/// holds of the hours before: in those nobody changes anything any more.
pub(crate) const COUNT_TEXTS: &str = "WITH counted AS (
        INSERT INTO phone_auth_limit_sms AS t (digest, hour, scope, sent, used)
        SELECT a.digest, $3::int8, a.scope, greatest($4::int8, 0), greatest($5::int8, 0)
        FROM unnest($1::bytea[], $2::text[]) AS a (digest, scope)
        ORDER BY a.digest
        ON CONFLICT (digest, hour) DO UPDATE SET
            sent = greatest(t.sent + $4::int8, 0), used = greatest(t.used + $5::int8, 0)
        RETURNING digest, hour, scope, sent, used
    )
    SELECT digest, hour, scope, sent, used FROM counted
    UNION ALL
    SELECT t.digest, t.hour, t.scope, t.sent, t.used
    FROM unnest($6::bytea[], $7::bytea[]) AS s (first, last)
        JOIN phone_auth_limit_sms t ON t.digest BETWEEN s.first AND s.last
    WHERE t.hour > $3::int8 - $8::int8 AND NOT (t.hour = $3::int8 AND t.digest = ANY ($1))";

pub(crate) const TEXTS_AFTER: &str =
    "SELECT digest, hour, scope, sent, used FROM phone_auth_limit_sms
    WHERE (digest, hour) > ($1::bytea, $2::int8) ORDER BY digest, hour LIMIT $3";

/// Rows that someone else is about to change are left for the next time.
pub(crate) const REMOVE_OLD_TEXTS: &str = "WITH old AS (
        SELECT digest, hour FROM phone_auth_limit_sms
        WHERE hour <= $1::int8 - $2::int8 OR (hour > $1::int8 - 24 AND hour < $1::int8 - 1 AND sent = 0 AND used = 0)
        LIMIT $3 FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM phone_auth_limit_sms t USING old o WHERE t.digest = o.digest AND t.hour = o.hour RETURNING 1
    )
    SELECT count(*) FROM removed";

#[async_trait]
impl LimitStore for PostgresStore {
    async fn count(&self, attempt: &Attempt) -> Result<Decision, StoreError> {
        let _passes = self.at_counters(attempt).await?;
        let rows = self.run(about(COUNT, &attempt.hits)).await?;
        let mut counted = Vec::new();
        let mut longest = None;
        let mut is_half_used = false;
        for row in &rows {
            let Answer {
                hit,
                wait,
                is_full,
                used,
            } = answer(row, &attempt.hits)?;
            let Some(used) = used else {
                // Of those that were full at once, else of those that another one has filled by now.
                let rank = (is_full, wait);
                if longest.is_none_or(|(longest, _)| rank > longest) {
                    longest = Some((rank, hit));
                }
                continue;
            };
            let hit = attempt.hits.get(hit).ok_or(StoreErrorKind::Broken);
            let hit = hit.map_err(Failure::from)?;
            let rule = hit.rule.numbers();
            is_half_used |= match used {
                (hits, _) if rule.stop > 0 => hits.saturating_mul(2) >= rule.free,
                (_, used) => used.saturating_mul(2) >= rule.span,
            };
            counted.push(*hit);
        }
        let Some(((_, wait), hit)) = longest else {
            return Ok(Decision::Counted { is_half_used });
        };
        if !counted.is_empty() {
            self.give_back(&counted, attempt.at).await?;
        }
        let wait = u64::try_from(wait).unwrap_or_default();
        let wait = std::time::Duration::from_micros(wait);
        Ok(Decision::Refused { hit, wait })
    }

    async fn give_back(&self, hits: &[Hit], _now: DateTime<Utc>) -> Result<(), StoreError> {
        self.run(about(GIVE_BACK, hits)).await?;
        Ok(())
    }

    async fn clear_limits(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError> {
        let all = |of: fn(LimitSubject) -> LimitKey| {
            let keys = subjects.iter().map(|subject| of(*subject));
            keys.map(|key| key.as_bytes().to_vec()).collect::<Vec<_>>()
        };
        let (first, last) = (all(LimitSubject::first), all(LimitSubject::last));
        let removed = self.first(query(CLEAR).bind(first).bind(last)).await?;
        Ok(rows::count(removed.as_ref())?)
    }

    async fn full_limits_after(
        &self,
        after: Option<&LimitKey>,
        limit: u32,
        _now: DateTime<Utc>,
    ) -> Result<Vec<LimitRow>, StoreError> {
        let page = query(FULL_AFTER)
            .bind(after.map_or(&[][..], |after| after.as_bytes()))
            .bind(i64::from(limit));
        let rows = self.run(page).await?;
        let rows = rows.iter().map(limit_row).collect::<Result<_, _>>();
        Ok(rows?)
    }

    async fn remove_empty_limits(
        &self,
        _now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let removed = self
            .first(query(REMOVE_EMPTY).bind(i64::from(limit)))
            .await?;
        Ok(rows::count(removed.as_ref())?)
    }

    async fn count_texts(
        &self,
        scopes: &[TextScope],
        change: TextChange,
        hour: i64,
    ) -> Result<Vec<TextRow>, StoreError> {
        let bytes = |of: fn(&LimitKey) -> LimitKey| {
            let keys = scopes
                .iter()
                .map(|scope| of(&scope.key).as_bytes().to_vec());
            keys.collect::<Vec<_>>()
        };
        let names: Vec<&str> = scopes.iter().map(|scope| scope.name.as_str()).collect();
        let (sent, used) = change.numbers();
        let count = query(COUNT_TEXTS)
            .bind(bytes(|key| *key))
            .bind(names)
            .bind(hour)
            .bind(sent)
            .bind(used)
            .bind(bytes(|key| key.subject().first()))
            .bind(bytes(|key| key.subject().last()))
            .bind(TextRow::KEPT);
        let found = self.run(count).await?;
        let found = found.iter().map(text_row).collect::<Result<_, _>>();
        Ok(found?)
    }

    async fn texts_after(
        &self,
        after: Option<(LimitKey, i64)>,
        limit: u32,
    ) -> Result<Vec<TextRow>, StoreError> {
        let page = query(TEXTS_AFTER)
            .bind(after.map_or_else(Vec::new, |(key, _)| key.as_bytes().to_vec()))
            .bind(after.map_or(0, |(_, hour)| hour))
            .bind(i64::from(limit));
        let found = self.run(page).await?;
        let found = found.iter().map(text_row).collect::<Result<_, _>>();
        Ok(found?)
    }

    async fn remove_old_texts(&self, hour: i64, limit: u32) -> Result<u64, StoreError> {
        let old = query(REMOVE_OLD_TEXTS)
            .bind(hour)
            .bind(TextRow::KEPT)
            .bind(i64::from(limit));
        let removed = self.first(old).await?;
        Ok(rows::count(removed.as_ref())?)
    }
}

fn text_row(row: &PgRow) -> Result<TextRow, Failure> {
    let key: Vec<u8> = row.try_get(0)?;
    let key = key.try_into().map_err(|_| StoreErrorKind::Broken)?;
    Ok(TextRow {
        key: LimitKey::from_bytes(key),
        hour: row.try_get(1)?,
        scope: row.try_get(2)?,
        sent: row.try_get(3)?,
        used: row.try_get(4)?,
    })
}

impl PostgresStore {
    /// Waits until few others are at these counters, one after the other in the order of their keys; a stranger also until
    /// strangers have few connections.
    async fn at_counters(&self, attempt: &Attempt) -> Result<Vec<Pass>, Failure> {
        let mut passes = Vec::with_capacity(attempt.hits.len() + 1);
        for hit in &attempt.hits {
            passes.push(self.at(&format!("{:?}", hit.key.as_bytes())).await?);
        }
        if attempt.is_stranger {
            passes.push(self.as_stranger().await?);
        }
        Ok(passes)
    }
}

/// A statement about these counters.
fn about<'q>(statement: &'static str, hits: &[Hit]) -> Query<'q> {
    let numbers: Vec<RuleNumbers> = hits.iter().map(|hit| hit.rule.numbers()).collect();
    let all = |of: fn(&RuleNumbers) -> i64| numbers.iter().map(of).collect::<Vec<_>>();
    let digests: Vec<_> = hits.iter().map(|hit| hit.key.as_bytes().to_vec()).collect();
    let limits: Vec<_> = hits.iter().map(|hit| hit.limit.as_str()).collect();
    query(statement)
        .bind(digests)
        .bind(limits)
        .bind(all(|it| it.step))
        .bind(all(|it| it.span))
        .bind(all(|it| it.free))
        .bind(all(|it| it.stop))
        .bind(all(|it| it.keep))
}

/// What the statement says of one counter.
struct Answer {
    /// The place of the hit.
    hit: usize,
    /// How long it has no room, in microseconds.
    wait: i64,
    /// Whether it had none when it was looked at first.
    is_full: bool,
    /// When it was counted, how many hits there are, and how much of a rate they use.
    used: Option<(i64, i64)>,
}

fn answer(row: &PgRow, hits: &[Hit]) -> Result<Answer, Failure> {
    let digest: Vec<u8> = row.try_get(0)?;
    let hit = hits.iter().position(|hit| hit.key.as_bytes()[..] == digest);
    Ok(Answer {
        hit: hit.ok_or(StoreErrorKind::Broken)?,
        wait: row.try_get(1)?,
        is_full: row.try_get(2)?,
        used: Option::zip(row.try_get(3)?, row.try_get(4)?),
    })
}

fn limit_row(row: &PgRow) -> Result<LimitRow, Failure> {
    let time = |column| {
        let time = DateTime::from_timestamp_micros(row.try_get(column)?);
        time.ok_or_else(|| Failure::from(StoreErrorKind::Broken))
    };
    let digest: Vec<u8> = row.try_get(0)?;
    let digest = digest.try_into().map_err(|_| StoreErrorKind::Broken)?;
    let hits: i64 = row.try_get(2)?;
    Ok(LimitRow {
        key: LimitKey::from_bytes(digest),
        limit: row.try_get(1)?,
        tally: Tally {
            hits: u32::try_from(hits).unwrap_or(u32::MAX),
            blocked_until: time(3)?,
            expires_at: time(4)?,
        },
    })
}
