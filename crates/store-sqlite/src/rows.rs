//! Rows of the tables as values of the port.

use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_core::user::{User, UserId};
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Connection, Params, Row};

use chrono::{DateTime, Utc};

use crate::dates;
use crate::failure::Failure;
use crate::zone::Zone;

/// The columns of a user, from the table `auth_user` as `u`, in the order that [`user`] reads. What a boolean is
/// worth that is neither 0 nor 1 SQLite says, here as in conditions: NULL is false, a number other than 0 is true.
macro_rules! user_columns {
    () => {
        "u.id, u.username, u.first_name, u.last_name, u.email, u.password, u.last_login, \
         u.is_active IS TRUE, u.date_joined"
    };
}
pub(crate) use user_columns;

/// How many columns a user has: the place of what comes after.
pub(crate) const USER_COLUMNS: usize = 9;

/// The user in the first columns of a row.
pub(crate) fn user(row: &Row<'_>, zone: &Zone) -> Result<User, Failure> {
    Ok(User {
        id: UserId::new(row.get(0)?),
        username: text(row, 1)?,
        first_name: text(row, 2)?,
        last_name: text(row, 3)?,
        email: text(row, 4)?,
        password: EncodedPassword::new(text(row, 5)?),
        last_login: model_time(row, 6, zone)?,
        is_active: row.get_ref(7)? == ValueRef::Integer(1),
        date_joined: model_time(row, 8, zone)?.unwrap_or(DateTime::UNIX_EPOCH),
    })
}

/// A text of django-phone-auth's tables, whatever type SQLite has let others store: NULL is the empty text,
/// what is not UTF-8 is read as well as it can be. No odd row keeps the other rows from being read.
pub(crate) fn text(row: &Row<'_>, column: usize) -> Result<String, Failure> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => String::new(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            String::from_utf8_lossy(bytes).into_owned()
        }
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
    })
}

/// Bytes of our own tables, or none where there is something else.
pub(crate) fn optional_blob(row: &Row<'_>, column: usize) -> Result<Option<Vec<u8>>, Failure> {
    Ok(row.get_ref(column)?.as_blob().ok().map(<[u8]>::to_vec))
}

/// Bytes of our own tables.
pub(crate) fn blob(row: &Row<'_>, column: usize) -> Result<Vec<u8>, Failure> {
    Ok(row.get(column)?)
}

/// The number of a user's row, in a column that may hold anything; what is no number is nobody's.
pub(crate) fn person_id(row: &Row<'_>, column: usize) -> Result<UserId, Failure> {
    Ok(UserId::new(match row.get_ref(column)? {
        ValueRef::Integer(id) => id,
        _ => 0,
    }))
}

/// A time of django-phone-auth's tables, in any form that Django reads; one that cannot be read is none.
pub(crate) fn model_time(
    row: &Row<'_>,
    column: usize,
    zone: &Zone,
) -> Result<Option<DateTime<Utc>>, Failure> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(text) => dates::parse_any(text, zone),
        _ => None,
    })
}

/// The address in the four columns `id, value, is_verified IS TRUE, user_id` from a place on.
pub(crate) fn address(
    row: &Row<'_>,
    kind: AddressKind,
    first: usize,
) -> Result<AddressRecord, Failure> {
    Ok(AddressRecord {
        id: AddressId::new(row.get(first)?),
        kind,
        value: text(row, first + 1)?,
        is_verified: row.get_ref(first + 2)? == ValueRef::Integer(1),
        user: UserId::new(row.get(first + 3)?),
    })
}

/// A kind, from the word that queries write for it.
pub(crate) fn kind(row: &Row<'_>, column: usize) -> Result<Option<AddressKind>, Failure> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        ValueRef::Text(b"email") => Ok(Some(AddressKind::Email)),
        ValueRef::Text(b"phone") => Ok(Some(AddressKind::Phone)),
        _ => Err(StoreErrorKind::Broken.into()),
    }
}

/// A time of our own tables.
pub(crate) fn time(row: &Row<'_>, column: usize) -> Result<DateTime<Utc>, Failure> {
    optional_time(row, column)?.ok_or_else(|| StoreErrorKind::Broken.into())
}

/// A time of our own tables, or NULL.
pub(crate) fn optional_time(
    row: &Row<'_>,
    column: usize,
) -> Result<Option<DateTime<Utc>>, Failure> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(None),
        ValueRef::Text(text) => std::str::from_utf8(text)
            .ok()
            .and_then(dates::parse)
            .map(Some)
            .ok_or_else(|| StoreErrorKind::Broken.into()),
        _ => Err(StoreErrorKind::Broken.into()),
    }
}

/// A time of our own tables that tells how long ago something was, or NULL. What cannot be read is the beginning of 1970: what
/// was done at no time that is known was done too long ago to count.
pub(crate) fn past_time(row: &Row<'_>, column: usize) -> Result<Option<DateTime<Utc>>, Failure> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        _ => Some(time(row, column).unwrap_or(DateTime::UNIX_EPOCH)),
    })
}

/// A time of our own tables as the text that is stored.
pub(crate) fn time_text(time: DateTime<Utc>) -> Result<String, Failure> {
    dates::to_text(time).ok_or_else(|| StoreErrorKind::Broken.into())
}

/// A time of django-phone-auth's tables as the text that is stored.
pub(crate) fn model_time_text(time: DateTime<Utc>, zone: &Zone) -> Result<String, Failure> {
    dates::to_text_in(zone, time).ok_or_else(|| StoreErrorKind::Broken.into())
}

/// The first row that a query answers, if there is one.
pub(crate) fn first<T>(
    connection: &Connection,
    query: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(read).transpose()
}

/// The one row that a query always answers.
pub(crate) fn only<T>(
    connection: &Connection,
    query: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    first(connection, query, params, read)?.ok_or_else(|| StoreErrorKind::Broken.into())
}

/// All rows that a query answers.
pub(crate) fn all<T>(
    connection: &Connection,
    query: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut statement = connection.prepare_cached(query)?;
    let mut rows = statement.query(params)?;
    let mut values = Vec::new();
    while let Some(row) = rows.next()? {
        values.push(read(row)?);
    }
    Ok(values)
}

/// Runs a statement; how many rows it changed.
pub(crate) fn change(
    connection: &Connection,
    statement: &str,
    params: impl Params,
) -> Result<usize, Failure> {
    let mut statement: CachedStatement<'_> = connection.prepare_cached(statement)?;
    Ok(statement.execute(params)?)
}
