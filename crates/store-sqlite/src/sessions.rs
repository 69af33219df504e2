//! Sessions, on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::client::BrowserName;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{
    ActiveSession, ListedSession, NewLogIn, NewProof, NewUse, PasswordDigest, SessionClient,
    SessionDigest, SessionHandle, SessionState, StoredSession,
};
use phone_auth_core::store::{SessionStore, StoreError};
use phone_auth_core::user::UserId;
use rusqlite::{Connection, Row, params};

use crate::failure::Failure;
use crate::passwords::END_SESSIONS;
use crate::rows::{self, USER_COLUMNS, user_columns};
use crate::store::SqliteStore;
use crate::zone::Zone;

/// All that a guard asks, in one query.
pub(crate) const ALIVE: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", s.expires_at,
        EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = u.id AND is_verified),
        EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = u.id AND is_verified),
        s.password_digest, s.proven_at, s.seen_at, s.created_at
    FROM phone_auth_session s JOIN auth_user u ON u.id = s.person_id
    WHERE s.digest = ?1 AND s.expires_at > ?2"
);

pub(crate) const RECORD: &str =
    "UPDATE auth_user SET last_login = ?3, password = coalesce(?4, password, '')
    WHERE id = ?1 AND ifnull(CAST(password AS TEXT), '') = ?2 AND is_active
        AND NOT (?5 AND EXISTS (SELECT 1 FROM phone_auth_closing WHERE user_id = ?1 AND NOT is_of_nobody))";

const BEGIN: &str = "INSERT INTO phone_auth_session
    (digest, person_id, created_at, expires_at, password_digest, seen_at, handle, address, browser)
    VALUES (?1, ?2, ?3, ?4, ?5, ?3, ?6, ?7, ?8)";

/// Binds a session, unless someone has by now.
pub(crate) const BIND: &str = "UPDATE phone_auth_session SET password_digest = ?2
    WHERE digest = ?1 AND password_digest IS NULL";

/// Binds the sessions of a user that are bound to their old password to the new one.
pub(crate) const REBIND: &str = "UPDATE phone_auth_session SET password_digest = ?3
    WHERE person_id = ?1 AND password_digest = ?2";

/// Notes a proof, and gives the session another name.
pub(crate) const PROVE: &str = "UPDATE phone_auth_session SET digest = ?2, proven_at = ?4
    WHERE digest = ?1 AND password_digest = ?3";

pub(crate) const UNBOUND: &str = "SELECT s.digest, u.password
    FROM phone_auth_session s JOIN auth_user u ON u.id = s.person_id
    WHERE s.password_digest IS NULL AND s.digest > x'' LIMIT ?1";

/// Notes a use, unless one was noted later.
pub(crate) const NOTE_USE: &str = "UPDATE phone_auth_session
    SET seen_at = ?2, address = coalesce(?4, address), browser = coalesce(?5, browser)
    WHERE digest = ?1 AND (seen_at IS NULL OR seen_at <= ?3)";

/// The sessions of a user that are alive, those that were used last first.
pub(crate) const OF_USER: &str =
    "SELECT digest, handle, created_at, coalesce(seen_at, created_at), expires_at, address, browser
    FROM phone_auth_session
    WHERE person_id = ?1 AND expires_at > ?3 AND (password_digest IS NULL OR password_digest = ?2)
    ORDER BY coalesce(seen_at, created_at) DESC, digest LIMIT ?4";

pub(crate) const IS_OF_USER: &str =
    "SELECT 1 FROM phone_auth_session WHERE digest = ?2 AND person_id = ?1";

pub(crate) const END: &str = "DELETE FROM phone_auth_session WHERE digest = ?1";

/// Ends the oldest of the sessions that a user has beside the new one, above a number.
pub(crate) const END_OLDEST: &str = "DELETE FROM phone_auth_session WHERE digest IN (
        SELECT digest FROM phone_auth_session WHERE person_id = ?1 AND digest <> ?2
        ORDER BY created_at DESC, digest LIMIT -1 OFFSET ?3)";

