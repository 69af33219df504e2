//! A site over a store in memory, and a browser that asks it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use phone_auth_core::accounts::{Accounts, AccountsBuilder};
use phone_auth_core::clock::ManualClock;
use phone_auth_core::gate::Gate;
use phone_auth_core::settings::Settings;
use phone_auth_events::{
    Capture, Event, ResetPasswordEmail, Signals, SiteOrigin, VerifyEmail, VerifyPhone,
};
use phone_auth_store_testkit::{MemoryStore, Plain};
use phone_auth_tokens::{Keyring, SecretKey};
use phone_auth_web::{Web, WebBuilder, site};
use tower::ServiceExt;

/// The password that everybody in these tests has.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A site of its own for each test.
pub(crate) struct Site {
    pub(crate) router: Router,
    pub(crate) web: Web,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) signals: Signals,
    origin: String,
}

impl Site {
    /// A site with the default settings.
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// A site whose settings are changed first.
    pub(crate) fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        Self::build("http://site.example", settings, |builder| builder)
    }

    /// A site that is reached by https.
    pub(crate) fn https(adjust: impl FnOnce(WebBuilder) -> WebBuilder) -> Self {
        Self::build("https://site.example", Settings::default(), adjust)
    }

    /// A site whose pages are put together in another way.
    pub(crate) fn built(adjust: impl FnOnce(WebBuilder) -> WebBuilder) -> Self {
        Self::build("http://site.example", Settings::default(), adjust)
    }

    /// A site that has no sender for these signals.
    pub(crate) fn without_senders(signals: &[&'static str]) -> Self {
        Self::without_senders_and(signals, |_| {})
    }

    /// The same, with settings that are changed first.
    pub(crate) fn without_senders_and(
        signals: &[&'static str],
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        Self::build_with("http://site.example", settings, signals, |builder| builder)
    }

    /// A site behind a gate.
    pub(crate) fn gated(gate: impl Gate + 'static) -> Self {
        Self::gated_with(gate, |_| {})
    }

    /// The same, by this clock.
    pub(crate) fn gated_at(gate: impl Gate + 'static, clock: ManualClock) -> Self {
        Self::build_of(
            "http://site.example",
            Settings::default(),
            |builder| builder.gate(gate).clock(clock),
            |builder| builder,
        )
    }

    /// The same, with settings that are changed first.
    pub(crate) fn gated_with(
        gate: impl Gate + 'static,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let site = "http://site.example";
        let mut settings = Settings::default();
        change(&mut settings);
        Self::build_of(
            site,
            settings,
            |builder| builder.gate(gate),
            |builder| builder,
        )
    }

    /// A site that goes by this clock.
    pub(crate) fn at_clock(clock: ManualClock) -> Self {
        Self::at_clock_with(clock, |_| {})
    }

    /// The same, with settings that are changed first.
    pub(crate) fn at_clock_with(clock: ManualClock, change: impl FnOnce(&mut Settings)) -> Self {
        let site = "http://site.example";
        let mut settings = Settings::default();
        change(&mut settings);
        Self::build_of(
            site,
            settings,
            |builder| builder.clock(clock),
            |builder| builder,
        )
    }

    fn build(
        origin: &str,
        settings: Settings,
        adjust: impl FnOnce(WebBuilder) -> WebBuilder,
    ) -> Self {
        Self::build_with(origin, settings, &[], adjust)
    }

    fn build_with(
        origin: &str,
        settings: Settings,
        without: &[&'static str],
        adjust: impl FnOnce(WebBuilder) -> WebBuilder,
    ) -> Self {
        let signals = without.iter().copied();
        Self::build_of(
            origin,
            settings,
            |builder| builder.allow_unreceived(signals),
            adjust,
        )
    }

    fn build_of(
        origin: &str,
        settings: Settings,
        adjust_accounts: impl FnOnce(AccountsBuilder) -> AccountsBuilder,
        adjust: impl FnOnce(WebBuilder) -> WebBuilder,
    ) -> Self {
        let store = Arc::new(MemoryStore::new());
        let signals = Signals::isolated();
        let keyring = Keyring::new(SecretKey::generate().unwrap());
        let builder = Accounts::builder(store.clone(), keyring)
            .signals(signals.clone())
            .settings(settings)
            // A real hash takes twice as long as all the rest of a request.
            .hasher(Plain);
        let accounts = adjust_accounts(builder).build().unwrap();
        let builder = Web::builder(accounts, SiteOrigin::parse(origin).unwrap());
        let web = adjust(builder).build().unwrap();
        Self {
            router: web.router().merge(site::router(&web)),
            web,
            store,
            signals,
            origin: origin.to_owned(),
        }
    }

    /// Another router in front of the same store.
    pub(crate) fn serving(mut self, router: impl FnOnce(&Web) -> Router) -> Self {
        self.router = router(&self.web);
        self
    }

    /// A browser that has not been here before.
    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser {
            site: self,
            cookies: BTreeMap::new(),
        }
    }

    /// A browser whose owner signed up as `ann` and logged in.
    pub(crate) async fn ann(&self) -> Browser<'_> {
        self.member("ann", "ann@example.org", "+12125552368").await
    }

    /// A browser whose owner signed up as `bob` and logged in.
    pub(crate) async fn bob(&self) -> Browser<'_> {
        self.member("bob", "bob@example.org", "+12125552369").await
    }

    /// Ann has signed up, and is not here.
    pub(crate) async fn ann_signed_up(&self) {
        let form = sign_up_form("ann", "ann@example.org", "+12125552368");
        let answer = self.browser().post("/accounts/signup/", &form).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
    }

    /// Ann, who has signed up, logs in with this browser.
    pub(crate) async fn ann_logs_in(&self, browser: &mut Browser<'_>) {
        let answer = browser.log_in("ann", PASSWORD).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
    }

    async fn member(&self, username: &str, email: &str, phone: &str) -> Browser<'_> {
        let mut browser = self.browser();
        let form = sign_up_form(username, email, phone);
        let answer = browser.post("/accounts/signup/", &form).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        let answer = browser.log_in(username, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
        browser.confirm(PASSWORD).await;
        browser
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// What is sent while `during` runs, of one kind of signal.
    pub(crate) fn capture<E: Event + Clone>(&self) -> Capture<E> {
        self.signals.capture::<E>()
    }
}

