//! The pages as an application wants them.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::core::accounts::Accounts;
use crate::signals::SiteOrigin;
use crate::web::Web;
use crate::{BuildError, BuildErrorKind, PhoneAuthBuilder};

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

/// What the pages are to be like.
impl PhoneAuthBuilder {
    /// What the session cookie is called; else `sessionid`. Applications of one host need names that differ.
    ///
    /// ```
    /// let builder = phone_auth::PhoneAuth::builder().session_cookie_name("tea_house_session");
    /// # drop(builder);
    /// ```
    pub fn session_cookie_name(mut self, name: impl Into<String>) -> Self {
        self.pages.session_cookie = Some(name.into());
        self
    }

    /// Whether the names of the cookies begin with `__Host-`, so that no other host of the domain can set them; else
    /// they do on an https site that shares no sessions with Django
    /// ([`WebBuilder::host_cookies`](crate::web::WebBuilder::host_cookies)).
    ///
    /// ```
    /// // A site whose other programs read the session cookie under its plain name.
    /// let builder = phone_auth::PhoneAuth::builder().site("https://example.org").host_cookies(false);
    /// # drop(builder);
    /// ```
    pub fn host_cookies(mut self, on: bool) -> Self {
        self.pages.host_cookies = Some(on);
        self
    }

    /// Another origin whose pages may send forms to this site
    /// ([`WebBuilder::trusted_origin`](crate::web::WebBuilder::trusted_origin)).
    ///
    /// ```
    /// use phone_auth::{PhoneAuth, SiteOrigin};
    ///
    /// let shop = SiteOrigin::parse("https://shop.example.org")?;
    /// let builder = PhoneAuth::builder().site("https://example.org").trusted_origin(shop);
    /// # drop(builder);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trusted_origin(mut self, origin: SiteOrigin) -> Self {
        self.pages.trusted_origins.push(origin);
        self
    }

    /// The `SESSION_COOKIE_NAME` of the Django site that sessions are shared with; else the name of the session cookie.
    pub fn django_session_cookie(mut self, name: impl Into<String>) -> Self {
        self.pages.django_cookie = Some(name.into());
        self
    }

    /// The `SESSION_COOKIE_DOMAIN` of the Django site that sessions are shared with; else the cookie is for
    /// this host alone. Every host of the domain is sent the key of the session.
    pub fn django_session_cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.pages.django_domain = Some(domain.into());
        self
    }

    /// A folder whose templates replace ours, one by one.
    pub fn templates_from(mut self, folder: impl Into<PathBuf>) -> Self {
        self.pages.folder = Some(folder.into());
        self
    }

    /// Adds a template of the application, or replaces one of ours by its name.
    pub fn template(
        mut self,
        name: impl Into<Cow<'static, str>>,
        source: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.pages.templates.push((name.into(), source.into()));
        self
    }

    /// What the site is called at the top of its pages; else the host of its origin.
    pub fn site_name(mut self, name: impl Into<String>) -> Self {
        self.pages.site_name = Some(name.into());
        self
    }
}
