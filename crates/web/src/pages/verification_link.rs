//! `user_verification_confirm/{idb64}/{token}/`: where a verification link leads.
//!
//! Opening it verifies, unless the setting `verify_by_click` asks for a button. A request that nobody has made by
//! opening it never does, and shows the button; OPTIONS does not come here.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use phone_auth_core::accounts::{FlowError, InvalidLink, LinkState, Verification};
use phone_auth_core::address::AddressRecord;
use phone_auth_core::person::Person;

use super::addresses::already_verified;
use crate::answer;
use crate::form::SubmittedForm;
use crate::opening;
use crate::page::Page;
use crate::visit::Visit;

const TEMPLATE: &str = "phone_auth/phone_email_verification_confirm.html";

/// Which address a link is for, and its token; an error when it is not text.
type LinkPath = Result<Path<(String, String)>, PathRejection>;

pub(crate) async fn show(
    visit: Visit,
    method: Method,
    headers: HeaderMap,
    path: LinkPath,
) -> Response {
    let Ok(Path((idb64, token))) = path else {
        return not_valid(&visit);
    };
    let accounts = visit.accounts();
    if !opening::is_by_somebody(&method, &headers) {
        let looked = accounts.check_verification_link(&idb64, &token).await;
        ask(&visit, looked)
    } else if accounts.settings().verify_by_click {
        let looked = accounts.open_verification_link(&idb64, &token).await;
        ask(&visit, looked)
    } else {
        verify(&visit, &idb64, &token).await
    }
}

/// The button. It works without the setting too: a browser shows somebody who opens the link the page that it had
/// fetched ahead, and there the button is.
pub(crate) async fn submit(path: LinkPath, form: SubmittedForm) -> Response {
    let visit = form.visit();
    match path {
        Ok(Path((idb64, token))) => verify(visit, &idb64, &token).await,
        Err(_not_text) => not_valid(visit),
    }
}

async fn verify(visit: &Visit, idb64: &str, token: &str) -> Response {
    match visit.accounts().verify_address(idb64, token).await {
        Ok(Verification::Verified(address, person)) => {
            let page = page("verified", "Verification successful", &address, &person);
            visit.render(page.without_referrer())
        }
        Ok(Verification::AlreadyVerified(address, person)) => done_before(visit, &address, &person),
        Err(error) => unverified(visit, &error),
    }
}

/// Says what a click will verify, and changes nothing.
fn ask(visit: &Visit, looked: Result<LinkState, FlowError<InvalidLink>>) -> Response {
    match looked {
        Ok(link) if link.address.is_verified => done_before(visit, &link.address, &link.person),
        Ok(link) => {
            let page = page("ask", "Verify your address", &link.address, &link.person)
                .with("action", visit.uri().path());
            visit.render(page)
        }
        Err(error) => unverified(visit, &error),
    }
}

fn done_before(visit: &Visit, address: &AddressRecord, person: &Person) -> Response {
    let page = page("already", already_verified(address.kind), address, person);
    visit.render(page.without_referrer())
}

fn unverified(visit: &Visit, error: &FlowError<InvalidLink>) -> Response {
    match error {
        FlowError::Refused(InvalidLink) => not_valid(visit),
        FlowError::Failed(failure) => answer::flow_failed(visit, "verify an address", failure),
    }
}

fn not_valid(visit: &Visit) -> Response {
    let page = Page::new(TEMPLATE, "Verification failed")
        .status(StatusCode::BAD_REQUEST)
        .with("state", "failed")
        .without_referrer();
    visit.render(page)
}

/// Names the account, so that a link opened in somebody else's session does not pass for theirs.
fn page(
    state: &'static str,
    title: &'static str,
    address: &AddressRecord,
    person: &Person,
) -> Page {
    Page::new(TEMPLATE, title)
        .with("state", state)
        .with("address", &address.value)
        .with("account", &person.username)
}
