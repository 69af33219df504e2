//! The routes of the account pages.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::{NestedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use http::{Method, StatusCode};
use phone_auth_core::accounts::Accounts;
use phone_auth_core::address::AddressKind;
use phone_auth_core::outbox::Purpose;
use phone_auth_urls::AccountPage;

use crate::answer::{self, RequestError};
use crate::pages::{
    add_address, address, addresses, change_password, close_account, confirm_identity, log_in,
    log_in_code, log_in_link, log_out, password_reset, reset_link, sessions, sign_up,
    verification_link,
};
use crate::redirect::{self, append_slash};
use crate::request_context::RequestContext;
use crate::templates::Templates;
use crate::web::Web;

/// The account pages and the style sheet, at their full paths.
pub(crate) fn accounts(web: &Web) -> Router {
    let mut pages = Router::new();
    let offered = AccountPage::ALL.into_iter();
    let is_here = |page: &AccountPage| {
        let is_elsewhere = *page == AccountPage::Signup && web.own_sign_up().is_some();
        is_offered(web.accounts(), *page) && !is_elsewhere
    };
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

/// Whether this site has a page. One has none for what its users do not have, and none to ask for a message that nobody
/// sends; links that are on their way are still answered.
fn is_offered(accounts: &Accounts, page: AccountPage) -> bool {
    match page {
        AccountPage::AddEmail => accounts.settings().has_addresses(AddressKind::Email),
        AccountPage::AddPhone => accounts.settings().has_addresses(AddressKind::Phone),
        AccountPage::PasswordReset | AccountPage::PasswordResetDone => offers_reset(accounts),
        AccountPage::CloseAccount | AccountPage::CloseAccountDone => {
            accounts.settings().close_account
        }
        AccountPage::ExportAccount => accounts.settings().export_account,
        AccountPage::ChangePassword | AccountPage::ChangePasswordDone => {
            !accounts.settings().sign_up_by_code
        }
        AccountPage::LoginCode | AccountPage::LoginCodeDone => offers(accounts, Purpose::LogIn),
        _ => true,
    }
}

/// Whether a reset can be asked for by any kind of address.
pub(crate) fn offers_reset(accounts: &Accounts) -> bool {
    offers(accounts, Purpose::ResetPassword)
}

/// Whether such a message can be asked for by any kind of address.
fn offers(accounts: &Accounts, purpose: Purpose) -> bool {
    let mut kinds = KINDS.into_iter();
    kinds.any(|kind| accounts.offers(purpose, kind))
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

const KINDS: [AddressKind; 2] = [AddressKind::Email, AddressKind::Phone];

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

/// What the page of the user's addresses is called, by what users have here.
pub(crate) fn addresses_title(accounts: &Accounts) -> &'static str {
    let has = |kind| accounts.settings().has_addresses(kind);
    match (has(AddressKind::Email), has(AddressKind::Phone)) {
        (true, true) => "Email and phone",
        (true, false) => "Email",
        (false, true) => "Phone",
        (false, false) => "Addresses",
    }
}

/// Tells every template where things are.
pub(crate) fn provide_addresses(
    templates: &mut Templates,
    accounts: &Accounts,
    sign_up_path: Option<&str>,
    stylesheet: &str,
    site_name: &str,
) {
    let routes = accounts.routes();
    let mut urls: BTreeMap<&str, &str> = AccountPage::ALL
        .into_iter()
        .filter(|page| !page.pattern().contains('{') && is_offered(accounts, *page))
        .map(|page| (page.name(), routes.page(page)))
        .collect();
    if let Some(path) = sign_up_path {
        urls.insert(AccountPage::Signup.name(), path);
    }
    let settings = accounts.settings();
    templates.provide("urls", urls);
    let by_kind = |is: &dyn Fn(AddressKind) -> bool| {
        BTreeMap::from([
            ("email", is(AddressKind::Email)),
            ("phone", is(AddressKind::Phone)),
        ])
    };
    templates.provide(
        "has_addresses",
        by_kind(&|kind| settings.has_addresses(kind)),
    );
    templates.provide(
        "verifies",
        by_kind(&|kind| accounts.offers(Purpose::Verify, kind)),
    );
    templates.provide("addresses_title", addresses_title(accounts));
    templates.provide("site", BTreeMap::from([("name", site_name)]));
    templates.provide("stylesheet", stylesheet);
    templates.provide("login_redirect_url", settings.login_redirect_url.as_str());
    templates.provide("logout_redirect_url", settings.logout_redirect_url.as_str());
}
