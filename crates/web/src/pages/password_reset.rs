//! `password_reset/`, `password_reset_done/` and `password_reset_complete/`: asks for a reset link,
//! and says what came of it.

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use phone_auth_core::accounts::{
    Accounts, CodeRefusal, FlowError, ProvenReset, ResetRequestRefusal,
};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::form::{Field, FieldProblem};
use phone_auth_core::gate::GatedFlow;
use phone_auth_urls::AccountPage;

use super::log_in::login_field;
use super::reset_link;
use crate::answer;
use crate::code;
use crate::form::{AnyonesForm, FieldView, FormView};
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
pub(crate) async fn submit(headers: HeaderMap, AnyonesForm(form): AnyonesForm) -> Response {
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
    let previous = context.cookies().read_challenges(&headers);
    match form.accounts().begin_reset(login, previous.first()).await {
        Ok(key) => {
            let path = context.path(AccountPage::PasswordResetDone);
            let mut response = redirect::found(&next::with(path, &[(NEXT, next.as_deref())]));
            code::keep(context, &key, &mut response);
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

/// Says that a message is on its way, with a field for its code where this browser has asked for one.
pub(crate) async fn show_done(context: RequestContext, headers: HeaderMap) -> Response {
    let waits = !context.cookies().read_challenges(&headers).is_empty();
    let form = waits.then(code_view);
    context.render(done_page().with("form", form))
}

/// Takes the code of the message, and goes on as its link does.
pub(crate) async fn submit_code(headers: HeaderMap, AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    let typed = form.text(Field::Code.name());
    let accounts = form.accounts();
    match prove(
        &accounts,
        &context.cookies().read_challenges(&headers),
        typed,
    )
    .await
    {
        Ok(proven) => {
            let mut response = reset_link::with_token(context, &proven.id, proven.token.reveal());
            code::forget(context, &mut response);
            response
        }
        Err(FlowError::Refused(refusal)) => {
            let view = code_view().problem(Field::Code, &code::sentence(refusal));
            let page = done_page().status(StatusCode::BAD_REQUEST);
            context.render(page.with("form", view))
        }
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "take a code", &failure, |sentence| {
                done_page().with("form", code_view().problem(Field::Code, sentence))
            })
        }
    }
}

/// Tries the keys that a browser sent, one after the other, until one is of a challenge that waits: another host of the
/// domain may have set a cookie of the name.
async fn prove(
    accounts: &Accounts,
    keys: &[ChallengeKey],
    typed: &str,
) -> Result<ProvenReset, FlowError<CodeRefusal>> {
    for key in keys {
        match accounts.prove_reset(key, typed).await {
            Err(FlowError::Refused(CodeRefusal::Over)) => {}
            ended => return ended,
        }
    }
    Err(FlowError::Refused(CodeRefusal::Over))
}

fn done_page() -> Page {
    Page::new("phone_auth/password_reset_done.html", "Password reset sent")
}

fn code_view() -> FormView {
    FormView::new(vec![FieldView::code()])
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
