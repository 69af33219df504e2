//! `user_verification_confirm/{idb64}/{token}/`: where a verification link leads.
//!
//! Opening it verifies, unless the setting `verify_by_click`, or what it verifies, asks for a button. A request that no click has made by
//! opening it never does, and shows the button; OPTIONS does not come here.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use phone_auth_core::accounts::{FlowError, InvalidLink, LinkState, Verification};
use phone_auth_core::address::AddressRecord;
use phone_auth_core::user::User;

use crate::answer;
use crate::current_user_view::account_of;
use crate::form::AnyonesForm;
use crate::notice::already_verified;
use crate::opening;
use crate::page::Page;
use crate::request_context::RequestContext;

const TEMPLATE: &str = "phone_auth/phone_email_verification_confirm.html";

/// Which address a link is for, and its token; an error when it is not text.
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
    if !opening::is_by_someone(&method, &headers) {
        let looked = accounts.check_verification_link(&idb64, &token).await;
        ask(&context, looked)
    } else if accounts.asks_for_click(&idb64) {
        let looked = accounts.open_verification_link(&idb64, &token).await;
        ask(&context, looked)
    } else {
        verify(&context, &idb64, &token).await
    }
}

/// The button. It works without the setting too: a browser shows someone who opens the link the page that it had
/// fetched ahead, and there the button is.
pub(crate) async fn submit(path: LinkPath, AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    match path {
        Ok(Path((idb64, token))) => verify(context, &idb64, &token).await,
        Err(_not_text) => not_valid(context),
    }
}

async fn verify(context: &RequestContext, idb64: &str, token: &str) -> Response {
    match context.accounts().verify_address(idb64, token).await {
        Ok(Verification::Verified(address, user)) => {
            let page = page(
                context,
                "verified",
                "Verification successful",
                &address,
                &user,
            );
            context.render(page.with("next", context.kept_next()).without_referrer())
        }
        Ok(Verification::AlreadyVerified(address, user)) => done_before(context, &address, &user),
        Err(error) => unverified(context, &error),
    }
}

/// Says what a click will verify, and changes nothing.
fn ask(context: &RequestContext, looked: Result<LinkState, FlowError<InvalidLink>>) -> Response {
    match looked {
        Ok(link) if link.address.is_verified => done_before(context, &link.address, &link.user),
        Ok(link) => {
            let page = page(
                context,
                "ask",
                "Verify your address",
                &link.address,
                &link.user,
            )
            .with("action", context.uri().path());
            context.render(page)
        }
        Err(error) => unverified(context, &error),
    }
}

fn done_before(context: &RequestContext, address: &AddressRecord, user: &User) -> Response {
    let page = page(
        context,
        "already",
        already_verified(address.kind),
        address,
        user,
    );
    context.render(page.with("next", context.kept_next()).without_referrer())
}

fn unverified(context: &RequestContext, error: &FlowError<InvalidLink>) -> Response {
    match error {
        FlowError::Refused(InvalidLink) => not_valid(context),
        FlowError::Failed(failure) => answer::flow_failed(context, "verify an address", failure),
    }
}

fn not_valid(context: &RequestContext) -> Response {
    let page = Page::new(TEMPLATE, "Verification failed")
        .status(StatusCode::BAD_REQUEST)
        .with("state", "failed")
        .without_referrer();
    context.render(page)
}

/// Names the account, so that a link opened in another user's session does not pass for theirs.
fn page(
    context: &RequestContext,
    state: &'static str,
    title: &'static str,
    address: &AddressRecord,
    user: &User,
) -> Page {
    let is_of_another = context
        .current_user()
        .is_some_and(|it| it.user().id != user.id);
    Page::new(TEMPLATE, title)
        .with("state", state)
        .with("address", &address.value)
        .with(
            "account",
            account_of(context.accounts().settings(), user, Some(&address.value)),
        )
        .with("is_of_another", is_of_another)
}
