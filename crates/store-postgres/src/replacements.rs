//! Addresses that are to take the place of others, on PostgreSQL.

use async_trait::async_trait;
use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::store::{Replacement, ReplacementStore, StoreError};
use phone_auth_core::user::UserId;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::store::PostgresStore;

pub(crate) const REPLACE: &str = "INSERT INTO phone_auth_replacement (user_id, kind, old_id, new_id)
    SELECT id, $2, $3, $4 FROM auth_user WHERE id = $1
    ON CONFLICT (user_id, kind) DO UPDATE SET old_id = excluded.old_id, new_id = excluded.new_id RETURNING 1";

pub(crate) const FIND: &str =
    "SELECT old_id FROM phone_auth_replacement WHERE user_id = $1 AND kind = $2 AND new_id = $3";

pub(crate) const END: &str = "DELETE FROM phone_auth_replacement WHERE user_id = $1 AND kind = $2 AND new_id = $3 RETURNING 1";

#[async_trait]
impl ReplacementStore for PostgresStore {
    async fn replace_address(
        &self,
        user: UserId,
        kind: AddressKind,
        Replacement { old, new }: Replacement,
    ) -> Result<bool, StoreError> {
        let replace = query(REPLACE)
            .bind(user.get())
            .bind(kind.as_str())
            .bind(old.get())
            .bind(new.get());
        Ok(self.first(replace).await?.is_some())
    }

    async fn replaced_address(
        &self,
        user: UserId,
        kind: AddressKind,
        new: AddressId,
    ) -> Result<Option<AddressId>, StoreError> {
        let look = query(FIND)
            .bind(user.get())
            .bind(kind.as_str())
            .bind(new.get());
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
