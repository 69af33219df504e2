//! `login/`: begins a session.

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use phone_auth_core::accounts::{FlowError, LogInRefusal};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::settings::Methods;
use phone_auth_urls::AccountPage;

use super::signing_in::{KEEP, listed, login_field, wanted, welcome};
use super::{FORM_TOKEN, log_in_code};
use crate::answer;
use crate::csrf;
use crate::form::{AnyonesForm, FieldView, FormView};
use crate::gate::GateView;
use crate::next::NEXT;
use crate::notice::Reason;
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

const FIELDS: [Field; 2] = [Field::Login, Field::Password];

/// Sends those who are signed in on to where they were going, and others to the application's own page, if it has one.
pub(crate) async fn show(context: RequestContext) -> Response {
    let next = wanted(&context);
    if context.current_user().is_some() {
        let default = context.accounts().settings().login_redirect_url.as_str();
        return redirect::found_for_user(next.as_deref().unwrap_or(default));
    }
    if let Some(response) = to_own_page(&context) {
        return response;
    }
    // Who has no password signs in with a code.
    if context.accounts().settings().sign_up_by_code {
        return log_in_code::show(context).await;
    }
    let reason = Reason::of(context.uri(), AccountPage::Login);
    let page = page(&context, view(&context, ""), next.as_deref());
    let gate = GateView::offered(&context, GatedFlow::LogIn).await;
    let page = page.with("notice", reason.map(Reason::notice));
    let page = page.with(FORM_TOKEN, csrf::new_page());
    context.render(page.with("gate", gate))
}

/// Logs in the user whom the form names, also where someone else is signed in: then that session ends.
pub(crate) async fn submit(headers: HeaderMap, AnyonesForm(form): AnyonesForm) -> Response {
    if let Some(response) = to_own_page(form.context()) {
        return response;
    }
    if form.context().accounts().settings().sign_up_by_code {
        return log_in_code::submit(headers, AnyonesForm(form)).await;
    }
    let context = form.context();
    let next = match form.readable(NEXT) {
        Some("") => wanted(context),
        // Bytes that are not text lead nowhere: what stands in for them is not what was asked for.
        posted => posted.and_then(|posted| context.next(posted)),
    };
    let gate = GateView::offered(context, GatedFlow::LogIn).await;
    let keeps_signed_in = !form.text(KEEP).is_empty();
    let page = |view| {
        page(context, view, next.as_deref())
            .with("gate", &gate)
            .with(KEEP, keeps_signed_in)
            .with(FORM_TOKEN, form.another_page(FORM_TOKEN))
    };
    let again = |view: FormView| context.render(page(view).status(StatusCode::BAD_REQUEST));
    let login = form.text(Field::Login.name());
    let unreadable = form.unreadable(&FIELDS);
    if !unreadable.is_empty() {
        return again(view(context, login).problems(&unreadable));
    }
    let password = form.password(Field::Password.name());
    let accounts = form.accounts_by_page(form.page(FORM_TOKEN));
    let accounts = accounts.keeping_signed_in(keeps_signed_in);
    let flow = accounts.log_in(login, &password, context.session_key());
    match flow.await {
        Ok(logged_in) => welcome(context, &logged_in, next.as_deref()),
        Err(FlowError::Refused(LogInRefusal::Missing(problems))) => {
            again(view(context, login).problems(&problems))
        }
        Err(FlowError::Refused(LogInRefusal::InvalidCredentials)) => {
            let methods = accounts.settings().authentication_methods;
            again(view(context, login).problem(Field::Login, &no_match(methods)))
        }
        Err(FlowError::Refused(LogInRefusal::Ambiguous)) => {
            let problem = FieldProblem::new(Field::Login, Problem::Ambiguous);
            again(view(context, login).problems(&[problem]))
        }
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "log a user in", &failure, |sentence| {
                page(view(context, login).general_problem(sentence))
            })
        }
    }
}

/// The way to the application's own log-in page, with all that the query says. A form is not taken here: that page may ask for
/// more.
fn to_own_page(context: &RequestContext) -> Option<Response> {
    let own = context.web().own_pages().of(AccountPage::Login)?;
    let query = context.uri().query();
    let to = query.map_or_else(|| own.to_owned(), |query| format!("{own}?{query}"));
    Some(redirect::found_for_user(&to))
}

fn view(context: &RequestContext, login: &str) -> FormView {
    FormView::new(vec![
        login_field(context, login),
        FieldView::password(Field::Password, "Password", "current-password"),
    ])
}

fn page(context: &RequestContext, view: FormView, next: Option<&str>) -> Page {
    // The default target needs no field.
    let default = &context.accounts().settings().login_redirect_url;
    let next = next.filter(|next| next != default);
    let short = context.accounts().settings().short_session_lifetime;
    Page::new("phone_auth/login.html", "Sign in")
        .with("form", view)
        .with("next", next)
        .with("asks_to_keep", short.is_some())
}

/// The same for names that nobody has and for wrong passwords.
fn no_match(methods: Methods) -> String {
    let names = listed(methods);
    format!("That {names} and password don’t match.")
}
