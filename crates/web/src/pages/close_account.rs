//! `close_account/`, `close_account_done/` and `export_account/`: the end of an account, and a copy of what is kept of it.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use phone_auth_core::accounts::{CloseRefusal, Closing, FlowError};
use phone_auth_urls::AccountPage;

use super::FORM_TOKEN;
use crate::answer;
use crate::form::{FormView, SubmittedForm};
use crate::guard::RecentlyProven;
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;
use crate::wait;

const MAY_NOT: &str = "Your account can’t be closed right now. Please contact us.";
/// When an export that was not complete is worth another try.
const INCOMPLETE_FOR: Duration = Duration::from_mins(1);
const INCOMPLETE: &str = "Some of your data can’t be read right now. Please try again later.";

pub(crate) async fn show(_: RecentlyProven, context: RequestContext) -> Response {
    context.render(page(&context, view()))
}

pub(crate) async fn submit(form: SubmittedForm) -> Response {
    let context = form.context();
    let proven = form.sender().and_then(|_| context.recently_proven());
    let current_user = match proven {
        Ok(current_user) => current_user,
        Err(_) if context.current_user().is_none() => return without_session(&form).await,
        Err(refusal) => return refusal.into_response(),
    };
    let closing = context.accounts().request_closing(current_user.user().id);
    match closing.await {
        Ok(Closing::Done(_) | Closing::Scheduled(_))
        | Err(FlowError::Refused(CloseRefusal::NoSuchUser)) => done(context).await,
        Err(FlowError::Refused(CloseRefusal::MayNot(sentence))) => {
            let sentence = sentence.as_deref().unwrap_or(MAY_NOT);
            let page = page(context, view().general_problem(sentence));
            context.render(page.status(StatusCode::CONFLICT))
        }
        Err(FlowError::Failed(failure)) => {
            answer::flow_failed(context, "close an account", &failure)
        }
    }
}

/// A form whose session is over. It may be that the same form has just closed the account: the second of two clicks is
/// answered as the first.
async fn without_session(form: &SubmittedForm) -> Response {
    let context = form.context();
    match context
        .accounts()
        .repeated_close(form.text(FORM_TOKEN))
        .await
    {
        Ok(true) => done(context).await,
        Ok(false) => context.to_login_again(),
        Err(failure) => {
            answer::flow_failed(context, "look whether an account was closed", &failure)
        }
    }
}

/// Has the browser forget its session, which is over.
async fn done(context: &RequestContext) -> Response {
    let target = redirect::found(context.path(AccountPage::CloseAccountDone));
    match context.log_out().await {
        Ok(session) => (session, target).into_response(),
        // The account is closed, whatever the store says now.
        Err(_) => target,
    }
}

pub(crate) async fn show_done(context: RequestContext) -> Response {
    let page = Page::new(
        "phone_auth/close_account_done.html",
        "Your account is closed",
    );
    context.render(page.with("grace", grace(&context)))
}

pub(crate) async fn show_export(_: RecentlyProven, context: RequestContext) -> Response {
    context.render(export_page(view()))
}

pub(crate) async fn submit_export(form: SubmittedForm) -> Response {
    let context = form.context();
    let current_user = match form.sender().and_then(|_| context.recently_proven()) {
        Ok(current_user) => current_user,
        Err(refusal) => return refusal.into_response(),
    };
    let export = match context.accounts().export(current_user.user().id).await {
        Ok(Some(export)) => export,
        Ok(None) => return context.to_login_again(),
        Err(failure) => return answer::flow_failed(context, "export an account", &failure),
    };
    let json = serde_json::to_vec_pretty(&export).ok();
    let Some(json) = json.filter(|_| export.is_complete) else {
        let page = export_page(view().general_problem(INCOMPLETE));
        let mut response = context.render(page.status(StatusCode::SERVICE_UNAVAILABLE));
        wait::retry_after(response.headers_mut(), INCOMPLETE_FOR);
        return response;
    };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (
            CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"account.json\""),
        ),
    ];
    (headers, json).into_response()
}

/// For how long an account can be had back, in words.
fn grace(context: &RequestContext) -> Option<String> {
    context
        .accounts()
        .settings()
        .closing_grace
        .map(wait::in_words)
}

fn view() -> FormView {
    FormView::new(Vec::new())
}

fn page(context: &RequestContext, view: FormView) -> Page {
    let form_token = context
        .current_user()
        .map(|it| context.accounts().password_form_token(it.user()));
    Page::new("phone_auth/close_account.html", "Close your account")
        .with("form_token", form_token)
        .with("grace", grace(context))
        .with("form", view)
}

fn export_page(view: FormView) -> Page {
    Page::new("phone_auth/export_account.html", "Download your data").with("form", view)
}
