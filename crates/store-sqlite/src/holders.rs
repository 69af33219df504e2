//! All who have an address, and all who claim it, on SQLite.

use phone_auth_core::address::{Address, AddressId, AddressKind, AddressRecord};
use phone_auth_core::store::StoreErrorKind;
use phone_auth_core::user::{User, UserId};
use rusqlite::{Connection, params_from_iter};

use crate::addresses::statements as addresses;
use crate::claims;
use crate::failure::Failure;
use crate::rows::{self, USER_COLUMNS};
use crate::zone::Zone;

/// The claims on an address that nobody has proven, the newest first.
pub(crate) const CLAIMED: &str = "SELECT id FROM phone_auth_claim
    WHERE kind = ?1 AND value IN (?2, ?3, ?4, ?5) AND NOT is_proven ORDER BY id DESC LIMIT ?6";

/// The kind of the address that a user has verified for the longest.
pub(crate) const OLDEST_PROOF: &str = "
    SELECT kind FROM (
        SELECT 'email' AS kind, coalesce(
            (SELECT verified_at FROM phone_auth_email_verified WHERE address_id = id), '') AS since
            FROM phone_auth_emailaddress WHERE user_id = ?1 AND is_verified
        UNION ALL
        SELECT 'phone', coalesce(
            (SELECT verified_at FROM phone_auth_phone_verified WHERE address_id = id), '')
            FROM phone_auth_phonenumber WHERE user_id = ?1 AND is_verified
    ) a ORDER BY since, kind LIMIT 1";

/// The verified addresses of a user, so many of each kind, and which one they have verified for the longest.
pub(crate) const VERIFIED_OF: &str = "
    SELECT id, value, 1, user_id, kind, is_oldest FROM (
        SELECT *, row_number() OVER (PARTITION BY kind ORDER BY id) AS place,
            row_number() OVER (ORDER BY since, kind, id) = 1 AS is_oldest
        FROM (
            SELECT id, email AS value, user_id, 'email' AS kind, coalesce(
                (SELECT verified_at FROM phone_auth_email_verified WHERE address_id = id), '') AS since
                FROM phone_auth_emailaddress WHERE user_id = ?1 AND is_verified
            UNION ALL
            SELECT id, phone, user_id, 'phone', coalesce(
                (SELECT verified_at FROM phone_auth_phone_verified WHERE address_id = id), '')
                FROM phone_auth_phonenumber WHERE user_id = ?1 AND is_verified
        )
    ) WHERE place <= ?2 ORDER BY kind, id";

/// The verified addresses of a user.
pub(crate) fn verified_of(
    connection: &Connection,
    user: UserId,
    limit: u32,
) -> Result<Vec<(AddressRecord, bool)>, Failure> {
    rows::all(connection, VERIFIED_OF, (user.get(), limit), |row| {
        let kind = rows::kind(row, 4)?.ok_or(StoreErrorKind::Broken)?;
        Ok((rows::address(row, kind, 0)?, row.get(5)?))
    })
}

/// All who have an address, and all who claim it.
pub(crate) fn of(
    connection: &Connection,
    zone: &Zone,
    address: &Address,
    limit: u32,
) -> Result<Vec<(AddressRecord, User)>, Failure> {
    let kind = address.kind();
    let mut holders = Vec::new();
    for id in ids(connection, address, limit)? {
        let query = if id.is_claim() {
            claims::statements(kind).with_user
        } else {
            addresses::statements(kind).with_user
        };
        holders.extend(rows::first(connection, query, [id.get()], |row| {
            let address = rows::address(row, kind, USER_COLUMNS)?;
            Ok((address, rows::user(row, zone)?))
        })?);
    }
    Ok(holders)
}

/// The rows of an address in whatever spelling, then the newest claims on it: at most so many of either, in the order of
/// their numbers.
fn ids(connection: &Connection, address: &Address, limit: u32) -> Result<Vec<AddressId>, Failure> {
    let mut held: Vec<_> = claims::held(connection, address)?
        .into_iter()
        .map(|(row, ..)| AddressId::new(row))
        .collect();
    held.sort_unstable();
    held.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let claimed = claims::of_stored(address.kind(), address.as_str()).chain([limit.into()]);
    let claimed = rows::all(connection, CLAIMED, params_from_iter(claimed), |row| {
        Ok(AddressId::new(row.get(0)?))
    })?;
    held.extend(claimed.into_iter().rev());
    Ok(held)
}

/// Of which kind the address is that a user has verified for the longest.
pub(crate) fn oldest_proof(
    connection: &Connection,
    user: UserId,
) -> Result<Option<AddressKind>, Failure> {
    let kind = rows::first(connection, OLDEST_PROOF, [user.get()], |row| {
        rows::kind(row, 0)
    })?;
    Ok(kind.flatten())
}
