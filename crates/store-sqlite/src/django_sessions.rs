//! Sessions that are shared with Django, on SQLite: rows of its own table.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::django_session::{DjangoLogIn, DjangoRewrite, DjangoRow, ProvenUser};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{PasswordReplacement, SessionKey};
use phone_auth_core::store::{DjangoSessionStore, StoreError};
use phone_auth_core::user::UserId;
use rusqlite::{Connection, params};

use crate::failure::Failure;
use crate::rows::{self, USER_COLUMNS, user_columns};
use crate::sessions;
use crate::store::SqliteStore;
use crate::users;
use crate::zone::Zone;

const HAS_TABLE: &str =
    "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'django_session'";

const SESSION: &str = "SELECT session_data, expire_date FROM django_session WHERE session_key = ?1";

/// All that a guard asks of a user, in one query.
pub(crate) const PROVEN: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = u.id AND is_verified),
        EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = u.id AND is_verified)
    FROM auth_user u WHERE u.id = ?1"
);

const BEGIN: &str = "INSERT INTO django_session (session_key, session_data, expire_date)
    VALUES (?1, ?2, ?3)";

const AS_READ: &str = "SELECT 1 FROM django_session WHERE session_key = ?1 AND session_data = ?2";

const REWRITE: &str = "UPDATE django_session
    SET session_key = ?3, session_data = ?4, expire_date = ?5
    WHERE session_key = ?1 AND session_data = ?2";

const REMOVE: &str = "DELETE FROM django_session WHERE session_key = ?1 AND session_data = ?2";

const END: &str = "DELETE FROM django_session WHERE session_key = ?1";

#[async_trait]
impl DjangoSessionStore for SqliteStore {
    async fn has_django_sessions(&self) -> Result<bool, StoreError> {
        self.read(|connection| {
            let found = rows::first(connection, HAS_TABLE, [], |_| Ok(()))?;
            Ok(found.is_some())
        })
    }

    async fn django_session(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
    ) -> Result<Option<DjangoRow>, StoreError> {
        self.read(|connection| {
            let found = rows::first(connection, SESSION, [key.reveal()], |row| {
                Ok((rows::text(row, 0)?, rows::model_time(row, 1, self.zone())?))
            })?;
            // Compared as times: as texts, a date in another form would sort after any in Django's.
            Ok(found.and_then(|(data, expires_at)| {
                Some(DjangoRow {
                    key: key.clone(),
                    data,
                    expires_at: expires_at.filter(|time| *time > now)?,
                })
            }))
        })
    }

    async fn proven_user(&self, id: UserId) -> Result<Option<ProvenUser>, StoreError> {
        self.read(|connection| {
            rows::first(connection, PROVEN, [id.get()], |row| {
                Ok(ProvenUser {
                    user: rows::user(row, self.zone())?,
                    has_verified_email: row.get(USER_COLUMNS)?,
                    has_verified_phone: row.get(USER_COLUMNS + 1)?,
                })
            })
        })
    }

    async fn django_log_in(&self, log_in: &DjangoLogIn) -> Result<bool, StoreError> {
        let (change, zone) = (log_in.clone(), self.zone().clone());
        self.write(move |connection| self::log_in(connection, &change, &zone))
            .await
    }

    async fn rewrite_django_session(&self, rewrite: &DjangoRewrite) -> Result<bool, StoreError> {
        let (change, zone) = (rewrite.clone(), self.zone().clone());
        self.write(move |connection| self::rewrite(connection, &change, &zone))
            .await
    }

    async fn replace_password_of_django(
        &self,
        replacement: &PasswordReplacement,
        rewrite: &DjangoRewrite,
    ) -> Result<bool, StoreError> {
        let (replacement, change) = (replacement.clone(), rewrite.clone());
        let zone = self.zone().clone();
        self.write(move |connection| {
            // Nobody else writes while this does, so what is found now is so until the end.
            let old = [change.old.key.reveal(), &change.old.data];
            let is_there = rows::first(connection, AS_READ, old, |_| Ok(()))?;
            if is_there.is_none() || !users::replace_password(connection, &replacement, &zone)? {
                return Ok(false);
            }
            self::rewrite(connection, &change, &zone)
        })
        .await
    }

    async fn remove_django_session(&self, row: &DjangoRow) -> Result<bool, StoreError> {
        let row = row.clone();
        self.write(move |connection| {
            let read = [row.key.reveal(), row.data.as_str()];
            Ok(rows::change(connection, REMOVE, read)? > 0)
        })
        .await
    }

    async fn end_django_session(&self, key: &SessionKey) -> Result<bool, StoreError> {
        let key = key.clone();
        self.write(move |connection| Ok(rows::change(connection, END, [key.reveal()])? > 0))
            .await
    }
}

/// Records a log-in, if all is as it was when the password was checked.
fn log_in(connection: &Connection, log_in: &DjangoLogIn, zone: &Zone) -> Result<bool, Failure> {
    let upgraded = log_in.upgraded_password.as_ref();
    let recorded = params![
        log_in.user.get(),
        log_in.checked_password.reveal(),
        rows::model_time_text(log_in.at, zone)?,
        upgraded.map(EncodedPassword::reveal),
        log_in.unless_closing,
    ];
    if rows::change(connection, sessions::RECORD, recorded)? == 0 {
        return Ok(false);
    }
    if let Some(upgraded) = upgraded {
        sessions::rebind(connection, log_in.user, &log_in.checked_password, upgraded)?;
    }
    let begins = &log_in.begins;
    let begun = params![
        begins.key.reveal(),
        begins.data.as_str(),
        rows::model_time_text(begins.expires_at, zone)?,
    ];
    rows::change(connection, BEGIN, begun)?;
    if let Some(key) = &log_in.ends {
        rows::change(connection, END, [key.reveal()])?;
    }
    Ok(true)
}

/// Writes a row anew, if it is as it was read.
fn rewrite(connection: &Connection, rewrite: &DjangoRewrite, zone: &Zone) -> Result<bool, Failure> {
    let DjangoRewrite { old, new } = rewrite;
    let changed = params![
        old.key.reveal(),
        old.data.as_str(),
        new.key.reveal(),
        new.data.as_str(),
        rows::model_time_text(new.expires_at, zone)?,
    ];
    Ok(rows::change(connection, REWRITE, changed)? > 0)
}
