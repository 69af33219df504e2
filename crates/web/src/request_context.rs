//! What is known of one request: who is logged in, and what the browser has of us.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, OriginalUri};
use axum::response::{Html, IntoResponse, Response};
use http::header::{COOKIE, REFERRER_POLICY};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, Uri};
use minijinja::Value;
use minijinja::value::Serde;
use phone_auth_core::accounts::{Accounts, CurrentUser, Failure, FailureKind};
use phone_auth_core::client::Client;
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::language::Language;
use phone_auth_core::session::SessionKey;
use phone_auth_urls::{AccountPage, MAX_NEXT_BYTES};

use crate::answer;
use crate::cookies::Cookies;
use crate::csrf::{CsrfField, CsrfToken, Sender};
use crate::current_user_view::CurrentUserView;
use crate::gate::GateView;
use crate::guard::Refusal;
use crate::held_back::HeldBack;
use crate::language;
use crate::next::{self, NEXT};
use crate::notice::Reason;
use crate::page::Page;
use crate::redirect;
use crate::request_log;
use crate::session_layer::SessionUse;
use crate::set_cookie::add_cookie;
use crate::web::Web;

/// What is known of a request: who is logged in, if anyone, and the browser's CSRF token.
///
/// An extractor for handlers that render a page of their own in the look of the account pages. It
/// reads the session once, whatever else of the same request asks for it.
///
/// # Examples
/// ```
/// use axum::{Router, response::Response, routing::get};
/// use phone_auth_web::{Page, RequestContext, Web};
///
/// async fn orders(context: RequestContext) -> Response {
///     context.render(Page::new("orders.html", "Orders").with("count", 3))
/// }
///
/// fn routes(web: &Web) -> Router {
///     Router::new().route("/orders/", get(orders)).with_state(web.clone())
/// }
/// ```
///
/// # Errors
/// [`Refusal`] (503) when the store cannot be asked who this is, (500) when it answers nonsense.
#[derive(Clone)]
pub struct RequestContext {
    web: Web,
    uri: Uri,
    keys: Vec<SessionKey>,
    current_user: Option<Arc<CurrentUser>>,
    csrf: Arc<CsrfToken>,
    language: Option<Language>,
    /// The flows for this client.
    accounts: Accounts,
    /// Whether the store was asked who is logged in.
    is_asked: bool,
    keeps_no_cookies: bool,
    pub(crate) sends_cookies: bool,
    kept_next: Vec<String>,
}

impl RequestContext {
    /// Who is logged in.
    pub fn current_user(&self) -> Option<&CurrentUser> {
        self.current_user.as_deref()
    }

    /// The token that a form of this site carries in its hidden field `csrfmiddlewaretoken`. The
    /// answer must come from [`render`](Self::render), which sets the cookie beside it; for templates of another engine
    /// there is [`csrf_field`](Self::csrf_field).
    pub fn csrf_token(&self) -> &str {
        self.csrf.text().unwrap_or_default()
    }

    /// The hidden field for a form of the application's own templates, with the cookie that belongs to it.
    ///
    /// # Examples
    /// See [`CsrfField`].
    pub fn csrf_field(&self) -> CsrfField {
        let token = self.csrf_token().to_owned();
        let cookie = self.csrf.cookie_to_set();
        CsrfField::new(
            token,
            cookie.and_then(|value| self.cookies().set_csrf(value)),
        )
    }

    /// The flows, which know who asks: client networks and accounts take turns at the hashing of passwords. For a handler
    /// of the application's own that calls one of them.
    ///
    /// # Examples
    /// ```
    /// use axum::response::{IntoResponse, Redirect, Response};
    /// use phone_auth_core::accounts::FlowError;
    /// use phone_auth_web::SubmittedForm;
    ///
    /// async fn forgotten(form: SubmittedForm) -> Response {
    ///     let context = form.context();
    ///     match context.accounts().request_password_reset(form.text("email")).await {
    ///         Ok(_) => Redirect::to("/look-into-your-mail/").into_response(),
    ///         Err(FlowError::Refused(_)) => Redirect::to("/forgotten/").into_response(),
    ///         Err(FlowError::Failed(failure)) => context.failed("ask for a reset", &failure),
    ///     }
    /// }
    /// ```
    pub const fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// The answer when a flow could not come to its end, with a line in the log that says what was being done: 503 with
    /// `Retry-After` when trying again may help, else 500.
    ///
    /// # Examples
    /// See [`accounts`](Self::accounts).
    pub fn failed(&self, doing: &'static str, failure: &Failure) -> Response {
        answer::flow_failed(self, doing, failure)
    }

