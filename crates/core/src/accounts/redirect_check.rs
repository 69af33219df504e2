//! Whether the settings send users in circles.

use phone_auth_urls::{AccountPage, AccountRoutes};

use crate::settings::{Settings, SettingsError};

/// Where users are sent after logging in or out must not send them back, or out again.
pub(super) fn check_redirects(
    settings: &Settings,
    routes: &AccountRoutes,
) -> Result<(), SettingsError> {
    let leads_to = |url: &str, page: AccountPage| {
        let path = url.split(['?', '#']).next().unwrap_or_default();
        path.trim_end_matches('/') == routes.page(page).trim_end_matches('/')
    };
    let on_the_way = [AccountPage::Login, AccountPage::Signup, AccountPage::Logout];
    for (setting, url, pages) in [
        (
            "login_redirect_url",
            &settings.login_redirect_url,
            &on_the_way[..],
        ),
        (
            "logout_redirect_url",
            &settings.logout_redirect_url,
            &on_the_way[2..],
        ),
    ] {
        if pages.iter().any(|page| leads_to(url, *page)) {
            return Err(SettingsError::new(
                setting,
                "another page than those that log in, sign up or log out, which would lead in circles",
            ));
        }
    }
    Ok(())
}
