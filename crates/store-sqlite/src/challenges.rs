//! Challenges, on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::challenge::{Challenge, ChallengeId, NewChallenge};
use phone_auth_core::outbox::Purpose;
use phone_auth_core::store::{ChallengeStore, StoreError};
use rusqlite::params;

use crate::rows;
use crate::store::SqliteStore;

/// How many attempts the previous challenge had left, if it is alive and was for the same.
pub(crate) const LEFT: &str = "SELECT attempts_left FROM phone_auth_challenge
    WHERE id = ?1 AND purpose = ?2 AND email_id IS ?3 AND phone_id IS ?4 AND expires_at > ?5";

pub(crate) const BEGIN: &str = "INSERT INTO phone_auth_challenge
    (id, purpose, email_id, phone_id, attempts_left, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (id) DO UPDATE SET purpose = ?2, email_id = ?3, phone_id = ?4, attempts_left = ?5, created_at = ?6,
        expires_at = ?7";

pub(crate) const ATTEMPT: &str = "UPDATE phone_auth_challenge SET attempts_left = attempts_left - 1
    WHERE id = coalesce((SELECT id FROM phone_auth_challenge WHERE id = ?1), ?2)
        AND purpose = ?3 AND attempts_left > 0 AND expires_at > ?4
    RETURNING email_id, phone_id, attempts_left";

pub(crate) const END: &str = "DELETE FROM phone_auth_challenge WHERE id = ?1";

pub(crate) const REMOVE_EXPIRED: &str = "DELETE FROM phone_auth_challenge
    WHERE id IN (SELECT id FROM phone_auth_challenge WHERE expires_at <= ?1 LIMIT ?2)";

#[async_trait]
impl ChallengeStore for SqliteStore {
    async fn begin_challenge(&self, new: &NewChallenge) -> Result<(), StoreError> {
        let new = *new;
        self.write(move |connection| {
            let purpose = new.purpose.as_str();
            let (email, phone) = (new.email.map(AddressId::get), new.phone.map(AddressId::get));
            let now = new.created_at.timestamp_micros();
            let mut attempts = new.attempts;
            if let Some(previous) = &new.previous {
                let same = params![previous.as_bytes().as_slice(), purpose, email, phone, now];
                let left = rows::first(connection, LEFT, same, |row| Ok(row.get::<_, u32>(0)?))?;
                attempts = left.map_or(attempts, |left| left.min(attempts));
                rows::change(connection, END, [previous.as_bytes().as_slice()])?;
            }
            let place = new.place();
            let row = params![
                place.as_bytes().as_slice(),
                purpose,
                email,
                phone,
                attempts,
                now,
                new.expires_at.timestamp_micros(),
            ];
            rows::change(connection, BEGIN, row)?;
            Ok(())
        })
        .await
    }

    async fn attempt_challenge(
        &self,
        id: &ChallengeId,
        purpose: Purpose,
        now: DateTime<Utc>,
    ) -> Result<Option<Challenge>, StoreError> {
        let id = *id;
        self.write(move |connection| {
            let place = id.place_of_nobody();
            let asked = params![
                id.as_bytes().as_slice(),
                place.as_bytes().as_slice(),
                purpose.as_str(),
                now.timestamp_micros(),
            ];
            rows::first(connection, ATTEMPT, asked, |row| {
                Ok(Challenge {
                    email: row.get::<_, Option<i64>>(0)?.map(AddressId::new),
                    phone: row.get::<_, Option<i64>>(1)?.map(AddressId::new),
                    attempts_left: row.get(2)?,
                })
            })
        })
        .await
    }

    async fn end_challenge(&self, id: &ChallengeId) -> Result<bool, StoreError> {
        let id = *id;
        self.write(move |connection| {
            let ended = rows::change(connection, END, [id.as_bytes().as_slice()])?;
            Ok(ended > 0)
        })
        .await
    }

    async fn remove_expired_challenges(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let over = (now.timestamp_micros(), limit);
            let removed = rows::change(connection, REMOVE_EXPIRED, over)?;
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
        .await
    }
}
