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

/// Someone with a verified e-mail address is logged in. Anyone who has none is sent to the page that
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

gives_current_user!(LoggedIn, VerifiedEmail, VerifiedPhone);

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
