//! `logout/`: ends every session that the browser has, after asking.

use axum::response::{IntoResponse, Response};

use crate::answer;
use crate::form::SubmittedForm;
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

pub(crate) async fn show(context: RequestContext) -> Response {
    context.render(Page::new("phone_auth/logout.html", "Sign out?"))
}

pub(crate) async fn submit(form: SubmittedForm) -> Response {
    let context = form.context();
    // Without a session there is nothing to end, and the browser forgets what it has.
    if context.current_user().is_some()
        && let Err(refusal) = form.sender()
    {
        return refusal.into_response();
    }
    match context.log_out().await {
        Ok(session) => {
            let target = redirect::found(&context.accounts().settings().logout_redirect_url);
            (session, target).into_response()
        }
        // The session lives on, so the cookie stays too.
        Err(failure) => answer::flow_failed(context, "log a user out", &failure),
    }
}
