//! Sessions that are shared with Django, on PostgreSQL: rows of its own table.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::django_session::{DjangoLogIn, DjangoRewrite, DjangoRow, ProvenUser};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{PasswordDigest, PasswordReplacement, SessionKey};
use phone_auth_core::store::{DjangoSessionStore, StoreError};
use phone_auth_core::user::UserId;
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::links;
use crate::outbox::statements::enqueue_notices;
use crate::passwords;
use crate::proofs;
use crate::rows::{self, USER_COLUMNS, readable, sought, user_columns};
use crate::sessions::row_of;
use crate::store::PostgresStore;
use crate::users;

const HAS_TABLE: &str = "SELECT 1 WHERE to_regclass('django_session') IS NOT NULL";

/// A session that is over at no time that can be read, such as `infinity`, is none: nor does Django read it.
pub(crate) const SESSION: &str = concat!(
    "SELECT session_data::text, expire_date::timestamptz FROM django_session
    WHERE session_key = $1 AND ",
    readable!("expire_date"),
    " > $2"
);

/// All that a guard asks of a user, in one query.
pub(crate) const PROVEN: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = u.id AND is_verified),
        EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = u.id AND is_verified)
    FROM auth_user u WHERE u.id = $1"
);

/// Records a log-in as `LOG_IN` in `sessions.rs` does, with a session in Django's table.
pub(crate) const LOG_IN: &str = "WITH one_user AS (
        UPDATE auth_user SET last_login = $4, password = coalesce($3, password, '')
        WHERE id = $1 AND coalesce(password, '') = $2 AND is_active
            AND NOT ($11 AND EXISTS (SELECT 1 FROM phone_auth_closing WHERE user_id = $1 AND NOT is_of_nobody))
        RETURNING id
    ), begun AS (
        INSERT INTO django_session (session_key, session_data, expire_date)
        SELECT $5, $6, $7 FROM one_user
        RETURNING 1
    ), ended AS (
        DELETE FROM django_session WHERE session_key = $8 AND EXISTS (SELECT 1 FROM begun)
    ), moved AS (
        UPDATE phone_auth_session SET password_digest = $10
        WHERE person_id IN (SELECT id FROM one_user) AND password_digest = $9
    )
    SELECT 1 FROM one_user";

pub(crate) const REWRITE: &str = "UPDATE django_session
    SET session_key = $3, session_data = $4, expire_date = $5
    WHERE session_key = $1 AND session_data = $2 RETURNING 1";

/// Runs while the user is locked, and locks the session before anything is written: anyone who changes its
/// row meanwhile is waited for, and `kept` is empty when the row is not as it was read after that. The key
/// is an argument, as everywhere: a server writes the text of a statement that failed into its log.
pub(crate) const REPLACE_PASSWORD: &str = concat!(
    "WITH kept AS MATERIALIZED (
        SELECT 1 FROM django_session WHERE session_key = $6 AND session_data = $7 FOR UPDATE
    ), ",
    proofs::since_of_link!("$11", "$12"),
    ", one_user AS (
        UPDATE auth_user SET password = $3, first_name = coalesce($20::text, first_name),
            last_name = coalesce($21::text, last_name), email = ",
    proofs::own_email_after_reset!("$11", "$12", "$13"),
    "
        WHERE id = $1 AND coalesce(password, '') = $2 AND is_active
            AND (NOT $4 OR ",
    readable!("last_login"),
    " IS NOT DISTINCT FROM $5)
            AND ",
    links::is_newest!("$11", "$12", "$13", "$14"),
    "
            AND EXISTS (SELECT 1 FROM kept)
        RETURNING id
    ), rewritten AS (
        UPDATE django_session SET session_key = $8, session_data = $9, expire_date = $10
        WHERE session_key = $6 AND session_data = $7 AND EXISTS (SELECT 1 FROM one_user)
    ), ended AS (
        DELETE FROM phone_auth_session
        WHERE person_id IN (SELECT id FROM one_user)
    ), noticed AS (",
    enqueue_notices!("one_user", "id", "$16"),
    ")",
    proofs::by_reset!("$11", "$12", "$15", "$17", "$18", "$19"),
    " SELECT 1 FROM one_user"
);

pub(crate) const REMOVE: &str =
    "DELETE FROM django_session WHERE session_key = $1 AND session_data = $2 RETURNING 1";

pub(crate) const END: &str = "DELETE FROM django_session WHERE session_key = $1 RETURNING 1";

#[async_trait]
impl DjangoSessionStore for PostgresStore {
    async fn has_django_sessions(&self) -> Result<bool, StoreError> {
        Ok(self.first(query(HAS_TABLE)).await?.is_some())
    }