pub(crate) const REMOVE_EXPIRED: &str = "DELETE FROM phone_auth_session
    WHERE digest IN (SELECT digest FROM phone_auth_session WHERE expires_at <= ?1 LIMIT ?2)";

/// The next sessions, and whether their users are active.
pub(crate) const PAGE: &str = "SELECT s.digest, u.is_active IS TRUE
    FROM phone_auth_session s JOIN auth_user u ON u.id = s.person_id
    WHERE s.digest > ?1 ORDER BY s.digest LIMIT ?2";

/// Ends a session, unless its user was enabled again.
pub(crate) const END_DISABLED: &str = "DELETE FROM phone_auth_session WHERE digest = ?1
    AND EXISTS (SELECT 1 FROM auth_user WHERE id = person_id AND is_active IS NOT TRUE)";

#[async_trait]
impl SessionStore for SqliteStore {
    async fn log_in(&self, log_in: &NewLogIn) -> Result<bool, StoreError> {
        let (change, zone) = (log_in.clone(), self.zone().clone());
        self.write(move |connection| self::log_in(connection, &change, &zone))
            .await
    }

    async fn session(
        &self,
        digest: &SessionDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<ActiveSession>, StoreError> {
        let stored = self.read(|connection| {
            let named = (digest.as_bytes().as_slice(), rows::time_text(now)?);
            rows::first(connection, ALIVE, named, |row| {
                stored_session(row, *digest, self.zone())
            })
        })?;
        let Some(stored) = stored.flatten() else {
            return Ok(None);
        };
        let written = match stored.state() {
            SessionState::Alive => return Ok(Some(stored.session)),
            SessionState::Unbound(password) => self.bind(*digest, password).await,
            SessionState::Over => self.end_session(digest).await.map(drop),
        };
        if let Err(error) = written {
            tracing::warn!(%error, "a session could not be bound to its password or removed");
        }
        Ok((stored.state() != SessionState::Over).then_some(stored.session))
    }

    async fn prove_session(&self, proof: &NewProof) -> Result<bool, StoreError> {
        let proof = proof.clone();
        self.write(move |connection| {
            let proven = params![
                proof.digest.as_bytes().as_slice(),
                proof.becomes.as_bytes().as_slice(),
                proof.password.as_bytes().as_slice(),
                rows::time_text(proof.at)?,
            ];
            Ok(rows::change(connection, PROVE, proven)? > 0)
        })
        .await
    }

    async fn end_session(&self, digest: &SessionDigest) -> Result<bool, StoreError> {
        let digest = *digest;
        self.write(move |connection| Ok(end(connection, &digest)? > 0))
            .await
    }

    async fn note_session_use(&self, noted: &NewUse) -> Result<bool, StoreError> {
        let noted = noted.clone();
        self.write(move |connection| {
            let client = ClientTexts::of(&noted.client);
            let noted = params![
                noted.digest.as_bytes().as_slice(),
                rows::time_text(noted.at)?,
                rows::time_text(noted.unless_since)?,
                client.address,
                client.browser,
            ];
            Ok(rows::change(connection, NOTE_USE, noted)? > 0)
        })
        .await
    }

    async fn sessions_of(
        &self,
        user: UserId,
        password: &PasswordDigest,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ListedSession>, StoreError> {
        self.read(|connection| {
            let password = password.as_bytes().as_slice();
            let of = params![user.get(), password, rows::time_text(now)?, limit];
            let listed = rows::all(connection, OF_USER, of, listed_session)?;
            Ok(listed.into_iter().flatten().collect())
        })
    }

    async fn end_sessions_of(
        &self,
        user: UserId,
        keeps: Option<&SessionDigest>,
    ) -> Result<Option<u64>, StoreError> {
        let keeps = keeps.copied();
        self.write(move |connection| {
            let kept = keeps.as_ref().map(|digest| digest.as_bytes().as_slice());
            let of = (user.get(), kept);
            if kept.is_some() && rows::first(connection, IS_OF_USER, of, |_| Ok(()))?.is_none() {
                return Ok(None);
            }
            let ended = rows::change(connection, END_SESSIONS, of)?;
            Ok(Some(u64::try_from(ended).unwrap_or(u64::MAX)))
        })
        .await
    }

    async fn remove_expired_sessions(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let expired = (rows::time_text(now)?, limit);
            let removed = rows::change(connection, REMOVE_EXPIRED, expired)?;
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        })
        .await
    }

