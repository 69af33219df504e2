//! What all ways to sign in have in common: the field that names an account, where the user was going, and the answer to
//! someone who is signed in now.

use axum::response::{IntoResponse, Response};
use phone_auth_core::accounts::LoggedIn;
use phone_auth_core::form::Field;
use phone_auth_core::settings::Methods;
use phone_auth_urls::AccountPage;

use super::{login_hint, phone_hint};
use crate::form::FieldView;
use crate::next::{self, NEXT};
use crate::notice::Reason;
use crate::redirect;
use crate::request_context::RequestContext;

/// The field of someone who wants to stay signed in.
pub(super) const KEEP: &str = "keep_signed_in";

/// Whether the user of this session was asked, and wants to stay signed in.
pub(super) fn keeps_signed_in(context: &RequestContext) -> bool {
    let accounts = context.accounts();
    let is_asked = accounts.settings().short_session_lifetime.is_some();
    let current_user = context.current_user();
    is_asked && current_user.is_some_and(|it| !accounts.ends_with_browser(it))
}

/// Sets the key of the new session and sends its owner on. A browser that has sent no cookie may keep none: it is asked
/// for this one on the way, by our log-in page, which sends on those who are signed in and tells the others why they
/// are not.
pub(super) fn welcome(
    context: &RequestContext,
    logged_in: &LoggedIn,
    next: Option<&str>,
) -> Response {
    let settings = context.accounts().settings();
    let kept = logged_in
        .keeps_account()
        .then(|| kept_account(context, next));
    let next = kept.as_deref().or(next);
    let target = if context.keeps_no_cookies() {
        let reason = Some(Reason::NoCookies.name());
        let fields = [(Reason::FIELD, reason), (NEXT, next)];
        let page = context.accounts().routes().page(AccountPage::Login);
        next::with(page, &fields)
    } else {
        next.unwrap_or(&settings.login_redirect_url).to_owned()
    };
    (context.session_of(logged_in), redirect::found(&target)).into_response()
}

/// The way on of someone whose account was to be closed: past the page that says that it stays.
fn kept_account(context: &RequestContext, next: Option<&str>) -> String {
    let next = next.unwrap_or(&context.accounts().settings().login_redirect_url);
    let reason = Some(Reason::KeptAccount.name());
    let fields = [(Reason::FIELD, reason), (NEXT, Some(next))];
    next::with(context.path(AccountPage::EmailVerification), &fields)
}

/// Where the query says that the user was on the way to.
pub(super) fn wanted(context: &RequestContext) -> Option<String> {
    context.next_in_query()
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

/// The words for the methods that the settings allow.
pub(super) fn listed(methods: Methods) -> String {
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
