//! Logging out.

use phone_auth_events::{Sender, UserLoggedOut};

use super::{Accounts, Failure};
use crate::session::SessionKey;

impl Accounts {
    /// Ends a session. `false` when there was none. Fires `user_logged_out`, unless the session was
    /// dead already.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken): the store. Then
    /// the session may live on.
    ///
    /// # Cancel safety
    /// The session is over or not; the signal may be missing.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// assert!(accounts.log_out(&ann.key).await?);
    /// assert!(accounts.current_user(&ann.key).await?.is_none());
    /// assert!(!accounts.log_out(&ann.key).await?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn log_out(&self, key: &SessionKey) -> Result<bool, Failure> {
        let current_user = self.current_user(key).await?;
        // Of several at once, one ends it.
        let ended = self.session_port().end(key).await?;
        if let Some(current_user) = current_user.filter(|_| ended) {
            let user = current_user.user().to_event_user();
            self.happened(UserLoggedOut::new(Sender::new("log_out"), user))
                .await;
        }
        Ok(ended)
    }
}
