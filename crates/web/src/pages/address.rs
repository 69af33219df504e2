//! `address/`: one address of the user, to be changed, removed or made the primary one. Which it is, the query says, so that the way
//! back from "Confirm it's you" leads to it again.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, Uri};
use phone_auth_core::accounts::{
    AddAddressRefusal, CurrentUser, Failure, FlowError, LastWayIn, PrimaryRefusal,
    ReplaceAddressRefusal,
};
use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use phone_auth_core::gate::GatedFlow;
use phone_auth_urls::AccountPage;
use serde::Serialize;

use super::add_address;
use super::addresses;
use super::named_address::named;
use crate::answer::{self, RequestError};
use crate::form::SubmittedForm;
use crate::gate::GateView;
use crate::guard::RecentlyProven;
use crate::next;
use crate::notice::{Notice, Reason};
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

const LAST_WAY_IN: Notice = Notice {
    tone: "error",
    text: "This address can’t be removed yet",
    detail: Cow::Borrowed(
        "It is the last one that gets you into your account. Add another and verify it, then remove this one.",
    ),
};

const NOT_VERIFIED: Notice = Notice {
    tone: "error",
    text: "This address is not verified",
    detail: Cow::Borrowed("Verify it first. Then it can be your primary address."),
};

const STILL_THERE: Notice = Notice {
    tone: "error",
    text: "This address is still in your account",
    detail: Cow::Borrowed(
        "The other one is verified and in your account as well. You can try to remove this one below.",
    ),
};

/// The address as the template sees it.
#[derive(Serialize)]
struct AddressView<'a> {
    value: &'a str,
    is_verified: bool,
    is_primary: bool,
    may_be_primary: bool,
    /// The one that takes its place once that is verified.
    replaced_by: Option<Replacing<'a>>,
}

#[derive(Serialize)]
struct Replacing<'a> {
    id: i64,
    value: &'a str,
}

pub(crate) async fn show(
    RecentlyProven(current_user): RecentlyProven,
    context: RequestContext,
) -> Response {
    page(&context, &current_user, StatusCode::OK, None).await
}

pub(crate) async fn submit(headers: HeaderMap, form: SubmittedForm) -> Response {
    let context = form.context();
    // Someone who has only found a session open takes nothing out of it.
    let current_user = match form.sender().and_then(|_| context.recently_proven()) {
        Ok(current_user) => current_user,
        Err(refusal) => return refusal.into_response(),
    };
    let Some((kind, id)) = wanted(context.uri()) else {
        return to_addresses(context);
    };
    match form.text("action") {
        "change" => change(&form, &headers, current_user, (kind, id)).await,
        "remove" => remove(context, current_user, kind, id).await,
        "keep" => keep(&form, current_user, kind).await,
        "primary" if kind == AddressKind::Email => make_primary(context, current_user, id).await,
        _ => page(context, current_user, StatusCode::BAD_REQUEST, None).await,
    }
}

async fn remove(
    context: &RequestContext,
    current_user: &CurrentUser,
    kind: AddressKind,
    id: AddressId,
) -> Response {
    let accounts = context.accounts();
    match accounts.remove_address(current_user, kind, id).await {
        // Of two clicks the second finds it gone.
        Ok(_) => done(context, Reason::Removed(kind)),
        Err(FlowError::Refused(LastWayIn)) => {
            let status = StatusCode::BAD_REQUEST;
            page(context, current_user, status, Some(LAST_WAY_IN)).await
        }
        Err(FlowError::Failed(failure)) => {
            answer::flow_failed(context, "remove an address", &failure)
        }
    }
}

/// Keeps an address that another was to take the place of: the one that the form names, which may not be the newest any more.
async fn keep(form: &SubmittedForm, current_user: &CurrentUser, kind: AddressKind) -> Response {
    let context = form.context();
    let accounts = context.accounts();
    let is_named = |it: &AddressRecord| {
        it.kind == kind && it.id.get().to_string() == form.text("new") && !it.is_verified
    };
    let kept = async {
        match accounts.pending_replacement(current_user, kind).await? {
            Some(pending) if is_named(&pending.new) => {
                accounts.keep_address(current_user, &pending).await
            }
            Some(_) => Ok(false),
            // Of two clicks the second finds it kept.
            None => Ok(accounts.addresses(current_user).await?.iter().any(is_named)),
        }
    };
    match kept.await {
        Ok(true) => done(context, Reason::Kept(kind)),
        Ok(false) => to_addresses(context),
        Err(failure) => answer::flow_failed(context, "keep an address", &failure),
    }
}

async fn make_primary(
    context: &RequestContext,
    current_user: &CurrentUser,
    id: AddressId,
) -> Response {
    match context.accounts().make_primary(current_user, id).await {
        Ok(_) => done(context, Reason::Primary),
        Err(FlowError::Refused(PrimaryRefusal::NoSuchAddress)) => to_addresses(context),
        Err(FlowError::Refused(PrimaryRefusal::NotVerified)) => {
            let status = StatusCode::BAD_REQUEST;
            page(context, current_user, status, Some(NOT_VERIFIED)).await
        }
        Err(FlowError::Failed(failure)) => {
            answer::flow_failed(context, "choose an address", &failure)
        }
    }
}

/// The address that a query names.
fn wanted(uri: &Uri) -> Option<(AddressKind, AddressId)> {
    let (kind, id) = (next::in_query(uri, "method")?, next::in_query(uri, "pk")?);
    named(&kind, &id)
}

