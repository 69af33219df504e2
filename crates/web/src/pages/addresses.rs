//! `user_verification/`: the user's addresses, and a link to verify each.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use phone_auth_core::accounts::{
    CurrentUser, Failure, FlowError, VerificationRequest, VerificationRequestRefusal,
};
use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use phone_auth_core::gate::{GateChallenge, GateRefusal};
use phone_auth_urls::AccountPage;
use serde::Serialize;

use crate::answer;
use crate::form::SubmittedForm;
use crate::gate::GateView;
use crate::guard::LoggedIn;
use crate::next;
use crate::notice::{Notice, Reason};
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;
use crate::router::addresses_title;

/// The most addresses of each kind on the page. Nobody can add so many; another program may have.
const MAX_SHOWN: usize = 50;

/// An address as the template sees it.
#[derive(Serialize)]
struct AddressView<'a> {
    id: i64,
    value: &'a str,
    is_verified: bool,
}

pub(crate) async fn show(LoggedIn(current_user): LoggedIn, context: RequestContext) -> Response {
    let reason = Reason::of(context.uri(), AccountPage::EmailVerification);
    let notice = reason.map(Reason::notice);
    let mut response = page(&context, &current_user, StatusCode::OK, notice).await;
    keep_next(&context, &mut response);
    response
}

/// Has the browser keep where the user was on the way to: a verification link is opened without it.
fn keep_next(context: &RequestContext, response: &mut Response) {
    if let Some(next) = wanted(context) {
        context.keep_next(&next, response);
    }
}

/// Where the user was on the way to.
fn wanted(context: &RequestContext) -> Option<String> {
    next::in_query_of(context.accounts().routes(), context.uri())
}

pub(crate) async fn submit(form: SubmittedForm) -> Response {
    let context = form.context();
    let current_user = match form.sender() {
        Ok(current_user) => current_user,
        Err(refusal) => return refusal.into_response(),
    };
    let Some((kind, id)) = named_address(&form) else {
        return no_such_address(context, current_user).await;
    };
    let outcome = form
        .accounts()
        .request_verification(current_user, kind, id)
        .await;
    let reason = match outcome {
        Ok(VerificationRequest::Sent) => Reason::Sent(kind),
        Ok(VerificationRequest::AlreadyVerified) => Reason::Verified(kind),
        Err(FlowError::Refused(VerificationRequestRefusal::NoSuchAddress)) => {
            return no_such_address(context, current_user).await;
        }
        Err(FlowError::Refused(VerificationRequestRefusal::NoSender)) => {
            return refused(context, current_user, unsent(kind)).await;
        }
        Err(FlowError::Refused(VerificationRequestRefusal::RefusedNumber)) => {
            return refused(context, current_user, refused_number()).await;
        }
        Err(FlowError::Failed(failure)) => {
            return not_sent(&form, current_user, &failure).await;
        }
    };
    // A page that is loaded again asks for nothing again.
    let path = context.path(AccountPage::EmailVerification);
    redirect::found_for_user(&next::with(path, &[(Reason::FIELD, Some(reason.name()))]))
}

/// The address that a form names: by its kind and its number, written as we write numbers.
fn named_address(form: &SubmittedForm) -> Option<(AddressKind, AddressId)> {
    let kind = match form.text("method") {
        "email" => AddressKind::Email,
        "phone" => AddressKind::Phone,
        _ => return None,
    };
    let text = form.text("pk");
    let id: i64 = text.parse().ok()?;
    (id.to_string() == text).then(|| (kind, AddressId::new(id)))
}

const fn refused_number() -> Notice {
    Notice {
        tone: "error",
        text: "No message was sent",
        detail: "We can't send messages to numbers of this kind. Add another phone number.",
    }
}

/// What is said where nobody sends such messages.
const fn unsent(kind: AddressKind) -> Notice {
    Notice {
        tone: "error",
        text: "No message was sent",
        detail: match kind {
            AddressKind::Email => {
                "This site doesn't send email, so an email address can't be verified here."
            }
            AddressKind::Phone => {
                "This site doesn't send text messages, so a phone number can't be verified here."
            }
        },
    }
}

async fn no_such_address(context: &RequestContext, current_user: &CurrentUser) -> Response {
    let notice = Notice {
        tone: "error",
        text: "Something Went Wrong",
        detail: "That address is not among yours. Choose one from the list.",
    };
    refused(context, current_user, notice).await
}

async fn refused(context: &RequestContext, user: &CurrentUser, notice: Notice) -> Response {
    page(context, user, StatusCode::BAD_REQUEST, Some(notice)).await
}

/// Says that a message was asked for too often, above the addresses; or what else went wrong.
async fn not_sent(form: &SubmittedForm, current_user: &CurrentUser, failure: &Failure) -> Response {
    let (context, doing) = (form.context(), "ask for a verification");
    if let Some(GateRefusal::Challenged(challenge)) = failure.gate() {
        return challenged(form, challenge);
    }
    if failure.limited_for().is_none() {
        return answer::flow_failed(context, doing, failure);
    }
    let notice = Notice {
        tone: "error",
        text: "No message was sent",
        detail: "We have just sent you one. Check your messages and your spam folder, or try again later.",
    };
    match view(context, current_user, Some(notice)).await {
        Ok(page) => answer::limited_or_failed(context, doing, failure, |_| page),
        Err(failure) => answer::flow_failed(context, "list addresses", &failure),
    }
}

/// Asks what the application's gate wants to know first, on a page of its own.
fn challenged(form: &SubmittedForm, challenge: &GateChallenge) -> Response {
    let hidden: BTreeMap<&str, &str> = ["method", "pk"]
        .into_iter()
        .map(|name| (name, form.text(name)))
        .collect();
    let context = form.context();
    let page = Page::new("phone_auth/gate.html", "One more step")
        .status(StatusCode::FORBIDDEN)
        .with("action", context.path(AccountPage::EmailVerification))
        .with("hidden", hidden)
        .with("gate", GateView::of(challenge));
    context.render(page)
}

async fn page(
    context: &RequestContext,
    current_user: &CurrentUser,
    status: StatusCode,
    notice: Option<Notice>,
) -> Response {
    match view(context, current_user, notice).await {
        Ok(page) => context.render(page.status(status)),
        Err(failure) => answer::flow_failed(context, "list addresses", &failure),
    }
}

async fn view(
    context: &RequestContext,
    current_user: &CurrentUser,
    notice: Option<Notice>,
) -> Result<Page, Failure> {
    let records = context.accounts().addresses(current_user).await?;
    let title = addresses_title(context.accounts());
    Ok(
        Page::new("phone_auth/phone_and_email_verification.html", title)
            .with("notice", notice)
            .with("next", wanted(context))
            .with("email_addresses", of_kind(&records, AddressKind::Email))
            .with("phone_numbers", of_kind(&records, AddressKind::Phone))
            .with("has_more", has_more(&records)),
    )
}

/// Whether some addresses are not shown.
fn has_more(records: &[AddressRecord]) -> bool {
    [AddressKind::Email, AddressKind::Phone]
        .into_iter()
        .any(|kind| records.iter().filter(|it| it.kind == kind).count() > MAX_SHOWN)
}

fn of_kind(records: &[AddressRecord], kind: AddressKind) -> Vec<AddressView<'_>> {
    records
        .iter()
        .filter(|record| record.kind == kind)
        .take(MAX_SHOWN)
        .map(|record| AddressView {
            id: record.id.get(),
            value: &record.value,
            is_verified: record.is_verified,
        })
        .collect()
}
