//! Accounts that are to be closed later, in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::outbox::Notices;
use phone_auth_core::store::{ClosingScheduleStore, ScheduledClosing, StoreError};
use phone_auth_core::user::UserId;

use super::MemoryStore;
use super::state::to_micros;

#[async_trait]
impl ClosingScheduleStore for MemoryStore {
    async fn schedule_closing(
        &self,
        closing: &ScheduledClosing,
        notices: &Notices,
    ) -> Result<Option<(ScheduledClosing, bool)>, StoreError> {
        self.write(|state| {
            if !state.users.contains_key(&closing.user) {
                return Ok(None);
            }
            state.end_sessions_of(closing.user);
            if let Some(kept) = state.closings.get(&closing.user) {
                return Ok(Some((*kept, false)));
            }
            let last_login = state.users.get(&closing.user).and_then(|it| it.last_login);
            let begun_at = last_login.map_or(closing.begun_at, |it| it.max(closing.begun_at));
            let new = ScheduledClosing {
                user: closing.user,
                begun_at: to_micros(begun_at),
                due_at: to_micros(closing.due_at),
                is_of_nobody: closing.is_of_nobody,
            };
            state.closings.insert(closing.user, new);
            state.enqueue_notices(closing.user, notices);
            Ok(Some((new, true)))
        })
        .await
    }

    async fn scheduled_closing(
        &self,
        user: UserId,
    ) -> Result<Option<ScheduledClosing>, StoreError> {
        self.read(|state| state.closings.get(&user).copied()).await
    }

    async fn cancel_closing(&self, user: UserId, notices: &Notices) -> Result<bool, StoreError> {
        self.write(|state| {
            let is_cancelled = state.closings.remove(&user).is_some();
            if is_cancelled {
                state.enqueue_notices(user, notices);
            }
            Ok(is_cancelled)
        })
        .await
    }

    async fn due_closings(
        &self,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<ScheduledClosing>, StoreError> {
        self.read(|state| {
            let all = state.closings.values();
            let mut due: Vec<_> = all.filter(|it| it.due_at <= now).copied().collect();
            due.sort_by_key(|it| (it.due_at, it.user));
            due.truncate(limit as usize);
            due
        })
        .await
    }

    async fn put_off_closing(
        &self,
        user: UserId,
        due_at: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let due_at = to_micros(due_at);
            let kept = state.closings.get_mut(&user);
            let kept = kept.filter(|it| it.due_at < due_at);
            Ok(kept.map(|it| it.due_at = due_at).is_some())
        })
        .await
    }
}
