//! `email/add/` and `phone/add/`: one more address for the user.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use phone_auth_core::accounts::{AddAddressRefusal, FlowError};
use phone_auth_core::address::AddressKind;
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::gate::GatedFlow;

use super::{addresses, phone_hint};
use crate::answer::{self, RequestError};
use crate::form::{FieldView, FormView, SubmittedForm, words};
use crate::gate::GateView;
use crate::guard::RecentlyProven;
use crate::notice::Reason;
use crate::page::Page;
use crate::request_context::RequestContext;

pub(crate) async fn show_email(_: RecentlyProven, context: RequestContext) -> Response {
    let gate = GateView::offered(&context, GatedFlow::AddAddress).await;
    context.render(page(&context, AddressKind::Email, "", &[]).with("gate", gate))
}

pub(crate) async fn show_phone(_: RecentlyProven, context: RequestContext) -> Response {
    let gate = GateView::offered(&context, GatedFlow::AddAddress).await;
    context.render(page(&context, AddressKind::Phone, "", &[]).with("gate", gate))
}

pub(crate) async fn submit_email(form: SubmittedForm) -> Response {
    submit(&form, AddressKind::Email).await
}

pub(crate) async fn submit_phone(form: SubmittedForm) -> Response {
    submit(&form, AddressKind::Phone).await
}

async fn submit(form: &SubmittedForm, kind: AddressKind) -> Response {
    let context = form.context();
    // Someone who has only found a session open adds no address of theirs to it.
    let current_user = match form.sender().and_then(|_| context.recently_proven()) {
        Ok(current_user) => current_user,
        Err(refusal) => return refusal.into_response(),
    };
    let typed = form.text(field(kind).name());
    let gate = GateView::offered(context, GatedFlow::AddAddress).await;
    let again = |problems: &[FieldProblem]| {
        let page = page(context, kind, typed, problems).with("gate", &gate);
        context.render(page.status(StatusCode::BAD_REQUEST))
    };
    let unreadable = form.unreadable(&[field(kind)]);
    if !unreadable.is_empty() {
        return again(&unreadable);
    }
    match form.accounts().add_address(current_user, kind, typed).await {
        Ok(_record) => addresses::to_page(context, Reason::Added(kind), None),
        Err(FlowError::Refused(AddAddressRefusal::Invalid(problems))) => again(&problems),
        Err(FlowError::Refused(AddAddressRefusal::NoSuchKind)) => {
            answer::request_error(context, RequestError::Path)
        }
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "add an address", &failure, |sentence| {
                let (page, view) = parts(context, kind, typed);
                let form = view.general_problem(sentence);
                page.with("form", form).with("gate", &gate)
            })
        }
    }
}

pub(super) const fn field(kind: AddressKind) -> Field {
    match kind {
        AddressKind::Email => Field::Email,
        AddressKind::Phone => Field::Phone,
    }
}

fn page(
    context: &RequestContext,
    kind: AddressKind,
    typed: &str,
    problems: &[FieldProblem],
) -> Page {
    let (page, view) = parts(context, kind, typed);
    page.with("form", with_problems(view, problems))
}

/// The form with what is wrong with the address.
pub(super) fn with_problems(view: FormView, problems: &[FieldProblem]) -> FormView {
    match problems {
        // They are signed in: the sentence for sign-up would ask them to sign in.
        [taken] if taken.problem == Problem::Taken => {
            view.problem(taken.field, words::taken(taken.field))
        }
        _ => view.problems(problems),
    }
}

/// The form for an address.
pub(super) fn view(context: &RequestContext, kind: AddressKind, typed: &str) -> FormView {
    parts(context, kind, typed).1
}

/// The page, and the form that it is to show.
fn parts(context: &RequestContext, kind: AddressKind, typed: &str) -> (Page, FormView) {
    let (template, title, field) = match kind {
        AddressKind::Email => (
            "phone_auth/add_new_email.html",
            "Add email",
            FieldView::new(Field::Email, "Email")
                .kind("email", "email")
                .autocomplete("email")
                .verbatim(),
        ),
        AddressKind::Phone => (
            "phone_auth/add_new_phone.html",
            "Add phone",
            FieldView::new(Field::Phone, "Phone")
                .kind("tel", "tel")
                .autocomplete("tel")
                .hint(phone_hint(context.accounts().settings())),
        ),
    };
    let form = FormView::new(vec![field.value(typed)]);
    (Page::new(template, title), form)
}
