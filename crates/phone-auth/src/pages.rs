//! The pages as an application wants them.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::core::accounts::Accounts;
use crate::signals::SiteOrigin;
use crate::web::Web;
use crate::{BuildError, BuildErrorKind};

/// What the pages are made with.
#[derive(Default)]
pub(crate) struct Pages {
    pub(crate) site_name: Option<String>,
    pub(crate) session_cookie: Option<String>,
    pub(crate) host_cookies: Option<bool>,
    pub(crate) trusted_origins: Vec<SiteOrigin>,
    pub(crate) django_cookie: Option<String>,
    pub(crate) django_domain: Option<String>,
    pub(crate) folder: Option<PathBuf>,
    pub(crate) templates: Vec<(Cow<'static, str>, Cow<'static, str>)>,
}

impl Pages {
    /// Makes them.
    pub(crate) fn build(self, accounts: Accounts, site: SiteOrigin) -> Result<Web, BuildError> {
        let mut web = Web::builder(accounts, site);
        for (name, source) in self.templates {
            web = web.template(name, source);
        }
        if let Some(folder) = self.folder {
            web = web.templates_from(folder);
        }
        if let Some(name) = self.site_name {
            web = web.site_name(name);
        }
        if let Some(name) = self.session_cookie {
            web = web.session_cookie_name(name);
        }
        if let Some(on) = self.host_cookies {
            web = web.host_cookies(on);
        }
        for origin in self.trusted_origins {
            web = web.trusted_origin(origin);
        }
        if let Some(name) = self.django_cookie {
            web = web.django_session_cookie(name);
        }
        if let Some(domain) = self.django_domain {
            web = web.django_session_cookie_domain(domain);
        }
        web.build()
            .map_err(|error| BuildError::with_source(BuildErrorKind::Web, error))
    }
}
