//! Sessions, on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::client::BrowserName;
use phone_auth_core::session::{
    ActiveSession, ListedSession, NewLogIn, NewProof, NewUse, PasswordDigest, SessionClient,
    SessionDigest, SessionHandle, SessionState, StoredSession,
};
use phone_auth_core::store::{SessionStore, StoreError, StoreErrorKind};
use phone_auth_core::user::UserId;
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::rows::{self, USER_COLUMNS, past, sought, user_columns};
use crate::store::PostgresStore;
use crate::users;

/// All that a guard asks, in one query.
pub(crate) const ALIVE: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", least(s.expires_at, '9999-12-31 00:00:00+00'),
        EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = u.id AND is_verified),
        EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = u.id AND is_verified),
        s.password_digest, ",
    past!("s.proven_at"),
    ", ",
    past!("s.seen_at"),
    ", ",
    past!("s.created_at"),
    "
    FROM phone_auth_session s JOIN auth_user u ON u.id = s.person_id
    WHERE s.digest = $1 AND s.expires_at > $2"
);

/// The sessions that end with a log-in: the one that the browser came with, and the oldest of the others above a number.
/// Those of the snapshot: a log-in at the same moment is not among them, and neither makes the other end.
macro_rules! over {
    ($most:literal) => {
        concat!(
            "over AS MATERIALIZED (
        SELECT coalesce($6, ''::bytea) AS digest
        UNION ALL (
            SELECT digest FROM phone_auth_session WHERE person_id = $1 AND digest IS DISTINCT FROM $6
            ORDER BY created_at DESC, digest OFFSET ",
            $most,
            "::int8 - 1
        )
    ), ended AS (
        DELETE FROM phone_auth_session
        WHERE digest = ANY (ARRAY(SELECT digest FROM over)) AND EXISTS (SELECT 1 FROM begun)
    )"
        )
    };
}

/// Records a log-in, if all is as it was when the password was checked. The new session comes before the
/// old one ends: a digest in use is refused, be it the old one's.
pub(crate) const LOG_IN: &str = concat!(
    "WITH one_user AS (
        UPDATE auth_user SET last_login = $4
        WHERE id = $1 AND coalesce(password, '') = $2 AND is_active
            AND NOT ($12 AND EXISTS (SELECT 1 FROM phone_auth_closing WHERE user_id = $1 AND NOT is_of_nobody))
        RETURNING id
    ), begun AS (
        INSERT INTO phone_auth_session
            (digest, person_id, created_at, expires_at, password_digest, seen_at, handle, address, browser)
        SELECT $3, id, $4, $5, $7, $4, $9, $10, $11 FROM one_user
        RETURNING 1
    ), ",
    over!("$8"),
    " SELECT 1 FROM one_user"
);

/// The same, and replaces the hash. Sessions that are bound to the old hash are bound to the new one. Runs while the
/// user is locked: so it sees the session of the one who logged in with the old hash meanwhile.
pub(crate) const LOG_IN_UPGRADING: &str = concat!(
    "WITH one_user AS (
        UPDATE auth_user SET last_login = $4, password = $13
        WHERE id = $1 AND coalesce(password, '') = $2 AND is_active
            AND NOT ($12 AND EXISTS (SELECT 1 FROM phone_auth_closing WHERE user_id = $1 AND NOT is_of_nobody))
        RETURNING id
    ), begun AS (
        INSERT INTO phone_auth_session
            (digest, person_id, created_at, expires_at, password_digest, seen_at, handle, address, browser)
        SELECT $3, id, $4, $5, $7, $4, $9, $10, $11 FROM one_user
        RETURNING 1
    ), ",
    over!("$8"),
    ", moved AS (
        UPDATE phone_auth_session SET password_digest = $7
        WHERE person_id IN (SELECT id FROM one_user) AND password_digest = $14
            AND digest <> ALL (ARRAY(SELECT digest FROM over))
    )
    SELECT 1 FROM one_user"
);

/// Binds a session, unless someone has by now.
pub(crate) const BIND: &str = "UPDATE phone_auth_session SET password_digest = $2
    WHERE digest = $1 AND password_digest IS NULL";

