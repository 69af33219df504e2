//! Django's sessions in a store.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::django_session::{DjangoLogIn, DjangoRewrite, DjangoRow, ProvenUser};
use crate::session::{PasswordReplacement, SessionKey};
use crate::user::UserId;

/// Keeps sessions in the table `django_session`, which Django has made. Not every store can: it is asked
/// for only by `DjangoSessions` of `phone-auth-django`.
///
/// # Errors
/// As for [`UserStore`](super::UserStore).
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait DjangoSessionStore: Send + Sync {
    /// Whether the table is there.
    async fn has_django_sessions(&self) -> Result<bool, StoreError>;

    /// The row of this key, unless it is over at `now` or nobody can say when it is.
    async fn django_session(
        &self,
        key: &SessionKey,
        now: DateTime<Utc>,
    ) -> Result<Option<DjangoRow>, StoreError>;

    /// The user with this id, and what is proven of their addresses. One query.
    async fn proven_user(&self, id: UserId) -> Result<Option<ProvenUser>, StoreError>;

    /// Records a log-in: sets `last_login`, replaces the hash if a better one is given, ends the
    /// session the browser came with, begins the new one. `false`, and nothing changed, when the user
    /// is gone, inactive, or has another password by now.
    ///
    /// # Errors
    /// [`SessionExists`](super::StoreErrorKind::SessionExists) when the key is in use; never overwrites.
    async fn django_log_in(&self, log_in: &DjangoLogIn) -> Result<bool, StoreError>;

    /// Writes a row anew. `false`, and nothing changed, when it is not any more as it was read.
    ///
    /// # Errors
    /// As for [`django_log_in`](Self::django_log_in).
    async fn rewrite_django_session(&self, rewrite: &DjangoRewrite) -> Result<bool, StoreError>;

    /// Replaces a password by compare-and-swap, as
    /// [`replace_password`](super::UserStore::replace_password) does, and writes the row of the one
    /// session that lives on anew. `false`, and nothing changed, when either is not as described.
    ///
    /// # Errors
    /// As for [`django_log_in`](Self::django_log_in).
    async fn replace_password_of_django(
        &self,
        replacement: &PasswordReplacement,
        rewrite: &DjangoRewrite,
    ) -> Result<bool, StoreError>;

    /// Removes a row if it is still as it was read. `false` when it is not.
    async fn remove_django_session(&self, row: &DjangoRow) -> Result<bool, StoreError>;

    /// Ends a session. `false` when there was none.
    async fn end_django_session(&self, key: &SessionKey) -> Result<bool, StoreError>;
}
