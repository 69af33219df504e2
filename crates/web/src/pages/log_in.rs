//! `login/`: begins a session.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use phone_auth_core::accounts::{FlowError, LogInRefusal, LoggedIn};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::settings::Methods;
use phone_auth_urls::AccountPage;

use super::{FORM_TOKEN, log_in_code, login_hint, phone_hint};
use crate::answer;
use crate::csrf;
use crate::form::{AnyonesForm, FieldView, FormView};
use crate::gate::GateView;
use crate::next::{self, NEXT};
use crate::notice::Reason;
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

const FIELDS: [Field; 2] = [Field::Login, Field::Password];

/// The field of someone who wants to stay signed in.
pub(super) const KEEP: &str = "keep_signed_in";

/// Whether the user of this session was asked, and wants to stay signed in.
pub(super) fn keeps_signed_in(context: &RequestContext) -> bool {
    let accounts = context.accounts();
    let is_asked = accounts.settings().short_session_lifetime.is_some();
    let current_user = context.current_user();
    is_asked && current_user.is_some_and(|it| !accounts.ends_with_browser(it))
}

/// Sends those who are signed in on to where they were going.
pub(crate) async fn show(context: RequestContext) -> Response {
    let next = wanted(&context);
    if context.current_user().is_some() {
        let default = context.accounts().settings().login_redirect_url.as_str();
        return redirect::found_for_user(next.as_deref().unwrap_or(default));
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
            .with(FORM_TOKEN, form.page(FORM_TOKEN))
    };
    let again = |view: FormView| context.render(page(view).status(StatusCode::BAD_REQUEST));
    let login = form.text(Field::Login.name());
    let unreadable = form.unreadable(&FIELDS);
    if !unreadable.is_empty() {
        return again(view(context, login).problems(&unreadable));
    }
    let password = form.password(Field::Password.name());
    let accounts = form.accounts_by_page(form.text(FORM_TOKEN));
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

/// Sets the key of the new session and sends its owner on. A browser that has sent no cookie may keep none: it is asked
/// for this one on the way, by the log-in page, which sends on those who are signed in and tells the others why they
/// are not.
pub(super) fn welcome(
    context: &RequestContext,
    logged_in: &LoggedIn,
    next: Option<&str>,
) -> Response {
    let settings = context.accounts().settings();
    let target = if context.keeps_no_cookies() {
        let reason = Some(Reason::NoCookies.name());
        let fields = [(Reason::FIELD, reason), (NEXT, next)];
        next::with(context.path(AccountPage::Login), &fields)
    } else {
        next.unwrap_or(&settings.login_redirect_url).to_owned()
    };
    (context.session_of(logged_in), redirect::found(&target)).into_response()
}

/// Where the query says that the user was on the way to.
pub(super) fn wanted(context: &RequestContext) -> Option<String> {
    context.next_in_query()
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

/// The field that names an account.
pub(super) fn login_field(context: &RequestContext, login: &str) -> FieldView {
    let settings = context.accounts().settings();
    let methods = settings.authentication_methods;
    let field = FieldView::new(Field::Login, login_label(methods))
        .value(login)
        .autocomplete("username")
        .verbatim();
    match (methods.phone, methods.email || methods.username) {
        (true, true) => field.hint(login_hint(settings)),
        (true, false) => field.kind("tel", "tel").hint(phone_hint(settings)),
        (false, _) => field,
    }
}

/// What may be typed to name an account, less what the settings leave out.
fn login_label(methods: Methods) -> String {
    let mut names = listed(methods);
    if let Some(first) = names.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    names
}

/// The same for names that nobody has and for wrong passwords.
fn no_match(methods: Methods) -> String {
    let names = listed(methods);
    format!("That {names} and password don’t match.")
}

/// The words for the methods that the settings allow.
fn listed(methods: Methods) -> String {
    let names = [
        (methods.email, "email"),
        (methods.phone, "phone number"),
        (methods.username, "username"),
    ];
    let names: Vec<&str> = names
        .into_iter()
        .filter_map(|(on, name)| on.then_some(name))
        .collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_names_allowed_methods() {
        let label = |phone, email, username| {
            login_label(Methods {
                phone,
                email,
                username,
            })
        };
        assert_eq!(label(true, true, true), "Email, phone number or username");
        assert_eq!(label(true, true, false), "Email or phone number");
        assert_eq!(label(false, false, true), "Username");
    }
}