    async fn django_session(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
    ) -> Result<Option<DjangoRow>, StoreError> {
        let look = query(SESSION)
            .bind(sought(key.reveal()))
            .bind(rows::micros(now));
        let row = self.first(look).await?;
        Ok(row.map(|row| session(&row, key)).transpose()?)
    }

    async fn proven_user(&self, id: UserId) -> Result<Option<ProvenUser>, StoreError> {
        let row = self.first(query(PROVEN).bind(id.get())).await?;
        Ok(row.as_ref().map(proven).transpose()?)
    }

    async fn django_log_in(&self, log_in: &DjangoLogIn) -> Result<bool, StoreError> {
        let Some(checked) = sought(log_in.checked_password.reveal()) else {
            return Ok(false);
        };
        let (begins, upgraded) = (&log_in.begins, log_in.upgraded_password.as_ref());
        // Without another hash none is the old one.
        let old = upgraded.map(|_| PasswordDigest::of(&log_in.checked_password));
        let new = upgraded.map(PasswordDigest::of);
        let record = query(LOG_IN)
            .bind(log_in.user.get())
            .bind(checked)
            .bind(upgraded.map(EncodedPassword::reveal))
            .bind(rows::micros(log_in.at))
            .bind(begins.key.reveal())
            .bind(begins.data.as_str())
            .bind(rows::micros(begins.expires_at))
            .bind(log_in.ends.as_ref().and_then(|key| sought(key.reveal())))
            .bind(old.as_ref().map(|old| old.as_bytes().as_slice()))
            .bind(new.as_ref().map(|new| new.as_bytes().as_slice()))
            .bind(log_in.unless_closing);
        let lock = users::lock(log_in.user);
        if log_in.unless_closing {
            return Ok(self.first_locked(&lock, record).await?.is_some());
        }
        let _pass = self.at(&lock).await?;
        Ok(self.first(record).await?.is_some())
    }

    async fn rewrite_django_session(&self, rewrite: &DjangoRewrite) -> Result<bool, StoreError> {
        let DjangoRewrite { old, new } = rewrite;
        let change = query(REWRITE)
            .bind(sought(old.key.reveal()))
            .bind(sought(&old.data))
            .bind(new.key.reveal())
            .bind(new.data.as_str())
            .bind(rows::micros(new.expires_at));
        let _pass = self.at(&row_of(&old.key.digest())).await?;
        Ok(self.first(change).await?.is_some())
    }

    async fn replace_password_of_django(
        &self,
        replacement: &PasswordReplacement,
        rewrite: &DjangoRewrite,
    ) -> Result<bool, StoreError> {
        let DjangoRewrite { old, new } = rewrite;
        let replace = query(REPLACE_PASSWORD)
            .bind(replacement.user.get())
            .bind(sought(replacement.old.reveal()))
            .bind(replacement.new.reveal())
            .bind(replacement.last_login.is_some())
            .bind(replacement.last_login.flatten().map(rows::micros))
            .bind(sought(old.key.reveal()))
            .bind(sought(&old.data))
            .bind(new.key.reveal())
            .bind(new.data.as_str())
            .bind(rows::micros(new.expires_at));
        let replace = passwords::bind_link(replace, replacement);
        passwords::replace_locked(self, replacement, replace).await
    }

    async fn remove_django_session(&self, row: &DjangoRow) -> Result<bool, StoreError> {
        let remove = query(REMOVE)
            .bind(sought(row.key.reveal()))
            .bind(sought(&row.data));
        let _pass = self.at(&row_of(&row.key.digest())).await?;
        Ok(self.first(remove).await?.is_some())
    }

    async fn end_django_session(&self, key: &SessionKey) -> Result<bool, StoreError> {
        let end = query(END).bind(sought(key.reveal()));
        let _pass = self.at(&row_of(&key.digest())).await?;
        Ok(self.first(end).await?.is_some())
    }
}

/// The session of a key.
fn session(row: &PgRow, key: &SessionKey) -> Result<DjangoRow, Failure> {
    Ok(DjangoRow {
        key: key.clone(),
        data: row.try_get(0)?,
        expires_at: row.try_get(1)?,
    })
}

/// Someone, and what is proven of their addresses.
fn proven(row: &PgRow) -> Result<ProvenUser, Failure> {
    Ok(ProvenUser {
        user: rows::user(row, 0)?,
        has_verified_email: row.try_get(USER_COLUMNS)?,
        has_verified_phone: row.try_get(USER_COLUMNS + 1)?,
    })
}
