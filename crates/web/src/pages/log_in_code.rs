//! `login_code/` and `login_code_done/`: has a code sent to sign in with, and takes it.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use phone_auth_core::accounts::{Accounts, CodeRefusal, FlowError, LoggedIn, ResetRequestRefusal};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::form::{Field, FieldProblem};
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::session::SessionKey;
use phone_auth_urls::AccountPage;

use super::log_in::{login_field, wanted, welcome};
use crate::answer;
use crate::code;
use crate::cookies::AskedCode;
use crate::form::{AnyonesForm, FieldView, FormView, SubmittedForm};
use crate::gate::GateView;
use crate::next::{self, NEXT};
use crate::notice::Reason;
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

pub(crate) async fn show(context: RequestContext) -> Response {
    let reason = Reason::of(context.uri(), AccountPage::Login);
    let next = wanted(&context);
    let gate = GateView::offered(&context, GatedFlow::LogIn).await;
    let page = page(view(&context, ""), next.as_deref()).with("gate", gate);
    context.render(page.with("notice", reason.map(Reason::notice)))
}

/// Answers the same no matter who was named. The form may be that of the log-in page, whose password is not looked at.
pub(crate) async fn submit(headers: HeaderMap, AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    let login = form.text(Field::Login.name());
    let next = next::read(context.accounts().routes(), form.text(NEXT));
    let gate = GateView::offered(context, GatedFlow::LogIn).await;
    let page = |view| page(view, next.as_deref()).with("gate", &gate);
    let again = |problems: &[FieldProblem]| {
        let page = page(view(context, login).problems(problems));
        context.render(page.status(StatusCode::BAD_REQUEST))
    };
    let unreadable = form.unreadable(&[Field::Login]);
    if !unreadable.is_empty() {
        return again(&unreadable);
    }
    let asked = context.cookies().read_challenges(&headers);
    let previous = asked.first().map(|asked| &asked.key);
    match form.accounts().begin_log_in(login, previous).await {
        Ok(key) => to_code(context, &key, login, next.as_deref()),
        Err(FlowError::Refused(ResetRequestRefusal::Invalid(problems))) => again(&problems),
        // That page says when, and takes the code that was sent.
        Err(FlowError::Refused(ResetRequestRefusal::TooSoon { .. })) => {
            to_done(context, next.as_deref())
        }
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "ask for a code", &failure, |sentence| {
                page(view(context, login).general_problem(sentence))
            })
        }
    }
}

/// Sends someone on to whom a code was sent, perhaps: to where it is typed.
pub(super) fn to_code(
    context: &RequestContext,
    key: &ChallengeKey,
    login: &str,
    next: Option<&str>,
) -> Response {
    let mut response = to_done(context, next);
    code::keep(context, key, Some(login), &mut response);
    // For the link, which is opened without it.
    if let Some(next) = next {
        context.keep_next(next, &mut response);
    }
    response
}

fn to_done(context: &RequestContext, next: Option<&str>) -> Response {
    let path = context.path(AccountPage::LoginCodeDone);
    redirect::found(&next::with(path, &[(NEXT, next)]))
}

/// Says that a message is on its way, with a field for its code where this browser has asked for one.
pub(crate) async fn show_done(context: RequestContext, headers: HeaderMap) -> Response {
    let next = wanted(&context);
    render_done(&context, &headers, next.as_deref(), None).await
}

/// Takes the code of the message; or sends another.
pub(crate) async fn submit_code(headers: HeaderMap, AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    if form.has(code::RESEND) {
        return resend(&form, &headers).await;
    }
    let next = next::read(context.accounts().routes(), form.text(NEXT));
    let asked = context.cookies().read_challenges(&headers);
    let typed = form.text(Field::Code.name());
    match log_in(&form.accounts(), &asked, typed, context.session_key()).await {
        Ok(logged_in) => {
            let mut response = welcome(context, &logged_in, next.as_deref()).into_response();
            code::forget(context, &mut response);
            response
        }
        Err(FlowError::Refused(refusal)) => {
            let view = code_view().problem(Field::Code, &code::sentence(refusal));
            render_done(context, &headers, next.as_deref(), Some(view)).await
        }
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "take a code", &failure, |sentence| {
                let view = code_view().problem(Field::Code, sentence);
                done_page(next.as_deref()).with("form", view)
            })
        }
    }
}

/// Sends another code to the one that this browser has asked for. The name goes the way that it goes when it is typed.
async fn resend(form: &SubmittedForm, headers: &HeaderMap) -> Response {
    let context = form.context();
    let next = context.kept_next();
    let asked = match code::pending(context, headers, Purpose::LogIn).await {
        Ok(asked) => asked.map(|(asked, _)| asked),
        Err(failure) => return answer::flow_failed(context, "look at a code", &failure),
    };
    let Some((key, login)) = asked.and_then(|asked| Some((asked.key, asked.login?))) else {
        return redirect::found(context.path(AccountPage::LoginCode));
    };
    let page = |sentence: &str| {
        let view = code_view().general_problem(sentence);
        done_page(next.as_deref()).with("form", view)
    };
    match form.accounts().begin_log_in(&login, Some(&key)).await {
        Ok(key) => to_code(context, &key, &login, next.as_deref()),
        Err(FlowError::Refused(ResetRequestRefusal::TooSoon { wait })) => {
            answer::limited(context, page(&code::too_soon(wait)), wait)
        }
        Err(FlowError::Refused(ResetRequestRefusal::Invalid(_))) => {
            redirect::found(context.path(AccountPage::LoginCode))
        }
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "send another code", &failure, page)
        }
    }
}

/// Renders the page with what this browser waits for, if it waits for something; with a form that has a problem, if there is
/// one.
async fn render_done(
    context: &RequestContext,
    headers: &HeaderMap,
    next: Option<&str>,
    problem: Option<FormView>,
) -> Response {
    let resend = match code::pending(context, headers, Purpose::LogIn).await {
        Ok(pending) => pending.map(|(_, resend)| resend),
        Err(failure) => return answer::flow_failed(context, "look at a code", &failure),
    };
    let status = if problem.is_some() {
        StatusCode::BAD_REQUEST
    } else {
        StatusCode::OK
    };
    let form = problem.or_else(|| resend.is_some().then(code_view));
    let gate = GateView::offered(context, GatedFlow::LogIn).await;
    let page = done_page(next).with("form", form).with("resend", resend);
    context.render(page.with("gate", gate).status(status))
}

/// Tries the keys that a browser sent, as at a reset.
async fn log_in(
    accounts: &Accounts,
    asked: &[AskedCode],
    typed: &str,
    session: Option<&SessionKey>,
) -> Result<LoggedIn, FlowError<CodeRefusal>> {
    let mut tries = code::Tries::none();
    for asked in asked {
        let tried = accounts.log_in_by_code(&asked.key, typed, session).await;
        if let Some(ended) = tries.ended(tried) {
            return ended;
        }
    }
    tries.refused()
}

fn done_page(next: Option<&str>) -> Page {
    Page::new("phone_auth/login_code_done.html", "Enter the code").with("next", next)
}

fn code_view() -> FormView {
    FormView::new(vec![FieldView::code()])
}

fn view(context: &RequestContext, login: &str) -> FormView {
    FormView::new(vec![login_field(context, login)])
}

fn page(view: FormView, next: Option<&str>) -> Page {
    Page::new("phone_auth/login_code.html", "Sign in with a code")
        .with("next", next)
        .with("form", view)
}
