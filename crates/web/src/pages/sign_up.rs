//! `signup/`: makes an account.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use phone_auth_core::accounts::{FlowError, NotActive, SignUpForm, SignUpRefusal};
use phone_auth_core::address::{AddressKind, AddressRecord};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::form::Field;
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::password::Password;
use phone_auth_core::user::UserId;
use phone_auth_urls::AccountPage;

use super::named_address::KIND;
use super::signing_in::KEEP;
use super::{FORM_TOKEN, NEW_PASSWORD_HINT, log_in_code, phone_hint, waiting};
use crate::answer;
use crate::asked::{AskedCode, AskedCodes};
use crate::code;
use crate::csrf;
use crate::form::{AnyonesForm, FieldView, FormView, SubmittedForm, words};
use crate::gate::GateView;
use crate::next::{self, NEXT};
use crate::notice::Reason;
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

/// Sends those who are signed in on to where they were going.
pub(crate) async fn show(context: RequestContext) -> Response {
    let next = context.next_in_query();
    if context.current_user().is_some() {
        let default = context.accounts().settings().login_redirect_url.as_str();
        return redirect::found_for_user(next.as_deref().unwrap_or(default));
    }
    let view = view(&context, |_| "");
    let gate = GateView::offered(&context, GatedFlow::SignUp).await;
    let page = page(&context, view, next.as_deref()).with(FORM_TOKEN, csrf::new_page());
    context.render(page.with("gate", gate))
}

pub(crate) async fn submit(headers: HeaderMap, AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    let next = context.next(form.text(NEXT));
    if let Some(current_user) = context.current_user() {
        return signed_in(&form, current_user.user().id, next.as_deref()).await;
    }
    let gate = GateView::offered(context, GatedFlow::SignUp).await;
    let settings = context.accounts().settings();
    let keeps_signed_in = !form.text(KEEP).is_empty();
    let sent = code::sent(context, &headers, Purpose::LogIn);
    // Where one signs up by code, the site has one kind of address: the other is empty.
    let login = [Field::Phone, Field::Email].map(|field| form.text(field.name()));
    let login = login.concat();
    let signed_up = if settings.sign_up_by_code {
        let previous = sent.previous_for(&login).map(|it| &it.key);
        let accounts = form.accounts();
        let flow = accounts.begin_sign_up(typed(&form), previous);
        flow.await.map(SignedUp::Asked)
    } else {
        let made = form.accounts().sign_up(typed(&form)).await;
        made.map(|user| SignedUp::Made(user.id))
    };
    match signed_up {
        Ok(SignedUp::Asked(key)) => {
            let asked = AskedCode::by(key, &login, keeps_signed_in);
            log_in_code::PAGES.to_code(context, &sent, &asked, next.as_deref())
        }
        Ok(SignedUp::Made(user)) if settings.verify_at_sign_up => {
            welcome(&form, user, next.as_deref()).await
        }
        Ok(SignedUp::Made(_)) => to_log_in(context, Reason::SignedUp, next.as_deref()),
        Err(FlowError::Refused(SignUpRefusal::Invalid(problems))) => {
            let view = view(context, |field| form.text(field.name())).problems(&problems);
            let page = page(context, view, next.as_deref()).with("gate", gate);
            let page = page.with(KEEP, keeps_signed_in);
            let page = page.with(FORM_TOKEN, form.another_page(FORM_TOKEN));
            context.render(page.status(StatusCode::BAD_REQUEST))
        }
        Err(FlowError::Failed(failure)) => {
            answer::limited_or_failed(context, "sign a user up", &failure, |sentence| {
                let view = view(context, |field| form.text(field.name()));
                page(context, view.general_problem(sentence), next.as_deref())
                    .with("gate", gate)
                    .with(KEEP, keeps_signed_in)
                    .with(FORM_TOKEN, form.another_page(FORM_TOKEN))
            })
        }
    }
}

/// What a sign-up form has led to.
enum SignedUp {
    /// An account, with a password.
    Made(UserId),
    /// A code, to the owner of the address.
    Asked(ChallengeKey),
}

fn typed(form: &SubmittedForm) -> SignUpForm<'_> {
    let password = |field| Password::new(form.judged(field).to_owned());
    SignUpForm {
        first_name: form.judged(Field::FirstName),
        last_name: form.judged(Field::LastName),
        username: form.judged(Field::Username),
        email: form.judged(Field::Email),
        phone: form.judged(Field::Phone),
        password: password(Field::Password),
        confirm_password: Some(password(Field::ConfirmPassword)),
    }
}

/// A form of someone who is signed in already. With the setting they may be whom the same form has just made: the second
/// of two clicks.
async fn signed_in(form: &SubmittedForm, user: UserId, next: Option<&str>) -> Response {
    let context = form.context();
    if context.accounts().settings().verify_at_sign_up {
        match context.accounts().repeated_sign_up(typed(form)).await {
            Ok(Some(made)) if made.id == user => {
                let code = sent_code(form, user).await;
                let mut response = to_first_page(form, code.as_ref(), next);
                keep_code(context, code.as_ref(), &mut response);
                return response;
            }
            Ok(_) => {}
            Err(failure) => {
                return answer::flow_failed(context, "look for a sign-up", &failure);
            }
        }
    }
    answer::signed_in_already(context, next)
}