fn done(context: &RequestContext, reason: Reason) -> Response {
    let fields = [(Reason::FIELD, Some(reason.name()))];
    let path = context.path(AccountPage::EmailVerification);
    redirect::found_for_user(&next::with(path, &fields))
}

fn to_addresses(context: &RequestContext) -> Response {
    redirect::found_for_user(context.path(AccountPage::EmailVerification))
}

/// Adds an address that takes the place of this one once it is verified, and has the message sent that verifies it.
async fn change(
    form: &SubmittedForm,
    headers: &HeaderMap,
    current_user: &CurrentUser,
    (kind, id): (AddressKind, AddressId),
) -> Response {
    let context = form.context();
    let typed = form.text(add_address::field(kind).name());
    let page = match view(context, current_user, None).await {
        Ok(Some(page)) => {
            let gate = GateView::offered(context, GatedFlow::AddAddress).await;
            page.with("gate", gate)
        }
        Ok(None) => return to_addresses(context),
        Err(failure) => return answer::flow_failed(context, "list addresses", &failure),
    };
    let view = add_address::view(context, kind, typed);
    let unreadable = form.unreadable(&[add_address::field(kind)]);
    if !unreadable.is_empty() {
        let page = page.with("form", view.problems(&unreadable));
        return context.render(page.status(StatusCode::BAD_REQUEST));
    }
    let accounts = form.accounts();
    match accounts
        .replace_address(current_user, kind, id, typed)
        .await
    {
        Ok(new) if new.is_verified && new.id == id => done(context, Reason::Verified(kind)),
        Ok(new) if new.is_verified => replaced(context, current_user, (kind, id)).await,
        Ok(new) => addresses::send(form, headers, current_user, (kind, new.id)).await,
        Err(FlowError::Refused(ReplaceAddressRefusal::NoSuchAddress)) => to_addresses(context),
        Err(FlowError::Refused(ReplaceAddressRefusal::New(AddAddressRefusal::Invalid(
            problems,
        )))) => {
            let page = page.with("form", add_address::with_problems(view, &problems));
            context.render(page.status(StatusCode::BAD_REQUEST))
        }
        Err(FlowError::Refused(ReplaceAddressRefusal::New(AddAddressRefusal::NoSuchKind))) => {
            answer::request_error(context, RequestError::Path)
        }
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "change an address", &failure, |sentence| {
                page.with("form", view.general_problem(sentence))
            })
        }
    }
}

/// The answer when the new address was verified before, so that it has taken the place of this one, unless this one stays.
async fn replaced(
    context: &RequestContext,
    current_user: &CurrentUser,
    (kind, old): (AddressKind, AddressId),
) -> Response {
    let records = match context.accounts().addresses(current_user).await {
        Ok(records) => records,
        Err(failure) => return answer::flow_failed(context, "list addresses", &failure),
    };
    if records.iter().any(|it| it.kind == kind && it.id == old) {
        let status = StatusCode::BAD_REQUEST;
        return page(context, current_user, status, Some(STILL_THERE)).await;
    }
    done(context, Reason::Changed(kind))
}

/// The page of the address that the query names; of one that is not the user's, the way to those that are.
async fn page(
    context: &RequestContext,
    current_user: &CurrentUser,
    status: StatusCode,
    notice: Option<Notice>,
) -> Response {
    match view(context, current_user, notice).await {
        Ok(Some(page)) => {
            let kind = wanted(context.uri()).map_or(AddressKind::Email, |(kind, _)| kind);
            let gate = GateView::offered(context, GatedFlow::AddAddress).await;
            let form = add_address::view(context, kind, "");
            context.render(page.status(status).with("form", form).with("gate", gate))
        }
        Ok(None) => to_addresses(context),
        Err(failure) => answer::flow_failed(context, "list addresses", &failure),
    }
}

/// The page without its form; none for an address that is not the user's.
async fn view(
    context: &RequestContext,
    current_user: &CurrentUser,
    notice: Option<Notice>,
) -> Result<Option<Page>, Failure> {
    let records = context.accounts().addresses(current_user).await?;
    let is_it = |it: &&AddressRecord| Some((it.kind, it.id)) == wanted(context.uri());
    let Some(record) = records.iter().find(is_it) else {
        return Ok(None);
    };
    let is_email = record.kind == AddressKind::Email;
    let is_primary = is_email && record.value == current_user.user().email;
    let pending = context
        .accounts()
        .pending_replacement(current_user, record.kind)
        .await?;
    let pending = pending.filter(|pending| pending.old.id == record.id);
    let address = AddressView {
        value: &record.value,
        is_verified: record.is_verified,
        is_primary,
        may_be_primary: is_email && record.is_verified && !is_primary,
        replaced_by: pending.as_ref().map(|pending| Replacing {
            id: pending.new.id.get(),
            value: &pending.new.value,
        }),
    };
    let id = record.id.get().to_string();
    let fields = [("method", Some(record.kind.as_str())), ("pk", Some(&*id))];
    let action = next::with(context.path(AccountPage::Address), &fields);
    let title = match record.kind {
        AddressKind::Email => "Your email address",
        AddressKind::Phone => "Your phone number",
    };
    let page = Page::new("phone_auth/address.html", title)
        .with("address", address)
        .with("method", record.kind.as_str())
        .with("action", action)
        .with("notice", notice);
    Ok(Some(page))
}
