//! What is counted of text messages, as statements take and give it.

use phone_auth_core::limits::{LimitKey, TextCount, TextRow};
use phone_auth_core::store::StoreErrorKind;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::failure::Failure;
use crate::pool::Query;

pub(crate) const TEXTS_AFTER: &str =
    "SELECT digest, hour, scope, sent, used FROM phone_auth_limit_sms
    WHERE (digest, hour) > ($1::bytea, $2::int8) AND octet_length(digest) = 16 ORDER BY digest, hour LIMIT $3";

/// In the order in which those who count change them.
pub(crate) const CLEAR_TEXTS: &str = "WITH held AS MATERIALIZED (
        SELECT t.digest, t.hour FROM unnest($1::bytea[], $2::bytea[]) AS s (first, last)
            JOIN phone_auth_limit_sms t ON t.digest BETWEEN s.first AND s.last
        WHERE t.sent > t.used ORDER BY t.digest, t.hour FOR UPDATE OF t
    ), changed AS (
        UPDATE phone_auth_limit_sms t SET sent = least(t.sent, t.used) FROM held h
        WHERE t.digest = h.digest AND t.hour = h.hour RETURNING 1
    )
    SELECT count(*) FROM changed";

/// Rows that someone else is about to change are left for the next time.
pub(crate) const REMOVE_OLD_TEXTS: &str = "WITH old AS (
        SELECT digest, hour FROM phone_auth_limit_sms
        WHERE hour <= $1::int8 - $2::int8 OR (hour > $1::int8 - 24 AND hour < $1::int8 - 1 AND sent = 0 AND used = 0)
        LIMIT $3 FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM phone_auth_limit_sms t USING old o WHERE t.digest = o.digest AND t.hour = o.hour RETURNING 1
    )
    SELECT count(*) FROM removed";

/// A statement with what is to be counted of text messages as its last arguments.
pub(super) fn about_texts<'q>(statement: Query<'q>, texts: &TextCount) -> Query<'q> {
    let bytes = |of: fn(&LimitKey) -> LimitKey| {
        let keys = texts.scopes.iter();
        let keys = keys.map(|scope| of(&scope.key).as_bytes().to_vec());
        keys.collect::<Vec<_>>()
    };
    let names: Vec<_> = texts.scopes.iter().map(|it| it.name.clone()).collect();
    let (sent, used) = texts.change.numbers();
    statement
        .bind(bytes(|key| *key))
        .bind(names)
        .bind(texts.hour)
        .bind(sent)
        .bind(used)
        .bind(bytes(|key| key.subject().first()))
        .bind(bytes(|key| key.subject().last()))
        .bind(TextRow::KEPT)
}

pub(super) fn text_rows(rows: &[PgRow]) -> Result<Vec<TextRow>, Failure> {
    let rows = rows.iter().map(|row| text_row(row, row.try_get(2)?));
    rows.collect()
}

/// What is counted of text messages in a row of this scope.
pub(super) fn text_row(row: &PgRow, scope: String) -> Result<TextRow, Failure> {
    let key: Vec<u8> = row.try_get(0)?;
    let key = key.try_into().map_err(|_| StoreErrorKind::Broken)?;
    Ok(TextRow {
        key: LimitKey::from_bytes(key),
        hour: row.try_get(1)?,
        scope,
        sent: row.try_get(3)?,
        used: row.try_get(4)?,
    })
}
