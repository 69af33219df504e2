//! `change_password/` and `change_password_done/`: a new password for whoever knows the old one.

use axum::response::Response;
use http::StatusCode;
use phone_auth_core::accounts::{ChangePasswordRefusal, FlowError};
use phone_auth_core::form::{Field, FieldProblem};
use phone_auth_core::session::SessionKey;
use phone_auth_urls::AccountPage;

use super::NEW_PASSWORD_HINT;
use crate::answer;
use crate::form::{FieldView, FormView, SubmittedForm};
use crate::guard::Rule;
use crate::page::Page;
use crate::redirect;
use crate::visit::{Visit, add_cookie};

const FIELDS: [Field; 3] = [Field::OldPassword, Field::NewPassword1, Field::NewPassword2];

pub(crate) async fn show(visit: Visit) -> Response {
    if let Some(elsewhere) = Rule::LoggedIn.verdict(&visit) {
        return elsewhere;
    }
    visit.render(page(&[]))
}

pub(crate) async fn submit(form: SubmittedForm) -> Response {
    let visit = form.visit();
    let Some(visitor) = visit.visitor() else {
        return visit.to_login();
    };
    let again =
        |problems: &[FieldProblem]| visit.render(page(problems).status(StatusCode::BAD_REQUEST));
    let unreadable = form.unreadable(&FIELDS);
    if !unreadable.is_empty() {
        return again(&unreadable);
    }
    let [old, new1, new2] = FIELDS.map(|field| form.password(field.name()));
    let flow = visit
        .accounts()
        .change_password(visitor, &old, &new1, &new2);
    match flow.await {
        Ok(key) => done(visit, &key).await,
        Err(FlowError::Refused(ChangePasswordRefusal::Invalid(problems))) => again(&problems),
        Err(FlowError::Refused(ChangePasswordRefusal::NotLoggedIn)) => visit.to_login(),
        Err(FlowError::Failed(failure)) => {
            answer::flow_failed(visit, "change a password", &failure)
        }
    }
}

/// Sets the new key of the session and sends its owner on.
async fn done(visit: &Visit, key: &SessionKey) -> Response {
    let mut response = redirect::found(visit.path(AccountPage::ChangePasswordDone));
    let lifetime = visit.accounts().settings().session_lifetime;
    let cookie = visit.cookies().set_session(key.reveal(), lifetime);
    add_cookie(response.headers_mut(), cookie);
    // What the browser had was for the old password. The change is made, whatever the store says now.
    if let Ok(Some(visitor)) = visit.accounts().visitor(key).await {
        visit.remember(visitor.person(), &mut response);
    }
    response
}

pub(crate) async fn show_done(visit: Visit) -> Response {
    if let Some(elsewhere) = Rule::LoggedIn.verdict(&visit) {
        return elsewhere;
    }
    visit.render(Page::new(
        "phone_auth/change_password_done.html",
        "Password change successful",
    ))
}

fn page(problems: &[FieldProblem]) -> Page {
    let fields = vec![
        FieldView::password(Field::OldPassword, "Old Password", "current-password"),
        FieldView::password(Field::NewPassword1, "New Password", "new-password")
            .hint(NEW_PASSWORD_HINT),
        FieldView::password(Field::NewPassword2, "Confirm Password", "new-password"),
    ];
    Page::new("phone_auth/change_password.html", "Change Password")
        .with("form", FormView::new(fields).problems(problems))
}
