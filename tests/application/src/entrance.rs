//! The own page to log in.

use askama::Template;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::StatusCode;
use phone_auth::core::accounts::{FlowError, LogInRefusal};
use phone_auth::web::{CsrfField, RequestContext, SubmittedForm, sentence};

use crate::pages::Fault;

#[derive(Template)]
#[template(path = "enter.html")]
struct Enter<'a> {
    csrf: &'a CsrfField,
    login: &'a str,
    next: Option<&'a str>,
    problems: Vec<String>,
}

/// The form to come in; who is in goes on.
pub(crate) async fn enter(context: RequestContext) -> Result<Response, Fault> {
    let next = context.next_in_query();
    if context.current_user().is_some() {
        return Ok(leads_on(next.as_deref()));
    }
    enter_again(&context, StatusCode::OK, ("", next.as_deref()), Vec::new())
}

/// Logs a guest in, who goes on to where they were going.
pub(crate) async fn entered(form: SubmittedForm) -> Result<Response, Fault> {
    let (context, accounts, login) = (form.context(), form.accounts(), form.text("login"));
    let next = context.next(form.text("next"));
    let password = form.password("password");
    let flow = accounts.log_in(login, &password, context.session_key());
    let told = match flow.await {
        Ok(begun) => {
            let session = context.session_of(&begun);
            return Ok((session, leads_on(next.as_deref())).into_response());
        }
        Err(FlowError::Refused(LogInRefusal::Missing(problems))) => {
            problems.iter().map(sentence).collect()
        }
        // No word of which of the two is wrong.
        Err(FlowError::Refused(_)) => vec!["The email or the password is wrong.".to_owned()],
        Err(FlowError::Failed(failure)) => return Ok(context.failed("come in", &failure)),
    };
    let typed = (login, next.as_deref());
    enter_again(context, StatusCode::BAD_REQUEST, typed, told)
}

fn leads_on(next: Option<&str>) -> Response {
    Redirect::to(next.unwrap_or("/orders/")).into_response()
}

fn enter_again(
    context: &RequestContext,
    status: StatusCode,
    (login, next): (&str, Option<&str>),
    problems: Vec<String>,
) -> Result<Response, Fault> {
    let csrf = context.csrf_field();
    let page = Enter {
        csrf: &csrf,
        login,
        next,
        problems,
    };
    let page = Html(page.render()?);
    Ok((status, csrf, page).into_response())
}
