//! `login_confirm/{idb64}/{token}/`: where a link to sign in leads.
//!
//! Opening it changes nothing: programs open links too, and would use it up. A button signs in.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use phone_auth_core::accounts::{FlowError, InvalidLink, LinkState};

use super::log_in::welcome;
use crate::answer;
use crate::code;
use crate::form::AnyonesForm;
use crate::opening;
use crate::page::Page;
use crate::request_context::{RequestContext, account_of};

const TEMPLATE: &str = "phone_auth/login_confirm.html";

/// Which address a link was sent to, and its token; an error when it is not text.
type LinkPath = Result<Path<(String, String)>, PathRejection>;

pub(crate) async fn show(
    context: RequestContext,
    method: Method,
    headers: HeaderMap,
    path: LinkPath,
) -> Response {
    let Ok(Path((idb64, token))) = path else {
        return not_valid(&context);
    };
    let accounts = context.accounts();
    let looked = if opening::is_by_someone(&method, &headers) {
        accounts.open_log_in_link(&idb64, &token).await
    } else {
        accounts.check_log_in_link(&idb64, &token).await
    };
    match looked {
        Ok(link) => context.render(page(&context, &link)),
        Err(error) => refused(&context, &error),
    }
}

pub(crate) async fn submit(path: LinkPath, AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    let Ok(Path((idb64, token))) = path else {
        return not_valid(context);
    };
    let session = context.session_key();
    match form
        .accounts()
        .log_in_by_link(&idb64, &token, session)
        .await
    {
        Ok(logged_in) => {
            let mut response = welcome(context, &logged_in, context.kept_next().as_deref());
            code::forget(context, &mut response);
            response
        }
        Err(error) => refused(context, &error),
    }
}

fn refused(context: &RequestContext, error: &FlowError<InvalidLink>) -> Response {
    match error {
        FlowError::Refused(InvalidLink) => not_valid(context),
        FlowError::Failed(failure) => answer::flow_failed(context, "log in by a link", failure),
    }
}

fn not_valid(context: &RequestContext) -> Response {
    let page = Page::new(TEMPLATE, "You are not signed in")
        .status(StatusCode::BAD_REQUEST)
        .with("valid_link", false)
        .without_referrer();
    context.render(page)
}

/// Names the account: a link that someone else has sent signs in to theirs.
fn page(context: &RequestContext, link: &LinkState) -> Page {
    let is_of_another = context
        .current_user()
        .is_some_and(|it| it.user().id != link.user.id);
    let account = account_of(&link.user, Some(&link.address.value));
    Page::new(TEMPLATE, "Sign in")
        .with("valid_link", true)
        .with("account", account)
        .with("is_of_another", is_of_another)
        .with("action", context.uri().path())
}
