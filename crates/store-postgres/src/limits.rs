//! Counters of limits, on PostgreSQL. A decision is one statement, by the clock of the server.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::limits::{
    Attempt, Decision, Hit, LimitKey, LimitSubject, RuleNumbers, Tally, TextCount, TextRow,
};
use phone_auth_core::store::{LimitRow, LimitStore, StoreError, StoreErrorKind};
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

mod texts;

pub(crate) use self::texts::{CLEAR_TEXTS, REMOVE_OLD_TEXTS, TEXTS_AFTER};
use self::texts::{about_texts, text_row, text_rows};
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
            WHEN t.hits < a.free THEN 0
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

/// Changes what is counted of text messages.
macro_rules! change_texts {
    ($digests:literal, $scopes:literal, $hour:literal, $sent:literal, $used:literal, $condition:literal) => {
        concat!(
            "INSERT INTO phone_auth_limit_sms AS t (digest, hour, scope, sent, used)
            SELECT a.digest, ",
            $hour,
            "::int8, a.scope, greatest(",
            $sent,
            "::int8, 0), greatest(",
            $used,
            "::int8, 0) FROM unnest(",
            $digests,
            "::bytea[], ",
            $scopes,
            "::text[]) AS a (digest, scope) ",
            $condition,
            " ORDER BY a.digest
            ON CONFLICT (digest, hour) DO UPDATE SET sent = greatest(t.sent + ",
            $sent,
            "::int8, 0), used = greatest(t.used + ",
            $used,
            "::int8, 0)
            RETURNING digest, hour, scope, sent, used"
        )
    };
}

/// Where what was counted of the same subjects before stands.
macro_rules! earlier_texts {
    ($digests:literal, $hour:literal, $first:literal, $last:literal, $kept:literal) => {
        concat!(
            "FROM unnest(",
            $first,
            "::bytea[], ",
            $last,
            "::bytea[]) AS s (first, last)
                JOIN phone_auth_limit_sms t ON t.digest BETWEEN s.first AND s.last
            WHERE t.hour > ",
            $hour,
            "::int8 - ",
            $kept,
            "::int8 AND NOT (t.hour = ",
            $hour,
            "::int8 AND t.digest = ANY (",
            $digests,
            "))"
        )
    };
}

/// Counts if all have room. It looks first, without a lock: while a counter is full nobody waits for its row, however many
/// ask. Then each row is counted on the condition that it has room by now; in the order of their digests, so that two
/// never wait for each other. Where another one was faster, a part may be counted, which is given back.
macro_rules! counted {
    () => {
        concat!(
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
    )"
        )
    };
}

/// What is said of each counter: its key, how long it has no room (where another one was faster, for one hit's share of
/// the time), whether it had none when it was looked at first, and, if it was counted, its hits and how much of a rate
/// they use.
macro_rules! answers {
    () => {
        "SELECT s.digest, CASE WHEN s.free_at > s.now THEN s.free_at - s.now ELSE s.step END, s.free_at > s.now,
            c.hits, c.expires_at - s.now"
    };
}

pub(crate) const COUNT: &str = concat!(
    "WITH ",
    counted!(),
    answers!(),
    " FROM seen s LEFT JOIN counted c ON c.digest = s.digest"
);

/// The same, and of text messages what [`COUNT_TEXTS`] says, unless a counter had no room: the rows with a name are theirs.
pub(crate) const COUNT_WITH_TEXT: &str = concat!(
    "WITH ",
    counted!(),
    ", texts AS (",
    change_texts!(
        "$8",
        "$9",
        "$10",
        "$11",
        "$12",
        "WHERE (SELECT count(*) FROM counted) = (SELECT count(*) FROM asked)"
    ),
    ") ",
    answers!(),
    ", NULL FROM seen s LEFT JOIN counted c ON c.digest = s.digest
    UNION ALL SELECT digest, hour, NULL, sent, used, scope FROM texts
    UNION ALL SELECT t.digest, t.hour, NULL, t.sent, t.used, t.scope ",
    earlier_texts!("$8", "$10", "$13", "$14", "$15")
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
        AND octet_length(digest) = 16 ORDER BY digest LIMIT $2";

pub(crate) const FULL_FOR: &str = "SELECT blocked_until - now FROM (
        SELECT blocked_until, (extract(epoch FROM clock_timestamp()) * 1000000)::int8 AS now
        FROM phone_auth_limit WHERE digest = $1
    ) AS found WHERE blocked_until > now";

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
pub(crate) const COUNT_TEXTS: &str = concat!(
    "WITH texts AS (",
    change_texts!("$1", "$2", "$3", "$4", "$5", ""),
    ")
    SELECT digest, hour, scope, sent, used FROM texts
    UNION ALL SELECT t.digest, t.hour, t.scope, t.sent, t.used ",
    earlier_texts!("$1", "$3", "$6", "$7", "$8")
);

