//! Who has an address, proven or not, on SQLite.

use phone_auth_core::address::{Address, AddressKind, AddressRecord};
use phone_auth_core::user::User;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::claims::{self, email_rows, phone_rows};
use crate::failure::Failure;
use crate::rows::{self, USER_COLUMNS, user_columns};
use crate::zone::Zone;

macro_rules! holders {
    ($kind:literal, $table:literal, $column:literal, $rows:expr) => {
        concat!(
            "SELECT ",
            user_columns!(),
            ", a.id, a.value, a.is_verified, a.user_id
            FROM (
                SELECT id, ",
            $column,
            " AS value, is_verified IS TRUE AS is_verified, user_id FROM ",
            $table,
            " WHERE id IN (SELECT id FROM (",
            $rows,
            "))
                UNION ALL
                SELECT id, value, 0, user_id FROM phone_auth_claim
                WHERE kind = '",
            $kind,
            "' AND value = ?11 AND NOT is_proven
            ) a JOIN auth_user u ON u.id = a.user_id ORDER BY a.id LIMIT ?12"
        )
    };
}

/// The rows and the claims of an e-mail address `?7` to `?11`, each with its user.
pub(crate) const OF_EMAIL: &str =
    holders!("email", "phone_auth_emailaddress", "email", email_rows!());

/// The same of a phone number `?1` to `?6` and `?11`.
pub(crate) const OF_PHONE: &str =
    holders!("phone", "phone_auth_phonenumber", "phone", phone_rows!());

/// At most `limit` of those who have an address, in any spelling.
pub(crate) fn of(
    connection: &Connection,
    address: &Address,
    limit: u32,
    zone: &Zone,
) -> Result<Vec<(AddressRecord, User)>, Failure> {
    let kind = address.kind();
    let statement = match kind {
        AddressKind::Email => OF_EMAIL,
        AddressKind::Phone => OF_PHONE,
    };
    let value: Value = address.as_str().to_owned().into();
    let sought = claims::names(address).chain([value, i64::from(limit).into()]);
    rows::all(connection, statement, params_from_iter(sought), |row| {
        Ok((
            rows::address(row, kind, USER_COLUMNS)?,
            rows::user(row, zone)?,
        ))
    })
}
