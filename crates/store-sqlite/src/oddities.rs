//! What Django stores and the flows cannot serve as it is.

use async_trait::async_trait;
use phone_auth_core::django_session::TimeZone;
use phone_auth_core::store::{Oddity, OddityKind, OddityStore, StoreError};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::dates;
use crate::failure::Failure;
use crate::rows;
use crate::store::SqliteStore;

/// What is stored, whose it is, and under which text it is put together with others.
const SHARED_EMAILS: &str = "
    SELECT e.email, e.user_id, lower(e.email) FROM phone_auth_emailaddress e
    WHERE EXISTS (SELECT 1 FROM phone_auth_emailaddress o
        WHERE lower(o.email) = lower(e.email) AND o.user_id <> e.user_id)
    ORDER BY 3, 2, 1";

const SHARED_USERNAMES: &str = "
    SELECT u.username, u.id, lower(u.username) FROM auth_user u
    WHERE EXISTS (SELECT 1 FROM auth_user o
        WHERE lower(o.username) = lower(u.username) AND o.id <> u.id)
    ORDER BY 3, 2, 1";

const FOREIGN_PHONES: &str = "
    SELECT phone, user_id, phone || user_id FROM phone_auth_phonenumber
    WHERE phone NOT GLOB '+[1-9]*' OR substr(phone, 2) GLOB '*[^0-9]*'
    ORDER BY 1, 2";

const TIMES: &str = "SELECT username, id, date_joined, last_login FROM auth_user ORDER BY id";

#[async_trait]
impl OddityStore for SqliteStore {
    async fn oddities(&self) -> Result<Vec<Oddity>, StoreError> {
        self.read(|connection| {
            let mut all = together(connection, OddityKind::SharedEmail, SHARED_EMAILS)?;
            all.extend(together(
                connection,
                OddityKind::SharedUsername,
                SHARED_USERNAMES,
            )?);
            all.extend(together(
                connection,
                OddityKind::ForeignPhone,
                FOREIGN_PHONES,
            )?);
            all.extend(unreadable_times(connection)?);
            Ok(all)
        })
    }
}

/// The rows of a query, those with the same last column together.
fn together(
    connection: &Connection,
    kind: OddityKind,
    query: &str,
) -> Result<Vec<Oddity>, Failure> {
    let found = rows::all(connection, query, [], |row| {
        let stored = (rows::text(row, 0)?, rows::person_id(row, 1)?);
        Ok((stored, rows::text(row, 2)?))
    })?;
    Ok(found
        .chunk_by(|(_, one), (_, other)| one == other)
        .map(|rows| Oddity {
            kind,
            rows: rows.iter().map(|(stored, _)| stored.clone()).collect(),
        })
        .collect())
}

/// The people one of whose times cannot be read.
fn unreadable_times(connection: &Connection) -> Result<Vec<Oddity>, Failure> {
    let found = rows::all(connection, TIMES, [], |row| {
        let is_read = |column| {
            Ok::<_, Failure>(match row.get_ref(column)? {
                ValueRef::Null => true,
                ValueRef::Text(text) => dates::parse_any(text, TimeZone::UTC).is_some(),
                _ => false,
            })
        };
        let is_odd = !(is_read(2)? && is_read(3)?);
        Ok((rows::text(row, 0)?, rows::person_id(row, 1)?, is_odd))
    })?;
    Ok(found
        .into_iter()
        .filter_map(|(username, id, is_odd)| {
            is_odd.then_some(Oddity {
                kind: OddityKind::UnreadableTime,
                rows: vec![(username, id)],
            })
        })
        .collect())
}
