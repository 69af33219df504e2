//! Sessions, on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::django_session::TimeZone;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{ActiveSession, NewLogIn, SessionDigest};
use phone_auth_core::store::{SessionStore, StoreError};
use rusqlite::{Connection, params};

use crate::failure::Failure;
use crate::rows::{self, PERSON_COLUMNS, person_columns};
use crate::store::SqliteStore;

/// All that a guard asks, in one query.
pub(crate) const ALIVE: &str = concat!(
    "SELECT ",
    person_columns!(),
    ", s.expires_at,
        EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = u.id AND is_verified),
        EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = u.id AND is_verified)
    FROM phone_auth_session s JOIN auth_user u ON u.id = s.person_id
    WHERE s.digest = ?1 AND s.expires_at > ?2 AND u.is_active"
);

pub(crate) const RECORD: &str =
    "UPDATE auth_user SET last_login = ?3, password = coalesce(?4, password)
    WHERE id = ?1 AND password = ?2 AND is_active";

const BEGIN: &str = "INSERT INTO phone_auth_session (digest, person_id, created_at, expires_at)
    VALUES (?1, ?2, ?3, ?4)";

pub(crate) const END: &str = "DELETE FROM phone_auth_session WHERE digest = ?1";

pub(crate) const REMOVE_EXPIRED: &str = "DELETE FROM phone_auth_session WHERE expires_at <= ?1";

#[async_trait]
impl SessionStore for SqliteStore {
    async fn log_in(&self, log_in: &NewLogIn) -> Result<bool, StoreError> {
        let (change, zone) = (log_in.clone(), self.zone());
        self.write(move |connection| self::log_in(connection, &change, zone))
            .await
    }

    async fn session(
        &self,
        digest: &SessionDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<ActiveSession>, StoreError> {
        self.read(|connection| {
            let named = (digest.as_bytes().as_slice(), rows::time_text(now)?);
            rows::first(connection, ALIVE, named, |row| {
                Ok(ActiveSession {
                    digest: *digest,
                    person: rows::person(row, self.zone())?,
                    expires_at: rows::time(row, PERSON_COLUMNS)?,
                    has_verified_email: row.get(PERSON_COLUMNS + 1)?,
                    has_verified_phone: row.get(PERSON_COLUMNS + 2)?,
                })
            })
        })
    }

    async fn end_session(&self, digest: &SessionDigest) -> Result<bool, StoreError> {
        let digest = *digest;
        self.write(move |connection| Ok(end(connection, &digest)? > 0))
            .await
    }

    async fn remove_expired_sessions(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let removed = rows::change(connection, REMOVE_EXPIRED, [rows::time_text(now)?])?;
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
        .await
    }
}

/// Records a log-in, if all is as it was when the password was checked.
fn log_in(connection: &Connection, log_in: &NewLogIn, zone: TimeZone) -> Result<bool, Failure> {
    let session = &log_in.session;
    let created_at = rows::time_text(session.created_at)?;
    let upgraded = log_in.upgraded_password.as_ref();
    let recorded = params![
        session.person.get(),
        log_in.checked_password.reveal(),
        rows::model_time_text(session.created_at, zone)?,
        upgraded.map(EncodedPassword::reveal),
    ];
    if rows::change(connection, RECORD, recorded)? == 0 {
        return Ok(false);
    }
    // The new one before the old one ends: a digest in use is refused, be it the old one's.
    let begun = params![
        session.digest.as_bytes().as_slice(),
        session.person.get(),
        created_at,
        rows::time_text(session.expires_at)?,
    ];
    rows::change(connection, BEGIN, begun)?;
    if let Some(digest) = &log_in.ends {
        end(connection, digest)?;
    }
    Ok(true)
}

/// Ends a session; how many that were.
fn end(connection: &Connection, digest: &SessionDigest) -> Result<usize, Failure> {
    rows::change(connection, END, [digest.as_bytes().as_slice()])
}
