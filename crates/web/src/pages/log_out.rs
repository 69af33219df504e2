//! `logout/`: ends every session that the browser has, after asking.

use axum::response::Response;

use crate::answer;
use crate::form::SubmittedForm;
use crate::page::Page;
use crate::redirect;
use crate::request_context::{RequestContext, add_cookie};

pub(crate) async fn show(context: RequestContext) -> Response {
    context.render(Page::new(
        "phone_auth/logout.html",
        "Are you sure you want to logout?",
    ))
}

pub(crate) async fn submit(form: SubmittedForm) -> Response {
    let context = form.context();
    // Of several, the next one would count as soon as the first is gone.
    for key in context.session_keys() {
        if let Err(failure) = context.accounts().log_out(key).await {
            // The session lives on, so the cookie stays too.
            return answer::flow_failed(context, "log a user out", &failure);
        }
    }
    let mut response = redirect::found(&context.accounts().settings().logout_redirect_url);
    for cookie in context.cookies().clear_session() {
        add_cookie(response.headers_mut(), Some(cookie));
    }
    response
}