    async fn remove_disabled_sessions(
        &self,
        after: Option<&SessionDigest>,
        limit: u32,
    ) -> Result<(u64, Option<SessionDigest>), StoreError> {
        let after = after.map_or(&[][..], |after| after.as_bytes());
        let page = self.read(|connection| {
            rows::all(connection, PAGE, (after, limit), |row| {
                Ok((rows::blob(row, 0)?, row.get::<_, bool>(1)?))
            })
        })?;
        let last = page.last().map(|(digest, _)| digest.clone());
        let disabled: Vec<_> = page
            .into_iter()
            .filter_map(|(digest, is_active)| (!is_active).then_some(digest))
            .collect();
        // What is odd about a digest ends the sweep here, not the others before it.
        let last = last.and_then(|digest| digest.try_into().ok());
        let last = last.map(SessionDigest::from_bytes);
        if disabled.is_empty() {
            return Ok((0, last));
        }
        let removed = self.write(move |connection| {
            let mut removed = 0;
            for digest in &disabled {
                removed += rows::change(connection, END_DISABLED, [digest])?;
            }
            Ok(u64::try_from(removed).unwrap_or(u64::MAX))
        });
        Ok((removed.await?, last))
    }

    async fn bind_sessions(&self, limit: u32) -> Result<u64, StoreError> {
        self.write(move |connection| {
            let unbound = rows::all(connection, UNBOUND, [limit], |row| {
                let password = EncodedPassword::new(rows::text(row, 1)?);
                Ok((rows::blob(row, 0)?, PasswordDigest::of(&password)))
            })?;
            for (digest, password) in &unbound {
                rows::change(connection, BIND, (digest, password.as_bytes().as_slice()))?;
            }
            Ok(u64::try_from(unbound.len()).unwrap_or(u64::MAX))
        })
        .await
    }
}

impl SqliteStore {
    /// Binds a session to a password.
    async fn bind(&self, digest: SessionDigest, to: PasswordDigest) -> Result<(), StoreError> {
        self.write(move |connection| {
            let bound = (digest.as_bytes().as_slice(), to.as_bytes().as_slice());
            rows::change(connection, BIND, bound)?;
            Ok(())
        })
        .await
    }
}

/// The session of a digest that has time left; none where its end cannot be read, which by the text alone may be any time.
fn stored_session(
    row: &Row<'_>,
    digest: SessionDigest,
    zone: &Zone,
) -> Result<Option<StoredSession>, Failure> {
    let Ok(expires_at) = rows::time(row, USER_COLUMNS) else {
        return Ok(None);
    };
    let bound_to = rows::optional_blob(row, USER_COLUMNS + 3)?;
    let created_at = rows::past_time(row, USER_COLUMNS + 6)?;
    Ok(Some(StoredSession {
        session: ActiveSession {
            digest,
            user: rows::user(row, zone)?,
            expires_at,
            has_verified_email: row.get(USER_COLUMNS + 1)?,
            has_verified_phone: row.get(USER_COLUMNS + 2)?,
            proven_at: rows::past_time(row, USER_COLUMNS + 4)?,
            seen_at: rows::past_time(row, USER_COLUMNS + 5)?,
            created_at: Some(created_at.unwrap_or(DateTime::UNIX_EPOCH)),
        },
        bound_to: bound_to.as_deref().map(PasswordDigest::from_stored),
    }))
}