/// All that a user types to sign up.
pub(crate) fn sign_up_form<'a>(
    username: &'a str,
    email: &'a str,
    phone: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![
        ("first_name", "Ann"),
        ("last_name", "Smith"),
        ("username", username),
        ("email", email),
        ("phone", phone),
        ("password", PASSWORD),
        ("confirm_password", PASSWORD),
    ]
}

/// The same form with one field changed.
pub(crate) fn with<'a>(
    mut form: Vec<(&'a str, &'a str)>,
    field: &str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    for (name, text) in &mut form {
        if *name == field {
            *text = value;
        }
    }
    form
}

/// A browser: it keeps cookies and says where its forms come from.
pub(crate) struct Browser<'a> {
    site: &'a Site,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    /// Has the owner confirm that it is them.
    pub(crate) async fn confirm(&mut self, password: &str) {
        let form = [("password", password)];
        let answer = self.post("/accounts/confirm_identity/", &form).await;
        assert_eq!(answer.status, StatusCode::FOUND, "{}", answer.body);
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path).await
    }

    pub(crate) async fn ask(&mut self, method: Method, path: &str) -> Answer {
        let request = self.request(method, path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = encode(fields);
        let request = self
            .request(Method::POST, path)
            .header(ORIGIN, &self.site.origin)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(body))
            .unwrap();
        self.send(request).await
    }

    pub(crate) async fn log_in(&mut self, login: &str, password: &str) -> Answer {
        let form = [("login", login), ("password", password)];
        self.post("/accounts/login/", &form).await
    }

    /// A request with this browser's cookies, and nothing about where it comes from.
    pub(crate) fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "site.example");
        if !self.cookies.is_empty() {
            let pairs: Vec<String> = self
                .cookies
                .iter()
                .map(|(name, value)| format!("{name}={value}"))
                .collect();
            request = request.header(COOKIE, pairs.join("; "));
        }
        request
    }

    /// Sends a request, and keeps the cookies that come back.
    pub(crate) async fn send(&mut self, request: Request<Body>) -> Answer {
        let answer = self.site.send(request).await;
        for cookie in answer.set_cookies() {
            let (name, rest) = cookie.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Asks for a verification link and returns it.
    pub(crate) async fn email_link(&mut self) -> String {
        let mut sent = self.site.capture::<VerifyEmail>();
        let pk = self.pk("email").await;
        self.post(
            "/accounts/user_verification/",
            &[("method", "email"), ("pk", &pk)],
        )
        .await;
        sent.take().remove(0).url.as_str().to_owned()
    }

    /// Asks for a verification link for the phone and returns it.
    pub(crate) async fn phone_link(&mut self) -> String {
        let mut sent = self.site.capture::<VerifyPhone>();
        let pk = self.pk("phone").await;
        self.post(
            "/accounts/user_verification/",
            &[("method", "phone"), ("pk", &pk)],
        )
        .await;
        sent.take().remove(0).url.as_str().to_owned()
    }

    /// Asks for a reset link by email and returns it.
    pub(crate) async fn reset_link(&mut self, email: &str) -> String {
        let mut sent = self.site.capture::<ResetPasswordEmail>();
        self.post("/accounts/password_reset/", &[("login", email)])
            .await;
        sent.take().remove(0).url.as_str().to_owned()
    }

    /// The number of the first unverified address of a kind.
    pub(crate) async fn pk(&mut self, method: &str) -> String {
        let page = self.get("/accounts/user_verification/").await.body;
        let marker = format!(
            "name=\"method\" value=\"{method}\">\n<input type=\"hidden\" name=\"pk\" value=\""
        );
        let (_, rest) = page.split_once(&marker).unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

/// Fields as a browser sends them.
pub(crate) fn encode(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

/// What the site answered.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// Where it redirects to; empty when it does not.
    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    /// The same without what it calls the code that the page is about.
    pub(crate) fn location_of_code(&self) -> &str {
        let (to, named) = self.location().split_once("asked=").unwrap_or_default();
        assert_eq!(named.len(), 22, "{}", self.location());
        to.trim_end_matches(['?', '&'])
    }

    pub(crate) fn retry_after(&self) -> &str {
        self.header(RETRY_AFTER.as_str())
    }

    /// A header; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        let cookies = self.headers.get_all(SET_COOKIE).iter();
        cookies.map(|cookie| cookie.to_str().unwrap()).collect()
    }

    /// The cookie of this name that is set, with its flags.
    pub(crate) fn set_cookie(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}=");
        let mut cookies = self.set_cookies().into_iter();
        cookies.find(|cookie| cookie.starts_with(&prefix))
    }

    /// The text of the first `h1`.
    pub(crate) fn heading(&self) -> &str {
        let (_, rest) = self.body.split_once("<h1>").unwrap_or_default();
        rest.split("</h1>").next().unwrap_or_default()
    }

    /// The token in the hidden field.
    pub(crate) fn csrf_token(&self) -> &str {
        self.hidden("csrfmiddlewaretoken")
    }

    /// The value of the hidden field of this name; empty when it is not there.
    pub(crate) fn hidden(&self, name: &str) -> &str {
        let marker = format!("name=\"{name}\" value=\"");
        let (_, rest) = self.body.split_once(&marker).unwrap_or_default();
        rest.split('"').next().unwrap_or_default()
    }

    /// The tag of the control with this name.
    pub(crate) fn control(&self, name: &str) -> &str {
        let marker = format!(" name=\"{name}\"");
        let at = self.body.find(&marker).unwrap_or_default();
        let start = self.body[..at].rfind('<').unwrap_or_default();
        let end = self.body[start..].find('>').unwrap_or_default();
        &self.body[start..=start + end]
    }

    /// What is said at a field.
    pub(crate) fn error_at(&self, name: &str) -> String {
        let marker = format!("id=\"id_{name}_error\">");
        let (_, rest) = self.body.split_once(&marker).unwrap_or_default();
        let error = rest.split("</div>").next().unwrap_or_default();
        error
            .replace("<span class=\"visually-hidden\">Error: </span>", "")
            .replace("<p>", "")
            .replace("</p>", "")
            .trim()
            .to_owned()
    }
}
