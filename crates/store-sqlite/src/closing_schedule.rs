//! Accounts that are to be closed later, on SQLite.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::outbox::Notices;
use phone_auth_core::store::{ClosingScheduleStore, ScheduledClosing, StoreError, StoreErrorKind};
use phone_auth_core::user::UserId;
use rusqlite::{Connection, Row, params};

use crate::failure::Failure;
use crate::links;
use crate::outbox;
use crate::passwords::{END_SESSIONS, LAST_LOGIN};
use crate::rows;
use crate::store::SqliteStore;
use crate::zone::Zone;

const SCHEDULE: &str = "INSERT INTO phone_auth_closing (user_id, begun_at, due_at, is_of_nobody)
    SELECT id, ?2, ?3, ?4 FROM auth_user WHERE id = ?1 ON CONFLICT (user_id) DO NOTHING";

pub(crate) const FIND: &str =
    "SELECT user_id, begun_at, due_at, is_of_nobody FROM phone_auth_closing WHERE user_id = ?1";

pub(crate) const CANCEL: &str = "DELETE FROM phone_auth_closing WHERE user_id = ?1";

pub(crate) const DUE: &str =
    "SELECT user_id, begun_at, due_at, is_of_nobody FROM phone_auth_closing
    WHERE due_at <= ?1 ORDER BY due_at, user_id LIMIT ?2";

pub(crate) const PUT_OFF: &str =
    "UPDATE phone_auth_closing SET due_at = ?2 WHERE user_id = ?1 AND due_at < ?2";

/// Whether the time of one has come. One of nobody closes nothing that is verified, has another password by
/// now, is disabled, or may use the pages of an operator; its last log-in is compared by `closing.rs`.
pub(crate) const IS_DUE: &str =
    "SELECT c.is_of_nobody, u.last_login FROM phone_auth_closing c JOIN auth_user u ON u.id = c.user_id
    WHERE c.user_id = ?1 AND c.due_at <= ?2 AND NOT (c.is_of_nobody AND (ifnull(CAST(u.password AS TEXT), '') IS NOT ?3
        OR u.is_staff OR u.is_superuser OR NOT u.is_active
        OR EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = ?1 AND is_verified)
        OR EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = ?1 AND is_verified)))";

#[async_trait]
impl ClosingScheduleStore for SqliteStore {
    async fn schedule_closing(
        &self,
        closing: &ScheduledClosing,
        notices: &Notices,
    ) -> Result<Option<(ScheduledClosing, bool)>, StoreError> {
        let (closing, notices, zone) = (*closing, notices.clone(), self.zone().clone());
        self.write(move |connection| schedule(connection, &closing, &notices, &zone))
            .await
    }

    async fn scheduled_closing(
        &self,
        user: UserId,
    ) -> Result<Option<ScheduledClosing>, StoreError> {
        self.read(|connection| rows::first(connection, FIND, [user.get()], closing))
    }

    async fn cancel_closing(&self, user: UserId, notices: &Notices) -> Result<bool, StoreError> {
        let notices = notices.clone();
        self.write(move |connection| {
            if rows::change(connection, CANCEL, [user.get()])? == 0 {
                return Ok(false);
            }
            outbox::enqueue_notices(connection, user, &notices)?;
            Ok(true)
        })
        .await
    }

    async fn due_closings(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ScheduledClosing>, StoreError> {
        let asked = (links::micros(now), limit);
        self.read(|connection| rows::all(connection, DUE, asked, closing))
    }

    async fn put_off_closing(
        &self,
        user: UserId,
        due_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let later = (user.get(), links::micros(due_at));
            Ok(rows::change(connection, PUT_OFF, later)? > 0)
        })
        .await
    }
}

/// Keeps that an account is to be closed that is just made.
pub(crate) fn keep(
    connection: &Connection,
    user: UserId,
    (begun_at, due_at): (DateTime<Utc>, DateTime<Utc>),
) -> Result<(), Failure> {
    let (begun_at, due_at) = (links::micros(begun_at), links::micros(due_at));
    rows::change(
        connection,
        SCHEDULE,
        params![user.get(), begun_at, due_at, true],
    )?;
    Ok(())
}

fn schedule(
    connection: &Connection,
    new: &ScheduledClosing,
    notices: &Notices,
    zone: &Zone,
) -> Result<Option<(ScheduledClosing, bool)>, Failure> {
    let user = new.user.get();
    // Of a log-in that came before, however it is dated, the user has not come back.
    let last_login = rows::first(connection, LAST_LOGIN, [user], |row| {
        rows::model_time(row, 0, zone)
    })?;
    let begun_at = last_login
        .flatten()
        .map_or(new.begun_at, |it| it.max(new.begun_at));
    let (begun_at, due_at) = (links::micros(begun_at), links::micros(new.due_at));
    let is_new = rows::change(connection, SCHEDULE, params![user, begun_at, due_at, false])? > 0;
    if is_new {
        outbox::enqueue_notices(connection, new.user, notices)?;
    }
    rows::change(connection, END_SESSIONS, (user, None::<&[u8]>))?;
    let kept = rows::first(connection, FIND, [user], closing)?;
    Ok(kept.map(|kept| (kept, is_new)))
}

fn closing(row: &Row<'_>) -> Result<ScheduledClosing, Failure> {
    let time = |column| {
        let time = links::exact_time(row, column)?;
        time.ok_or_else(|| Failure::from(StoreErrorKind::Broken))
    };
    Ok(ScheduledClosing {
        user: UserId::new(row.get(0)?),
        begun_at: time(1)?,
        due_at: time(2)?,
        is_of_nobody: row.get(3)?,
    })
}
