//! The pages of the tea house, by templates of askama.

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::StatusCode;
use phone_auth::core::accounts::{FlowError, SignUpForm, SignUpRefusal};
use phone_auth::core::form::FieldProblem;
use phone_auth::web::{
    Anonymous, CsrfField, RequestContext, SubmittedForm, VerifiedEmail, sentence,
};

use crate::App;
use crate::orders::BoxError;

#[derive(Template)]
#[template(path = "join.html")]
struct Join<'a> {
    csrf: &'a CsrfField,
    first_name: &'a str,
    email: &'a str,
    problems: Vec<String>,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct AllOrders<'a> {
    csrf: &'a CsrfField,
    name: &'a str,
    orders: Vec<(String, String)>,
}

/// The form to join.
pub(crate) async fn join(_: Anonymous, context: RequestContext) -> Result<Response, Fault> {
    join_again(&context, StatusCode::OK, ("", ""), &[])
}

/// Makes an account and logs its owner in.
pub(crate) async fn joined(form: SubmittedForm) -> Result<Response, Fault> {
    let context = form.context();
    let typed = SignUpForm {
        first_name: form.text("first_name"),
        last_name: "",
        username: "",
        email: form.text("email"),
        phone: "",
        password: form.password("password"),
        confirm_password: None,
    };
    let user = match context.accounts().sign_up(typed).await {
        Ok(user) => user,
        Err(FlowError::Refused(SignUpRefusal::Invalid(problems))) => {
            let typed = (form.text("first_name"), form.text("email"));
            return join_again(context, StatusCode::BAD_REQUEST, typed, &problems);
        }
        Err(FlowError::Failed(failure)) => return Ok(context.failed("join", &failure)),
    };
    Ok(match context.begin_session(user.id).await {
        Ok(session) => (session, Redirect::to("/orders/")).into_response(),
        Err(FlowError::Refused(_)) => Redirect::to("/konto/login/").into_response(),
        Err(FlowError::Failed(failure)) => context.failed("log in who has joined", &failure),
    })
}

fn join_again(
    context: &RequestContext,
    status: StatusCode,
    (first_name, email): (&str, &str),
    problems: &[FieldProblem],
) -> Result<Response, Fault> {
    let csrf = context.csrf_field();
    let page = Join {
        csrf: &csrf,
        first_name,
        email,
        problems: problems.iter().map(sentence).collect(),
    };
    let page = Html(page.render()?);
    Ok((status, csrf, page).into_response())
}

/// All orders, for those who have verified their address.
pub(crate) async fn orders(
    VerifiedEmail(guest): VerifiedEmail,
    State(app): State<App>,
    context: RequestContext,
) -> Result<Response, Fault> {
    let csrf = context.csrf_field();
    let page = AllOrders {
        csrf: &csrf,
        name: &guest.user().first_name,
        orders: app.orders.all().await?,
    };
    let page = Html(page.render()?);
    Ok((csrf, page).into_response())
}

/// Orders tea.
pub(crate) async fn order(
    VerifiedEmail(guest): VerifiedEmail,
    State(app): State<App>,
    form: SubmittedForm,
) -> Result<Redirect, Fault> {
    app.orders.add(guest.user().id, form.text("tea")).await?;
    Ok(Redirect::to("/orders/"))
}

/// Something is wrong with the tea house.
pub(crate) struct Fault;

impl<E: Into<BoxError>> From<E> for Fault {
    fn from(_: E) -> Self {
        Self
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, "The kettle is broken").into_response()
    }
}
