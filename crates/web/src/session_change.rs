//! What a session that begins or ends asks of the browser, for answers of the application's own.

use std::convert::Infallible;
use std::fmt;

use axum::response::{IntoResponseParts, ResponseParts};
use http::HeaderValue;
use phone_auth_core::accounts::{CurrentUser, Failure, FlowError, LoggedIn, NotActive};
use phone_auth_core::session::SessionKey;
use phone_auth_core::user::{User, UserId};

use crate::answer;
use crate::request_context::RequestContext;
use crate::set_cookie::add_cookie;

/// The cookies of a session that has begun or ended: a part of the answer, which must be sent.
///
/// From [`RequestContext::begin_session`], [`RequestContext::session_of`], [`RequestContext::record_proof`] and
/// [`RequestContext::log_out`].
///
/// # Examples
/// ```
/// use axum::response::{IntoResponse, Redirect, Response};
/// use http::StatusCode;
/// use phone_auth_core::user::UserId;
/// use phone_auth_web::RequestContext;
///
/// // The application has made sure that it is them, by a single sign-on, say.
/// async fn welcome(context: &RequestContext, user: UserId) -> Response {
///     match context.begin_session(user).await {
///         Ok(session) => (session, Redirect::to("/")).into_response(),
///         Err(error) => (StatusCode::FORBIDDEN, error.to_string()).into_response(),
///     }
/// }
///
/// async fn leave(context: RequestContext) -> Response {
///     match context.log_out().await {
///         Ok(session) => (session, Redirect::to("/")).into_response(),
///         Err(failure) => (StatusCode::SERVICE_UNAVAILABLE, failure.to_string()).into_response(),
///     }
/// }
/// ```
#[must_use = "the browser keeps the session it had unless this is a part of the answer"]
pub struct SessionChange(Vec<HeaderValue>);

impl IntoResponseParts for SessionChange {
    type Error = Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Infallible> {
        for cookie in self.0 {
            add_cookie(response.headers_mut(), Some(cookie));
        }
        Ok(response)
    }
}

impl fmt::Debug for SessionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionChange(…)")
    }
}

impl RequestContext {
    /// Logs a user in whom the application knows by other means than a password: see
    /// [`Accounts::begin_session`](phone_auth_core::accounts::Accounts::begin_session). The session that the browser
    /// came with ends, and the browser is remembered as one of this user's.
    ///
    /// The CSRF token of a page belongs to its session, so answer with a redirect.
    ///
    /// # Security
    /// The caller has made sure who the user is. Call it for requests alone that another site cannot have sent:
    /// those of a [`SubmittedForm`](crate::SubmittedForm), or behind
    /// [`same_origin_required`](crate::Web::same_origin_required); a page of another site could else log a browser in
    /// as someone else.
    ///
    /// # Errors
    /// As for [`Accounts::begin_session`](phone_auth_core::accounts::Accounts::begin_session).
    ///
    /// # Cancel safety
    /// As there: no one has the key of a session that was begun and dropped.
    ///
    /// # Examples
    /// See [`SessionChange`].
    pub async fn begin_session(&self, user: UserId) -> Result<SessionChange, FlowError<NotActive>> {
        let begun = self
            .accounts()
            .begin_session(user, self.session_key())
            .await?;
        Ok(self.session_of(&begun))
    }

    /// Notes that the user has proven who they are by other means than their password: see
    /// [`Accounts::record_proof`](phone_auth_core::accounts::Accounts::record_proof). Guards that ask for a
    /// [recent proof](crate::RecentlyProven) let them through from the next request on.
    ///
    /// # Security
    /// As for [`begin_session`](Self::begin_session).
    ///
    /// # Errors
    /// [`NotActive`]: nobody is logged in. [`Failed`](FlowError::Failed) as there.
    ///
    /// # Cancel safety
    /// As there: no one has the key of a session that went on under another and was dropped.
    ///
    /// # Examples
    /// ```
    /// use axum::response::{IntoResponse, Redirect, Response};
    /// use http::StatusCode;
    /// use phone_auth_web::RequestContext;
    ///
    /// // The single sign-on of the application has just asked them anew.
    /// async fn asked_anew(context: &RequestContext) -> Response {
    ///     match context.record_proof().await {
    ///         Ok(session) => (session, Redirect::to("/accounts/email/add/")).into_response(),
    ///         Err(error) => (StatusCode::FORBIDDEN, error.to_string()).into_response(),
    ///     }
    /// }
    /// ```
    pub async fn record_proof(&self) -> Result<SessionChange, FlowError<NotActive>> {
        let current_user = self.current_user().ok_or(FlowError::Refused(NotActive))?;
        let key = self.accounts().record_proof(current_user).await?;
        Ok(self.session_with_key(&key, Some(current_user)))
    }

