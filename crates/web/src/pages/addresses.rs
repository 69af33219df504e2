//! `user_verification/`: the user's addresses, and a link to verify each.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use phone_auth_core::accounts::{
    CodeRefusal, CurrentUser, Failure, FailureKind, FlowError, Verification,
    VerificationRequestRefusal,
};
use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use phone_auth_core::form::Field;
use phone_auth_core::gate::{GateChallenge, GateRefusal};
use phone_auth_core::limits::Limit;
use phone_auth_core::outbox::Purpose;
use phone_auth_urls::AccountPage;

use super::named_address::{KIND, named};
use super::own_addresses::Own;
use super::waiting::{WAITS_FOR, Waiting};
use crate::answer;
use crate::asked::AskedCode;
use crate::code;
use crate::form::SubmittedForm;
use crate::gate::GateView;
use crate::guard::LoggedIn;
use crate::next;
use crate::notice::{Notice, Reason};
use crate::offered::addresses_title;
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;
use crate::wait;

pub(crate) async fn show(
    LoggedIn(current_user): LoggedIn,
    context: RequestContext,
    headers: HeaderMap,
) -> Response {
    let mut response = match shown(&context, &current_user, &headers).await {
        Ok(page) => context.render(page),
        Err(failure) => answer::flow_failed(&context, "list addresses", &failure),
    };
    keep_next(&context, &mut response);
    response
}

/// The page as it is opened: with what the query says, unless that has come to an end.
async fn shown(
    context: &RequestContext,
    current_user: &CurrentUser,
    headers: &HeaderMap,
) -> Result<Page, Failure> {
    let reason = Reason::of(context.uri(), AccountPage::EmailVerification);
    let Some((kind, id)) = Waiting::named(context) else {
        let notice = reason.map(|reason| notice_of(context, reason));
        return view(context, current_user, notice, None).await;
    };
    let own = Own::of(context, current_user).await?;
    let found = (own.records.iter()).find(|it| it.kind == kind && it.id == id);
    // By the link, perhaps in another browser.
    if found.is_some_and(|found| found.is_verified) {
        let notice = Reason::Verified(kind).notice();
        return Ok(view_of(context, current_user, &own, (Some(notice), None)));
    }
    let waits = Waiting::new(kind, id, |form| form);
    let waits = waits.with_resend(context, headers).await?;
    let notice = if waits.is_waited_for() {
        reason.map(Reason::notice)
    } else {
        Some(code_is_over())
    };
    let waits = Some(waits).filter(Waiting::is_waited_for);
    Ok(view_of(context, current_user, &own, (notice, waits)))
}

/// What is said of what has led here: nothing of a button that is not there, where nobody sends what it asks for.
fn notice_of(context: &RequestContext, reason: Reason) -> Notice {
    let notice = reason.notice();
    match reason {
        Reason::Added(kind) if !context.accounts().offers(Purpose::Verify, kind) => Notice {
            detail: Cow::Borrowed(""),
            ..notice
        },
        _ => notice,
    }
}

/// What is said where a code was sent that this browser waits for no more.
const fn code_is_over() -> Notice {
    Notice {
        tone: "info",
        text: "Get a new code",
        detail: Cow::Borrowed(
            "The one that we sent has expired or was used, or you asked for it in another browser. Choose Verify below.",
        ),
    }
}

/// Has the browser keep where the user was on the way to: a verification link is opened without it.
fn keep_next(context: &RequestContext, response: &mut Response) {
    if let Some(next) = wanted(context) {
        context.keep_next(&next, response);
    }
}

/// Where the user was on the way to.
fn wanted(context: &RequestContext) -> Option<String> {
    context.next_in_query()
}

/// Where the page leads: after a code as after a link, to where the user was on the way to before.
fn go_on(context: &RequestContext) -> Option<String> {
    let reason = Reason::of(context.uri(), AccountPage::EmailVerification);
    let kept = || match reason {
        Some(Reason::Confirmed(_)) => context.kept_next(),
        _ => None,
    };
    wanted(context).or_else(kept)
}

pub(crate) async fn submit(headers: HeaderMap, form: SubmittedForm) -> Response {
    let context = form.context();
    let current_user = match form.sender() {
        Ok(current_user) => current_user,
        Err(refusal) => return refusal.into_response(),
    };
    let Some((kind, id)) = named_address(&form) else {
        return no_such_address(context, current_user).await;
    };
    if form.has(Field::Code.name()) {
        return submit_code(&form, &headers, current_user, kind, id).await;
    }
    send(&form, &headers, current_user, (kind, id)).await
}

