//! Pages that an application has in the place of ours: its own sign-up and log-in page.

use phone_auth_core::settings::Settings;
use phone_auth_urls::{AccountPage, local_path};

use crate::build_error::{WebBuildError, WebBuildErrorKind};

/// Where they are, if there are any.
#[derive(Clone, Debug, Default)]
pub(crate) struct OwnPages {
    pub(crate) sign_up: Option<String>,
    pub(crate) log_in: Option<String>,
}

impl OwnPages {
    /// Those there are, each with the page of ours in whose place it is.
    pub(crate) fn all(&self) -> impl Iterator<Item = (AccountPage, &str)> {
        let pages = [
            (AccountPage::Signup, &self.sign_up),
            (AccountPage::Login, &self.log_in),
        ];
        pages
            .into_iter()
            .filter_map(|(page, path)| Some((page, path.as_deref()?)))
    }

    /// The path of the one in the place of this page.
    pub(crate) fn of(&self, page: AccountPage) -> Option<&str> {
        let mut all = self.all();
        all.find_map(|(own, path)| (own == page).then_some(path))
    }

    /// Whether one of them is at this path, with its final slash or without.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.all().any(|(_, own)| is_same_page(own, path))
    }

    /// Refuses those that are not at paths of this site, or lead in a circle.
    pub(crate) fn check(&self, settings: &Settings) -> Result<(), WebBuildError> {
        let on = settings.login_redirect_url.split(['?', '#']);
        let on = on.into_iter().next().unwrap_or_default();
        for (page, path) in self.all() {
            // Guards add a query of their own.
            let is_log_in = page == AccountPage::Login;
            let has_query = is_log_in && path.contains(['?', '#']);
            let is_local = local_path(path).is_some_and(|taken| taken == path);
            let problem = match (is_local && !has_query, is_same_page(path, on)) {
                (true, false) => continue,
                (false, _) if is_log_in => WebBuildErrorKind::LogInPath,
                (false, _) => WebBuildErrorKind::SignUpPath,
                (true, true) if is_log_in => WebBuildErrorKind::LogInCircle,
                (true, true) => WebBuildErrorKind::SignUpCircle,
            };
            return Err(problem.into());
        }
        Ok(())
    }
}

/// Whether two paths are of one page: one may lack the final slash.
pub(crate) fn is_same_page(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}
