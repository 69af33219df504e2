//! `change_password/` and `change_password_done/`: a new password for the one who knows the old one.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use phone_auth_core::accounts::{ChangePasswordRefusal, FlowError};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::session::SessionKey;
use phone_auth_urls::AccountPage;

use super::signing_in::{KEEP, keeps_signed_in};
use super::{FORM_TOKEN, NEW_PASSWORD_HINT};
use crate::answer;
use crate::form::{FieldView, FormView, SubmittedForm};
use crate::gate::GateView;
use crate::guard::LoggedIn;
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

const FIELDS: [Field; 3] = [Field::OldPassword, Field::NewPassword1, Field::NewPassword2];

pub(crate) async fn show(_: LoggedIn, context: RequestContext) -> Response {
    let gate = GateView::offered(&context, GatedFlow::ChangePassword).await;
    context.render(page(&context, &[]).with("gate", gate))
}

pub(crate) async fn submit(form: SubmittedForm) -> Response {
    let context = form.context();
    let current_user = match form.sender() {
        Ok(current_user) => current_user,
        Err(_) if context.current_user().is_none() => return without_session(&form).await,
        Err(refusal) => return refusal.into_response(),
    };
    let gate = GateView::offered(context, GatedFlow::ChangePassword).await;
    let again = |problems: &[FieldProblem]| {
        let page = page(context, problems).with("gate", &gate);
        context.render(page.status(StatusCode::BAD_REQUEST))
    };
    let unreadable = form.unreadable(&FIELDS);
    if !unreadable.is_empty() {
        return again(&unreadable);
    }
    let [old, new1, new2] = FIELDS.map(|field| form.password(field.name()));
    let accounts = form.accounts_by_page(form.text(FORM_TOKEN));
    let flow = accounts.change_password(current_user, &old, &new1, &new2);
    match flow.await {
        Ok(key) => done(context, &key).await,
        Err(FlowError::Refused(ChangePasswordRefusal::Invalid(problems))) => {
            let wrong_old = FieldProblem::new(Field::OldPassword, Problem::WrongOldPassword);
            // The browser has the key that the first of two forms gave it, and sends the form again.
            let token = form.text(FORM_TOKEN);
            let repeated = async || accounts.repeated_reset(token, &new1, &new2).await;
            if problems == [wrong_old] && matches!(repeated().await, Ok(Some(_))) {
                return to_done(context);
            }
            again(&problems)
        }
        Err(FlowError::Refused(ChangePasswordRefusal::NotLoggedIn)) => without_session(&form).await,
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "change a password", &failure, |sentence| {
                page_of(context, view().general_problem(sentence)).with("gate", &gate)
            })
        }
    }
}

/// A form whose session is over. It may be that the same form has just given it another key, which the browser has not
/// heard of: the second of two clicks. Then it is answered as the first.
async fn without_session(form: &SubmittedForm) -> Response {
    let context = form.context();
    let [_, new1, new2] = FIELDS.map(|field| form.password(field.name()));
    let token = form.text(FORM_TOKEN);
    // It goes on as long as the session that the form was shown in.
    let accounts = form.accounts_by_page(token);
    let accounts = accounts.keeping_signed_in(!form.text(KEEP).is_empty());
    match accounts.repeated_change(token, &new1, &new2).await {
        Ok(Some(begun)) => (context.session_of_second(&begun), to_done(context)).into_response(),
        Ok(None) => context.to_login_again(),
        Err(failure) => {
            answer::flow_failed(context, "look whether a password was changed", &failure)
        }
    }
}

fn to_done(context: &RequestContext) -> Response {
    redirect::found(context.path(AccountPage::ChangePasswordDone))
}

/// Sets the new key of the session and sends its owner on.
async fn done(context: &RequestContext, key: &SessionKey) -> Response {
    // What the browser had was for the old password. The change is made, whatever the store says now.
    let current_user = context.accounts().current_user(key).await.ok().flatten();
    let session = context.session_with_key(key, current_user.as_ref());
    (session, to_done(context)).into_response()
}

pub(crate) async fn show_done(_: LoggedIn, context: RequestContext) -> Response {
    context.render(Page::new(
        "phone_auth/change_password_done.html",
        "Password change successful",
    ))
}

fn page(context: &RequestContext, problems: &[FieldProblem]) -> Page {
    page_of(context, view().problems(problems))
}

fn view() -> FormView {
    let fields = vec![
        FieldView::password(Field::OldPassword, "Old password", "current-password"),
        FieldView::password(Field::NewPassword1, "New password", "new-password")
            .hint(NEW_PASSWORD_HINT),
        FieldView::password(Field::NewPassword2, "Confirm password", "new-password"),
    ];
    FormView::new(fields)
}

fn page_of(context: &RequestContext, view: FormView) -> Page {
    let form_token = context
        .current_user()
        .map(|it| context.accounts().password_form_token(it.user()));
    Page::new("phone_auth/change_password.html", "Change password")
        .with("form_token", form_token)
        .with(KEEP, keeps_signed_in(context))
        .with("form", view)
}