/// Has the message sent that verifies an address, and leads to the page where its code is typed.
pub(super) async fn send(
    form: &SubmittedForm,
    headers: &HeaderMap,
    current_user: &CurrentUser,
    (kind, id): (AddressKind, AddressId),
) -> Response {
    let context = form.context();
    let outcome = code::by_channel(form)
        .begin_verification(current_user, kind, id)
        .await;
    let key = match outcome {
        Ok(key) => key,
        Err(FlowError::Refused(VerificationRequestRefusal::NoSuchAddress)) => {
            return no_such_address(context, current_user).await;
        }
        Err(FlowError::Refused(VerificationRequestRefusal::NoSender)) => {
            return refused(context, current_user, unsent(kind)).await;
        }
        Err(FlowError::Refused(VerificationRequestRefusal::RefusedNumber)) => {
            return refused(context, current_user, refused_number()).await;
        }
        Err(FlowError::Refused(VerificationRequestRefusal::TooSoon { wait })) => {
            let problem = code::too_soon(wait);
            let waits = Waiting::new(kind, id, |form| form.general_problem(&problem));
            let page = match waits.with_resend(context, headers).await {
                Ok(waits) => view(context, current_user, None, Some(waits)).await,
                Err(failure) => Err(failure),
            };
            return match page {
                // The browser may not be the one that asked, or has signed in anew since: it takes the code from now on.
                Ok(page) => {
                    let key = context.accounts().key_for_address(current_user, kind, id);
                    let mut response = answer::limited(context, page, wait);
                    let sent = code::sent(context, headers, Purpose::Verify);
                    let asked = AskedCode::new(key);
                    code::keep(context, (Purpose::Verify, &sent), &asked, &mut response);
                    response
                }
                Err(failure) => answer::flow_failed(context, "list addresses", &failure),
            };
        }
        Err(FlowError::Failed(failure)) => {
            return not_sent(form, current_user, (kind, id), &failure).await;
        }
    };
    // A page that is loaded again asks for nothing again.
    let Some(key) = key else {
        return to_page(context, Reason::Verified(kind), None);
    };
    let mut response = to_page(context, Reason::Sent(kind), Some(id));
    let sent = code::sent(context, headers, Purpose::Verify);
    let asked = AskedCode::new(key);
    code::keep(context, (Purpose::Verify, &sent), &asked, &mut response);
    response
}

/// Takes the code that was sent to an address. An address that is verified by now is answered as one that was verified by
/// this form: it may be the second of two clicks.
async fn submit_code(
    form: &SubmittedForm,
    headers: &HeaderMap,
    current_user: &CurrentUser,
    kind: AddressKind,
    id: AddressId,
) -> Response {
    let context = form.context();
    let typed = form.text(Field::Code.name());
    let accounts = form.accounts();
    let sent = code::sent(context, headers, Purpose::Verify);
    // What is typed for one address is tried at no other.
    let own = sent
        .as_slice()
        .iter()
        .find(|it| accounts.is_key_of_address(&it.key, current_user, kind, id));
    let tried = match own {
        Some(own) => accounts.verify_by_code(current_user, &own.key, typed).await,
        None => Err(FlowError::Refused(CodeRefusal::Over)),
    };
    let problem = match tried {
        Ok(Verification::Verified(address, _) | Verification::AlreadyVerified(address, _)) => {
            let mut response = to_page(context, Reason::Confirmed(address.kind), None);
            if let Some(own) = own {
                code::forget(context, (Purpose::Verify, &sent), &own.key, &mut response);
            }
            return response;
        }
        Err(FlowError::Refused(refusal)) => {
            if refusal == CodeRefusal::Over
                && let Some(response) = verified_before(context, current_user, kind, id).await
            {
                return response;
            }
            code::sentence(refusal)
        }
        Err(FlowError::Failed(failure)) => {
            let Some(wait) = failure.limited_for() else {
                return answer::flow_failed(context, "take a code", &failure);
            };
            let waits = Waiting::refused(kind, id, &wait::too_often(wait));
            return match view(context, current_user, None, Some(waits)).await {
                Ok(page) => answer::limited(context, page, wait),
                Err(failure) => answer::flow_failed(context, "list addresses", &failure),
            };
        }
    };
    let waits = Waiting::refused(kind, id, &problem);
    let page = match waits.with_resend(context, headers).await {
        Ok(waits) => view(context, current_user, None, Some(waits)).await,
        Err(failure) => Err(failure),
    };
    match page {
        Ok(page) => context.render(page.status(StatusCode::BAD_REQUEST)),
        Err(failure) => answer::flow_failed(context, "list addresses", &failure),
    }
}

async fn verified_before(
    context: &RequestContext,
    current_user: &CurrentUser,
    kind: AddressKind,
    id: AddressId,
) -> Option<Response> {
    let records = context.accounts().addresses(current_user).await.ok()?;
    let is_verified = |it: &AddressRecord| it.kind == kind && it.id == id && it.is_verified;
    let is_it = records.iter().any(is_verified);
    is_it.then(|| to_page(context, Reason::Confirmed(kind), None))
}

