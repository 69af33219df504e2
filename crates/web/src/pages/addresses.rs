//! `user_verification/`: the user's addresses, and a link to verify each.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use phone_auth_core::accounts::{
    CurrentUser, FlowError, VerificationRequest, VerificationRequestRefusal,
};
use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use serde::Serialize;

use crate::answer;
use crate::form::SubmittedForm;
use crate::guard::LoggedIn;
use crate::next::{self, NEXT};
use crate::notice::{Notice, Reason};
use crate::page::Page;
use crate::request_context::{RequestContext, add_cookie};

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
    let reason = next::in_query(context.uri(), Reason::FIELD);
    let notice = reason
        .and_then(|name| Reason::named(&name))
        .map(Reason::notice);
    let mut response = page(&context, &current_user, StatusCode::OK, notice).await;
    keep_next(&context, &mut response);
    response
}

/// Has the browser keep where the user was on the way to: a verification link is opened without it.
fn keep_next(context: &RequestContext, response: &mut Response) {
    let next = next::in_query(context.uri(), NEXT);
    let next = next.and_then(|next| next::read(context.accounts().routes(), &next));
    if let Some(next) = next {
        let mount = context.accounts().routes().mount();
        let cookie = context.cookies().set_next(&next, mount);
        add_cookie(response.headers_mut(), cookie);
    }
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
    let outcome = context
        .accounts_in_language()
        .request_verification(current_user, kind, id)
        .await;
    let notice = match outcome {
        Ok(VerificationRequest::Sent) => sent(kind),
        Ok(VerificationRequest::AlreadyVerified) => Notice {
            tone: "good",
            text: already_verified(kind),
            detail: "",
        },
        Err(FlowError::Refused(VerificationRequestRefusal::NoSuchAddress)) => {
            return no_such_address(context, current_user).await;
        }
        Err(FlowError::Refused(VerificationRequestRefusal::NoSender)) => {
            return page(
                context,
                current_user,
                StatusCode::BAD_REQUEST,
                Some(unsent(kind)),
            )
            .await;
        }
        Err(FlowError::Refused(VerificationRequestRefusal::RefusedNumber)) => {
            let notice = Some(refused_number());
            return page(context, current_user, StatusCode::BAD_REQUEST, notice).await;
        }
        Err(FlowError::Failed(failure)) => {
            return answer::flow_failed(context, "ask for a verification", &failure);
        }
    };
    page(context, current_user, StatusCode::OK, Some(notice)).await
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

const fn sent(kind: AddressKind) -> Notice {
    match kind {
        AddressKind::Email => Notice {
            tone: "good",
            text: "Email Verification Sent",
            detail: "Open the link in the message. It works for a limited time.",
        },
        AddressKind::Phone => Notice {
            tone: "good",
            text: "Phone Verification Sent",
            detail: "Open the link in the message. It works for a limited time.",
        },
    }
}

/// What is said where nobody sends such messages.
const fn refused_number() -> Notice {
    Notice {
        tone: "error",
        text: "No message was sent",
        detail: "We can't send messages to numbers of this kind. Add another phone number.",
    }
}

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

pub(super) const fn already_verified(kind: AddressKind) -> &'static str {
    match kind {
        AddressKind::Email => "Email already Verified",
        AddressKind::Phone => "Phone already Verified",
    }
}

async fn no_such_address(context: &RequestContext, current_user: &CurrentUser) -> Response {
    let notice = Notice {
        tone: "error",
        text: "Something Went Wrong",
        detail: "That address is not among yours. Choose one from the list.",
    };
    page(context, current_user, StatusCode::BAD_REQUEST, Some(notice)).await
}

async fn page(
    context: &RequestContext,
    current_user: &CurrentUser,
    status: StatusCode,
    notice: Option<Notice>,
) -> Response {
    let records = match context.accounts().addresses(current_user).await {
        Ok(records) => records,
        Err(failure) => return answer::flow_failed(context, "list addresses", &failure),
    };
    let title = notice
        .as_ref()
        .map_or("Your addresses", |notice| notice.text);
    let page = Page::new("phone_auth/phone_and_email_verification.html", title)
        .status(status)
        .with("notice", notice)
        .with("email_addresses", of_kind(&records, AddressKind::Email))
        .with("phone_numbers", of_kind(&records, AddressKind::Phone))
        .with("has_more", has_more(&records));
    context.render(page)
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