/// Binds sessions to the passwords of their users. `server_encoding` is UTF8, so these are the bytes that we digest.
pub(crate) const BIND_SOME: &str = "WITH unbound AS (
        SELECT digest, person_id FROM phone_auth_session WHERE password_digest IS NULL AND digest > ''
        LIMIT $1 FOR UPDATE SKIP LOCKED
    ), bound AS (
        UPDATE phone_auth_session s SET password_digest = sha256(convert_to(coalesce(u.password, ''), 'UTF8'))
        FROM unbound n JOIN auth_user u ON u.id = n.person_id
        WHERE s.digest = n.digest
        RETURNING 1
    )
    SELECT count(*) FROM bound";

/// Notes a proof, and gives the session another name.
pub(crate) const PROVE: &str = "UPDATE phone_auth_session SET digest = $2, proven_at = $4
    WHERE digest = $1 AND password_digest = $3 RETURNING 1";

/// Notes a use, unless one was noted later.
pub(crate) const NOTE_USE: &str = "UPDATE phone_auth_session
    SET seen_at = $2, address = coalesce($4, address), browser = coalesce($5, browser)
    WHERE digest = $1 AND (seen_at IS NULL OR seen_at <= $3) RETURNING 1";

/// The sessions of a user that are alive, those that were used last first.
/// Each that is alive is among them, whatever its times: nobody should be signed in whom the user does not see. One whose
/// name has another length than any key's belongs to nobody.
pub(crate) const OF_USER: &str = concat!(
    "SELECT digest, handle, ",
    past!("created_at"),
    ", coalesce(",
    past!("seen_at"),
    ", ",
    past!("created_at"),
    "), least(expires_at, '9999-12-31 00:00:00+00'), address, browser
    FROM phone_auth_session
    WHERE person_id = $1 AND expires_at > $3 AND (password_digest IS NULL OR password_digest = $2)
        AND octet_length(digest) = 32
    ORDER BY coalesce(seen_at, created_at) DESC, digest LIMIT $4"
);

/// Ends the sessions of a user but the one that is kept, if there is one to keep: whether it is there, and how many ended.
/// Runs while the user is locked.
pub(crate) const END_OF_USER: &str = "WITH kept AS (
        SELECT 1 FROM phone_auth_session WHERE digest = $2 AND person_id = $1
    ), ended AS (
        DELETE FROM phone_auth_session
        WHERE person_id = $1 AND digest IS DISTINCT FROM $2 AND ($2 IS NULL OR EXISTS (SELECT 1 FROM kept))
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM ended), $2 IS NULL OR EXISTS (SELECT 1 FROM kept)";

pub(crate) const END: &str = "DELETE FROM phone_auth_session WHERE digest = $1 RETURNING 1";

/// Sessions that someone else is about to remove are left to them: two nodes that tidy up at the same
/// time would wait for each other. Nor those that have time left by the clock of the server: a node whose clock is ahead
/// would remove the sessions of all others.
pub(crate) const REMOVE_EXPIRED: &str = "WITH expired AS (
        SELECT digest FROM phone_auth_session WHERE expires_at <= least($1, now())
        LIMIT $2 FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM phone_auth_session s USING expired e WHERE s.digest = e.digest RETURNING 1
    )
    SELECT count(*) FROM removed";

/// Of the next sessions, ends those whose users are not active: how many, and the last of all that were looked at.
pub(crate) const END_DISABLED: &str = "WITH page AS (
        SELECT s.digest, u.is_active IS TRUE AS is_active
        FROM phone_auth_session s JOIN auth_user u ON u.id = s.person_id
        WHERE s.digest > $1 ORDER BY s.digest LIMIT $2
    ), disabled AS (
        SELECT digest FROM phone_auth_session
        WHERE digest IN (SELECT digest FROM page WHERE NOT is_active) FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM phone_auth_session s USING disabled d WHERE s.digest = d.digest RETURNING 1
    )
    SELECT (SELECT count(*) FROM removed), (SELECT digest FROM page ORDER BY digest DESC LIMIT 1)";

