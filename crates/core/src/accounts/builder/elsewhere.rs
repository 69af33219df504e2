//! Users who come in by other ways than the flows.

use super::AccountsBuilder;
#[cfg(doc)]
use crate::accounts::Accounts;
#[cfg(doc)]
use crate::settings::Settings;
use crate::settings::SettingsError;

impl AccountsBuilder {
    /// Users come from elsewhere: they sign up at a page of the application that calls
    /// [`begin_session`](Accounts::begin_session), are created by an operator, or have their addresses verified by one or by
    /// another program. Else settings are refused that leave nobody a way in, or those who are in no way on, as far as the flows
    /// go: see [`Settings::validate_for`].
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::settings::Settings;
    ///
    #[doc = include_str!("../example_builder.txt")]
    /// // An operator verifies the addresses, and nobody sends links for that.
    /// let mut settings = Settings::default();
    /// settings.require_verified = true;
    /// let verify = ["verify_email", "verify_phone"];
    /// assert!(settings.validate_for(&verify).is_err());
    /// let builder = builder.settings(settings).allow_unreceived(verify);
    /// let accounts = builder.users_from_elsewhere().build()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn users_from_elsewhere(mut self) -> Self {
        self.users_are_from_elsewhere = true;
        self
    }

    pub(super) fn validate_settings(&self) -> Result<(), SettingsError> {
        if self.users_are_from_elsewhere {
            self.settings
                .validate_from_elsewhere(&self.allow_unreceived)
        } else {
            self.settings.validate_for(&self.allow_unreceived)
        }
    }
}
