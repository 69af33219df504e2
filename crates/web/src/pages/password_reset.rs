//! `password_reset/`, `password_reset_done/` and `password_reset_complete/`: asks for a reset link,
//! and says what came of it.

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use phone_auth_core::accounts::{
    Accounts, CodeRefusal, FlowError, ProvenReset, ResetRequestRefusal,
};
use phone_auth_core::form::{Field, FieldProblem};
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::outbox::Purpose;
use phone_auth_urls::AccountPage;

use super::log_in::login_field;
use super::reset_link;
use crate::answer;
use crate::code;
use crate::cookies::AskedCode;
use crate::form::{AnyonesForm, FieldView, FormView, SubmittedForm};
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
    let previous = previous.first().map(|asked| &asked.key);
    let to_done = || {
        let path = context.path(AccountPage::PasswordResetDone);
        redirect::found(&next::with(path, &[(NEXT, next.as_deref())]))
    };
    match form.accounts().begin_reset(login, previous).await {
        Ok(key) => {
            let mut response = to_done();
            code::keep(context, &key, Some(login), &mut response);
            if let Some(next) = &next {
                context.keep_next(next, &mut response);
            }
            response
        }
        Err(FlowError::Refused(ResetRequestRefusal::Invalid(problems))) => again(&problems),
        // That page says when, and takes the code that was sent.
        Err(FlowError::Refused(ResetRequestRefusal::TooSoon { .. })) => to_done(),
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "ask for a password reset", &failure, |sentence| {
                page(view(context, login).general_problem(sentence))
            })
        }
    }
}

/// Says that a message is on its way, with a field for its code where this browser has asked for one.
pub(crate) async fn show_done(context: RequestContext, headers: HeaderMap) -> Response {
    render_done(&context, &headers, None, |page| page).await
}

/// Takes the code of the message, and goes on as its link does; or sends another.
pub(crate) async fn submit_code(headers: HeaderMap, AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    if form.has(code::RESEND) {
        return resend(&form, &headers).await;
    }
    let typed = form.text(Field::Code.name());
    let accounts = form.accounts();
    let asked = context.cookies().read_challenges(&headers);
    let problem = match prove(&accounts, &asked, typed).await {
        Ok(proven) => {
            let mut response = reset_link::with_token(context, &proven.id, proven.token.reveal());
            code::forget(context, &mut response);
            return response;
        }
        Err(FlowError::Refused(refusal)) => code::sentence(refusal),
        Err(FlowError::Failed(failure)) => {
            return answer::limited_or_failed(context, "take a code", &failure, |sentence| {
                done_page().with("form", code_view().problem(Field::Code, sentence))
            });
        }
    };
    let view = code_view().problem(Field::Code, &problem);
    render_done(context, &headers, Some(view), |page| {
        page.status(StatusCode::BAD_REQUEST)
    })
    .await
}

/// Sends another code to the one that this browser has asked for. The name goes the way that it goes when it is typed.
async fn resend(form: &SubmittedForm, headers: &HeaderMap) -> Response {
    let context = form.context();
    let purpose = Purpose::ResetPassword;
    let asked = match code::pending(context, headers, purpose).await {
        Ok(asked) => asked.map(|(asked, _)| asked),
        Err(failure) => return answer::flow_failed(context, "look at a code", &failure),
    };
    let Some((key, login)) = asked.and_then(|asked| Some((asked.key, asked.login?))) else {
        return redirect::found(context.path(AccountPage::PasswordReset));
    };
    match code::by_channel(form).begin_reset(&login, Some(&key)).await {
        Ok(key) => {
            let mut response = redirect::found(context.path(AccountPage::PasswordResetDone));
            code::keep(context, &key, Some(&login), &mut response);
            response
        }
        Err(FlowError::Refused(ResetRequestRefusal::TooSoon { wait })) => {
            let view = code_view().general_problem(&code::too_soon(wait));
            let status = StatusCode::TOO_MANY_REQUESTS;
            let page = render_done(context, headers, Some(view), |page| page.status(status));
            let mut response = page.await;
            answer::retry_after(&mut response, wait);
            response
        }
        Err(FlowError::Refused(ResetRequestRefusal::Invalid(_))) => {
            redirect::found(context.path(AccountPage::PasswordReset))
        }
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "send another code", &failure, |sentence| {
                done_page().with("form", code_view().general_problem(sentence))
            })
        }
    }
}

/// Renders the page with what this browser waits for, if it waits for something.
async fn render_done(
    context: &RequestContext,
    headers: &HeaderMap,
    form: Option<FormView>,
    adjust: impl FnOnce(Page) -> Page,
) -> Response {
    let resend = match code::pending(context, headers, Purpose::ResetPassword).await {
        Ok(pending) => pending.map(|(_, resend)| resend),
        Err(failure) => return answer::flow_failed(context, "look at a code", &failure),
    };
    let form = form.or_else(|| resend.is_some().then(code_view));
    let gate = GateView::offered(context, GatedFlow::RequestPasswordReset).await;
    let page = done_page().with("form", form).with("resend", resend);
    context.render(adjust(page.with("gate", gate)))
}

/// Tries the keys that a browser sent, one after the other: another host of the domain may have set a cookie of the name.
async fn prove(
    accounts: &Accounts,
    asked: &[AskedCode],
    typed: &str,
) -> Result<ProvenReset, FlowError<CodeRefusal>> {
    let mut tries = code::Tries::none();
    for asked in asked {
        if let Some(ended) = tries.ended(accounts.prove_reset(&asked.key, typed).await) {
            return ended;
        }
    }
    // The second of two clicks: the first has used the code, and is not seen any more.
    for asked in asked {
        if let Some(proven) = accounts.repeated_code(&asked.key, typed).await? {
            return Ok(proven);
        }
    }
    tries.refused()
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