#[async_trait]
impl SessionStore for PostgresStore {
    async fn log_in(&self, log_in: &NewLogIn) -> Result<bool, StoreError> {
        let Some(checked) = sought(log_in.checked_password.reveal()) else {
            return Ok(false);
        };
        let session = &log_in.session;
        let ends = log_in.ends.as_ref();
        let stored = PasswordDigest::of(log_in.stored_password());
        let record = |statement| {
            query(statement)
                .bind(session.user.get())
                .bind(checked)
                .bind(session.digest.as_bytes().as_slice())
                .bind(rows::micros(session.created_at))
                .bind(rows::micros(session.expires_at))
                .bind(ends.map(|digest| digest.as_bytes().as_slice()))
                .bind(stored.as_bytes().as_slice())
                .bind(i64::from(log_in.max_sessions.max(1)))
                .bind(session.handle.as_bytes().as_slice())
                .bind(session.client.address.map(|it| it.to_string()))
                .bind(session.client.browser.as_ref().map(BrowserName::as_str))
                .bind(log_in.unless_closing)
        };
        let recorded = match &log_in.upgraded_password {
            // What schedules a closing has the user's row: it is to be seen, not to be missed by a moment.
            None if log_in.unless_closing => {
                self.first_locked(&users::lock(session.user), record(LOG_IN))
                    .await?
            }
            None => {
                let _pass = self.at(&users::lock(session.user)).await?;
                self.first(record(LOG_IN)).await?
            }
            Some(upgraded) => {
                let old = PasswordDigest::of(&log_in.checked_password);
                let record = record(LOG_IN_UPGRADING)
                    .bind(upgraded.reveal())
                    .bind(old.as_bytes().as_slice());
                self.first_locked(&users::lock(session.user), record)
                    .await?
            }
        };
        Ok(recorded.is_some())
    }

