//! `password_reset_confirm/{uidb64}/{token}/`: where a reset link leads.
//!
//! Opening the link moves the token into a cookie that only the form's path sees, and redirects to a
//! path without it: the address bar, the history and the `Referer` of what comes next do not hold it
//! (ASVS 5.0, 14.2.1).

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Response};
use http::header::REFERRER_POLICY;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use phone_auth_core::accounts::{
    Failure, FlowError, InvalidLink, ProvenReset, ResetLink, ResetRefusal,
};
use phone_auth_core::form::{Field, FieldProblem};
use phone_auth_core::user::User;
use phone_auth_urls::{AccountPage, SET_PASSWORD, id};

use super::{FORM_TOKEN, NEW_PASSWORD_HINT};
use crate::answer;
use crate::current_user_view::account_of;
use crate::form::{AnyonesForm, FieldView, FormView, SubmittedForm};
use crate::next;
use crate::notice::Reason;
use crate::opening;
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;
use crate::set_cookie::add_cookie;

/// The field of a form that frees an address: which one.
const FREES: &str = "frees";

const FIELDS: [Field; 2] = [Field::NewPassword1, Field::NewPassword2];

/// Whom a link is for, and its token or what stands in its place; an error when it is not text.
type LinkPath = Result<Path<(String, String)>, PathRejection>;

pub(crate) async fn show(
    context: RequestContext,
    method: Method,
    path: LinkPath,
    headers: HeaderMap,
) -> Response {
    let Ok(Path((uidb64, token))) = path else {
        return not_valid(&context);
    };
    if token != SET_PASSWORD {
        let is_opened = opening::is_by_someone(&method, &headers);
        return open(&context, is_opened, &uidb64, &token).await;
    }
    match waiting(&context, &uidb64, &headers).await {
        Ok(Some((_, link))) => context.render(page(&context, &link, &[])),
        Ok(None) if context.keeps_no_cookies() => no_cookies(&context),
        Ok(None) => not_valid(&context),
        Err(failure) => answer::flow_failed(&context, "look at a reset link", &failure),
    }
}

/// The form for the new password. Only the path without the token takes it.
pub(crate) async fn submit(
    path: LinkPath,
    headers: HeaderMap,
    AnyonesForm(form): AnyonesForm,
) -> Response {
    let context = form.context();
    let Ok(Path((uidb64, in_path))) = path else {
        return not_valid(context);
    };
    if in_path != SET_PASSWORD {
        return answer::only_shows(context);
    }
    let token = match waiting(context, &uidb64, &headers).await {
        Ok(Some((token, link))) if link.only_frees => {
            return free(&form, &uidb64, &token).await;
        }
        Ok(Some((token, _))) => token,
        Ok(None) if !form.text(FREES).is_empty() => return freed_before(&form, &uidb64).await,
        Ok(None) => return used_before(&form).await,
        Err(failure) => return answer::flow_failed(context, "look at a reset link", &failure),
    };
    let unreadable = form.unreadable(&FIELDS);
    if !unreadable.is_empty() {
        return again(context, &uidb64, &token, &unreadable).await;
    }
    let [new1, new2] = FIELDS.map(|field| form.password(field.name()));
    let flow = context
        .accounts()
        .reset_password(&uidb64, &token, &new1, &new2);
    match flow.await {
        Ok(user) => done(context, &user),
        Err(FlowError::Refused(ResetRefusal::Invalid(problems))) => {
            again(context, &uidb64, &token, &problems).await
        }
        Err(FlowError::Refused(ResetRefusal::Link(InvalidLink))) => used_before(&form).await,
        Err(FlowError::Failed(failure)) => {
            answer::flow_failed(context, "reset a password", &failure)
        }
    }
}

