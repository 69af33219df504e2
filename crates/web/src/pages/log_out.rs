//! `logout/`: ends every session that the browser has, after asking.

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
    // Of several, the next one would count as soon as the first is gone.
    for key in visit.session_keys() {
        if let Err(failure) = visit.accounts().log_out(key).await {
            // The session lives on, so the cookie stays too.
            return answer::flow_failed(visit, "log somebody out", &failure);
        }
    }
    let mut response = redirect::found(&visit.accounts().settings().logout_redirect_url);
    for cookie in visit.cookies().clear_session() {
        add_cookie(response.headers_mut(), Some(cookie));
    }
    response
}
