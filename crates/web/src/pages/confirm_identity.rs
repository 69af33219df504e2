//! `confirm_identity/`: asks someone who is signed in for their password again, and leads them back; or, who has none, for a code:
//! `confirm_by_code`.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use phone_auth_core::accounts::{CurrentUser, FlowError, ReauthenticationRefusal};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::session::SessionKey;

use phone_auth_urls::AccountPage;

use super::FORM_TOKEN;
use super::confirm_by_code;
use super::signing_in::{KEEP, keeps_signed_in};
use crate::answer;
use crate::form::{FieldView, FormView, SubmittedForm};
use crate::guard::LoggedIn;
use crate::next::{self, NEXT};
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

/// Whether someone is asked for their password.
fn is_asked(context: &RequestContext, current_user: &CurrentUser) -> bool {
    context.accounts().proves_by_password(current_user.user())
}

pub(crate) async fn show(LoggedIn(current_user): LoggedIn, context: RequestContext) -> Response {
    let next = context.next_in_query();
    if !is_asked(&context, &current_user) {
        return confirm_by_code::show(&context, &current_user, next.as_deref()).await;
    }
    context.render(page(&context, view(), next.as_deref()))
}

pub(crate) async fn submit(form: SubmittedForm) -> Response {
    let context = form.context();
    let next = form.readable(NEXT).and_then(|posted| context.next(posted));
    let current_user = match form.sender() {
        Ok(current_user) => current_user,
        Err(_) if context.current_user().is_none() => {
            return without_session(&form, next.as_deref()).await;
        }
        Err(refusal) => return refusal.into_response(),
    };
    if !is_asked(context, current_user) {
        return confirm_by_code::submit(&form, current_user, next.as_deref()).await;
    }
    let again =
        |view| context.render(page(context, view, next.as_deref()).status(StatusCode::BAD_REQUEST));
    let unreadable = form.unreadable(&[Field::Password]);
    if !unreadable.is_empty() {
        return again(view().problems(&unreadable));
    }
    let password = form.password(Field::Password.name());
    let accounts = form.accounts_by_page(form.text(FORM_TOKEN));
    let flow = accounts.reauthenticate(current_user, &password);
    match flow.await {
        Ok(key) => done(context, &key, next.as_deref()).await,
        Err(FlowError::Refused(ReauthenticationRefusal::Missing)) => {
            let missing = FieldProblem::new(Field::Password, Problem::Required);
            again(view().problems(&[missing]))
        }
        Err(FlowError::Refused(ReauthenticationRefusal::WrongPassword)) => {
            again(view().problem(Field::Password, "That password is not right. Try again."))
        }
        Err(FlowError::Refused(ReauthenticationRefusal::NoPassword)) => {
            confirm_by_code::submit(&form, current_user, next.as_deref()).await
        }
        Err(FlowError::Refused(ReauthenticationRefusal::NotLoggedIn)) => {
            without_session(&form, next.as_deref()).await
        }
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "confirm a user", &failure, |sentence| {
                let view = view().problem(Field::Password, sentence);
                page(context, view, next.as_deref())
            })
        }
    }
}

/// A form whose session is over: perhaps the same form has just given it another key, which the browser has not heard of.
/// Then the second of two clicks is answered as the first.
async fn without_session(form: &SubmittedForm, next: Option<&str>) -> Response {
    let context = form.context();
    if form.has(Field::Code.name()) {
        return confirm_by_code::without_session(form, next).await;
    }
    let password = form.password(Field::Password.name());
    let token = form.text(FORM_TOKEN);
    // It goes on as long as the session that the form was shown in.
    let accounts = form.accounts_by_page(token);
    let accounts = accounts.keeping_signed_in(!form.text(KEEP).is_empty());
    match accounts.repeated_proof(token, &password).await {
        Ok(Some(key)) => done(context, &key, next).await,
        Ok(None) => context.to_login_again(),
        Err(failure) => answer::flow_failed(context, "look whether a user was confirmed", &failure),
    }
}

/// Sets the new key of the session and sends its owner back.
pub(super) async fn done(
    context: &RequestContext,
    key: &SessionKey,
    next: Option<&str>,
) -> Response {
    let target = onward(context, next);
    // The proof is noted, whatever the store says now.
    let current_user = context.accounts().current_user(key).await.ok().flatten();
    let session = context.session_with_key(key, current_user.as_ref());
    (session, target).into_response()
}

/// The way on for someone who has confirmed that it is them.
pub(super) fn onward(context: &RequestContext, next: Option<&str>) -> Response {
    let default = &context.accounts().settings().login_redirect_url;
    redirect::found_for_user(next.unwrap_or(default))
}

fn view() -> FormView {
    let password = FieldView::password(Field::Password, "Password", "current-password");
    FormView::new(vec![password])
}

fn page(context: &RequestContext, view: FormView, next: Option<&str>) -> Page {
    let form_token = context
        .current_user()
        .map(|it| context.accounts().password_form_token(it.user()));
    bare_page(context, next)
        .with("has_password", true)
        .with("form_token", form_token)
        .with("form", view)
}

/// The page without its form.
pub(super) fn bare_page(context: &RequestContext, next: Option<&str>) -> Page {
    // For templates of before, which lead there.
    let code_url = next::with(context.path(AccountPage::LoginCode), &[(NEXT, next)]);
    Page::new("phone_auth/confirm_identity.html", "Confirm it’s you")
        .with("code_url", code_url)
        .with(KEEP, keeps_signed_in(context))
        .with("next", next)
}
