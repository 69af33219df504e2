//! A small site around the account pages: a home page, a profile, and two pages behind guards.
//!
//! The `phone-auth` program serves it. It uses the guards as any application does: the profile and
//! the page for users with a verified phone number by an extractor, the page for users with a
//! verified email address by a layer.

use axum::Router;
use axum::response::Response;
use axum::routing::{any, get};
use phone_auth_core::address::AddressKind;

use crate::answer::{self, RequestError};
use crate::guard::{LoggedIn, VerifiedPhone};
use crate::page::Page;
use crate::redirect::append_slash;
use crate::request_context::RequestContext;
use crate::web::Web;

/// `/`, `profile/` under the mount of the account pages, as in `/accounts/profile/`, `/members/email/` and `/members/phone/` where users have such addresses, and a page for every address
/// that does not exist.
///
/// # Examples
/// ```
/// use axum::Router;
/// use phone_auth_web::{Web, site};
///
/// fn app(web: &Web) -> Router {
///     web.router().merge(site::router(web))
/// }
/// ```
pub fn router(web: &Web) -> Router {
    let settings = web.accounts().settings();
    let profile_path = profile_path(web);
    let mut pages = Router::new()
        .route("/", get(home))
        .route(&profile_path, get(profile))
        .route(profile_path.trim_end_matches('/'), any(append_slash));
    if settings.has_addresses(AddressKind::Email) {
        let for_email = Router::new()
            .route("/members/email/", get(email_members))
            .route_layer(web.verified_email_required());
        pages = pages
            .merge(for_email)
            .route("/members/email", any(append_slash));
    }
    if settings.has_addresses(AddressKind::Phone) {
        pages = pages
            .route("/members/phone/", get(phone_members))
            .route("/members/phone", any(append_slash));
    }
    pages
        .method_not_allowed_fallback(wrong_method)
        .fallback(not_found)
        .layer(web.page_headers())
        .with_state(web.clone())
}

fn profile_path(web: &Web) -> String {
    format!("{}profile/", web.accounts().routes().mount())
}

async fn home(context: RequestContext) -> Response {
    let profile_url = profile_path(context.web());
    context.render(Page::new("site/home.html", "Welcome").with("profile_url", profile_url))
}

async fn profile(LoggedIn(_): LoggedIn, context: RequestContext) -> Response {
    context.render(Page::new("site/profile.html", "Your profile"))
}

async fn email_members(context: RequestContext) -> Response {
    context.render(Page::new("site/members.html", "Members by email").with("kind", "email"))
}

async fn phone_members(VerifiedPhone(_): VerifiedPhone, context: RequestContext) -> Response {
    context.render(Page::new("site/members.html", "Members by phone").with("kind", "phone"))
}

async fn not_found(context: RequestContext) -> Response {
    answer::request_error(&context, RequestError::Path)
}

async fn wrong_method(context: RequestContext) -> Response {
    answer::request_error(&context, RequestError::Method)
}
