//! Puts the pages together, and refuses what browsers would not take.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::HeaderValue;
use phone_auth_core::accounts::Accounts;
use phone_auth_events::SiteOrigin;

use super::{Inner, Web};
use crate::build_error::{WebBuildError, WebBuildErrorKind};
use crate::client_address::{ProxyCheck, TrustedProxies};
use crate::cookie_options::{CookieOptions, host_of};
use crate::csrf::{CsrfKeys, Origins};
use crate::headers::{self, PageHeadersLayer};
use crate::offered::provide_addresses;
use crate::own_pages::OwnPages;
use crate::stylesheet::{self, Stylesheet};
use crate::templates::Templates;

/// Puts [`Web`] together; [`Web::builder`] begins.
#[derive(Debug)]
#[must_use = "nothing happens until `build` is called"]
pub struct WebBuilder {
    accounts: Accounts,
    site: SiteOrigin,
    site_name: Option<String>,
    templates: Vec<Source>,
    folder: Option<PathBuf>,
    cookies: CookieOptions,
    trusted_origins: Vec<SiteOrigin>,
    content_policy: Option<String>,
    trusted_proxies: TrustedProxies,
    own_pages: OwnPages,
}

impl WebBuilder {
    pub(super) fn new(accounts: Accounts, site: SiteOrigin) -> Self {
        Self {
            accounts,
            site,
            site_name: None,
            templates: Vec::new(),
            folder: None,
            cookies: CookieOptions::default(),
            trusted_origins: Vec::new(),
            content_policy: None,
            trusted_proxies: TrustedProxies::default(),
            own_pages: OwnPages::default(),
        }
    }

