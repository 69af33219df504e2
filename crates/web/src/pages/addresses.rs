//! `user_verification/`: the user's addresses, and a link to verify each.

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use phone_auth_core::accounts::{
    Accounts, CodeRefusal, CurrentUser, Failure, FlowError, PendingCode, Verification,
    VerificationRequestRefusal,
};
use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use phone_auth_core::form::Field;
use phone_auth_core::gate::{GateChallenge, GateRefusal};
use phone_auth_core::outbox::Purpose;
use phone_auth_urls::AccountPage;
use serde::Serialize;

use crate::answer;
use crate::code::{self, ResendView};
use crate::cookies::AskedCode;
use crate::form::{FieldView, FormView, SubmittedForm};
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
    is_primary: bool,
}

pub(crate) async fn show(
    LoggedIn(current_user): LoggedIn,
    context: RequestContext,
    headers: HeaderMap,
) -> Response {
    let reason = Reason::of(context.uri(), AccountPage::EmailVerification);
    let notice = reason.map(Reason::notice);
    let waits = match Waiting::of(&context, &headers).await {
        Ok(waits) => waits,
        Err(failure) => return answer::flow_failed(&context, "look at a code", &failure),
    };
    let mut response = match view(&context, &current_user, notice, waits).await {
        Ok(page) => context.render(page),
        Err(failure) => answer::flow_failed(&context, "list addresses", &failure),
    };
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
                Ok(page) => answer::limited(context, page, wait),
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
    code::keep(context, &AskedCode::new(key), &mut response);
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
    let asked = context.cookies().read_challenges(headers);
    let problem = match verify(&accounts, current_user, &asked, typed).await {
        Ok(Verification::Verified(address, _) | Verification::AlreadyVerified(address, _)) => {
            let mut response = to_page(context, Reason::Confirmed(address.kind), None);
            code::forget(context, &mut response);
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
            let waits = Waiting::refused(kind, id, &answer::too_often(wait));
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

/// Tries the keys that a browser sent, as at a reset.
async fn verify(
    accounts: &Accounts,
    current_user: &CurrentUser,
    asked: &[AskedCode],
    typed: &str,
) -> Result<Verification, FlowError<CodeRefusal>> {
    let mut tries = code::Tries::none();
    for asked in asked {
        let flow = accounts.verify_by_code(current_user, &asked.key, typed);
        if let Some(ended) = tries.ended(flow.await) {
            return ended;
        }
    }
    tries.refused()
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
fn to_page(context: &RequestContext, reason: Reason, waits_for: Option<AddressId>) -> Response {
    let id = waits_for.map(|id| id.get().to_string());
    let path = context.path(AccountPage::EmailVerification);
    let fields = [
        (Reason::FIELD, Some(reason.name())),
        (WAITS_FOR, id.as_deref()),
    ];
    redirect::found_for_user(&next::with(path, &fields))
}

/// The field of the query with the address of which a code is waited for.
pub(super) const WAITS_FOR: &str = "code";

/// The field of the query, and of the forms, with the kind of an address.
pub(super) const KIND: &str = "method";

/// A form for a code, as the template sees it.
#[derive(Serialize)]
struct Waiting {
    method: &'static str,
    pk: i64,
    /// Where the code was sent.
    address: String,
    form: FormView,
    resend: Option<ResendView>,
}

impl Waiting {
    fn new(kind: AddressKind, id: AddressId, adjust: impl FnOnce(FormView) -> FormView) -> Self {
        Self {
            method: kind.as_str(),
            pk: id.get(),
            address: String::new(),
            form: adjust(FormView::new(vec![FieldView::code()])),
            resend: None,
        }
    }

    /// The form with what is wrong with its code.
    fn refused(kind: AddressKind, id: AddressId, problem: &str) -> Self {
        Self::new(kind, id, |form| form.problem(Field::Code, problem))
    }

    /// The same with its address, if that is one of these.
    fn among(self, records: &[AddressRecord]) -> Option<Self> {
        let is_it = |it: &&AddressRecord| it.kind.as_str() == self.method && it.id.get() == self.pk;
        let address = records.iter().find(is_it)?.value.clone();
        Some(Self { address, ..self })
    }

    /// Of which address this browser waits for a code, as the query says.
    async fn of(context: &RequestContext, headers: &HeaderMap) -> Result<Option<Self>, Failure> {
        let reason = Reason::of(context.uri(), AccountPage::EmailVerification);
        let id = next::in_query(context.uri(), WAITS_FOR);
        let kind = match reason {
            Some(Reason::Sent(kind)) => Some(kind),
            Some(Reason::Welcome) => {
                next::in_query(context.uri(), KIND).and_then(|kind| named_kind(&kind))
            }
            _ => None,
        };
        let named = kind
            .zip(id)
            .and_then(|(kind, id)| named(kind.as_str(), &id));
        let Some((kind, id)) = named else {
            return Ok(None);
        };
        let waits = Self::new(kind, id, |form| form);
        let waits = waits.with_resend(context, headers).await?;
        Ok(Some(waits).filter(|waits| waits.resend.is_some()))
    }

    /// The same with when another code can be sent, if this browser waits for one.
    async fn with_resend(
        self,
        context: &RequestContext,
        headers: &HeaderMap,
    ) -> Result<Self, Failure> {
        let pending = self.pending(context, headers).await?;
        let channels: &[_] = if self.method == AddressKind::Phone.as_str() {
            &context.accounts().settings().phone_channels
        } else {
            &[]
        };
        let resend = pending.map(|pending| ResendView::of(&pending, None).by(channels));
        Ok(Self { resend, ..self })
    }

    /// The code of this address, if the browser has sent the key for it; the key of no other code counts.
    async fn pending(
        &self,
        context: &RequestContext,
        headers: &HeaderMap,
    ) -> Result<Option<PendingCode>, Failure> {
        let Some((user, kind)) = context.current_user().zip(named_kind(self.method)) else {
            return Ok(None);
        };
        let (accounts, id) = (context.accounts(), AddressId::new(self.pk));
        let sent = context.cookies().read_challenges(headers);
        let own = sent
            .iter()
            .find(|it| accounts.is_key_of_address(&it.key, user, kind, id));
        match own {
            Some(own) => accounts.pending_code(&own.key, Purpose::Verify).await,
            None => Ok(None),
        }
    }
}

/// The address that a form names.
fn named_address(form: &SubmittedForm) -> Option<(AddressKind, AddressId)> {
    named(form.text(KIND), form.text("pk"))
}

/// An address by its kind and its number, written as we write numbers.
pub(super) fn named(kind: &str, number: &str) -> Option<(AddressKind, AddressId)> {
    let kind = named_kind(kind)?;
    let id: i64 = number.parse().ok()?;
    (id.to_string() == number).then(|| (kind, AddressId::new(id)))
}

fn named_kind(text: &str) -> Option<AddressKind> {
    [AddressKind::Email, AddressKind::Phone]
        .into_iter()
        .find(|kind| kind.as_str() == text)
}

const fn refused_number() -> Notice {
    Notice {
        tone: "error",
        text: "No message was sent",
        detail: "We can’t send messages to numbers of this kind. Add another phone number.",
    }
}

/// What is said where nobody sends such messages.
const fn unsent(kind: AddressKind) -> Notice {
    Notice {
        tone: "error",
        text: "No message was sent",
        detail: match kind {
            AddressKind::Email => {
                "This site doesn’t send email, so an email address can’t be verified here."
            }
            AddressKind::Phone => {
                "This site doesn’t send text messages, so a phone number can’t be verified here."
            }
        },
    }
}

async fn no_such_address(context: &RequestContext, current_user: &CurrentUser) -> Response {
    let notice = Notice {
        tone: "error",
        text: "No such address",
        detail: "That address is not among yours. Choose one from the list.",
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
    if failure.limited_for().is_none() {
        return answer::flow_failed(context, doing, failure);
    }
    let notice = Notice {
        tone: "error",
        text: "No message was sent",
        detail: "We have just sent you one. Check your messages and your spam folder, or try again later.",
    };
    match view(context, current_user, Some(notice), None).await {
        Ok(page) => answer::limited_or_failed(context, doing, failure, |_| page),
        Err(failure) => answer::flow_failed(context, "list addresses", &failure),
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
    let records = context.accounts().addresses(current_user).await?;
    let title = addresses_title(context.accounts());
    let waits = waits.and_then(|waits| waits.among(&records));
    let of_kind = |kind| of_kind(&records, kind, &current_user.user().email);
    Ok(
        Page::new("phone_auth/phone_and_email_verification.html", title)
            .with("notice", notice)
            .with("code", waits)
            .with("next", go_on(context))
            .with("email_addresses", of_kind(AddressKind::Email))
            .with("phone_numbers", of_kind(AddressKind::Phone))
            .with("has_more", has_more(&records)),
    )
}

/// Whether some addresses are not shown.
fn has_more(records: &[AddressRecord]) -> bool {
    [AddressKind::Email, AddressKind::Phone]
        .into_iter()
        .any(|kind| records.iter().filter(|it| it.kind == kind).count() > MAX_SHOWN)
}

fn of_kind<'a>(
    records: &'a [AddressRecord],
    kind: AddressKind,
    primary: &str,
) -> Vec<AddressView<'a>> {
    records
        .iter()
        .filter(|record| record.kind == kind)
        .take(MAX_SHOWN)
        .map(|record| AddressView {
            id: record.id.get(),
            value: &record.value,
            is_verified: record.is_verified,
            is_primary: kind == AddressKind::Email && record.value == primary,
        })
        .collect()
}
