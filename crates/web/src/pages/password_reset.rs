//! `password_reset/`, `password_reset_done/` and `password_reset_complete/`: asks for a reset link,
//! and says what came of it.

use axum::response::Response;
use http::StatusCode;
use phone_auth_core::accounts::{FlowError, ResetRequestRefusal};
use phone_auth_core::form::{Field, FieldProblem};
use phone_auth_core::gate::GatedFlow;
use phone_auth_urls::AccountPage;

use super::log_in::login_field;
use crate::answer;
use crate::form::{AnyonesForm, FormView};
use crate::gate::GateView;
use crate::next::{self, NEXT};
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

pub(crate) async fn show(context: RequestContext) -> Response {
    let next = next::in_query_of(context.accounts().routes(), context.uri());
    let gate = GateView::offered(&context, GatedFlow::RequestPasswordReset).await;
    context.render(page(view(&context, ""), next.as_deref()).with("gate", gate))
}

/// Answers the same no matter who was named, and whether or not there is such an account.
pub(crate) async fn submit(AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    let login = form.text(Field::Login.name());
    let next = next::read(context.accounts().routes(), form.text(NEXT));
    let gate = GateView::offered(context, GatedFlow::RequestPasswordReset).await;
    let page = |view| page(view, next.as_deref()).with("gate", &gate);
    let again = |problems: &[FieldProblem]| {
        let page = page(view(context, login).problems(problems));
        context.render(page.status(StatusCode::BAD_REQUEST))
    };
    let unreadable = form.unreadable(&[Field::Login]);
    if !unreadable.is_empty() {
        return again(&unreadable);
    }
    match form.accounts().request_password_reset(login).await {
        Ok(()) => {
            let path = context.path(AccountPage::PasswordResetDone);
            let mut response = redirect::found(&next::with(path, &[(NEXT, next.as_deref())]));
            if let Some(next) = &next {
                context.keep_next(next, &mut response);
            }
            response
        }
        Err(FlowError::Refused(ResetRequestRefusal::Invalid(problems))) => again(&problems),
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "ask for a password reset", &failure, |sentence| {
                page(view(context, login).general_problem(sentence))
            })
        }
    }
}

pub(crate) async fn show_done(context: RequestContext) -> Response {
    context.render(Page::new(
        "phone_auth/password_reset_done.html",
        "Password reset sent",
    ))
}

pub(crate) async fn show_complete(context: RequestContext) -> Response {
    let page = Page::new(
        "phone_auth/password_reset_complete.html",
        "Password reset complete",
    );
    context.render(page.with("next", context.kept_next()))
}

fn view(context: &RequestContext, login: &str) -> FormView {
    FormView::new(vec![login_field(context, login)])
}

fn page(view: FormView, next: Option<&str>) -> Page {
    Page::new("phone_auth/password_reset.html", "Reset password")
        .with("next", next)
        .with("form", view)
}
