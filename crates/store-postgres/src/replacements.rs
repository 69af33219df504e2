//! Addresses that are to take the place of others, on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::store::{Replacement, ReplacementStore, StoreError};
use phone_auth_core::user::UserId;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::rows;
use crate::store::PostgresStore;

pub(crate) const REPLACE: &str =
    "INSERT INTO phone_auth_replacement (user_id, kind, old_id, new_id, asked_at)
    SELECT id, $2, $3, $4, $5 FROM auth_user WHERE id = $1
    ON CONFLICT (user_id, kind) DO UPDATE
        SET old_id = excluded.old_id, new_id = excluded.new_id, asked_at = excluded.asked_at
    RETURNING 1";

pub(crate) const FIND: &str =
    "SELECT old_id FROM phone_auth_replacement WHERE user_id = $1 AND kind = $2 AND new_id = $3
        AND (asked_at IS NULL OR asked_at >= $4)";

pub(crate) const END: &str = "DELETE FROM phone_auth_replacement WHERE user_id = $1 AND kind = $2 AND new_id = $3 RETURNING 1";

#[async_trait]
impl ReplacementStore for PostgresStore {
    async fn replace_address(
        &self,
        user: UserId,
        kind: AddressKind,
        Replacement { old, new, asked_at }: Replacement,
    ) -> Result<bool, StoreError> {
        let replace = query(REPLACE)
            .bind(user.get())
            .bind(kind.as_str())
            .bind(old.get())
            .bind(new.get())
            .bind(rows::micros(asked_at));
        Ok(self.first(replace).await?.is_some())
    }

    async fn replaced_address(
        &self,
        user: UserId,
        kind: AddressKind,
        new: AddressId,
        asked_since: DateTime<Utc>,
    ) -> Result<Option<AddressId>, StoreError> {
        let look = query(FIND)
            .bind(user.get())
            .bind(kind.as_str())
            .bind(new.get())
            .bind(rows::micros(asked_since));
        let row = self.first(look).await?;
        let old = row.map(|row| row.try_get(0)).transpose();
        Ok(old.map_err(Failure::from)?.map(AddressId::new))
    }

    async fn end_replacement(
        &self,
        user: UserId,
        kind: AddressKind,
        new: AddressId,
    ) -> Result<bool, StoreError> {
        let end = query(END)
            .bind(user.get())
            .bind(kind.as_str())
            .bind(new.get());
        Ok(self.first(end).await?.is_some())
    }
}
