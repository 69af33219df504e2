//! `login_confirm/{idb64}/{token}/`: where a link to sign in leads.
//!
//! Opening it changes nothing: programs open links too, and would use it up. A button signs in.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use phone_auth_core::accounts::{Failure, FlowError, InvalidLink, LinkState};

use super::FORM_TOKEN;
use super::log_in::{KEEP, welcome};
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
        Ok(link) => {
            let form_token = accounts.log_in_form_token(&idb64, &token);
            let page = page(&context, &headers, &link, form_token).await;
            page.map_or_else(
                |failure| answer::flow_failed(&context, "look at a link", &failure),
                |page| context.render(page),
            )
        }
        Err(error) => refused(&context, &error),
    }
}

pub(crate) async fn submit(path: LinkPath, AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    let Ok(Path((idb64, token))) = path else {
        return not_valid(context);
    };
    let session = context.session_key();
    let accounts = form.accounts();
    let accounts = accounts.keeping_signed_in(!form.text(KEEP).is_empty());
    let form_token = form.text(FORM_TOKEN);
    let flow = accounts.log_in_by_link_form(&idb64, &token, form_token, session);
    match flow.await {
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

/// Names the account: a link that someone else has sent signs in to theirs. It asks who stays signed in, and knows what was
/// said in this browser when the message was asked for.
async fn page(
    context: &RequestContext,
    headers: &HeaderMap,
    link: &LinkState,
    form_token: Result<String, Failure>,
) -> Result<Page, Failure> {
    let (form_token, keeps) = (form_token?, keeps_signed_in(context, headers, link).await?);
    let is_of_another = context
        .current_user()
        .is_some_and(|it| it.user().id != link.user.id);
    let account = account_of(&link.user, Some(&link.address.value));
    let short = context.accounts().settings().short_session_lifetime;
    Ok(Page::new(TEMPLATE, "Sign in")
        .with("valid_link", true)
        .with("account", account)
        .with("is_of_another", is_of_another)
        .with(FORM_TOKEN, form_token)
        .with("asks_to_keep", short.is_some())
        .with(KEEP, keeps)
        .with("action", context.uri().path()))
}

/// Whether this browser asked for the message of a link, and its user said that they stay signed in.
async fn keeps_signed_in(
    context: &RequestContext,
    headers: &HeaderMap,
    link: &LinkState,
) -> Result<bool, Failure> {
    let accounts = context.accounts();
    for asked in context.cookies().read_challenges(headers) {
        if asked.keeps_signed_in && accounts.asked_to_log_in(&asked.key, &link.address).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
