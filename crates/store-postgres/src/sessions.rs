//! Sessions, on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{ActiveSession, NewLogIn, SessionDigest};
use phone_auth_core::store::{SessionStore, StoreError};
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::rows::{self, PERSON_COLUMNS, person_columns, sought};
use crate::store::PostgresStore;

/// All that a guard asks, in one query.
pub(crate) const ALIVE: &str = concat!(
    "SELECT ",
    person_columns!(),
    ", s.expires_at,
        EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = u.id AND is_verified),
        EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = u.id AND is_verified)
    FROM phone_auth_session s JOIN auth_user u ON u.id = s.person_id
    WHERE s.digest = $1 AND s.expires_at > $2 AND u.is_active"
);

/// Records a log-in, if all is as it was when the password was checked. The new session comes before the
/// old one ends: a digest in use is refused, be it the old one's.
pub(crate) const LOG_IN: &str = "WITH person AS (
        UPDATE auth_user SET last_login = $5, password = coalesce($3, password)
        WHERE id = $1 AND password = $2 AND is_active
        RETURNING id
    ), begun AS (
        INSERT INTO phone_auth_session (digest, person_id, created_at, expires_at)
        SELECT $4, id, $5, $6 FROM person
        RETURNING 1
    ), ended AS (
        DELETE FROM phone_auth_session WHERE digest = $7 AND EXISTS (SELECT 1 FROM begun)
    )
    SELECT 1 FROM person";

pub(crate) const END: &str = "DELETE FROM phone_auth_session WHERE digest = $1 RETURNING 1";

/// Sessions that somebody else is about to remove are left to them: two nodes that tidy up at the same
/// time would wait for each other.
pub(crate) const REMOVE_EXPIRED: &str = "WITH expired AS (
        SELECT digest FROM phone_auth_session WHERE expires_at <= $1 FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM phone_auth_session s USING expired e WHERE s.digest = e.digest RETURNING 1
    )
    SELECT count(*) FROM removed";

#[async_trait]
impl SessionStore for PostgresStore {
    async fn log_in(&self, log_in: &NewLogIn) -> Result<bool, StoreError> {
        let Some(checked) = sought(log_in.checked_password.reveal()) else {
            return Ok(false);
        };
        let session = &log_in.session;
        let upgraded = log_in.upgraded_password.as_ref();
        let ends = log_in.ends.as_ref();
        let record = query(LOG_IN)
            .bind(session.person.get())
            .bind(checked)
            .bind(upgraded.map(EncodedPassword::reveal))
            .bind(session.digest.as_bytes().as_slice())
            .bind(rows::micros(session.created_at))
            .bind(rows::micros(session.expires_at))
            .bind(ends.map(|digest| digest.as_bytes().as_slice()));
        Ok(self.first(record).await?.is_some())
    }

    async fn session(
        &self,
        digest: &SessionDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<ActiveSession>, StoreError> {
        let look = query(ALIVE)
            .bind(digest.as_bytes().as_slice())
            .bind(rows::micros(now));
        let row = self.first(look).await?;
        Ok(row.map(|row| session(&row, *digest)).transpose()?)
    }

    async fn end_session(&self, digest: &SessionDigest) -> Result<bool, StoreError> {
        let end = query(END).bind(digest.as_bytes().as_slice());
        Ok(self.first(end).await?.is_some())
    }

    async fn remove_expired_sessions(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let remove = query(REMOVE_EXPIRED).bind(rows::micros(now));
        Ok(rows::count(self.first(remove).await?.as_ref())?)
    }
}

/// The session of a digest that was found alive.
fn session(row: &PgRow, digest: SessionDigest) -> Result<ActiveSession, Failure> {
    Ok(ActiveSession {
        digest,
        person: rows::person(row, 0)?,
        expires_at: row.try_get(PERSON_COLUMNS)?,
        has_verified_email: row.try_get(PERSON_COLUMNS + 1)?,
        has_verified_phone: row.try_get(PERSON_COLUMNS + 2)?,
    })
}
