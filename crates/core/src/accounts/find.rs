//! The user whom a name means, for an operator who is called.

use super::{Accounts, FlowError};
use crate::store::StoreErrorKind;
use crate::user::{AccountName, User};

impl Accounts {
    /// The user whom a phone number, an email address or a username means, read in this order as at log-in; none when it
    /// means nobody. Names by which the settings let nobody log in are found too.
    ///
    /// # Security
    /// It tells who has an account and has no limits: it is for operators and for your own code, not for what users
    /// type. An address need not be verified to name its account.
    ///
    /// # Errors
    /// - [`AmbiguousName`]: several users have this name, and nobody exactly as typed.
    /// - [`Failed`](FlowError::Failed), [`Unavailable`](super::FailureKind::Unavailable) or
    ///   [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.find("Ann@Example.org").await?.ok_or("nobody")?;
    /// assert_eq!(ann.username, "ann");
    /// assert_eq!(accounts.find("nobody@example.org").await?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn find(&self, login: &str) -> Result<Option<User>, FlowError<AmbiguousName>> {
        let name = AccountName::any(login, self.settings());
        let found = match self.store().find_user(&name).await {
            Err(error) if error.kind() == StoreErrorKind::Ambiguous => {
                return Err(FlowError::Refused(AmbiguousName));
            }
            found => found?,
        };
        Ok(found.map(|found| found.user))
    }
}

/// Why [`Accounts::find`] refuses: several users have this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("several users have this name")]
#[expect(
    clippy::exhaustive_structs,
    reason = "a caller names it in a pattern, as the only refusal there is"
)]
pub struct AmbiguousName;