    /// Ends every session that the browser has, as the log-out page does.
    ///
    /// # Errors
    /// [`Failure`]: the store. Then a session may live on, so the browser keeps its cookie.
    ///
    /// # Cancel safety
    /// Each session is over or not.
    ///
    /// # Examples
    /// See [`SessionChange`].
    pub async fn log_out(&self) -> Result<SessionChange, Failure> {
        // Of several, the next one would count as soon as the first is gone.
        for key in self.session_keys() {
            self.accounts().log_out(key).await?;
        }
        let cleared = self.cookies().clear_session();
        Ok(SessionChange(
            cleared.chain(self.forget_on_the_way()).collect(),
        ))
    }

    /// The cookies for someone who has just shown who they are, by a form of the application that has called
    /// [`Accounts::log_in`](phone_auth_core::accounts::Accounts::log_in) or another flow that begins a session.
    ///
    /// Answer with a redirect, as for [`begin_session`](Self::begin_session).
    ///
    /// # Examples
    /// ```
    /// use axum::response::{Html, IntoResponse, Redirect, Response};
    /// use http::StatusCode;
    /// use phone_auth_core::accounts::FlowError;
    /// use phone_auth_web::SubmittedForm;
    ///
    /// async fn log_in(form: SubmittedForm) -> Response {
    ///     let (context, accounts) = (form.context(), form.accounts());
    ///     let password = form.password("password");
    ///     let flow = accounts.log_in(form.text("login"), &password, context.session_key());
    ///     match flow.await {
    ///         Ok(begun) => (context.session_of(&begun), Redirect::to("/")).into_response(),
    ///         Err(FlowError::Refused(_)) => (StatusCode::BAD_REQUEST, Html("Try again.")).into_response(),
    ///         Err(FlowError::Failed(failure)) => context.failed("log in", &failure),
    ///     }
    /// }
    /// ```
    pub fn session_of(&self, begun: &LoggedIn) -> SessionChange {
        let SessionChange(mut cookies) =
            self.cookies_of(&begun.key, begun.ends_with_browser, Some(&begun.user));
        cookies.extend(self.forget_on_the_way());
        SessionChange(cookies)
    }

    /// The cookies for someone whose session has got another key by the first of two clicks, and who sends the second: as
    /// [`session_with_key`](Self::session_with_key). A session that begins is one [as always](Self::session_of).
    pub(crate) fn session_of_second(&self, begun: &LoggedIn) -> SessionChange {
        if !begun.is_repeated() {
            return self.session_of(begun);
        }
        self.cookies_of(&begun.key, begun.ends_with_browser, Some(&begun.user))
    }

    /// What one user was on the way to is nothing to the next one of the same browser: where they were going, the codes that
    /// they have asked for, with what they typed, and the reset of their own password.
    fn forget_on_the_way(&self) -> impl Iterator<Item = HeaderValue> {
        let (cookies, routes) = (self.cookies(), self.accounts().routes());
        let next = cookies.clear_next(routes.mount());
        let codes = cookies.clear_all_challenges(routes.mount());
        let reset = self.current_user().and_then(|current_user| {
            let form = routes.password_reset_form(current_user.user().id.get());
            cookies.clear_reset(&form)
        });
        next.into_iter().chain(codes).chain(reset)
    }

    /// The cookies for a session that has got this key, of a user who has just shown who they are. Where nobody can say now
    /// how long the session lives, it goes on until the browser is closed.
    pub(crate) fn session_with_key(
        &self,
        key: &SessionKey,
        current_user: Option<&CurrentUser>,
    ) -> SessionChange {
        let accounts = self.accounts();
        let asks = accounts.settings().short_session_lifetime.is_some();
        let ends_with_browser = current_user.map_or(asks, |it| accounts.ends_with_browser(it));
        self.cookies_of(key, ends_with_browser, current_user.map(CurrentUser::user))
    }

    fn cookies_of(
        &self,
        key: &SessionKey,
        ends_with_browser: bool,
        user: Option<&User>,
    ) -> SessionChange {
        let lifetime = self.accounts().settings().session_lifetime;
        let lifetime = (!ends_with_browser).then_some(lifetime);
        let session = self.cookies().set_session(key.reveal(), lifetime);
        let device = user.and_then(|user| self.device_of(user));
        SessionChange(session.into_iter().chain(device).collect())
    }

    /// Has the browser remembered for this user, who has just shown who they are. Where that cannot be done it
    /// is not: they are a stranger next time.
    pub(crate) fn remember(&self, user: &User) -> SessionChange {
        SessionChange(self.device_of(user).into_iter().collect())
    }

    fn device_of(&self, user: &User) -> Option<HeaderValue> {
        match self.accounts().remember_device(user) {
            Ok(devices) => self.cookies().set_devices(&devices),
            Err(error) => {
                answer::log_broken("remember a browser", &error);
                None
            }
        }
    }
}