/// Takes an address that is not confirmed from the account that the link is for.
async fn free(form: &SubmittedForm, uidb64: &str, token: &str) -> Response {
    let context = form.context();
    match context.accounts().free_address(uidb64, token).await {
        Ok(address) => freed(context, &address),
        Err(FlowError::Refused(InvalidLink)) => freed_before(form, uidb64).await,
        Err(FlowError::Failed(failure)) => {
            answer::flow_failed(context, "free an address", &failure)
        }
    }
}

fn freed(context: &RequestContext, address: &str) -> Response {
    let page = Page::new(
        "phone_auth/password_reset_confirm.html",
        "You can use it now",
    )
    .with("freed", address)
    .without_referrer();
    let mut response = context.render(page);
    forget_token(context, &mut response);
    response
}

/// As [`used_before`], of a form that frees an address.
async fn freed_before(form: &SubmittedForm, uidb64: &str) -> Response {
    let (context, address, token) = (form.context(), form.text(FREES), form.text(FORM_TOKEN));
    match context.accounts().was_freed(uidb64, address, token).await {
        Ok(true) => freed(context, address),
        Ok(false) => not_valid(context),
        Err(failure) => answer::flow_failed(context, "look whether an address was freed", &failure),
    }
}

fn done(context: &RequestContext, user: &User) -> Response {
    let mut response = redirect::found(context.path(AccountPage::PasswordResetComplete));
    forget_token(context, &mut response);
    // The link has shown who this is: under a flood of wrong passwords they get in as well.
    (context.remember(user), response).into_response()
}

/// A form whose link does not work any more. It may be that the same form has just used it: the second of two clicks.
/// Then it is answered as the first.
async fn used_before(form: &SubmittedForm) -> Response {
    let context = form.context();
    let [new1, new2] = FIELDS.map(|field| form.password(field.name()));
    let token = form.text(FORM_TOKEN);
    match context.accounts().repeated_reset(token, &new1, &new2).await {
        Ok(Some(user)) => done(context, &user),
        Ok(None) => not_valid(context),
        Err(failure) => answer::flow_failed(context, "look whether a password was reset", &failure),
    }
}

/// The token that waits in a cookie and is good for something, and what for.
async fn waiting(
    context: &RequestContext,
    uidb64: &str,
    headers: &HeaderMap,
) -> Result<Option<(String, ResetLink)>, Failure> {
    for token in context.cookies().read_reset(headers) {
        match context.accounts().check_reset_link(uidb64, &token).await {
            Ok(link) => return Ok(Some((token, link))),
            Err(FlowError::Refused(InvalidLink)) => {}
            Err(FlowError::Failed(failure)) => return Err(failure),
        }
    }
    Ok(None)
}

/// Takes the token out of the address bar, if it is good for anything.
async fn open(context: &RequestContext, is_opened: bool, uidb64: &str, token: &str) -> Response {
    let accounts = context.accounts();
    let checked = if is_opened {
        accounts.open_reset_link(uidb64, token).await
    } else {
        accounts.check_reset_link(uidb64, token).await
    };
    match checked {
        Ok(link) => {
            let id = id::encode_user(link.user.id.get());
            with_token(context, &id, token)
        }
        Err(FlowError::Refused(InvalidLink)) => not_valid(context),
        Err(FlowError::Failed(failure)) => {
            answer::flow_failed(context, "open a reset link", &failure)
        }
    }
}

/// Goes on to the form, and has the browser keep the token for it.
pub(super) fn with_token(context: &RequestContext, uidb64: &str, token: &str) -> Response {
    to_form(context, (uidb64, token), None)
}

