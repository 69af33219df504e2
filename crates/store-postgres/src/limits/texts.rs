//! What is counted of text messages, as statements take and give it.

use phone_auth_core::limits::{LimitKey, TextCount, TextRow};
use phone_auth_core::store::StoreErrorKind;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::failure::Failure;
use crate::pool::Query;

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
