//! Whether the settings send users in circles.

use phone_auth_urls::{AccountPage, AccountRoutes};

use crate::settings::{Settings, SettingsError};

impl Settings {
    /// Checks that users who are sent on after logging in or out are not sent back, or out again, where the account pages
    /// have these paths. [`AccountsBuilder::build`](super::AccountsBuilder::build) asks it as well.
    ///
    /// # Errors
    /// [`SettingsError`] names the first setting that would.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::settings::Settings;
    /// use phone_auth_urls::AccountRoutes;
    ///
    /// let routes = AccountRoutes::new("/konto/")?;
    /// let mut settings = Settings::default();
    /// settings.login_redirect_url = "/konto/login/".to_owned();
    /// let error = settings.validate_routes(&routes).unwrap_err();
    /// assert_eq!(error.setting(), "login_redirect_url");
    /// # Ok::<(), phone_auth_urls::RouteError>(())
    /// ```
    pub fn validate_routes(&self, routes: &AccountRoutes) -> Result<(), SettingsError> {
        check_redirects(self, routes)
    }
}

fn check_redirects(settings: &Settings, routes: &AccountRoutes) -> Result<(), SettingsError> {
    let is_log_out = |url: &str| {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        path.trim_end_matches('/') == routes.page(AccountPage::Logout).trim_end_matches('/')
    };
    let (log_in, log_out) = (&settings.login_redirect_url, &settings.logout_redirect_url);
    for (setting, is_wrong) in [
        ("login_redirect_url", routes.is_on_the_way(log_in)),
        ("logout_redirect_url", is_log_out(log_out)),
    ] {
        if is_wrong {
            return Err(SettingsError::new(
                setting,
                "another page than those that log in, sign up or log out, or are on the way there, which would lead in circles",
            ));
        }
    }
    Ok(())
}
