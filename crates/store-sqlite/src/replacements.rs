//! Addresses that are to take the place of others, on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::{AddressCaps, AddressId, AddressKind, AddressRemoval};
use phone_auth_core::store::{Replacement, ReplacementStore, StoreError, StoreErrorKind};
use phone_auth_core::user::UserId;
use rusqlite::{Connection, Row, params};

use crate::failure::Failure;
use crate::links;
use crate::rows;
use crate::store::SqliteStore;

const REPLACE: &str = "INSERT INTO phone_auth_replacement (user_id, kind, old_id, new_id, asked_at)
    SELECT id, ?2, ?3, ?4, ?5 FROM auth_user WHERE id = ?1
    ON CONFLICT (user_id, kind) DO UPDATE
        SET old_id = excluded.old_id, new_id = excluded.new_id, asked_at = excluded.asked_at";

pub(crate) const FIND: &str =
    "SELECT old_id FROM phone_auth_replacement WHERE user_id = ?1 AND kind = ?2 AND new_id = ?3
        AND (asked_at IS NULL OR asked_at >= ?4)";

pub(crate) const OF_USER: &str =
    "SELECT user_id, kind, old_id, new_id, asked_at FROM phone_auth_replacement
    WHERE user_id = ?1 AND kind = ?2 AND (asked_at IS NULL OR asked_at >= ?3)";

pub(crate) const END: &str =
    "DELETE FROM phone_auth_replacement WHERE user_id = ?1 AND kind = ?2 AND new_id = ?3";

/// What a reset ends: unless it was by the address that is to come.
pub(crate) const END_BY_RESET: &str =
    "DELETE FROM phone_auth_replacement WHERE user_id = ?1 AND NOT (kind = ?2 AND new_id = ?3)";

/// What another password ends: all of them.
pub(crate) const END_ALL: &str = "DELETE FROM phone_auth_replacement WHERE user_id = ?1";

/// What the removal of the address ends that gives way.
pub(crate) const END_WITH: &str = "DELETE FROM phone_auth_replacement
    WHERE user_id = ?1 AND kind = ?2 AND old_id = ?3 AND new_id = ?4";

/// What is done: the address, or the claim that has become one, is proven.
pub(crate) const PROVEN: &str =
    "SELECT user_id, kind, old_id, new_id, asked_at FROM phone_auth_replacement r
    WHERE (asked_at IS NULL OR asked_at >= ?1) AND (user_id, kind) > (?3, ?4) AND (
        EXISTS (SELECT 1 FROM phone_auth_claim
            WHERE id = r.new_id AND user_id = r.user_id AND kind = r.kind AND is_proven)
        OR kind = 'email' AND EXISTS (SELECT 1 FROM phone_auth_emailaddress
            WHERE id = r.new_id AND user_id = r.user_id AND is_verified)
        OR kind = 'phone' AND EXISTS (SELECT 1 FROM phone_auth_phonenumber
            WHERE id = r.new_id AND user_id = r.user_id AND is_verified))
    ORDER BY user_id, kind LIMIT ?2";

/// A server of the version before notes no time: what it has kept counts from when it is first seen.
pub(crate) const NOTE_TIME: &str =
    "UPDATE phone_auth_replacement SET asked_at = ?1 WHERE asked_at IS NULL";

pub(crate) const END_OLD: &str = "DELETE FROM phone_auth_replacement WHERE asked_at < ?1";

/// Keeps whose place an address that was just added is to take, if it is to.
pub(crate) fn keep_with(
    connection: &Connection,
    (user, kind, new): (UserId, AddressKind, AddressId),
    caps: AddressCaps,
) -> Result<(), Failure> {
    if let Some((old, asked_at)) = caps.replaces {
        let replacement = Replacement { old, new, asked_at };
        keep(connection, user, kind, replacement)?;
    }
    Ok(())
}

/// Keeps that an address is to take the place of another.
fn keep(
    connection: &Connection,
    user: UserId,
    kind: AddressKind,
    Replacement { old, new, asked_at }: Replacement,
) -> Result<bool, Failure> {
    let asked_at = links::micros(asked_at);
    let values = params![user.get(), kind.as_str(), old.get(), new.get(), asked_at];
    Ok(rows::change(connection, REPLACE, values)? > 0)
}

#[async_trait]
impl ReplacementStore for SqliteStore {
    async fn replace_address(
        &self,
        user: UserId,
        kind: AddressKind,
        replacement: Replacement,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| keep(connection, user, kind, replacement))
            .await
    }

    async fn replaced_address(
        &self,
        user: UserId,
        kind: AddressKind,
        new: AddressId,
        asked_since: DateTime<Utc>,
    ) -> Result<Option<AddressId>, StoreError> {
        self.read(|connection| {
            let since = links::micros(asked_since);
            let asked = (user.get(), kind.as_str(), new.get(), since);
            rows::first(connection, FIND, asked, |row| {
                Ok(AddressId::new(row.get(0)?))
            })
        })
    }

    async fn kept_replacement(
        &self,
        user: UserId,
        kind: AddressKind,
        asked_since: DateTime<Utc>,
    ) -> Result<Option<Replacement>, StoreError> {
        let asked = (user.get(), kind.as_str(), links::micros(asked_since));
        let kept = self.read(|connection| rows::first(connection, OF_USER, asked, replacement))?;
        Ok(kept.map(|(_, _, kept)| kept))
    }

    async fn end_replacement(
        &self,
        user: UserId,
        kind: AddressKind,
        new: AddressId,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let ended = (user.get(), kind.as_str(), new.get());
            Ok(rows::change(connection, END, ended)? > 0)
        })
        .await
    }

    async fn proven_replacements(
        &self,
        asked_since: DateTime<Utc>,
        after: Option<(UserId, AddressKind)>,
        limit: u32,
    ) -> Result<Vec<(UserId, AddressKind, Replacement)>, StoreError> {
        let (user, kind) = after.map_or((i64::MIN, ""), |(user, kind)| (user.get(), kind.as_str()));
        let asked = (links::micros(asked_since), limit, user, kind);
        self.read(|connection| rows::all(connection, PROVEN, asked, replacement))
    }

    async fn end_old_replacements(
        &self,
        asked_before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        self.write(move |connection| {
            rows::change(connection, NOTE_TIME, [links::micros(now)])?;
            let ended = rows::change(connection, END_OLD, [links::micros(asked_before)])?;
            Ok(ended as u64)
        })
        .await
    }
}

fn replacement(row: &Row<'_>) -> Result<(UserId, AddressKind, Replacement), Failure> {
    let kind = rows::kind(row, 1)?.ok_or(StoreErrorKind::Broken)?;
    let replacement = Replacement {
        old: AddressId::new(row.get(2)?),
        new: AddressId::new(row.get(3)?),
        asked_at: links::time(row, 4)?.unwrap_or(DateTime::UNIX_EPOCH),
    };
    Ok((UserId::new(row.get(0)?), kind, replacement))
}

/// Ends what an address was to give way to, where one takes its place; whether it may be removed.
pub(crate) fn gives_way(
    connection: &Connection,
    removal: &AddressRemoval,
) -> Result<bool, Failure> {
    let Some(new) = removal.replaced_by else {
        return Ok(true);
    };
    let (user, kind, old) = (removal.user.get(), removal.kind.as_str(), removal.id.get());
    let ended = rows::change(connection, END_WITH, (user, kind, old, new.get()))?;
    Ok(ended > 0)
}
