//! Emptying counters: what an operator does for users who are slowed down.

use std::net::IpAddr;

use super::{Accounts, Failure, FlowError, LimitsAbout, UsernameRefusal};
use crate::user::UserId;

impl Accounts {
    /// Empties all counters that are about a user and their addresses; how many there were. Those of client networks stay.
    /// Another process may go on refusing for five seconds.
    ///
    /// # Errors
    /// As for [`full_limits_after`](Self::full_limits_after).
    ///
    /// # Cancel safety
    /// They are emptied or not.
    pub async fn clear_limits(&self, user: UserId) -> Result<u64, Failure> {
        let Some(found) = self.store().user(user).await? else {
            return Ok(0);
        };
        let about = self.limits_about_user(&found).await?;
        self.clear_limits_about(&about).await
    }

    /// Empties these counters; how many there were. Of text messages, what was sent and not used counts no longer; what was
    /// used stays, by which the budgets go.
    ///
    /// # Errors
    /// As for [`full_limits_after`](Self::full_limits_after).
    ///
    /// # Cancel safety
    /// Those of text messages are emptied last, each kind whole or not at all.
    pub async fn clear_limits_about(&self, about: &LimitsAbout) -> Result<u64, Failure> {
        let store = &self.inner.limiter.store;
        let cleared = store.clear_limits(&about.limits).await?;
        Ok(cleared + store.clear_texts(&about.texts).await?)
    }

    /// Has what was sent to a number and not used, or to all numbers of a dial code (`+91`), or by the whole site (`sms`), count
    /// no longer; how much there was. None for a text that is none of these. What was used stays, by which the budgets go.
    ///
    /// For a number that is also its dial code and its thousand: all that may keep a message from it but the site.
    ///
    /// # Errors
    /// As for [`full_limits_after`](Self::full_limits_after).
    ///
    /// # Cancel safety
    /// They are emptied or not.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// accounts.request_password_reset("+91 98765 43210").await?;
    /// assert!(accounts.clear_texts("+91").await? > Some(0));
    /// assert_eq!(accounts.clear_texts("+41").await?, Some(0));
    /// assert_eq!(accounts.clear_texts("ann@example.org").await?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn clear_texts(&self, of: &str) -> Result<Option<u64>, Failure> {
        match self.limits_about_texts(of) {
            Some(about) => Ok(Some(self.clear_limits_about(&about).await?)),
            None => Ok(None),
        }
    }

    /// Empties all counters about the user who has this login: a username, an email address or a phone number. As
    /// [`limits_about_login`](Self::limits_about_login) finds them.
    ///
    /// # Errors
    /// - [`NoSuchUser`](UsernameRefusal::NoSuchUser): no user has it.
    /// - [`Ambiguous`](UsernameRefusal::Ambiguous): several users have it in letters of different case.
    /// - [`Failed`](FlowError::Failed), as for [`full_limits_after`](Self::full_limits_after).
    ///
    /// # Cancel safety
    /// As for [`clear_limits`](Self::clear_limits).
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// accounts.log_in("ann", &Password::new("wrong"), None).await.unwrap_err();
    /// assert_eq!(accounts.clear_limits_of_login("ann@example.org").await?, 1);
    /// assert!(accounts.clear_limits_of_login("nobody").await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn clear_limits_of_login(
        &self,
        login: &str,
    ) -> Result<u64, FlowError<UsernameRefusal>> {
        let about = self.limits_about_login(login).await?;
        Ok(self.clear_limits_about(&about).await?)
    }

    /// Empties all counters of the client network that an address is in, and of the wide network around it; how many there
    /// were. As [`limits_about_network`](Self::limits_about_network) finds them: those of the text messages that were asked for
    /// there as well, so that one that was refused its third country is free.
    ///
    /// # Errors
    /// As for [`full_limits_after`](Self::full_limits_after).
    ///
    /// # Cancel safety
    /// As for [`clear_limits_about`](Self::clear_limits_about).
    pub async fn clear_limits_of_network(&self, address: IpAddr) -> Result<u64, Failure> {
        self.clear_limits_about(&self.limits_about_network(address))
            .await
    }
}
