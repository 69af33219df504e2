//! `confirm_identity/` for those who have no password: has a code sent to an address that they have verified, and takes it.
//!
//! The code is of the session that they have, so there is no cookie for it. Which address it was sent to, the query says.

use axum::response::Response;
use http::StatusCode;
use phone_auth_core::accounts::{
    CodeRefusal, CurrentUser, Failure, FailureKind, FlowError, PendingCode,
    ReauthenticationRequestRefusal,
};
use phone_auth_core::address::{AddressId, AddressKind, AddressRecord};
use phone_auth_core::form::Field;
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::outbox::Purpose;
use phone_auth_urls::AccountPage;
use serde::Serialize;

use super::addresses::until_another;
use super::confirm_identity::{bare_page, done, onward};
use super::named_address::{KIND, named};
use super::waiting::Waiting;
use crate::answer;
use crate::code;
use crate::form::{FormView, SubmittedForm};
use crate::gate::GateView;
use crate::next::{self, NEXT};
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

/// The field with the number of an address.
const NUMBER: &str = "pk";

/// The field of the form that chooses an address: its kind and its number, `email-3`.
const TO: &str = "to";

/// An address that a code can be sent to, as the template sees it.
#[derive(Serialize)]
struct Choice<'a> {
    to: String,
    value: &'a str,
}

/// What someone can do who has no password.
struct Ways {
    /// The addresses that a code can be sent to.
    addresses: Vec<AddressRecord>,
    /// Whether there is another that could be, were it verified.
    may_verify: bool,
    /// What the gate wants to hear before a code is sent.
    gate: Option<GateView>,
}

impl Ways {
    async fn of(context: &RequestContext, current_user: &CurrentUser) -> Result<Self, Failure> {
        let accounts = context.accounts();
        let addresses = accounts.addresses_to_confirm(current_user).await?;
        let mut may_verify = false;
        if addresses.is_empty() {
            let own = accounts.addresses(current_user).await?;
            let offers = |purpose, it: &AddressRecord| accounts.offers(purpose, it.kind);
            may_verify = own.iter().any(|it| {
                !it.is_verified && offers(Purpose::Verify, it) && offers(Purpose::Confirm, it)
            });
        }
        Ok(Self {
            addresses,
            may_verify,
            gate: GateView::offered(context, GatedFlow::RequestVerification).await,
        })
    }

    /// The page where one of them is chosen.
    fn page(&self, context: &RequestContext, view: FormView, next: Option<&str>) -> Page {
        let choices = self.addresses.iter().map(|it| Choice {
            to: format!("{}-{}", it.kind.as_str(), it.id.get()),
            value: &it.value,
        });
        bare_page(context, next)
            .with("has_password", false)
            .with("form", view)
            .with("choices", choices.collect::<Vec<_>>())
            .with("may_verify", self.may_verify)
            .with("gate", &self.gate)
    }

    /// The page where the code is typed that was sent to one of them.
    fn page_of(&self, context: &RequestContext, waits: Waiting, next: Option<&str>) -> Page {
        let page = self.page(context, FormView::new(Vec::new()), next);
        page.with("code", waits.among(&self.addresses))
    }
}

/// The address that a query names.
fn wanted(context: &RequestContext) -> Option<(AddressKind, AddressId)> {
    let of = |field| next::in_query(context.uri(), field);
    named(&of(KIND)?, &of(NUMBER)?)
}

/// The address that a form names.
fn chosen(form: &SubmittedForm) -> Option<(AddressKind, AddressId)> {
    let one = form.text(TO).split_once('-');
    let (kind, number) = one.unwrap_or((form.text(KIND), form.text(NUMBER)));
    named(kind, number)
}

async fn pending(
    context: &RequestContext,
    current_user: &CurrentUser,
    (kind, id): (AddressKind, AddressId),
) -> Result<Option<PendingCode>, Failure> {
    let accounts = context.accounts();
    accounts
        .pending_reauthentication(current_user, kind, id)
        .await
}

pub(super) async fn show(
    context: &RequestContext,
    current_user: &CurrentUser,
    next: Option<&str>,
) -> Response {
    let shown = async {
        let ways = Ways::of(context, current_user).await?;
        Ok(match wanted(context) {
            Some(address) => match pending(context, current_user, address).await? {
                Some(pending) => {
                    let waits = Waiting::new(address.0, address.1, |form| form);
                    let waits = waits.for_pending(context, Some(pending));
                    ways.page_of(context, waits, next)
                }
                None => ways.page(context, FormView::new(Vec::new()), next),
            },
            None => ways.page(context, FormView::new(Vec::new()), next),
        })
    };
    match shown.await {
        Ok(page) => context.render(page),
        Err(failure) => answer::flow_failed(context, "list addresses", &failure),
    }
}

