//! Guards as extractors: a handler that names one in its arguments is run for nobody else.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use phone_auth_core::accounts::CurrentUser;

use super::{Refusal, Rule};
use crate::request_context;
use crate::web::Web;

/// Someone is logged in. Others are sent to the log-in page and come back from there.
///
/// `Option<LoggedIn>` lets everybody through and says who is there, if anyone.
///
/// # Errors
/// [`Refusal`]: the redirect; 503 when the store cannot be asked, 500 when it answers nonsense.
///
/// # Examples
/// ```
/// use axum::{Router, routing::get};
/// use phone_auth_web::{LoggedIn, Web};
///
/// async fn hello(LoggedIn(current_user): LoggedIn) -> String {
///     format!("Hello {}", current_user.user().first_name)
/// }
///
/// fn routes(web: &Web) -> Router {
///     Router::new().route("/hello/", get(hello)).with_state(web.clone())
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "handlers take it apart in their arguments"
)]
pub struct LoggedIn(pub Arc<CurrentUser>);

/// Someone with a verified email address is logged in. Anyone who has none is sent to the page that
/// asks for verification; anyone who is not logged in, to the log-in page.
///
/// # Errors
/// As for [`LoggedIn`].
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "handlers take it apart in their arguments"
)]
pub struct VerifiedEmail(pub Arc<CurrentUser>);

/// Someone who has proven lately who they are is logged in: for what changes who can get into an account, or cannot be undone.
/// Anyone else who is logged in is sent to the page "Confirm it's you" and comes back from there; anyone who is not, to the
/// log-in page. How long a proof counts is the setting
/// [`reauthentication_lifetime`](phone_auth_core::settings::Settings::reauthentication_lifetime).
///
/// # Security
/// To have logged in is no proof, however recently. The way back is a GET: of a form that is sent without a proof nothing is
/// kept. So name it in the handler that shows a form too, and serve both at one path. Where a form is handled, ask
/// [`RequestContext::recently_proven`](crate::RequestContext::recently_proven) after it was read: then a form of another user is
/// told from one that comes too late.
///
/// # Errors
/// As for [`LoggedIn`].
///
/// # Examples
/// ```
/// use axum::response::{IntoResponse, Redirect, Response};
/// use axum::{Router, routing::get};
/// use phone_auth_web::{Page, RecentlyProven, RequestContext, SubmittedForm, Web};
///
/// async fn show(_: RecentlyProven, context: RequestContext) -> Response {
///     context.render(Page::new("delete_shop.html", "Delete your shop"))
/// }
///
/// async fn submit(form: SubmittedForm) -> Response {
///     match form.context().recently_proven() {
///         Ok(_owner) => Redirect::to("/").into_response(),
///         Err(refusal) => refusal.into_response(),
///     }
/// }
///
/// fn routes(web: &Web) -> Router {
///     Router::new().route("/shop/delete/", get(show).post(submit)).with_state(web.clone())
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "handlers take it apart in their arguments"
)]
pub struct RecentlyProven(pub Arc<CurrentUser>);

/// Someone with a verified phone number is logged in. Anyone who has none is sent to the page that
/// asks for verification; anyone who is not logged in, to the log-in page.
///
/// # Errors
/// As for [`LoggedIn`].
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "handlers take it apart in their arguments"
)]
pub struct VerifiedPhone(pub Arc<CurrentUser>);

/// Nobody is logged in. Anyone who is, is sent to the setting `login_redirect_url`.
///
/// # Errors
/// As for [`LoggedIn`].
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "handlers name it in their arguments, and it holds nothing"
)]
pub struct Anonymous;

/// Implements the extractor of a guard that gives who is logged in.
macro_rules! gives_current_user {
    ($($guard:ident),+) => {$(
        impl<S> FromRequestParts<S> for $guard
        where
            Web: FromRef<S>,
            S: Send + Sync,
        {
            type Rejection = Refusal;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
                let current_user = Rule::$guard.admit(&Web::from_ref(state), parts).await?;
                Ok(Self(current_user))
            }
        }
    )+};
}

gives_current_user!(LoggedIn, RecentlyProven, VerifiedEmail, VerifiedPhone);

impl<S> OptionalFromRequestParts<S> for LoggedIn
where
    Web: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Refusal> {
        let web = Web::from_ref(state);
        let current_user = request_context::current_user(&web, parts).await?;
        Ok(current_user.map(Self))
    }
}

impl<S> FromRequestParts<S> for Anonymous
where
    Web: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        Rule::Anonymous.check(&Web::from_ref(state), parts).await?;
        Ok(Self)
    }
}
