//! Rows of the tables as values of the port.
//!
//! Ids are 32 bits wide in some databases and 64 in others, texts have one bound or another. Every
//! query casts what it answers, so that a row has the same types everywhere, and so that a column that
//! someone widens does not break the statements that are prepared.

use chrono::{DateTime, SubsecRound, Utc};
use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_core::user::{User, UserId};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::failure::Failure;

/// A column of django-phone-auth's times, or NULL where it holds one that nobody can read: PostgreSQL keeps
/// `infinity` and times before Christ, Django and Python know the years 1 to 9999, and the driver panics at
/// what it does not know.
macro_rules! readable {
    ($column:literal) => {
        concat!(
            "CASE WHEN ",
            $column,
            " >= '0001-01-01 00:00:00+00' AND ",
            $column,
            " < '10000-01-01 00:00:00+00' THEN ",
            $column,
            "::timestamptz END"
        )
    };
}
pub(crate) use readable;

/// A column of our own times that tells how long ago something was, or the beginning of 1970 where it holds one that nobody
/// can read: what was done at no time that is known was done too long ago to count. NULL stays NULL.
macro_rules! past {
    ($column:literal) => {
        concat!(
            "CASE WHEN ",
            $column,
            " >= '0001-01-01 00:00:00+00' AND ",
            $column,
            " < '10000-01-01 00:00:00+00' THEN ",
            $column,
            " WHEN ",
            $column,
            " IS NOT NULL THEN 'epoch' END"
        )
    };
}
pub(crate) use past;

/// The columns of a user, from the table `auth_user` as `u`, in the order that [`user`] reads.
macro_rules! user_columns {
    () => {
        concat!(
            "u.id::int8, u.username::text, u.first_name::text, u.last_name::text, u.email::text, \
             u.password::text, ",
            $crate::rows::readable!("u.last_login"),
            ", u.is_active, coalesce(",
            $crate::rows::readable!("u.date_joined"),
            ", 'epoch')"
        )
    };
}
pub(crate) use user_columns;

/// How many columns a user has: the place of what comes after.
pub(crate) const USER_COLUMNS: usize = 9;

/// The user in the columns from a place on.
pub(crate) fn user(row: &PgRow, first: usize) -> Result<User, Failure> {
    Ok(User {
        id: UserId::new(row.try_get(first)?),
        username: text(row, first + 1)?,
        first_name: text(row, first + 2)?,
        last_name: text(row, first + 3)?,
        email: text(row, first + 4)?,
        password: EncodedPassword::new(text(row, first + 5)?),
        last_login: row.try_get(first + 6)?,
        is_active: truth(row, first + 7)?,
        date_joined: row.try_get(first + 8)?,
    })
}

/// A text of django-phone-auth's tables. NULL, which another program or a hand may have allowed there, is the empty
/// text: no odd row keeps the other rows from being read.
pub(crate) fn text(row: &PgRow, column: usize) -> Result<String, Failure> {
    Ok(row.try_get::<Option<_>, _>(column)?.unwrap_or_default())
}

/// A boolean of django-phone-auth's tables. NULL is false.
fn truth(row: &PgRow, column: usize) -> Result<bool, Failure> {
    Ok(row.try_get::<Option<_>, _>(column)?.unwrap_or_default())
}

/// The address in the four columns `id, value, is_verified, user_id` from a place on.
pub(crate) fn address(
    row: &PgRow,
    kind: AddressKind,
    first: usize,
) -> Result<AddressRecord, Failure> {
    Ok(AddressRecord {
        id: AddressId::new(row.try_get(first)?),
        kind,
        value: text(row, first + 1)?,
        is_verified: truth(row, first + 2)?,
        user: UserId::new(row.try_get(first + 3)?),
    })
}

/// A kind, from the word that queries write for it.
pub(crate) fn kind(row: &PgRow, column: usize) -> Result<Option<AddressKind>, Failure> {
    match row.try_get::<Option<&str>, _>(column)? {
        None => Ok(None),
        Some("email") => Ok(Some(AddressKind::Email)),
        Some("phone") => Ok(Some(AddressKind::Phone)),
        Some(_) => Err(StoreErrorKind::Broken.into()),
    }
}

/// The number that a query counts.
pub(crate) fn count(row: Option<&PgRow>) -> Result<u64, Failure> {
    let row = row.ok_or(StoreErrorKind::Broken)?;
    let count: i64 = row.try_get(0)?;
    u64::try_from(count).map_err(|_| StoreErrorKind::Broken.into())
}

/// A time as the database keeps it: whole microseconds. The driver and the server would round.
pub(crate) fn micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(6)
}

/// A text that is looked for; `None` if no row can have it, for a text in PostgreSQL holds no NUL.
pub(crate) fn sought(text: &str) -> Option<&str> {
    (!text.contains('\0')).then_some(text)
}