/// A session of a list, if it is alive: what is no name of a session, or has no end that can be read, is that of nobody. What
/// cannot be read of its client is not known.
fn listed_session(row: &Row<'_>) -> Result<Option<ListedSession>, Failure> {
    let digest = rows::optional_blob(row, 0)?.and_then(|digest| digest.try_into().ok());
    let (Some(digest), Ok(expires_at)) = (digest, rows::time(row, 4)) else {
        return Ok(None);
    };
    let digest = SessionDigest::from_bytes(digest);
    let handle = rows::optional_blob(row, 1)?;
    let (address, browser) = (rows::text(row, 5)?, rows::text(row, 6)?);
    let created_at = rows::past_time(row, 2)?.unwrap_or(DateTime::UNIX_EPOCH);
    Ok(Some(ListedSession {
        digest,
        handle: SessionHandle::from_stored(handle.as_deref(), &digest),
        created_at,
        seen_at: rows::past_time(row, 3)?.unwrap_or(created_at),
        expires_at,
        client: SessionClient::from_stored(Some(&address), Some(&browser)),
    }))
}

/// What is known of a client, as texts.
struct ClientTexts<'a> {
    address: Option<String>,
    browser: Option<&'a str>,
}

impl<'a> ClientTexts<'a> {
    fn of(client: &'a SessionClient) -> Self {
        Self {
            address: client.address.map(|it| it.to_string()),
            browser: client.browser.as_ref().map(BrowserName::as_str),
        }
    }
}

/// Records a log-in, if all is as it was when the password was checked.
fn log_in(connection: &Connection, log_in: &NewLogIn, zone: &Zone) -> Result<bool, Failure> {
    let session = &log_in.session;
    let created_at = rows::time_text(session.created_at)?;
    let upgraded = log_in.upgraded_password.as_ref();
    let recorded = params![
        session.user.get(),
        log_in.checked_password.reveal(),
        rows::model_time_text(session.created_at, zone)?,
        upgraded.map(EncodedPassword::reveal),
        log_in.unless_closing,
    ];
    if rows::change(connection, RECORD, recorded)? == 0 {
        return Ok(false);
    }
    if let Some(upgraded) = upgraded {
        rebind(connection, session.user, &log_in.checked_password, upgraded)?;
    }
    // The new one before the old one ends: a digest in use is refused, be it the old one's.
    let password = PasswordDigest::of(log_in.stored_password());
    let client = ClientTexts::of(&session.client);
    let begun = params![
        session.digest.as_bytes().as_slice(),
        session.user.get(),
        created_at,
        rows::time_text(session.expires_at)?,
        password.as_bytes().as_slice(),
        session.handle.as_bytes().as_slice(),
        client.address,
        client.browser,
    ];
    rows::change(connection, BEGIN, begun)?;
    if let Some(digest) = &log_in.ends {
        end(connection, digest)?;
    }
    let oldest = params![
        session.user.get(),
        session.digest.as_bytes().as_slice(),
        log_in.max_sessions.saturating_sub(1),
    ];
    rows::change(connection, END_OLDEST, oldest)?;
    Ok(true)
}

/// Takes the sessions of a user along from one hash of their password to another.
pub(crate) fn rebind(
    connection: &Connection,
    user: UserId,
    old: &EncodedPassword,
    new: &EncodedPassword,
) -> Result<(), Failure> {
    let (old, new) = (PasswordDigest::of(old), PasswordDigest::of(new));
    let moved = params![
        user.get(),
        old.as_bytes().as_slice(),
        new.as_bytes().as_slice()
    ];
    rows::change(connection, REBIND, moved)?;
    Ok(())
}

/// Ends a session; how many that were.
fn end(connection: &Connection, digest: &SessionDigest) -> Result<usize, Failure> {
    rows::change(connection, END, [digest.as_bytes().as_slice()])
}