/// The way to this page, with what has become of a form; and of which address a code is waited for.
pub(super) fn to_page(
    context: &RequestContext,
    reason: Reason,
    waits_for: Option<AddressId>,
) -> Response {
    let id = waits_for.map(|id| id.get().to_string());
    let path = context.path(AccountPage::EmailVerification);
    let fields = [
        (Reason::FIELD, Some(reason.name())),
        (WAITS_FOR, id.as_deref()),
    ];
    redirect::found_for_user(&next::with(path, &fields))
}

/// The address that a form names.
fn named_address(form: &SubmittedForm) -> Option<(AddressKind, AddressId)> {
    named(form.text(KIND), form.text("pk"))
}

const fn refused_number() -> Notice {
    Notice {
        tone: "error",
        text: "No message was sent",
        detail: Cow::Borrowed(
            "We can’t send messages to numbers of this kind. Add another phone number.",
        ),
    }
}

/// What is said where nobody sends such messages.
const fn unsent(kind: AddressKind) -> Notice {
    Notice {
        tone: "error",
        text: "No message was sent",
        detail: Cow::Borrowed(match kind {
            AddressKind::Email => {
                "This site doesn’t send email, so an email address can’t be verified here."
            }
            AddressKind::Phone => {
                "This site doesn’t send text messages, so a phone number can’t be verified here."
            }
        }),
    }
}

async fn no_such_address(context: &RequestContext, current_user: &CurrentUser) -> Response {
    let notice = Notice {
        tone: "error",
        text: "No such address",
        detail: Cow::Borrowed("That address is not among yours. Choose one from the list."),
    };
    refused(context, current_user, notice).await
}

async fn refused(context: &RequestContext, user: &CurrentUser, notice: Notice) -> Response {
    page(context, user, StatusCode::BAD_REQUEST, Some(notice)).await
}

/// Says that a message was asked for too often, above the addresses; or what else went wrong.
async fn not_sent(
    form: &SubmittedForm,
    current_user: &CurrentUser,
    address: (AddressKind, AddressId),
    failure: &Failure,
) -> Response {
    let (context, doing) = (form.context(), "ask for a verification");
    if let Some(GateRefusal::Challenged(challenge)) = failure.gate() {
        return challenged(form, address, challenge);
    }
    let FailureKind::Limited { limit, wait } = failure.kind() else {
        return answer::flow_failed(context, doing, failure);
    };
    let notice = Notice {
        tone: "error",
        text: "No message was sent",
        detail: Cow::Owned(until_another(limit, wait)),
    };
    match view(context, current_user, Some(notice), None).await {
        Ok(page) => answer::limited_or_failed(context, doing, failure, |_| page),
        Err(failure) => answer::flow_failed(context, "list addresses", &failure),
    }
}

/// Why no message can be sent, where that is the user's own doing, and when one can.
pub(super) fn until_another(limit: Limit, wait: Duration) -> String {
    let wait = wait::in_words(wait);
    match limit {
        Limit::WrongCodes => format!(
            "Too many wrong codes were typed for this address. You can get a new code in {wait}."
        ),
        Limit::EmailVerifications | Limit::PhoneVerificationPause => format!(
            "We have just sent you one. Check your messages and your spam folder, or get another one in {wait}."
        ),
        _ => format!("You can get another message in {wait}."),
    }
}

/// Asks what the application's gate wants to know first, on a page of its own.
fn challenged(
    form: &SubmittedForm,
    (kind, id): (AddressKind, AddressId),
    challenge: &GateChallenge,
) -> Response {
    let mut hidden = BTreeMap::from([
        (KIND, kind.as_str().to_owned()),
        ("pk", id.get().to_string()),
    ]);
    // By which channel it was asked for stays what was asked for.
    let channel = form.text(code::CHANNEL);
    if !channel.is_empty() {
        hidden.insert(code::CHANNEL, channel.to_owned());
    }
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
    match view(context, current_user, notice, None).await {
        Ok(page) => context.render(page.status(status)),
        Err(failure) => answer::flow_failed(context, "list addresses", &failure),
    }
}

async fn view(
    context: &RequestContext,
    current_user: &CurrentUser,
    notice: Option<Notice>,
    waits: Option<Waiting>,
) -> Result<Page, Failure> {
    let own = Own::of(context, current_user).await?;
    Ok(view_of(context, current_user, &own, (notice, waits)))
}

/// The page with these addresses.
fn view_of(
    context: &RequestContext,
    current_user: &CurrentUser,
    own: &Own,
    (notice, waits): (Option<Notice>, Option<Waiting>),
) -> Page {
    let title = addresses_title(context.accounts());
    let waits = waits.and_then(|waits| waits.among(&own.records));
    let of_kind = |kind| own.of_kind(context, kind, &current_user.user().email);
    Page::new("phone_auth/phone_and_email_verification.html", title)
        .with("notice", notice)
        .with("code", waits)
        .with("next", go_on(context))
        .with("email_addresses", of_kind(AddressKind::Email))
        .with("phone_numbers", of_kind(AddressKind::Phone))
        .with("has_more", own.has_more())
}