/// Logs a new user in, who has been sent the links that verify their addresses.
async fn welcome(form: &SubmittedForm, user: UserId, next: Option<&str>) -> Response {
    let context = form.context();
    let accounts = form.accounts_by_page(form.page(FORM_TOKEN));
    let begun = accounts.begin_session(user, context.session_key());
    match begun.await.map(|begun| context.session_of(&begun)) {
        Ok(session) if context.keeps_no_cookies() => {
            (session, to_log_in(context, Reason::NoCookies, next)).into_response()
        }
        Ok(session) => {
            // The key of the new code comes after what the browser forgets with the session before.
            let code = sent_code(form, user).await;
            let first = to_first_page(form, code.as_ref(), next);
            let mut response = (session, first).into_response();
            keep_code(context, code.as_ref(), &mut response);
            response
        }
        // Disabled in the same moment: they are told when they log in.
        Err(FlowError::Refused(NotActive)) => to_log_in(context, Reason::SignedUp, next),
        Err(FlowError::Failed(failure)) => {
            answer::flow_failed(context, "log a new user in", &failure)
        }
    }
}

/// An address of a new user that was sent a code, and the key of it.
type SentCode = (AddressRecord, ChallengeKey);

/// The code that a new user was sent who is logged in.
async fn sent_code(form: &SubmittedForm, user: UserId) -> Option<SentCode> {
    let sent = form.context().accounts().sign_up_code(user).await;
    sent.unwrap_or_else(|failure| {
        // The account is there, and each address has a button that sends another.
        answer::log_broken("begin a code", &failure);
        None
    })
}

/// Has a new user who is logged in go on, to where they type the code that they were sent.
fn to_first_page(form: &SubmittedForm, sent: Option<&SentCode>, next: Option<&str>) -> Response {
    let address = sent.map(|(address, _)| address);
    redirect::found(&first_page(form, address, next))
}

/// Has the browser of a new user keep the key of the code that they were sent.
fn keep_code(context: &RequestContext, sent: Option<&SentCode>, response: &mut Response) {
    if let Some((_, key)) = sent {
        let before = AskedCodes::default();
        let asked = AskedCode::new(key.clone());
        code::keep(context, (Purpose::Verify, &before), &asked, response);
    }
}

/// Where a new user goes who is logged in: to their addresses, if links were sent to them, with a field for the code that was
/// sent to this one.
fn first_page(form: &SubmittedForm, coded: Option<&AddressRecord>, next: Option<&str>) -> String {
    let accounts = form.context().accounts();
    let kinds = [
        (AddressKind::Email, Field::Email),
        (AddressKind::Phone, Field::Phone),
    ];
    let is_sent = kinds.into_iter().any(|(kind, field)| {
        accounts.offers(Purpose::Verify, kind) && !form.text(field.name()).trim().is_empty()
    });
    if !is_sent {
        return next
            .unwrap_or(&accounts.settings().login_redirect_url)
            .to_owned();
    }
    let id = coded.map(|address| address.id.get().to_string());
    let fields = [
        (Reason::FIELD, Some(Reason::Welcome.name())),
        (KIND, coded.map(|address| address.kind.as_str())),
        (waiting::WAITS_FOR, id.as_deref()),
        (NEXT, next),
    ];
    next::with(form.context().path(AccountPage::EmailVerification), &fields)
}

fn to_log_in(context: &RequestContext, reason: Reason, next: Option<&str>) -> Response {
    let fields = [(Reason::FIELD, Some(reason.name())), (NEXT, next)];
    redirect::found(&next::with(context.path(AccountPage::Login), &fields))
}

fn view<'a>(context: &RequestContext, typed: impl Fn(Field) -> &'a str) -> FormView {
    let settings = context.accounts().settings();
    let text = |field: Field, label: &'static str| FieldView::new(field, label).value(typed(field));
    let one_of = settings.one_required_of();
    let is_required = |field, is| is || one_of == [field];
    let mut fields = vec![
        text(Field::FirstName, "First name")
            .autocomplete("given-name")
            .required(settings.register_fname_required),
        text(Field::LastName, "Last name")
            .autocomplete("family-name")
            .required(settings.register_lname_required),
        text(Field::Username, "Username")
            .autocomplete("username")
            .verbatim()
            .required(is_required(
                Field::Username,
                settings.register_username_required,
            )),
        text(Field::Email, "Email")
            .kind("email", "email")
            .autocomplete("email")
            .verbatim()
            .required(is_required(Field::Email, settings.register_email_required)),
        text(Field::Phone, "Phone")
            .kind("tel", "tel")
            .autocomplete("tel")
            .required(is_required(Field::Phone, settings.register_phone_required))
            .hint(phone_hint(settings)),
        FieldView::password(Field::Password, "Password", "new-password").hint(NEW_PASSWORD_HINT),
        FieldView::password(Field::ConfirmPassword, "Confirm password", "new-password"),
    ];
    fields.retain(|field| settings.is_on_sign_up_form(field.field()));
    FormView::new(fields)
}

fn page(context: &RequestContext, view: FormView, next: Option<&str>) -> Page {
    let settings = context.accounts().settings();
    let is_one_of_many = settings.one_required_of().len() > 1;
    let note = is_one_of_many.then(|| words::one_required(settings.authentication_methods));
    let asks_to_keep = settings.sign_up_by_code && settings.short_session_lifetime.is_some();
    Page::new("phone_auth/signup.html", "Sign up")
        .with("asks_to_keep", asks_to_keep)
        .with("form", view)
        .with("next", next)
        .with("note", note)
}
