//! The pages, put together: one value that the application keeps.

mod builder;

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use http::Uri;
use http::header::USER_AGENT;
use http::request::Parts;
use phone_auth_core::accounts::Accounts;
use phone_auth_core::client::Client;
use phone_auth_events::SiteOrigin;
use phone_auth_urls::AccountPage;

pub use builder::WebBuilder;

use crate::build_error::{WebBuildError, WebBuildErrorKind};
use crate::client_address::{self, ProxyCheck, TrustedProxies};
use crate::cookie_options::CookieOptions;
use crate::cookies::Cookies;
use crate::csrf::{CsrfKeys, Origins};
use crate::headers::PageHeadersLayer;
use crate::own_pages::OwnPages;
use crate::session_layer::SessionLayer;
use crate::stylesheet::Stylesheet;
use crate::template_note::{self, TemplateNote};
use crate::templates::{self, Templates};

/// The account pages, sessions and guards of a site. Cheap to clone; clones share everything.
///
/// It is the state that the extractors of this crate look for: `with_state(web)` where the
/// application has no state of its own, else one `impl FromRef<AppState> for Web`.
///
/// # Examples
/// See the [crate](crate).
#[derive(Clone)]
pub struct Web {
    inner: Arc<Inner>,
}

/// What all clones share.
struct Inner {
    accounts: Accounts,
    site: SiteOrigin,
    templates: Templates,
    stylesheet: Stylesheet,
    own_pages: OwnPages,
    cookies: Cookies,
    csrf_keys: CsrfKeys,
    origins: Origins,
    page_headers: PageHeadersLayer,
    trusted_proxies: TrustedProxies,
    proxy_check: ProxyCheck,
}

impl Web {
    /// Begins to put the pages together over the flows, for the site at this origin.
    pub fn builder(accounts: Accounts, site: SiteOrigin) -> WebBuilder {
        WebBuilder::new(accounts, site)
    }

    /// The flows.
    pub fn accounts(&self) -> &Accounts {
        &self.inner.accounts
    }

    /// Whether a path is that of a page which one needs in order to log in.
    pub(crate) fn is_open_to_all(&self, uri: &Uri) -> bool {
        let path = uri.path();
        path == self.stylesheet()
            || self.own_pages().has(path)
            || self.account_page(path).is_some_and(Self::is_way_in)
    }

    /// The page of the account at a path, with its final slash or without.
    pub(crate) fn account_page(&self, path: &str) -> Option<AccountPage> {
        let routes = self.accounts().routes().routes();
        let page = routes
            .resolve(path)
            .or_else(|| routes.resolve(path.trim_end_matches('/')));
        page.and_then(|page| AccountPage::from_name(page.name()))
    }

    /// Whether a page is needed by who is not logged in, or is no longer: those on the way, and where a message leads that was
    /// sent to anyone who has the address.
    fn is_way_in(page: AccountPage) -> bool {
        let is_of_users = page == AccountPage::ConfirmIdentity;
        page == AccountPage::EmailVerificationConfirm || (page.is_on_the_way() && !is_of_users)
    }

    /// Who sends a request, as far as its connection and its headers tell.
    pub(crate) fn client(&self, parts: &Parts) -> Client {
        let agent = parts.headers.get(USER_AGENT);
        let agent = agent.and_then(|agent| agent.to_str().ok());
        let client = Client::new().with_user_agent(agent.unwrap_or_default());
        match self.client_address(parts) {
            Some(address) => client.at(address),
            None => client,
        }
    }

    /// The address that a request comes from, if that is known.
    pub(crate) fn client_address(&self, parts: &Parts) -> Option<IpAddr> {
        client_address::of(&self.inner.trusted_proxies, &self.inner.proxy_check, parts)
    }

    /// The origin of the site, which links that are sent begin with.
    pub fn site(&self) -> &SiteOrigin {
        &self.inner.site
    }

    /// A layer for the whole application: caches keep no answer that depends on who is logged in, and a session that gets
    /// another key is told to the browser. The account pages need it not, and do not mind it.
    ///
    /// It sets no content policy: that of the account pages, by [`page_headers`](Self::page_headers), allows no script.
    ///
    /// # Examples
    /// ```
    /// use axum::{Router, routing::get};
    /// use phone_auth_web::{LoggedIn, Web};
    ///
    /// async fn hello(LoggedIn(user): LoggedIn) -> String {
    ///     format!("Hello {}", user.user().first_name)
    /// }
    ///
    /// fn app(web: &Web) -> Router {
    ///     Router::new()
    ///         .route("/hello/", get(hello))
    ///         .with_state(web.clone())
    ///         .merge(web.router())
    ///         .layer(web.layer())
    /// }
    /// ```
    pub fn layer(&self) -> SessionLayer {
        SessionLayer::new()
    }