    /// What to say above a form of your own that is shown again with what was typed, where a flow was held back before it
    /// began: it was asked for too often, the gate denies it or wants a challenge answered, or there is too much to do.
    /// Nothing where the flow may have begun: then [`failed`](Self::failed) answers.
    ///
    /// # Examples
    /// See [`HeldBack`].
    pub fn held_back(&self, doing: &'static str, failure: &Failure) -> Option<HeldBack> {
        // Of a full outbox the flow has told the log.
        if failure.kind() == FailureKind::Busy {
            answer::log_unavailable(doing, failure);
        }
        HeldBack::of(failure)
    }

    /// The answer that shows a page.
    ///
    /// A template that fails is logged, and answered with a plain page and 500.
    pub fn render(&self, page: Page) -> Response {
        let status = page.status;
        let referrer = page.referrer.clone();
        let template = page.template.clone();
        let html = match self.web.templates().render(&template, self.values(page)) {
            Ok(html) => html,
            Err(error) => {
                answer::log_broken("render a page", &error);
                return answer::plain_error_page();
            }
        };
        let mut response = (status, Html(html)).into_response();
        let headers = response.headers_mut();
        if let Some(referrer) = referrer {
            headers.insert(REFERRER_POLICY, referrer);
        }
        let cookie = self.csrf.cookie_to_set();
        add_cookie(
            headers,
            cookie.and_then(|value| self.web.cookies().set_csrf(value)),
        );
        response
    }

    /// Reads who sent a request.
    pub(crate) async fn read(web: &Web, parts: &mut Parts) -> Result<Self, Refusal> {
        let current_user = current_user(web, parts).await?;
        let keys = web.cookies().session_keys(&parts.headers);
        Ok(Self::new(web, parts, keys, current_user, true))
    }

    /// A context that asks nothing of the store: for pages that tell of an error.
    pub(crate) fn unasked(web: &Web, parts: &Parts) -> Self {
        Self::new(web, parts, Vec::new(), None, false)
    }

    fn new(
        web: &Web,
        parts: &Parts,
        mut keys: Vec<SessionKey>,
        current_user: Option<Arc<CurrentUser>>,
        is_asked: bool,
    ) -> Self {
        let sender = if is_asked {
            Sender::Known(current_user.as_ref().map(|it| it.user().id))
        } else {
            Sender::NotAsked
        };
        let session = current_user.as_ref().map_or_else(Vec::new, |current_user| {
            current_user.session().digest.as_bytes().to_vec()
        });
        let cookies = web.cookies().read_csrf(&parts.headers);
        // The one that counts first: that of the user, which may have been renewed since it was sent.
        if let Some(current_user) = &current_user {
            let digest = current_user.session().digest;
            keys.sort_by_key(|key| key.digest() != digest);
            if keys.first().is_none_or(|first| first.digest() != digest) {
                keys.insert(0, current_user.key().clone());
            }
        }
        let found = parts.extensions.get::<Found>();
        let found = found.filter(|found| found.by.is_same(web));
        let client = found.map_or_else(|| web.client(parts), |found| found.client.clone());
        let mut client = client.with_devices(web.cookies().read_devices(&parts.headers));
        if let Some(address) = client.address() {
            request_log::note_client(web.accounts().settings(), address);
        }
        if let Some(current_user) = &current_user {
            client = client.signed_in(current_user);
        }
        Self {
            web: web.clone(),
            uri: original_uri(parts),
            keys,
            current_user,
            csrf: Arc::new(CsrfToken::new(
                web.csrf_keys().clone(),
                cookies,
                session,
                sender,
            )),
            language: language::preferred(&parts.headers),
            accounts: web.accounts().for_client(client),
            is_asked,
            keeps_no_cookies: is_browser(&parts.headers) && !parts.headers.contains_key(COOKIE),
            sends_cookies: parts.headers.contains_key(COOKIE),
            kept_next: web.cookies().read_next(&parts.headers),
        }
    }

