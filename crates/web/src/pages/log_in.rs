//! `login/`: begins a session.

use axum::extract::RawQuery;
use axum::response::Response;
use http::StatusCode;
use phone_auth_core::accounts::{FlowError, LogInRefusal, LoggedIn};
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::settings::Methods;
use phone_auth_urls::local_path;

use super::{login_hint, phone_hint};
use crate::answer;
use crate::form::{FieldView, FormView, SubmittedForm};
use crate::guard::{Anonymous, Rule};
use crate::page::Page;
use crate::redirect;
use crate::request_context::{RequestContext, add_cookie};

const FIELDS: [Field; 2] = [Field::Login, Field::Password];

/// Where to go afterwards, as django-phone-auth calls it.
const NEXT: &str = "next";

pub(crate) async fn show(
    _: Anonymous,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let next = next_in_query(query.as_deref());
    context.render(page(&context, view(&context, ""), next.as_deref()))
}

pub(crate) async fn submit(RawQuery(query): RawQuery, form: SubmittedForm) -> Response {
    let context = form.context();
    if let Some(elsewhere) = Rule::Anonymous.verdict(context) {
        return elsewhere;
    }
    let next = match form.readable(NEXT) {
        Some("") => next_in_query(query.as_deref()),
        // Bytes that are not text lead nowhere: what stands in for them is not what was asked for.
        posted => posted.and_then(local_path).map(String::from),
    };
    let again = |view: FormView| {
        let page = page(context, view, next.as_deref()).status(StatusCode::BAD_REQUEST);
        context.render(page)
    };
    let login = form.text(Field::Login.name());
    let unreadable = form.unreadable(&FIELDS);
    if !unreadable.is_empty() {
        return again(view(context, login).problems(&unreadable));
    }
    let password = form.password(Field::Password.name());
    let flow = context
        .accounts()
        .log_in(login, &password, context.session_key());
    match flow.await {
        Ok(logged_in) => welcome(context, &logged_in, next.as_deref()),
        Err(FlowError::Refused(LogInRefusal::Missing(problems))) => {
            again(view(context, login).problems(&problems))
        }
        Err(FlowError::Refused(LogInRefusal::InvalidCredentials)) => {
            again(view(context, login).problem(Field::Login, "Invalid Credentials"))
        }
        Err(FlowError::Refused(LogInRefusal::Ambiguous)) => {
            let problem = FieldProblem::new(Field::Login, Problem::Ambiguous);
            again(view(context, login).problems(&[problem]))
        }
        Err(FlowError::Failed(failure)) => answer::flow_failed(context, "log a user in", &failure),
    }
}

/// Sets the key of the new session and sends its owner on.
fn welcome(context: &RequestContext, logged_in: &LoggedIn, next: Option<&str>) -> Response {
    let settings = context.accounts().settings();
    let mut response = redirect::found(next.unwrap_or(&settings.login_redirect_url));
    let cookie = context
        .cookies()
        .set_session(logged_in.key.reveal(), settings.session_lifetime);
    add_cookie(response.headers_mut(), cookie);
    context.remember(&logged_in.user, &mut response);
    response
}

/// The `next` of a query, if it is a path of this site.
fn next_in_query(query: Option<&str>) -> Option<String> {
    let (_, next) =
        form_urlencoded::parse(query?.as_bytes()).find(|(name, _)| name.as_ref() == NEXT)?;
    local_path(&next).map(String::from)
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
    Page::new("phone_auth/login.html", "Sign In")
        .with("form", view)
        .with("next", next.filter(|next| next != default))
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

/// What may be typed to name an account: django-phone-auth's words, less what the settings leave out.
fn login_label(methods: Methods) -> String {
    let names = [
        (methods.phone, "Phone"),
        (methods.email, "Email"),
        (methods.username, "Username"),
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
        assert_eq!(label(true, true, true), "Phone, Email or Username");
        assert_eq!(label(true, true, false), "Phone or Email");
        assert_eq!(label(false, false, true), "Username");
    }
}