fn to_form(
    context: &RequestContext,
    (uidb64, token): (&str, &str),
    reason: Option<Reason>,
) -> Response {
    let routes = context.accounts().routes();
    let Some(user) = id::decode_user(uidb64) else {
        return not_valid(context);
    };
    let form = routes.password_reset_form(user);
    let reason = [(Reason::FIELD, reason.map(Reason::name))];
    let mut response = redirect::found(&next::with(&form, &reason));
    let headers = response.headers_mut();
    add_cookie(headers, context.cookies().set_reset(token, &form));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// The same for one who was to sign in, whose account may have the password of a stranger.
pub(super) fn with_new_password(
    context: &RequestContext,
    proven: &ProvenReset,
    next: Option<&str>,
) -> Response {
    let mut response = to_form(
        context,
        (&proven.id, proven.token.reveal()),
        Some(Reason::NewPassword),
    );
    if let Some(next) = next {
        context.keep_next(next, &mut response);
    }
    response
}

/// Shows the form again, unless the link has died meanwhile.
async fn again(
    context: &RequestContext,
    uidb64: &str,
    token: &str,
    problems: &[FieldProblem],
) -> Response {
    match context.accounts().check_reset_link(uidb64, token).await {
        Ok(link) => context.render(page(context, &link, problems).status(StatusCode::BAD_REQUEST)),
        Err(FlowError::Refused(InvalidLink)) => not_valid(context),
        Err(FlowError::Failed(failure)) => {
            answer::flow_failed(context, "look at a reset link", &failure)
        }
    }
}

/// Says that the link is not valid, and where to ask for another.
fn not_valid(context: &RequestContext) -> Response {
    let page = Page::new(
        "phone_auth/password_reset_confirm.html",
        "Password reset unsuccessful",
    )
    .status(StatusCode::BAD_REQUEST)
    .with("valid_link", false)
    .without_referrer();
    let mut response = context.render(page);
    forget_token(context, &mut response);
    response
}

/// Says that the link could not be kept: a browser without cookies.
fn no_cookies(context: &RequestContext) -> Response {
    let page = Page::new(
        "phone_auth/password_reset_confirm.html",
        "Password reset unsuccessful",
    )
    .status(StatusCode::BAD_REQUEST)
    .with("valid_link", false)
    .with("notice", Some(Reason::NoCookies.notice()))
    .without_referrer();
    context.render(page)
}

/// Clears the cookie of the form's path. Elsewhere there is none. The path is made anew: what stands in the address may
/// hold more than an id.
fn forget_token(context: &RequestContext, response: &mut Response) {
    let mut parts = context.uri().path().trim_end_matches('/').rsplit('/');
    let is_form = parts.next() == Some(SET_PASSWORD);
    if let Some(user) = parts.next().filter(|_| is_form).and_then(id::decode_user) {
        let path = context.accounts().routes().password_reset_form(user);
        add_cookie(response.headers_mut(), context.cookies().clear_reset(&path));
    }
}

fn page(context: &RequestContext, link: &ResetLink, problems: &[FieldProblem]) -> Page {
    if link.only_frees {
        let address = link.address.as_deref().unwrap_or_default();
        let form_token = context.accounts().free_form_token(&link.user, address);
        return Page::new("phone_auth/password_reset_confirm.html", "Is this yours?")
            .with("frees", address)
            .with("form_token", form_token)
            .with("action", context.uri().path());
    }
    let fields = vec![
        FieldView::password(Field::NewPassword1, "New password", "new-password")
            .hint(NEW_PASSWORD_HINT),
        FieldView::password(Field::NewPassword2, "Confirm password", "new-password"),
    ];
    let is_of_another = context
        .current_user()
        .is_some_and(|it| it.user().id != link.user.id);
    let settings = context.accounts().settings();
    let account = account_of(settings, &link.user, link.address.as_deref());
    let reason = Reason::of(context.uri(), AccountPage::PasswordResetConfirm);
    Page::new("phone_auth/password_reset_confirm.html", "Set password")
        .with("valid_link", true)
        .with("account", account)
        .with("notice", reason.map(Reason::notice))
        .with("is_of_another", is_of_another)
        .with("action", context.uri().path())
        .with(
            "form_token",
            context.accounts().password_form_token(&link.user),
        )
        .with("form", FormView::new(fields).problems(problems))
}
