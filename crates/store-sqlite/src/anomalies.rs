//! What Django stores and the flows cannot serve as it is.

use async_trait::async_trait;
use phone_auth_core::store::{
    Anomaly, AnomalyKind, AnomalyStore, StoreError, anomaly_of_email, anomaly_of_phone,
    shared_spellings,
};
use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::dates;
use crate::failure::Failure;
use crate::rows;
use crate::spellings::{digits, is_number};
use crate::store::SqliteStore;
use crate::zone::Zone;

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

/// A username, whose it is, the address that it is, whose that is, each pair under the username's owner.
const USERNAMES_OF_OTHERS: &str = concat!(
    "WITH pair AS (
        SELECT u.username, u.id, a.email AS address, a.user_id FROM auth_user u
            JOIN phone_auth_emailaddress a ON lower(a.email) = lower(u.username) AND a.user_id <> u.id
        UNION
        SELECT u.username, u.id, a.phone, a.user_id FROM (
            SELECT username, id, ",
    digits!("username"),
    " AS digits FROM auth_user WHERE ",
    is_number!("username"),
    ") u JOIN phone_auth_phonenumber a
            ON a.phone = '+' || iif(u.digits GLOB '00*', substr(u.digits, 3), u.digits) AND a.user_id <> u.id
    )
    SELECT username, id, username || ' ' || address FROM pair
    UNION ALL SELECT address, user_id, username || ' ' || address FROM pair
    ORDER BY 3, 2"
);

const EMAILS: &str =
    "SELECT email, user_id FROM phone_auth_emailaddress WHERE email <> '' ORDER BY 1, 2";

const PHONES: &str =
    "SELECT phone, user_id FROM phone_auth_phonenumber WHERE phone <> '' ORDER BY 1, 2";

/// The addresses whose user there is not.
const OWNERLESS: &str = "
    SELECT email, user_id, 'e' || id FROM phone_auth_emailaddress a
        WHERE user_id IS NULL OR NOT EXISTS (SELECT 1 FROM auth_user u WHERE u.id = a.user_id)
    UNION ALL SELECT phone, user_id, 'p' || id FROM phone_auth_phonenumber a
        WHERE user_id IS NULL OR NOT EXISTS (SELECT 1 FROM auth_user u WHERE u.id = a.user_id)
    ORDER BY 1, 3";

const TIMES: &str = "SELECT username, id, date_joined, last_login FROM auth_user ORDER BY id";

#[async_trait]
impl AnomalyStore for SqliteStore {
    async fn anomalies(&self) -> Result<Vec<Anomaly>, StoreError> {
        let all = self.read(|connection| {
            let mut all = together(connection, AnomalyKind::SharedEmail, SHARED_EMAILS)?;
            all.extend(together(
                connection,
                AnomalyKind::SharedUsername,
                SHARED_USERNAMES,
            )?);
            all.extend(together(
                connection,
                AnomalyKind::UsernameOfAnother,
                USERNAMES_OF_OTHERS,
            )?);
            all.extend(each(connection, EMAILS, anomaly_of_email)?);
            all.extend(each(connection, PHONES, anomaly_of_phone)?);
            all.extend(together(connection, AnomalyKind::Ownerless, OWNERLESS)?);
            all.extend(unreadable_times(connection)?);
            Ok::<_, Failure>(all)
        })?;
        let shared = shared_spellings(self, &all).await?;
        Ok(shared.into_iter().chain(all).collect())
    }
}

/// The rows of a query that are odd, each by itself.
fn each(
    connection: &Connection,
    query: &str,
    odd: fn(&str) -> Option<AnomalyKind>,
) -> Result<Vec<Anomaly>, Failure> {
    let found = rows::all(connection, query, [], |row| {
        let stored = rows::text(row, 0)?;
        let kind = odd(&stored);
        let user = rows::person_id(row, 1)?;
        Ok(kind.map(|kind| Anomaly {
            kind,
            rows: vec![(stored, user)],
        }))
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// The rows of a query, those with the same last column together.
fn together(
    connection: &Connection,
    kind: AnomalyKind,
    query: &str,
) -> Result<Vec<Anomaly>, Failure> {
    let found = rows::all(connection, query, [], |row| {
        let stored = (rows::text(row, 0)?, rows::person_id(row, 1)?);
        Ok((stored, rows::text(row, 2)?))
    })?;
    Ok(found
        .chunk_by(|(_, one), (_, other)| one == other)
        .map(|rows| Anomaly {
            kind,
            rows: rows.iter().map(|(stored, _)| stored.clone()).collect(),
        })
        .collect())
}

/// The users one of whose times cannot be read.
fn unreadable_times(connection: &Connection) -> Result<Vec<Anomaly>, Failure> {
    let found = rows::all(connection, TIMES, [], |row| {
        let is_read = |column| {
            Ok::<_, Failure>(match row.get_ref(column)? {
                ValueRef::Null => true,
                ValueRef::Text(text) => dates::parse_any(text, &Zone::UTC).is_some(),
                _ => false,
            })
        };
        let is_odd = !(is_read(2)? && is_read(3)?);
        Ok((rows::text(row, 0)?, rows::person_id(row, 1)?, is_odd))
    })?;
    Ok(found
        .into_iter()
        .filter_map(|(username, id, is_odd)| {
            is_odd.then_some(Anomaly {
                kind: AnomalyKind::UnreadableTime,
                rows: vec![(username, id)],
            })
        })
        .collect())
}
