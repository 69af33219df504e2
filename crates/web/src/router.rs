//! The routes of the account pages.

use axum::Router;
use axum::extract::{NestedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use http::{Method, StatusCode};
use phone_auth_urls::AccountPage;

use crate::answer::{self, RequestError};
use crate::offered::is_offered;
use crate::own_pages::is_same_page;
use crate::pages::{
    add_address, address, addresses, change_password, close_account, confirm_identity, log_in,
    log_in_code, log_in_link, log_out, password_reset, reset_link, sessions, sign_up,
    verification_link,
};
use crate::redirect::{self, append_slash};
use crate::request_context::RequestContext;
use crate::web::Web;

impl Web {
    /// The account pages at their full paths, for [`Router::merge`]. It has no fallback, so that the
    /// application's stays in force.
    ///
    /// Not for [`Router::nest`]: the links in pages and messages are those of the mount, which
    /// [`AccountRoutes`](phone_auth_urls::AccountRoutes) has. A router cannot see at build that it is nested, so each
    /// request is then answered with 500, and the log says what to write.
    ///
    /// # Examples
    /// ```
    /// use axum::{Router, routing::get};
    /// use phone_auth_web::Web;
    ///
    /// fn app(web: &Web) -> Router {
    ///     Router::new().route("/", get("Hello")).merge(web.router())
    /// }
    /// ```
    pub fn router(&self) -> Router {
        accounts(self)
    }
}

/// The account pages and the style sheet, at their full paths.
fn accounts(web: &Web) -> Router {
    let mut pages = Router::new();
    let offered = AccountPage::ALL.into_iter();
    let is_here =
        |page: &AccountPage| is_offered(web.accounts(), *page) && !is_elsewhere(web, *page);
    for page in offered.filter(is_here) {
        let path = web.accounts().routes().page(page);
        pages = pages.route(path, handlers(page));
        if let Some(without_slash) = path.strip_suffix('/') {
            pages = pages.route(without_slash, any(append_slash));
        }
    }
    let mount = web.accounts().routes().mount();
    if let Some(without_slash) = mount.strip_suffix('/').filter(|path| !path.is_empty()) {
        pages = pages
            .route(mount, get(to_addresses))
            .route(without_slash, get(to_addresses));
    }
    let links = [
        AccountPage::PasswordResetConfirm,
        AccountPage::EmailVerificationConfirm,
        AccountPage::LoginConfirm,
    ];
    for page in links.into_iter().filter(is_here) {
        let path = web.accounts().routes().page(page);
        let link = path.trim_end_matches('/');
        let shorter = link
            .rsplit_once('/')
            .map_or(link, |(before, _token)| before);
        // What a mail program has cut off, or added to.
        pages = pages
            .route(&format!("{shorter}/"), handlers(page))
            .route(shorter, handlers(page))
            .route(&format!("{path}{{*rest}}"), get(without_rest));
    }
    let stylesheet = get(async |State(web): State<Web>| web.stylesheet_file().response());
    let stylesheet = stylesheet.fallback(other_method);
    if is_offered(web.accounts(), AccountPage::ChangePassword) {
        pages = pages.route("/.well-known/change-password", get(change_password_url));
    }
    pages
        .layer(web.page_headers())
        .route(web.stylesheet(), stylesheet)
        // One that is refused because of where it is has the headers of a page too.
        .layer(from_fn_with_state(web.clone(), not_nested))
        .with_state(web.clone())
}

/// Whether the application has its own page in the place of this one. What leads to our log-in page still comes there, as the
/// links of messages that are on their way, unless the application has its own at the same path.
fn is_elsewhere(web: &Web, page: AccountPage) -> bool {
    let ours = web.accounts().routes().page(page);
    let own = web.own_pages().of(page);
    own.is_some_and(|own| page != AccountPage::Login || is_same_page(own, ours))
}

/// Refuses to serve pages at other paths than their links say: guards and messages would lead nowhere. The router cannot
/// know it before a request comes.
async fn not_nested(State(web): State<Web>, request: Request, next: Next) -> Response {
    let Some(nested) = request.extensions().get::<NestedPath>() else {
        return next.run(request).await;
    };
    tracing::error!(
        under = nested.as_str(),
        "the account pages are nested: merge their router into that of the application, and say where they are by the \
         mount of `AccountRoutes`"
    );
    let mut response = answer::plain_error_page();
    web.page_headers().apply(response.headers_mut());
    response
}

/// A link to which a mail program has added the full stop or the bracket that stands after it leads to the link; anything
/// else is no link.
async fn without_rest(context: RequestContext) -> Response {
    let path = context.uri().path();
    let link = path.trim_end_matches(|c: char| c != '/');
    let added = path.get(link.len()..).unwrap_or_default();
    let is_punctuation = !added.is_empty()
        && added.len() <= MAX_ADDED
        && !added
            .bytes()
            .any(|byte| byte.is_ascii_alphanumeric() && !added.starts_with('%'));
    if is_punctuation {
        redirect::found(link)
    } else {
        answer::request_error(&context, RequestError::Path)
    }
}

/// The most that is taken for punctuation: one character, percent-encoded, or a few.
const MAX_ADDED: usize = 12;

/// The path that all pages have in common shows the account; anyone who is not logged in logs in on the way.
async fn to_addresses(State(web): State<Web>) -> Response {
    redirect::found(web.accounts().routes().page(AccountPage::EmailVerification))
}

/// Where password managers look for the page that changes a password (W3C, a well-known URL for changing passwords).
pub(crate) async fn change_password_url(State(web): State<Web>) -> Response {
    redirect::found(web.accounts().routes().page(AccountPage::ChangePassword))
}

/// What answers for a page. HEAD is answered as GET without the body.
fn handlers(page: AccountPage) -> MethodRouter<Web> {
    let handlers = match page {
        AccountPage::Signup => get(sign_up::show).post(sign_up::submit),
        AccountPage::Login => get(log_in::show).post(log_in::submit),
        AccountPage::Logout => get(log_out::show).post(log_out::submit),
        AccountPage::PasswordReset => get(password_reset::show).post(password_reset::submit),
        AccountPage::PasswordResetDone => {
            get(password_reset::show_done).post(password_reset::submit_code)
        }
        AccountPage::PasswordResetConfirm => get(reset_link::show).post(reset_link::submit),
        AccountPage::PasswordResetComplete => get(password_reset::show_complete),
        AccountPage::ChangePassword => get(change_password::show).post(change_password::submit),
        AccountPage::ChangePasswordDone => get(change_password::show_done),
        AccountPage::EmailVerification => get(addresses::show).post(addresses::submit),
        AccountPage::EmailVerificationConfirm => {
            get(verification_link::show).post(verification_link::submit)
        }
        AccountPage::AddPhone => get(add_address::show_phone).post(add_address::submit_phone),
        AccountPage::AddEmail => get(add_address::show_email).post(add_address::submit_email),
        AccountPage::Address => get(address::show).post(address::submit),
        AccountPage::ConfirmIdentity => get(confirm_identity::show).post(confirm_identity::submit),
        AccountPage::CloseAccount => get(close_account::show).post(close_account::submit),
        AccountPage::CloseAccountDone => get(close_account::show_done),
        AccountPage::ExportAccount => {
            get(close_account::show_export).post(close_account::submit_export)
        }
        AccountPage::LoginCode => get(log_in_code::show).post(log_in_code::submit),
        AccountPage::LoginCodeDone => get(log_in_code::show_done).post(log_in_code::submit_code),
        AccountPage::LoginConfirm => get(log_in_link::show).post(log_in_link::submit),
        AccountPage::Sessions => get(sessions::show).post(sessions::submit),
    };
    handlers.fallback(other_method)
}

/// Answers OPTIONS with the methods there are, and others with 405. axum adds `Allow`.
async fn other_method(method: Method, context: RequestContext) -> Response {
    if method == Method::OPTIONS {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        return response;
    }
    answer::request_error(&context, RequestError::Method)
}
