//! Addresses that are to take the place of others, on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::store::{Replacement, ReplacementStore, StoreError};
use phone_auth_core::user::UserId;
use rusqlite::params;

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

pub(crate) const END: &str =
    "DELETE FROM phone_auth_replacement WHERE user_id = ?1 AND kind = ?2 AND new_id = ?3";

/// What a reset ends: unless it was by the address that is to come.
pub(crate) const END_BY_RESET: &str =
    "DELETE FROM phone_auth_replacement WHERE user_id = ?1 AND NOT (kind = ?2 AND new_id = ?3)";

/// What another password ends: all of them.
pub(crate) const END_ALL: &str = "DELETE FROM phone_auth_replacement WHERE user_id = ?1";

#[async_trait]
impl ReplacementStore for SqliteStore {
    async fn replace_address(
        &self,
        user: UserId,
        kind: AddressKind,
        Replacement { old, new, asked_at }: Replacement,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let asked_at = links::micros(asked_at);
            let values = params![user.get(), kind.as_str(), old.get(), new.get(), asked_at];
            Ok(rows::change(connection, REPLACE, values)? > 0)
        })
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
}