    async fn session(
        &self,
        digest: &SessionDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<ActiveSession>, StoreError> {
        let look = query(ALIVE)
            .bind(digest.as_bytes().as_slice())
            .bind(rows::micros(now));
        let Some(row) = self.first(look).await? else {
            return Ok(None);
        };
        let stored = stored_session(&row, *digest)?;
        let name = digest.as_bytes().as_slice();
        let written = match stored.state() {
            SessionState::Alive => return Ok(Some(stored.session)),
            SessionState::Unbound(password) => {
                let bind = query(BIND).bind(name).bind(password.as_bytes().as_slice());
                let _pass = self.at(&row_of(digest)).await?;
                self.run(bind).await.map(drop).map_err(StoreError::from)
            }
            SessionState::Over => self.end_session(digest).await.map(drop),
        };
        if let Err(error) = written {
            tracing::warn!(%error, "a session could not be bound to its password or removed");
        }
        Ok((stored.state() != SessionState::Over).then_some(stored.session))
    }

    async fn prove_session(&self, proof: &NewProof) -> Result<bool, StoreError> {
        let prove = query(PROVE)
            .bind(proof.digest.as_bytes().as_slice())
            .bind(proof.becomes.as_bytes().as_slice())
            .bind(proof.password.as_bytes().as_slice())
            .bind(rows::micros(proof.at));
        let _pass = self.at(&row_of(&proof.digest)).await?;
        Ok(self.first(prove).await?.is_some())
    }

    async fn end_session(&self, digest: &SessionDigest) -> Result<bool, StoreError> {
        let end = query(END).bind(digest.as_bytes().as_slice());
        let _pass = self.at(&row_of(digest)).await?;
        Ok(self.first(end).await?.is_some())
    }

    async fn note_session_use(&self, noted: &NewUse) -> Result<bool, StoreError> {
        let client = &noted.client;
        let note = query(NOTE_USE)
            .bind(noted.digest.as_bytes().as_slice())
            .bind(rows::micros(noted.at))
            .bind(rows::micros(noted.unless_since))
            .bind(client.address.map(|it| it.to_string()))
            .bind(client.browser.as_ref().map(BrowserName::as_str));
        let _pass = self.at(&row_of(&noted.digest)).await?;
        Ok(self.first(note).await?.is_some())
    }

    async fn sessions_of(
        &self,
        user: UserId,
        password: &PasswordDigest,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ListedSession>, StoreError> {
        let list = query(OF_USER)
            .bind(user.get())
            .bind(password.as_bytes().as_slice())
            .bind(rows::micros(now))
            .bind(i64::from(limit));
        let rows = self.run(list).await?;
        let listed = rows.iter().map(listed_session);
        Ok(listed.collect::<Result<_, _>>()?)
    }

    async fn end_sessions_of(
        &self,
        user: UserId,
        keeps: Option<&SessionDigest>,
    ) -> Result<Option<u64>, StoreError> {
        let end = query(END_OF_USER)
            .bind(user.get())
            .bind(keeps.map(|digest| digest.as_bytes().as_slice()));
        let row = self.first_locked(&users::lock(user), end).await?;
        let ended = rows::count(row.as_ref())?;
        let is_kept = row.map(|row| row.try_get(1)).transpose();
        let is_kept: Option<bool> = is_kept.map_err(Failure::from)?;
        Ok(is_kept.unwrap_or_default().then_some(ended))
    }

    async fn remove_expired_sessions(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        let remove = query(REMOVE_EXPIRED)
            .bind(rows::micros(now))
            .bind(i64::from(limit));
        Ok(rows::count(self.first(remove).await?.as_ref())?)
    }

    async fn remove_disabled_sessions(
        &self,
        after: Option<&SessionDigest>,
        limit: u32,
    ) -> Result<(u64, Option<SessionDigest>), StoreError> {
        let end = query(END_DISABLED)
            .bind(after.map_or(&[][..], |after| after.as_bytes()))
            .bind(i64::from(limit));
        let row = self.first(end).await?;
        let removed = rows::count(row.as_ref())?;
        let last: Option<Vec<u8>> = row
            .as_ref()
            .map(|row| row.try_get(1))
            .transpose()
            .map_err(Failure::from)?
            .flatten();
        let last = last.and_then(|digest| digest.try_into().ok());
        Ok((removed, last.map(SessionDigest::from_bytes)))
    }

    async fn bind_sessions(&self, limit: u32) -> Result<u64, StoreError> {
        let bind = query(BIND_SOME).bind(i64::from(limit));
        Ok(rows::count(self.first(bind).await?.as_ref())?)
    }
}

/// What a session is called among rows that may be locked.
pub(crate) fn row_of(digest: &SessionDigest) -> String {
    let number = digest.as_bytes().iter().take(8);
    let number = number.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("session {number}")
}

/// The session of a digest that has time left.
fn stored_session(row: &PgRow, digest: SessionDigest) -> Result<StoredSession, Failure> {
    let bound_to: Option<&[u8]> = row.try_get(USER_COLUMNS + 3)?;
    Ok(StoredSession {
        session: ActiveSession {
            digest,
            user: rows::user(row, 0)?,
            expires_at: row.try_get(USER_COLUMNS)?,
            has_verified_email: row.try_get(USER_COLUMNS + 1)?,
            has_verified_phone: row.try_get(USER_COLUMNS + 2)?,
            proven_at: row.try_get(USER_COLUMNS + 4)?,
            seen_at: row.try_get(USER_COLUMNS + 5)?,
            created_at: Some(row.try_get(USER_COLUMNS + 6)?),
        },
        bound_to: bound_to.map(PasswordDigest::from_stored),
    })
}

/// A session of a list. What cannot be read of its client is not known.
fn listed_session(row: &PgRow) -> Result<ListedSession, Failure> {
    let digest = row.try_get::<&[u8], _>(0)?.try_into();
    let digest = SessionDigest::from_bytes(digest.map_err(|_| StoreErrorKind::Broken)?);
    Ok(ListedSession {
        digest,
        handle: SessionHandle::from_stored(row.try_get(1)?, &digest),
        created_at: row.try_get(2)?,
        seen_at: row.try_get(3)?,
        expires_at: row.try_get(4)?,
        client: SessionClient::from_stored(row.try_get(5)?, row.try_get(6)?),
    })
}
