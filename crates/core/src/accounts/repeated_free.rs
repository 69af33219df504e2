//! A form that frees an address and is sent twice: the first has used up the link.

use std::time::Duration;

use phone_auth_tokens::Purpose;
use phone_auth_urls::id;

use super::{Accounts, Failure};
use crate::user::{User, UserId};

const PURPOSE: Purpose = Purpose::new("free-form");

/// How long a page may wait before its form is sent for the first time.
const LIFETIME: Duration = Duration::from_hours(1);

impl Accounts {
    /// What a form that [frees an address](Self::free_address) of this user carries in a hidden field, so that it is known
    /// when it comes a second time. It opens nothing.
    ///
    /// # Examples
    /// See [`was_freed`](Self::was_freed).
    pub fn free_form_token(&self, user: &User, address: &str) -> String {
        let id = user.id.get().to_be_bytes();
        let tokens = self.inner.links.tokens();
        let token = tokens.issue(&PURPOSE, self.now(), &[&id, address.as_bytes()]);
        token.as_str().to_owned()
    }

    /// Whether a form that frees an address was sent before and has done what it asks: the token is one of its page, not
    /// older than an hour, and the user does not have the address.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.find("ann").await?.ok_or("nobody")?;
    /// let token = accounts.free_form_token(&ann, "lost@example.org");
    /// assert!(accounts.was_freed("MQ", "lost@example.org", &token).await?);
    ///
    /// let token = accounts.free_form_token(&ann, "ann@example.org");
    /// assert!(!accounts.was_freed("MQ", "ann@example.org", &token).await?, "she has it");
    /// assert!(!accounts.was_freed("MQ", "lost@example.org", &token).await?, "another's");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn was_freed(
        &self,
        uidb64: &str,
        address: &str,
        form_token: &str,
    ) -> Result<bool, Failure> {
        let Some(user) = id::decode_user(uidb64).map(UserId::new) else {
            return Ok(false);
        };
        let state: &[&[u8]] = &[&user.get().to_be_bytes(), address.as_bytes()];
        let (now, tokens) = (self.now(), self.inner.links.tokens());
        if tokens
            .check(&PURPOSE, form_token, now, LIFETIME, state)
            .is_err()
        {
            return Ok(false);
        }
        let addresses = self.some_addresses_of(user).await?;
        Ok(!addresses.iter().any(|it| it.value == address))
    }
}