#[async_trait]
impl LimitStore for PostgresStore {
    async fn count(&self, attempt: &Attempt) -> Result<Decision, StoreError> {
        let _passes = self.at_counters(attempt).await?;
        let rows = self.run(about(COUNT, &attempt.hits)).await?;
        Ok(self.decided(attempt, &rows).await?)
    }

    async fn count_with_text(
        &self,
        attempt: &Attempt,
        texts: &TextCount,
    ) -> Result<(Decision, Vec<TextRow>), StoreError> {
        let _passes = self.at_counters(attempt).await?;
        let count = about_texts(about(COUNT_WITH_TEXT, &attempt.hits), texts);
        let (mut counters, mut found) = (Vec::new(), Vec::new());
        for row in self.run(count).await? {
            let scope: Option<String> = row.try_get(5).map_err(Failure::from)?;
            match scope {
                Some(scope) => found.push(text_row(&row, scope)?),
                None => counters.push(row),
            }
        }
        let decision = self.decided(attempt, &counters).await?;
        let rows = match decision {
            Decision::Counted { .. } => found,
            Decision::Refused { .. } => Vec::new(),
        };
        Ok((decision, rows))
    }

    async fn give_back(&self, hits: &[Hit], _now: DateTime<Utc>) -> Result<(), StoreError> {
        self.run(about(GIVE_BACK, hits)).await?;
        Ok(())
    }

    async fn clear_limits(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError> {
        let (first, last) = ends_of(subjects);
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

    async fn full_for(
        &self,
        key: &LimitKey,
        _now: DateTime<Utc>,
    ) -> Result<Option<Duration>, StoreError> {
        let full = query(FULL_FOR).bind(key.as_bytes().as_slice());
        let Some(row) = self.first(full).await? else {
            return Ok(None);
        };
        let micros: i64 = row.try_get(0).map_err(Failure::from)?;
        Ok(u64::try_from(micros).ok().map(Duration::from_micros))
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

    async fn count_texts(&self, texts: &TextCount) -> Result<Vec<TextRow>, StoreError> {
        let found = self.run(about_texts(query(COUNT_TEXTS), texts)).await?;
        Ok(text_rows(&found)?)
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
        Ok(text_rows(&found)?)
    }

    async fn clear_texts(&self, subjects: &[LimitSubject]) -> Result<u64, StoreError> {
        let (first, last) = ends_of(subjects);
        let changed = query(CLEAR_TEXTS).bind(first).bind(last);
        let changed = self.first(changed).await?;
        Ok(rows::count(changed.as_ref())?)
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

/// The first and the last keys about each of these.
fn ends_of(subjects: &[LimitSubject]) -> (Vec<Vec<u8>>, Vec<Vec<u8>>) {
    let all = |of: fn(LimitSubject) -> LimitKey| {
        let keys = subjects.iter().map(|subject| of(*subject));
        keys.map(|key| key.as_bytes().to_vec()).collect()
    };
    (all(LimitSubject::first), all(LimitSubject::last))
}

impl PostgresStore {
    /// What became of an attempt, by what the statement says of its counters. Where another one was faster, what was
    /// counted of it is given back.
    async fn decided(&self, attempt: &Attempt, rows: &[PgRow]) -> Result<Decision, Failure> {
        let (mut counted, mut longest, mut is_half_used) = (Vec::new(), None, false);
        for row in rows {
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
            let hit = attempt.hits.get(hit).ok_or(StoreErrorKind::Broken)?;
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
            self.run(about(GIVE_BACK, &counted)).await?;
        }
        let wait = Duration::from_micros(u64::try_from(wait).unwrap_or_default());
        Ok(Decision::Refused { hit, wait })
    }

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
    let time = |column| -> Result<_, Failure> {
        let time = DateTime::from_timestamp_micros(row.try_get(column)?);
        // One that no calendar has is as good as the last one.
        Ok(time.unwrap_or(DateTime::<Utc>::MAX_UTC))
    };
    let digest: Vec<u8> = row.try_get(0)?;
    let digest = digest.try_into().map_err(|_| StoreErrorKind::Broken)?;
    Ok(LimitRow {
        key: LimitKey::from_bytes(digest),
        limit: row.try_get(1)?,
        tally: Tally {
            hits: u32::try_from(row.try_get::<i64, _>(2)?).unwrap_or(u32::MAX),
            blocked_until: time(3)?,
            expires_at: time(4)?,
        },
    })
}