    /// A layer that puts the headers of the account pages on the application's own.
    ///
    /// # Examples
    /// ```
    /// use axum::{Router, routing::get};
    /// use phone_auth_web::Web;
    ///
    /// fn orders(web: &Web) -> Router {
    ///     Router::new().route("/orders/", get("tea")).layer(web.page_headers())
    /// }
    /// ```
    pub fn page_headers(&self) -> PageHeadersLayer {
        self.inner.page_headers.clone()
    }

    /// The path of the style sheet. Its name changes with its content.
    pub fn stylesheet(&self) -> &str {
        self.inner.stylesheet.path()
    }

    pub(crate) fn stylesheet_file(&self) -> &Stylesheet {
        &self.inner.stylesheet
    }

    /// Compiles the templates of a folder beside the embedded ones, as [`WebBuilder::build`] does, without a
    /// site to show them on.
    ///
    /// # Errors
    /// [`Templates`](crate::WebBuildErrorKind::Templates): the folder cannot be read, or a template has a mistake;
    /// the source names file and line.
    ///
    /// # Examples
    /// ```
    /// let folder = std::env::temp_dir().join("no such folder");
    /// assert!(phone_auth_web::Web::check_templates(Some(&folder)).is_err());
    /// assert!(phone_auth_web::Web::check_templates(None).is_ok());
    /// ```
    pub fn check_templates(folder: Option<&Path>) -> Result<(), WebBuildError> {
        builder::style(folder)?;
        builder::compile(Vec::new(), folder).map(drop)
    }

    /// What of a folder of templates no page would show, as it is likely mistyped: a file whose name nobody asks for, and a
    /// variable that nobody sets. `own` are the templates of the application, by name and source.
    ///
    /// # Errors
    /// As for [`check_templates`](Self::check_templates).
    ///
    /// # Examples
    /// See [`TemplateNote`].
    pub fn template_notes(
        folder: &Path,
        own: &[(&'static str, &'static str)],
    ) -> Result<Vec<TemplateNote>, WebBuildError> {
        let own = own
            .iter()
            .map(|(name, source)| ((*name).into(), (*source).into()));
        let compiled_in = templates::embedded(own.collect());
        template_note::notes(folder, &compiled_in)
            .map_err(|source| WebBuildError::with_source(WebBuildErrorKind::Templates, source))
    }

    /// Whether browsers would take these cookies of this site, as [`WebBuilder::build`] asks, without flows to have
    /// them for. `shares_sessions` says whether the sessions are shared with a Django site.
    ///
    /// # Errors
    /// [`HostCookiesNeedHttps`](crate::WebBuildErrorKind::HostCookiesNeedHttps),
    /// [`HostCookiesBesideDjango`](crate::WebBuildErrorKind::HostCookiesBesideDjango),
    /// [`NoSharedSessions`](crate::WebBuildErrorKind::NoSharedSessions),
    /// [`CookieName`](crate::WebBuildErrorKind::CookieName) and
    /// [`CookieDomain`](crate::WebBuildErrorKind::CookieDomain), as for [`WebBuilder::build`].
    ///
    /// # Examples
    /// See [`CookieOptions`].
    pub fn check_cookies(
        site: &SiteOrigin,
        shares_sessions: bool,
        options: &CookieOptions,
    ) -> Result<(), WebBuildError> {
        options.make(site, shares_sessions).map(drop)
    }

    /// The path of the page to log in: that of the [application](WebBuilder::log_in_at), if it has one.
    ///
    /// # Examples
    /// See [`log_in_at`](WebBuilder::log_in_at).
    pub fn log_in_path(&self) -> &str {
        self.path(AccountPage::Login)
    }

    /// The path of an account page without parameters, or of the application's own in its place.
    pub(crate) fn path(&self, page: AccountPage) -> &str {
        let own = self.own_pages().of(page);
        own.unwrap_or_else(|| self.accounts().routes().page(page))
    }

    /// The application's own pages in the place of ours.
    pub(crate) fn own_pages(&self) -> &OwnPages {
        &self.inner.own_pages
    }

    pub(crate) fn templates(&self) -> &Templates {
        &self.inner.templates
    }

    pub(crate) fn cookies(&self) -> &Cookies {
        &self.inner.cookies
    }

    pub(crate) fn csrf_keys(&self) -> &CsrfKeys {
        &self.inner.csrf_keys
    }

    pub(crate) fn origins(&self) -> &Origins {
        &self.inner.origins
    }

    /// Whether the two are clones of one.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Web")
            .field("site", &self.inner.site)
            .finish_non_exhaustive()
    }
}
