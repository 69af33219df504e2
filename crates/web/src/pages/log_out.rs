//! `logout/`: ends the session, after asking.

use axum::response::Response;

use crate::answer;
use crate::form::SubmittedForm;
use crate::page::Page;
use crate::redirect;
use crate::visit::{Visit, add_cookie};

pub(crate) async fn show(visit: Visit) -> Response {
    visit.render(Page::new(
        "phone_auth/logout.html",
        "Are you sure you want to logout?",
    ))
}

pub(crate) async fn submit(form: SubmittedForm) -> Response {
    let visit = form.visit();
    if let Some(key) = visit.session_key()
        && let Err(error) = visit.accounts().log_out(key).await
    {
        // The session lives on, so the cookie stays too.
        return answer::trouble(visit, "log somebody out", &error);
    }
    let mut response = redirect::found(&visit.accounts().settings().logout_redirect_url);
    add_cookie(response.headers_mut(), visit.cookies().clear_session());
    response
}
