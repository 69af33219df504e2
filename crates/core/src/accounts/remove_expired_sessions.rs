//! Removing sessions that are over.

use super::{Accounts, Failure};
use crate::session_sweep;

impl Accounts {
    /// Removes sessions that are over from the store; how many they were. A [worker](crate::outbox::OutboxWorker) does so
    /// when it starts and every hour; this is for a site without one, and for an operator. Sessions end by themselves, this
    /// only makes room. It is done in steps, so that nothing else waits for it, and any number of processes may do it at
    /// once.
    ///
    /// Rows of Django's table of sessions are left to its `manage.py clearsessions`.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken): the store. Some
    /// may be removed by then.
    ///
    /// # Cancel safety
    /// Some are removed, the others are left for the next time.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// assert_eq!(accounts.remove_expired_sessions().await?, 0, "this one is alive");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn remove_expired_sessions(&self) -> Result<u64, Failure> {
        session_sweep::remove_expired(self.store(), self.now()).await
    }
}