    /// The path of an account page without parameters.
    pub(crate) fn path(&self, page: AccountPage) -> &str {
        self.web.path(page)
    }

    /// The answer to a form of someone whose session is over: they log in, are told why, and come back.
    pub(crate) fn to_login_again(&self) -> Response {
        let wanted = self.uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let fields = [
            (Reason::FIELD, Some(Reason::SignedOut.name())),
            (NEXT, Some(wanted).filter(|it| it.len() <= MAX_NEXT_BYTES)),
        ];
        redirect::found(&next::with(self.path(AccountPage::Login), &fields))
    }

    /// The flows, whose messages are in the language that the browser asks for.
    pub(crate) fn accounts_in_language(&self) -> Accounts {
        self.accounts().with_language(self.language.clone())
    }

    pub(crate) fn cookies(&self) -> &Cookies {
        self.web.cookies()
    }

    pub(crate) const fn web(&self) -> &Web {
        &self.web
    }

    /// The address that was asked for, as the browser sees it.
    pub(crate) const fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The key of the session that counts, or the one that it has got since; of a browser that is not logged in the
    /// first that it sent. It is what flows that begin a session take as the previous one, which ends.
    ///
    /// # Examples
    /// See [`session_of`](Self::session_of).
    pub fn session_key(&self) -> Option<&SessionKey> {
        self.keys.first()
    }

    /// Whether this is a browser that sends no cookie, although the page that it comes from has set one.
    pub(crate) const fn keeps_no_cookies(&self) -> bool {
        self.keeps_no_cookies
    }

    /// Where the user was on the way to, as the browser has kept it: the first of its values that leads somewhere.
    pub(crate) fn kept_next(&self) -> Option<String> {
        self.kept_next.iter().find_map(|it| self.next(it))
    }

    /// Where the user is on the way to, as the field `next` of a form says: a path of this site, and none of a page on the way,
    /// such as the log-in page.
    ///
    /// # Security
    /// What is typed there is anyone's: who is sent on to it as it stands is sent to another site.
    ///
    /// # Examples
    /// See [`log_in_at`](crate::WebBuilder::log_in_at).
    pub fn next(&self, typed: &str) -> Option<String> {
        next::read(self.accounts().routes(), self.web.own_pages(), typed)
    }

    /// The same as the query says, by which guards lead to the log-in page.
    ///
    /// # Examples
    /// See [`log_in_at`](crate::WebBuilder::log_in_at).
    pub fn next_in_query(&self) -> Option<String> {
        self.next(&next::in_query(&self.uri, NEXT)?)
    }

    /// Has the browser keep where the user was on the way to: a link in a message is opened without it.
    pub(crate) fn keep_next(&self, next: &str, response: &mut Response) {
        let cookie = self
            .cookies()
            .set_next(next, self.accounts().routes().mount());
        add_cookie(response.headers_mut(), cookie);
    }

    /// All keys that the browser sent, alive or not.
    pub(crate) fn session_keys(&self) -> &[SessionKey] {
        &self.keys
    }

    pub(crate) fn csrf(&self) -> &CsrfToken {
        &self.csrf
    }

