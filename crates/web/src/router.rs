//! The routes of the account pages.

use std::collections::BTreeMap;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get};
use http::{Method, StatusCode};
use phone_auth_core::accounts::Accounts;
use phone_auth_urls::AccountPage;

use crate::answer::{self, RequestError};
use crate::pages::{
    add_address, addresses, change_password, log_in, log_out, password_reset, reset_link, sign_up,
    verification_link,
};
use crate::redirect::append_slash;
use crate::request_context::RequestContext;
use crate::stylesheet::Stylesheet;
use crate::templates::Templates;
use crate::web::Web;

/// The thirteen pages and the style sheet, at their full paths.
pub(crate) fn accounts(web: &Web) -> Router {
    let mut pages = Router::new();
    for page in AccountPage::ALL {
        let path = web.accounts().routes().page(page);
        pages = pages.route(path, handlers(page));
        if let Some(without_slash) = path.strip_suffix('/') {
            pages = pages.route(without_slash, any(append_slash));
        }
    }
    let stylesheet = get(async |State(web): State<Web>| web.stylesheet_file().response());
    let stylesheet = stylesheet.fallback(other_method);
    pages
        .layer(web.page_headers())
        .route(web.stylesheet(), stylesheet)
        .with_state(web.clone())
}

/// What answers for a page. HEAD is answered as GET without the body.
fn handlers(page: AccountPage) -> MethodRouter<Web> {
    let handlers = match page {
        AccountPage::Signup => get(sign_up::show).post(sign_up::submit),
        AccountPage::Login => get(log_in::show).post(log_in::submit),
        AccountPage::Logout => get(log_out::show).post(log_out::submit),
        AccountPage::PasswordReset => get(password_reset::show).post(password_reset::submit),
        AccountPage::PasswordResetDone => get(password_reset::show_done),
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

/// Tells every template where things are.
pub(crate) fn provide_addresses(
    templates: &mut Templates,
    accounts: &Accounts,
    stylesheet: &Stylesheet,
    site_name: &str,
) {
    let routes = accounts.routes();
    let urls: BTreeMap<&str, &str> = AccountPage::ALL
        .into_iter()
        .filter(|page| !page.pattern().contains('{'))
        .map(|page| (page.name(), routes.page(page)))
        .collect();
    let settings = accounts.settings();
    templates.provide("urls", urls);
    templates.provide("site", BTreeMap::from([("name", site_name)]));
    templates.provide("stylesheet", stylesheet.path());
    templates.provide("login_redirect_url", settings.login_redirect_url.as_str());
    templates.provide("logout_redirect_url", settings.logout_redirect_url.as_str());
}
