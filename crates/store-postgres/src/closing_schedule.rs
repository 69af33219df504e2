//! Accounts that are to be closed later, on PostgreSQL.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::outbox::Notices;
use phone_auth_core::store::{ClosingScheduleStore, ScheduledClosing, StoreError};
use phone_auth_core::user::UserId;
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::outbox;
use crate::outbox::statements::enqueue_notices;
use crate::rows::{self, readable};
use crate::store::PostgresStore;
use crate::users;

/// Runs while the user is locked. What was there before is answered beside whether it is new.
pub(crate) const SCHEDULE: &str = concat!(
    "WITH one_user AS (
        SELECT id, ",
    readable!("last_login"),
    " AS last_login FROM auth_user WHERE id = $1
    ), scheduled AS (
        INSERT INTO phone_auth_closing (user_id, begun_at, due_at) SELECT id, greatest($2, last_login), $3 FROM one_user
        ON CONFLICT (user_id) DO NOTHING RETURNING user_id, begun_at, due_at, is_of_nobody
    ), ended AS (
        DELETE FROM phone_auth_session WHERE person_id IN (SELECT id FROM one_user)
    ), noticed AS (",
    enqueue_notices!("scheduled", "user_id", "$4"),
    ")
    SELECT user_id, begun_at, due_at, is_of_nobody, true FROM scheduled
    UNION ALL
    SELECT user_id, begun_at, due_at, is_of_nobody, false FROM phone_auth_closing
        WHERE user_id = $1 AND NOT EXISTS (SELECT 1 FROM scheduled)"
);

pub(crate) const FIND: &str =
    "SELECT user_id, begun_at, due_at, is_of_nobody FROM phone_auth_closing WHERE user_id = $1";

/// Runs while the user is locked.
pub(crate) const CANCEL: &str = concat!(
    "WITH cancelled AS (
        DELETE FROM phone_auth_closing WHERE user_id = $1 RETURNING user_id
    ), noticed AS (",
    enqueue_notices!("cancelled", "user_id", "$2"),
    ")
    SELECT 1 FROM cancelled"
);

pub(crate) const DUE: &str =
    "SELECT user_id, begun_at, due_at, is_of_nobody FROM phone_auth_closing
    WHERE due_at <= $1 ORDER BY due_at, user_id LIMIT $2";

pub(crate) const PUT_OFF: &str =
    "UPDATE phone_auth_closing SET due_at = $2 WHERE user_id = $1 AND due_at < $2 RETURNING 1";

#[async_trait]
impl ClosingScheduleStore for PostgresStore {
    async fn schedule_closing(
        &self,
        closing: &ScheduledClosing,
        notices: &Notices,
    ) -> Result<Option<(ScheduledClosing, bool)>, StoreError> {
        let schedule = query(SCHEDULE)
            .bind(closing.user.get())
            .bind(rows::micros(closing.begun_at))
            .bind(rows::micros(closing.due_at))
            .bind(outbox::notices_text(notices));
        let row = self
            .first_locked(&users::lock(closing.user), schedule)
            .await?;
        let kept = row.map(|row| -> Result<_, Failure> { Ok((read(&row)?, row.try_get(4)?)) });
        Ok(kept.transpose()?)
    }

    async fn scheduled_closing(
        &self,
        user: UserId,
    ) -> Result<Option<ScheduledClosing>, StoreError> {
        let row = self.first(query(FIND).bind(user.get())).await?;
        Ok(row.map(|row| read(&row)).transpose()?)
    }

    async fn cancel_closing(&self, user: UserId, notices: &Notices) -> Result<bool, StoreError> {
        let cancel = query(CANCEL)
            .bind(user.get())
            .bind(outbox::notices_text(notices));
        let row = self.first_locked(&users::lock(user), cancel).await?;
        Ok(row.is_some())
    }

    async fn due_closings(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ScheduledClosing>, StoreError> {
        let look = query(DUE).bind(rows::micros(now)).bind(i64::from(limit));
        let due = self.run(look).await?;
        let due = due.iter().map(read);
        Ok(due.collect::<Result<_, Failure>>()?)
    }

    async fn put_off_closing(
        &self,
        user: UserId,
        due_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let put_off = query(PUT_OFF).bind(user.get()).bind(rows::micros(due_at));
        Ok(self.first(put_off).await?.is_some())
    }
}

fn read(row: &PgRow) -> Result<ScheduledClosing, Failure> {
    Ok(ScheduledClosing {
        user: UserId::new(row.try_get(0)?),
        begun_at: row.try_get(1)?,
        due_at: row.try_get(2)?,
        is_of_nobody: row.try_get(3)?,
    })
}