    /// All that the template is told, the page's own values over those that every page has.
    fn values(&self, page: Page) -> BTreeMap<&'static str, Value> {
        let mut values = BTreeMap::from([
            ("template", Value::from(page.template.as_ref())),
            ("title", Value::from(page.title.as_ref())),
            ("csrf_token", Value::from_dyn_object(Arc::clone(&self.csrf))),
        ]);
        if let Some(current_user) = self.current_user() {
            let user = CurrentUserView::of(self.accounts.settings(), current_user);
            values.insert("user", Value::from(Serde(user)));
        }
        let next = page.values.iter().find(|(name, _)| *name == NEXT);
        let next = next.and_then(|(_, next)| next.as_str());
        let in_query = self.next_in_query();
        for (name, to) in [
            ("log_in_url", AccountPage::Login),
            ("sign_up_url", AccountPage::Signup),
            ("password_reset_url", AccountPage::PasswordReset),
            ("login_code_url", AccountPage::LoginCode),
        ] {
            let fields = [(NEXT, next.or(in_query.as_deref()))];
            values.insert(name, Value::from(next::with(self.path(to), &fields)));
        }
        if !self.is_asked {
            values.insert("is_anonymous_page", Value::from(true));
        }
        values.extend(page.values);
        values
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("logged_in", &self.current_user.is_some())
            .finish_non_exhaustive()
    }
}

impl<S> FromRequestParts<S> for RequestContext
where
    Web: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Self::read(&Web::from_ref(state), parts).await
    }
}

/// Whether a browser goes from page to page, and not a program that keeps what cookies it likes (Fetch metadata,
/// `Sec-Fetch-Mode`).
fn is_browser(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-mode")
        .is_some_and(|mode| mode == "navigate")
}

/// Who was found when a request was first asked. Kept with the request, so that guards, extractors
/// and handlers read the session once between them.
#[derive(Clone)]
struct Found {
    by: Web,
    client: Client,
    current_user: Option<Arc<CurrentUser>>,
}

/// Who is logged in, read once for each request: by the first of the keys that is alive.
pub(crate) async fn current_user(
    web: &Web,
    parts: &mut Parts,
) -> Result<Option<Arc<CurrentUser>>, Refusal> {
    if let Some(session) = parts.extensions.get::<SessionUse>() {
        session.ask();
    }
    if let Some(found) = parts.extensions.get::<Found>()
        && found.by.is_same(web)
    {
        return Ok(found.current_user.clone());
    }
    let mut current_user = None;
    let client = web.client(parts);
    let accounts = web.accounts().for_client(client.clone());
    for key in web.cookies().session_keys(&parts.headers) {
        match accounts.current_user(&key).await {
            Ok(Some(found)) => {
                current_user = Some(Arc::new(renewed(web, parts, found).await));
                break;
            }
            Ok(None) => {}
            Err(error) => {
                let context = RequestContext::unasked(web, parts);
                return Err(Refusal::new(answer::flow_failed(
                    &context,
                    "read a session",
                    &error,
                )));
            }
        }
    }
    parts.extensions.insert(Found {
        by: web.clone(),
        client,
        current_user: current_user.clone(),
    });
    Ok(current_user)
}

/// The user, after their session got another key if it should have one and the answer can say so. When
/// that fails the session goes on as it is.
async fn renewed(web: &Web, parts: &Parts, current_user: CurrentUser) -> CurrentUser {
    let Some(session) = parts.extensions.get::<SessionUse>() else {
        return current_user;
    };
    match web.accounts().renew_session(&current_user).await {
        Ok(Some((key, renewed))) => {
            let lifetime = web.accounts().settings().session_lifetime;
            let lifetime = (!web.accounts().ends_with_browser(&renewed)).then_some(lifetime);
            session.renew(web.cookies().set_session(key.reveal(), lifetime));
            renewed
        }
        Ok(None) => current_user,
        Err(error) => {
            answer::log_broken("give a session another key", &error);
            current_user
        }
    }
}

/// The address that was asked for, also inside a nested router.
pub(crate) fn original_uri(parts: &Parts) -> Uri {
    let original = parts.extensions.get::<OriginalUri>();
    original.map_or_else(|| parts.uri.clone(), |original| original.0.clone())
}

impl GateView {
    /// What the form of a flow shows from the start.
    pub(crate) async fn offered(context: &RequestContext, flow: GatedFlow) -> Option<Self> {
        let accounts = context.accounts_in_language();
        let challenge = accounts.offered_challenge(flow).await?;
        Some(Self::of(&challenge))
    }
}
