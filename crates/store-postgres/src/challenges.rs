//! Challenges, on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::challenge::{Challenge, ChallengeId, NewChallenge};
use phone_auth_core::outbox::Purpose;
use phone_auth_core::store::{ChallengeStore, StoreError, StoreErrorKind};
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::rows;
use crate::store::PostgresStore;

/// Begins a challenge, and ends the previous one. An attempt that is taken from that one meanwhile is waited for.
pub(crate) const BEGIN: &str = "WITH ended AS (
        DELETE FROM phone_auth_challenge WHERE id = $8
        RETURNING purpose = $2 AND email_id IS NOT DISTINCT FROM $3 AND phone_id IS NOT DISTINCT FROM $4
            AND expires_at > $6 AS is_same, attempts_left
    )
    INSERT INTO phone_auth_challenge AS c (id, purpose, email_id, phone_id, attempts_left, created_at, expires_at)
    SELECT $1, $2, $3, $4, LEAST($5::int4, (SELECT attempts_left FROM ended WHERE is_same)), $6, $7
    ON CONFLICT (id) DO UPDATE SET purpose = excluded.purpose, email_id = excluded.email_id,
        phone_id = excluded.phone_id, attempts_left = excluded.attempts_left, created_at = excluded.created_at,
        expires_at = excluded.expires_at";

pub(crate) const ATTEMPT: &str = "UPDATE phone_auth_challenge SET attempts_left = attempts_left - 1
    WHERE id = coalesce((SELECT id FROM phone_auth_challenge WHERE id = $1), $2)
        AND purpose = $3 AND attempts_left > 0 AND expires_at > $4
    RETURNING email_id, phone_id, attempts_left";

pub(crate) const END: &str = "DELETE FROM phone_auth_challenge WHERE id = $1 RETURNING 1";

/// One that is being attempted is left for the next time.
pub(crate) const REMOVE_EXPIRED: &str = "WITH over AS (
        SELECT id FROM phone_auth_challenge WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM phone_auth_challenge c USING over o WHERE c.id = o.id RETURNING 1
    )
    SELECT count(*) FROM removed";

#[async_trait]
impl ChallengeStore for PostgresStore {
    async fn begin_challenge(&self, new: &NewChallenge) -> Result<(), StoreError> {
        let attempts = i32::try_from(new.attempts).unwrap_or(i32::MAX);
        let place = new.place();
        let begin = query(BEGIN)
            .bind(place.as_bytes().as_slice())
            .bind(new.purpose.as_str())
            .bind(new.email.map(AddressId::get))
            .bind(new.phone.map(AddressId::get))
            .bind(attempts)
            .bind(rows::micros(new.created_at))
            .bind(rows::micros(new.expires_at))
            .bind(new.previous.as_ref().map(|it| it.as_bytes().as_slice()));
        self.run(begin).await?;
        Ok(())
    }

    async fn attempt_challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        now: DateTime<Utc>,
    ) -> Result<Option<Challenge>, StoreError> {
        let place = id.place_of_nobody();
        let attempt = query(ATTEMPT)
            .bind(id.as_bytes().as_slice())
            .bind(place.as_bytes().as_slice())
            .bind(purpose.as_str())
            .bind(rows::micros(now));
        let Some(row) = self.first(attempt).await? else {
            return Ok(None);
        };
        let address = |column| -> Result<Option<AddressId>, Failure> {
            let id: Option<i64> = row.try_get(column)?;
            Ok(id.map(AddressId::new))
        };
        let left: i32 = row.try_get(2).map_err(Failure::from)?;
        Ok(Some(Challenge {
            email: address(0)?,
            phone: address(1)?,
            attempts_left: u32::try_from(left)
                .map_err(|_| StoreErrorKind::Broken)
                .map_err(StoreError::new)?,
        }))
    }

    async fn end_challenge(&self, id: &ChallengeId) -> Result<bool, StoreError> {
        let end = query(END).bind(id.as_bytes().as_slice());
        Ok(self.first(end).await?.is_some())
    }

    async fn remove_expired_challenges(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let remove = query(REMOVE_EXPIRED)
            .bind(rows::micros(now))
            .bind(i64::from(limit));
        Ok(rows::count(self.first(remove).await?.as_ref())?)
    }
}
