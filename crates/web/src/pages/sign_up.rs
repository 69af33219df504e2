//! `signup/`: makes an account.

use axum::response::Response;
use http::StatusCode;
use phone_auth_core::accounts::{FlowError, SignUpForm, SignUpRefusal};
use phone_auth_core::form::{Field, FieldProblem};
use phone_auth_core::password::Password;
use phone_auth_urls::AccountPage;

use super::{NEW_PASSWORD_HINT, phone_hint};
use crate::answer;
use crate::form::{AnyonesForm, FieldView, FormView, SubmittedForm};
use crate::guard::Anonymous;
use crate::next::{self, NEXT};
use crate::notice::Reason;
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

pub(crate) async fn show(_: Anonymous, context: RequestContext) -> Response {
    let next = next::in_query(context.uri(), NEXT);
    let next = next.and_then(|next| next::read(context.accounts().routes(), &next));
    context.render(page(&context, |_| "", &[], next.as_deref()))
}

pub(crate) async fn submit(AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    let next = next::read(context.accounts().routes(), form.text(NEXT));
    if context.current_user().is_some() {
        return answer::signed_in_already(context, next.as_deref());
    }
    let password = |field| Password::new(form.judged(field).to_owned());
    let typed = SignUpForm {
        first_name: form.judged(Field::FirstName),
        last_name: form.judged(Field::LastName),
        username: form.judged(Field::Username),
        email: form.judged(Field::Email),
        phone: form.judged(Field::Phone),
        password: password(Field::Password),
        confirm_password: Some(password(Field::ConfirmPassword)),
    };
    match context.accounts().sign_up(typed).await {
        Ok(_user) => {
            let reason = Some(Reason::SignedUp.name());
            let fields = [(Reason::FIELD, reason), (NEXT, next.as_deref())];
            redirect::found(&next::with(context.path(AccountPage::Login), &fields))
        }
        Err(FlowError::Refused(SignUpRefusal::Invalid(problems))) => {
            again(&form, &problems, next.as_deref())
        }
        Err(FlowError::Failed(failure)) => answer::flow_failed(context, "sign a user up", &failure),
    }
}

fn again(form: &SubmittedForm, problems: &[FieldProblem], next: Option<&str>) -> Response {
    let typed = |field: Field| form.text(field.name());
    let page = page(form.context(), typed, problems, next).status(StatusCode::BAD_REQUEST);
    form.context().render(page)
}

fn page<'a>(
    context: &RequestContext,
    typed: impl Fn(Field) -> &'a str,
    problems: &[FieldProblem],
    next: Option<&str>,
) -> Page {
    let settings = context.accounts().settings();
    let text = |field: Field, label: &'static str| FieldView::new(field, label).value(typed(field));
    let log_in = next::with(context.path(AccountPage::Login), &[(NEXT, next)]);
    let mut fields = vec![
        text(Field::FirstName, "First Name")
            .autocomplete("given-name")
            .required(settings.register_fname_required),
        text(Field::LastName, "Last Name")
            .autocomplete("family-name")
            .required(settings.register_lname_required),
        text(Field::Username, "Username")
            .autocomplete("username")
            .verbatim()
            .required(settings.register_username_required),
        text(Field::Email, "Email")
            .kind("email", "email")
            .autocomplete("email")
            .verbatim()
            .required(settings.register_email_required),
        text(Field::Phone, "Phone")
            .kind("tel", "tel")
            .autocomplete("tel")
            .required(settings.register_phone_required)
            .hint(phone_hint(settings)),
        FieldView::password(Field::Password, "Password", "new-password").hint(NEW_PASSWORD_HINT),
        FieldView::password(Field::ConfirmPassword, "Confirm Password", "new-password"),
    ];
    fields.retain(|field| settings.is_on_sign_up_form(field.field()));
    Page::new("phone_auth/signup.html", "Sign Up")
        .with("form", FormView::new(fields).problems(problems))
        .with("next", next)
        .with("log_in_url", log_in)
}