    /// What the site is called at the top of its pages; the host of its origin unless said.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// assert!(builder().site_name("Tea house").build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn site_name(mut self, name: impl Into<String>) -> Self {
        self.site_name = Some(name.into());
        self
    }

    /// Takes templates from a folder before the embedded ones, each by its name:
    /// `FOLDER/phone_auth/login.html` in place of the log-in page. A file that changes is read anew; while it has a
    /// mistake or is empty, the last good text is shown, and in place of one that is removed the embedded one. Whatever
    /// a file ends in, the values in it are escaped for HTML. `FOLDER/phone_auth/style.css` replaces the style
    /// sheet, and is read once.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use phone_auth_web::WebBuildErrorKind;
    ///
    /// // What cannot be read is told at the start.
    /// let refused = builder().templates_from("no/such/folder").build().unwrap_err();
    /// assert_eq!(refused.kind(), WebBuildErrorKind::Templates);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn templates_from(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Adds a template of the application, or replaces one of ours by its name. A name in our folders `phone_auth` and
    /// `site` that none of ours has is refused, unless its file begins with `_`: no page would show it.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use phone_auth_web::WebBuildErrorKind;
    ///
    /// assert!(builder().template("orders.html", "{% for order in orders %}{{ order }} {% endfor %}").build().is_ok());
    /// let refused = builder().template("orders.html", "{% for %}").build().unwrap_err();
    /// assert_eq!(refused.kind(), WebBuildErrorKind::Templates);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn template(
        mut self,
        name: impl Into<Cow<'static, str>>,
        source: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.templates.push((name.into(), source.into()));
        self
    }

    /// The path of the application's own sign-up page. The one of the account pages is then left out, and what leads to it
    /// leads there: the navigation, the log-in page, `urls.phone_signup` in templates.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use phone_auth_web::WebBuildErrorKind;
    ///
    /// assert!(builder().sign_up_at("/join/").build().is_ok());
    /// let refused = builder().sign_up_at("https://elsewhere.example/").build().unwrap_err();
    /// assert_eq!(refused.kind(), WebBuildErrorKind::SignUpPath);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn sign_up_at(mut self, path: impl Into<String>) -> Self {
        self.own_pages.sign_up = Some(path.into());
        self
    }

    /// The path of the application's own log-in page. What leads to the one of the account pages leads there: guards, which keep
    /// in `next` where one was going, the navigation, `urls.phone_login` and `log_in_url` in templates. A form that is sent to
    /// ours is not taken.
    ///
    /// That page sends those on who are signed in, to where `next` says if that is a path of this site.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use axum::response::{IntoResponse, Redirect, Response};
    /// use phone_auth_web::{Page, RequestContext, WebBuildErrorKind};
    ///
    /// async fn show(context: RequestContext) -> Response {
    ///     let next = context.next_in_query();
    ///     match context.current_user() {
    ///         Some(_) => Redirect::to(next.as_deref().unwrap_or("/")).into_response(),
    ///         None => context.render(Page::new("enter.html", "Enter").with("next", next)),
    ///     }
    /// }
    ///
    /// assert_eq!(builder().log_in_at("/enter/").build()?.log_in_path(), "/enter/");
    /// let refused = builder().log_in_at("https://elsewhere.example/").build().unwrap_err();
    /// assert_eq!(refused.kind(), WebBuildErrorKind::LogInPath);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn log_in_at(mut self, path: impl Into<String>) -> Self {
        self.own_pages.log_in = Some(path.into());
        self
    }

    /// What the session cookie is called; else `sessionid`. Applications of one host need names that differ.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use phone_auth_web::WebBuildErrorKind;
    ///
    /// assert!(builder().session_cookie_name("tea_house_session").build().is_ok());
    /// let refused = builder().session_cookie_name("tea house").build().unwrap_err();
    /// assert_eq!(refused.kind(), WebBuildErrorKind::CookieName);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn session_cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookies.session_name = Some(name.into());
        self
    }

    /// Whether the names of the cookies begin with `__Host-`, as in `__Host-sessionid`. Browsers then refuse them from
    /// any other host of the domain (ASVS 5.0, 3.3.3), which could else set a session of its own before ours. Only an
    /// https site can have them, and no site that shares its sessions with Django.
    ///
    /// Unless said, they do on an https site that shares no sessions. Sessions that the
    /// first version began, which knew no prefix, live on under the plain name; anyone who turns the prefix on or off
    /// later signs everybody out.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use phone_auth_events::SiteOrigin;
    /// use phone_auth_web::{Web, WebBuildErrorKind};
    ///
    /// // Another program of the host reads the cookie under its plain name.
    /// assert!(builder().host_cookies(false).build().is_ok());
    /// let plain = SiteOrigin::parse("http://example.org")?;
    /// let refused = Web::builder(accounts, plain).host_cookies(true).build().unwrap_err();
    /// assert_eq!(refused.kind(), WebBuildErrorKind::HostCookiesNeedHttps);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn host_cookies(mut self, on: bool) -> Self {
        self.cookies.host_prefix = Some(on);
        self
    }

    /// All that the cookies are to be like at once, in place of what was said of them before.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use phone_auth_web::{CookieOptions, WebBuildErrorKind};
    ///
    /// let mut options = CookieOptions::default();
    /// assert!(builder().cookies(options.clone()).build().is_ok());
    /// options.session_name = Some("csrftoken".to_owned());
    /// let refused = builder().cookies(options).build().unwrap_err();
    /// assert_eq!(refused.kind(), WebBuildErrorKind::CookieName);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cookies(mut self, options: CookieOptions) -> Self {
        self.cookies = options;
        self
    }

    /// Another origin whose pages may send forms to this site, such as that of an application in front of it. Those of
    /// the site itself may, whatever `Host` a proxy sends.
    ///
    /// # Security
    /// Anyone who can put a page on that origin can have a user's browser send any form.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use phone_auth_events::SiteOrigin;
    ///
    /// let shop = SiteOrigin::parse("https://shop.example.org")?;
    /// assert!(builder().trusted_origin(shop).build().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trusted_origin(mut self, origin: SiteOrigin) -> Self {
        self.trusted_origins.push(origin);
        self
    }

    /// The proxies in front of the site, which say in a header whose request it is. Without them the one who is connected
    /// counts as the client.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use phone_auth_web::{ClientAddressHeader, TrustedProxies};
    ///
    /// let proxies = |network| TrustedProxies::new([network], ClientAddressHeader::XForwardedFor);
    /// assert!(builder().trusted_proxies(proxies("10.0.0.0/8".parse()?)).build().is_ok());
    /// assert!(builder().trusted_proxies(proxies("0.0.0.0/0".parse()?)).build().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trusted_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.trusted_proxies = proxies;
        self
    }

    /// The `SESSION_COOKIE_NAME` of the Django site that sessions are shared with; else the name of the session
    /// cookie. It is refused where they are not
    /// ([`AccountsBuilder::sessions`](phone_auth_core::accounts::AccountsBuilder::sessions)).
    /// There our CSRF cookie is called `phone_auth_csrftoken`, so that Django's stays as it is.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use phone_auth_web::WebBuildErrorKind;
    ///
    /// // Nothing says that sessions are shared.
    /// let refused = builder().django_session_cookie("tea_session").build().unwrap_err();
    /// assert_eq!(refused.kind(), WebBuildErrorKind::NoSharedSessions);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn django_session_cookie(mut self, name: impl Into<String>) -> Self {
        self.cookies.django_session_name = Some(name.into());
        self
    }

    /// The `SESSION_COOKIE_DOMAIN` of the Django site that sessions are shared with, such as `example.org`;
    /// else the cookie is for this host alone. It is refused where
    /// [`django_session_cookie`](Self::django_session_cookie) is. Browsers keep two cookies of one name
    /// that differ by their domain, and send both: then one site takes the session of the other for over.
    ///
    /// # Security
    /// Every host of the domain is sent the key of the session.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use phone_auth_web::WebBuildErrorKind;
    ///
    /// // Nothing says that sessions are shared.
    /// let refused = builder().django_session_cookie_domain("example.org").build().unwrap_err();
    /// assert_eq!(refused.kind(), WebBuildErrorKind::NoSharedSessions);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn django_session_cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.cookies.django_session_domain = Some(domain.into());
        self
    }

    /// Another `Content-Security-Policy`, for templates that load more than a style sheet.
    ///
    /// # Security
    /// Keep `frame-ancestors 'none'`, `base-uri 'none'` and `form-action 'self'`, and allow no inline
    /// code.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// use phone_auth_web::WebBuildErrorKind;
    ///
    /// let policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
    ///               base-uri 'none'; frame-ancestors 'none'";
    /// assert!(builder().content_security_policy(policy).build().is_ok());
    /// let refused = builder().content_security_policy("two\nlines").build().unwrap_err();
    /// assert_eq!(refused.kind(), WebBuildErrorKind::ContentSecurityPolicy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn content_security_policy(mut self, policy: impl Into<String>) -> Self {
        self.content_policy = Some(policy.into());
        self
    }

    /// Puts the pages together.
    ///
    /// # Errors
    /// [`WebBuildError`] of the kind
    /// - [`Templates`](WebBuildErrorKind::Templates): the folder cannot be read, a template has a
    ///   mistake, or one of the application stands among ours and replaces none; the source names file and line.
    /// - [`TrustedProxies`](WebBuildErrorKind::TrustedProxies): a network of [`trusted_proxies`](Self::trusted_proxies) is
    ///   wider than `10.0.0.0/8` or `fc00::/7`.
    /// - [`SignUpPath`](WebBuildErrorKind::SignUpPath): the application's sign-up page is not at a path of this site.
    /// - [`LogInPath`](WebBuildErrorKind::LogInPath): the application's log-in page is not at a path of this site, or at one
    ///   with a query.
    /// - [`NoSharedSessions`](WebBuildErrorKind::NoSharedSessions): the cookie of a Django site was described, and no
    ///   sessions are shared with one.
    /// - [`HostCookiesNeedHttps`](WebBuildErrorKind::HostCookiesNeedHttps): [`host_cookies`](Self::host_cookies)
    ///   on a site that is not https.
    /// - [`HostCookiesBesideDjango`](WebBuildErrorKind::HostCookiesBesideDjango): they were asked for on a site that
    ///   shares its sessions with Django.
    /// - [`CookieName`](WebBuildErrorKind::CookieName): no cookie can have the name that was given, another of ours
    ///   has it, or it begins with a prefix that [`host_cookies`](Self::host_cookies) is there for.
    /// - [`TwoCookieNames`](WebBuildErrorKind::TwoCookieNames): it was given one beside that of a Django site.
    /// - [`SignUpCircle`](WebBuildErrorKind::SignUpCircle): `login_redirect_url` leads to the application's sign-up page.
    /// - [`LogInCircle`](WebBuildErrorKind::LogInCircle): it leads to its log-in page.
    /// - [`CookieDomain`](WebBuildErrorKind::CookieDomain): the host of the site is not in the domain that was
    ///   given.
    /// - [`ContentSecurityPolicy`](WebBuildErrorKind::ContentSecurityPolicy): the policy cannot stand
    ///   in a header.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # let keyring = phone_auth_tokens::Keyring::new(phone_auth_tokens::SecretKey::generate()?);
    /// # let store = Arc::new(phone_auth_store_testkit::MemoryStore::new());
    /// # let accounts = phone_auth_core::accounts::Accounts::builder(store, keyring).build()?;
    /// # let site = phone_auth_events::SiteOrigin::parse("https://example.org")?;
    /// # let builder = || phone_auth_web::Web::builder(accounts.clone(), site.clone());
    /// let web = builder().build()?;
    /// assert_eq!(web.site().as_str(), "https://example.org");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn build(self) -> Result<Web, WebBuildError> {
        let https = self.site.is_https();
        let cookies = self
            .cookies
            .make(&self.site, self.accounts.shares_sessions())?;
        let content_policy = match self.content_policy {
            None => HeaderValue::from_static(headers::CONTENT_POLICY),
            Some(policy) => HeaderValue::try_from(policy).map_err(|source| {
                WebBuildError::with_source(WebBuildErrorKind::ContentSecurityPolicy, source)
            })?,
        };
        self.own_pages.check(self.accounts.settings())?;
        if self.trusted_proxies.trusts_strangers() {
            return Err(WebBuildErrorKind::TrustedProxies.into());
        }
        let style = style(self.folder.as_deref())?;
        let stylesheet = Stylesheet::new(self.accounts.routes().mount(), style);
        let mut templates = compile(self.templates, self.folder.as_deref())?;
        let name = self
            .site_name
            .unwrap_or_else(|| host_of(&self.site).to_owned());
        provide_addresses(
            &mut templates,
            &self.accounts,
            &self.own_pages,
            stylesheet.path(),
            &name,
        );
        Ok(Web {
            inner: Arc::new(Inner {
                templates,
                stylesheet,
                own_pages: self.own_pages,
                cookies,
                csrf_keys: CsrfKeys::new(self.accounts.keyring()),
                origins: Origins::new(&self.site, &self.trusted_origins),
                page_headers: PageHeadersLayer::new(content_policy, https),
                trusted_proxies: self.trusted_proxies,
                proxy_check: ProxyCheck::new(!self.site.is_loopback()),
                accounts: self.accounts,
                site: self.site,
            }),
        })
    }
}

/// A template's name and source.
pub(super) type Source = (Cow<'static, str>, Cow<'static, str>);

/// The templates, those of the folder before the embedded ones.
pub(super) fn compile(
    more: Vec<Source>,
    folder: Option<&Path>,
) -> Result<Templates, WebBuildError> {
    Templates::compile(more, folder)
        .map_err(|source| WebBuildError::with_source(WebBuildErrorKind::Templates, source))
}

/// The style sheet of the folder, or the embedded one.
pub(super) fn style(folder: Option<&Path>) -> Result<String, WebBuildError> {
    let own = folder.map(|folder| folder.join("phone_auth/style.css"));
    match own.filter(|path| path.is_file()) {
        Some(path) => std::fs::read_to_string(path)
            .map_err(|source| WebBuildError::with_source(WebBuildErrorKind::Templates, source)),
        None => Ok(stylesheet::EMBEDDED.to_owned()),
    }
}