pub(super) async fn submit(
    form: &SubmittedForm,
    current_user: &CurrentUser,
    next: Option<&str>,
) -> Response {
    let context = form.context();
    let ways = match Ways::of(context, current_user).await {
        Ok(ways) => ways,
        Err(failure) => return answer::flow_failed(context, "list addresses", &failure),
    };
    let is_code = form.has(Field::Code.name());
    let Some(address) = chosen(form) else {
        // One from before the password was gone; or none was chosen.
        let view = FormView::new(Vec::new()).general_problem(if ways.addresses.is_empty() {
            "Your account has no password."
        } else {
            "Choose where to send the code."
        });
        let page = ways.page(context, view, next);
        return context.render(page.status(StatusCode::BAD_REQUEST));
    };
    if is_code {
        take(form, (current_user, &ways), address, next).await
    } else {
        send(form, (current_user, &ways), address, next).await
    }
}

/// Has a code sent, and leads to where it is typed.
async fn send(
    form: &SubmittedForm,
    (current_user, ways): (&CurrentUser, &Ways),
    (kind, id): (AddressKind, AddressId),
    next: Option<&str>,
) -> Response {
    let context = form.context();
    let again = |problem: &str| {
        let view = FormView::new(Vec::new()).general_problem(problem);
        ways.page(context, view, next)
    };
    let bad = |problem| context.render(again(problem).status(StatusCode::BAD_REQUEST));
    let accounts = code::by_channel(form);
    let failure = match accounts
        .begin_reauthentication(current_user, kind, id)
        .await
    {
        Ok(()) => {
            let number = id.get().to_string();
            let fields = [
                (NEXT, next),
                (KIND, Some(kind.as_str())),
                (NUMBER, Some(number.as_str())),
            ];
            let path = context.path(AccountPage::ConfirmIdentity);
            return redirect::found_for_user(&next::with(path, &fields));
        }
        Err(FlowError::Refused(ReauthenticationRequestRefusal::TooSoon { wait })) => {
            let problem = code::too_soon(wait);
            let waits = Waiting::new(kind, id, |form| form.general_problem(&problem));
            return match pending(context, current_user, (kind, id)).await {
                Ok(pending) => {
                    let waits = waits.for_pending(context, pending);
                    answer::limited(context, ways.page_of(context, waits, next), wait)
                }
                Err(failure) => answer::flow_failed(context, "look at a code", &failure),
            };
        }
        // Set in another tab.
        Err(FlowError::Refused(ReauthenticationRequestRefusal::HasPassword)) => {
            return redirect::found_for_user(&next::with(
                context.path(AccountPage::ConfirmIdentity),
                &[(NEXT, next)],
            ));
        }
        Err(FlowError::Refused(ReauthenticationRequestRefusal::NoSuchAddress)) => {
            return bad("We can’t send a code there. It is not among your verified addresses.");
        }
        Err(FlowError::Refused(ReauthenticationRequestRefusal::NoSender)) => {
            return bad("This site can’t send a code there.");
        }
        Err(FlowError::Refused(ReauthenticationRequestRefusal::RefusedNumber)) => {
            return bad("We can’t send messages to numbers of this kind.");
        }
        Err(FlowError::Failed(failure)) => failure,
    };
    let limited = match failure.kind() {
        FailureKind::Limited { limit, wait } => Some(until_another(limit, wait)),
        _ => None,
    };
    answer::limited_or_failed(context, "ask for a code", &failure, |sentence| {
        again(limited.as_deref().unwrap_or(sentence))
    })
}

/// Takes the code.
async fn take(
    form: &SubmittedForm,
    (current_user, ways): (&CurrentUser, &Ways),
    (kind, id): (AddressKind, AddressId),
    next: Option<&str>,
) -> Response {
    let context = form.context();
    let typed = form.text(Field::Code.name());
    let accounts = form.accounts();
    let taken = accounts.reauthenticate_by_code(current_user, kind, id, typed);
    let error = match taken.await {
        Ok(key) => return done(context, &key, next).await,
        // The browser has heard of the first of two clicks by now.
        Err(FlowError::Refused(CodeRefusal::Over))
            if accounts.require_recent_proof(current_user).is_ok() =>
        {
            return onward(context, next);
        }
        Err(error) => error,
    };
    let pending = match pending(context, current_user, (kind, id)).await {
        Ok(pending) => pending,
        Err(failure) => return answer::flow_failed(context, "look at a code", &failure),
    };
    let page = |problem: &str| {
        let waits = Waiting::refused(kind, id, problem).for_pending(context, pending);
        ways.page_of(context, waits, next)
    };
    match error {
        FlowError::Refused(refusal) => {
            let page = page(&code::sentence(refusal));
            context.render(page.status(StatusCode::BAD_REQUEST))
        }
        FlowError::Failed(failure) => {
            answer::limited_or_failed(context, "take a code", &failure, page)
        }
    }
}

/// A form whose session is over: perhaps it has just got another key by the same form, which the browser has not heard of.
pub(super) async fn without_session(form: &SubmittedForm, next: Option<&str>) -> Response {
    let context = form.context();
    let typed = form.text(Field::Code.name());
    let (Some(before), Some((kind, id))) = (context.session_key(), chosen(form)) else {
        return context.to_login_again();
    };
    let accounts = form.accounts();
    match accounts
        .repeated_reauthentication(before, kind, id, typed)
        .await
    {
        Ok(Some(key)) => done(context, &key, next).await,
        Ok(None) => context.to_login_again(),
        Err(failure) => answer::flow_failed(context, "look whether a user was confirmed", &failure),
    }
}
