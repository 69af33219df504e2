//! Addresses that are to take the place of others, on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::store::{Replacement, ReplacementStore, StoreError, StoreErrorKind};
use phone_auth_core::user::UserId;
use sqlx::postgres::PgRow;
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

/// Keeps with the address that these rows have, if the bound number of another is not NULL, that it is to take its place.
macro_rules! replaces {
    ($given:literal, $kind:literal, $old:literal, $asked_at:literal) => {
        concat!(
            "INSERT INTO phone_auth_replacement (user_id, kind, old_id, new_id, asked_at)
            SELECT user_id, '",
            $kind,
            "', ",
            $old,
            "::bigint, id, ",
            $asked_at,
            "::timestamptz FROM ",
            $given,
            " WHERE ",
            $old,
            "::bigint IS NOT NULL
            ON CONFLICT (user_id, kind) DO UPDATE
                SET old_id = excluded.old_id, new_id = excluded.new_id, asked_at = excluded.asked_at"
        )
    };
}

pub(crate) use replaces;

/// What is done: the address, or the claim that has become one, is proven.
pub(crate) const PROVEN: &str =
    "SELECT user_id, kind, old_id, new_id, asked_at FROM phone_auth_replacement r
    WHERE (asked_at IS NULL OR asked_at >= $1) AND (user_id, kind) > ($3, $4) AND (
        EXISTS (SELECT 1 FROM phone_auth_claim
            WHERE id = r.new_id AND user_id = r.user_id AND kind = r.kind AND is_proven)
        OR kind = 'email' AND EXISTS (SELECT 1 FROM phone_auth_emailaddress
            WHERE id = r.new_id AND user_id = r.user_id AND is_verified)
        OR kind = 'phone' AND EXISTS (SELECT 1 FROM phone_auth_phonenumber
            WHERE id = r.new_id AND user_id = r.user_id AND is_verified))
    ORDER BY user_id, kind LIMIT $2";

/// Removes what is old; what a server of the version before has kept, which notes no time, counts from when it is first seen.
/// One that is being ended is left for the next time.
pub(crate) const END_OLD: &str = "WITH old AS (
        SELECT user_id, kind FROM phone_auth_replacement WHERE asked_at < $1 OR asked_at IS NULL
        ORDER BY user_id, kind LIMIT 1000 FOR UPDATE SKIP LOCKED
    ), ended AS (
        DELETE FROM phone_auth_replacement r USING old
        WHERE r.user_id = old.user_id AND r.kind = old.kind AND r.asked_at < $1 RETURNING 1
    ), noted AS (
        UPDATE phone_auth_replacement r SET asked_at = $2 FROM old
        WHERE r.user_id = old.user_id AND r.kind = old.kind AND r.asked_at IS NULL
    )
    SELECT count(*) FROM ended";

pub(crate) const FIND: &str =
    "SELECT old_id FROM phone_auth_replacement WHERE user_id = $1 AND kind = $2 AND new_id = $3
        AND (asked_at IS NULL OR asked_at >= $4)";

pub(crate) const OF_USER: &str =
    "SELECT user_id, kind, old_id, new_id, asked_at FROM phone_auth_replacement
    WHERE user_id = $1 AND kind = $2 AND (asked_at IS NULL OR asked_at >= $3)";

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

    async fn kept_replacement(
        &self,
        user: UserId,
        kind: AddressKind,
        asked_since: DateTime<Utc>,
    ) -> Result<Option<Replacement>, StoreError> {
        let look = query(OF_USER)
            .bind(user.get())
            .bind(kind.as_str())
            .bind(rows::micros(asked_since));
        let row = self.first(look).await?;
        let kept = row.as_ref().map(replacement).transpose()?;
        Ok(kept.map(|(_, _, kept)| kept))
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

    async fn proven_replacements(
        &self,
        asked_since: DateTime<Utc>,
        after: Option<(UserId, AddressKind)>,
        limit: u32,
    ) -> Result<Vec<(UserId, AddressKind, Replacement)>, StoreError> {
        let (user, kind) = after.map_or((i64::MIN, ""), |(user, kind)| (user.get(), kind.as_str()));
        let look = query(PROVEN)
            .bind(rows::micros(asked_since))
            .bind(i64::from(limit))
            .bind(user)
            .bind(kind);
        let proven = self.run(look).await?;
        let proven = proven.iter().map(replacement);
        Ok(proven.collect::<Result<_, Failure>>()?)
    }

    async fn end_old_replacements(
        &self,
        asked_before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let end = query(END_OLD)
            .bind(rows::micros(asked_before))
            .bind(rows::micros(now));
        Ok(rows::count(self.first(end).await?.as_ref())?)
    }
}

fn replacement(row: &PgRow) -> Result<(UserId, AddressKind, Replacement), Failure> {
    let kind = rows::kind(row, 1)?.ok_or(StoreErrorKind::Broken)?;
    let asked_at: Option<DateTime<Utc>> = row.try_get(4)?;
    let replacement = Replacement {
        old: AddressId::new(row.try_get(2)?),
        new: AddressId::new(row.try_get(3)?),
        asked_at: asked_at.unwrap_or(DateTime::UNIX_EPOCH),
    };
    Ok((UserId::new(row.try_get(0)?), kind, replacement))
}
