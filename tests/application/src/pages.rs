//! The pages of the tea house, by templates of askama.

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::StatusCode;
use phone_auth::core::accounts::{FailureKind, FlowError, SignUpForm, SignUpRefusal};
use phone_auth::core::form::{Field, FieldProblem};
use phone_auth::web::{
    Anonymous, CsrfField, RequestContext, SubmittedForm, VerifiedEmail, sentence,
};

use crate::App;
use crate::favourites::{LONGEST, new_form_key, username_of};
use crate::orders::BoxError;

#[derive(Template)]
#[template(path = "join.html")]
struct Join<'a> {
    csrf: &'a CsrfField,
    first_name: &'a str,
    email: &'a str,
    favourite: &'a str,
    form_key: &'a str,
    problems: Vec<String>,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct AllOrders<'a> {
    csrf: &'a CsrfField,
    name: &'a str,
    favourite: Option<String>,
    orders: Vec<(String, String)>,
}

/// The form to join.
pub(crate) async fn join(_: Anonymous, context: RequestContext) -> Result<Response, Fault> {
    let typed = Typed {
        form_key: new_form_key()?,
        ..Typed::default()
    };
    join_again(&context, StatusCode::OK, &typed, Vec::new())
}

/// What was typed into the form to join, but for the password.
#[derive(Default)]
struct Typed {
    first_name: String,
    email: String,
    favourite: String,
    form_key: String,
}

/// Makes an account with its favourite tea, and logs its owner in.
pub(crate) async fn joined(State(app): State<App>, form: SubmittedForm) -> Result<Response, Fault> {
    let context = form.context();
    let mut typed = Typed {
        first_name: form.text("first_name").to_owned(),
        email: form.text("email").to_owned(),
        favourite: form.text("favourite").trim().to_owned(),
        form_key: form.text("form_key").to_owned(),
    };
    if username_of(&typed.form_key).is_none() {
        typed.form_key = new_form_key()?;
    }
    let username = username_of(&typed.form_key).unwrap_or_default();
    if typed.favourite.chars().count() > LONGEST {
        let problem = format!("Your favourite tea has at most {LONGEST} letters.");
        return join_again(context, StatusCode::BAD_REQUEST, &typed, vec![problem]);
    }
    let note = app.orders.note(&username, &typed.favourite).await?;
    let sign_up = SignUpForm {
        first_name: &typed.first_name,
        last_name: "",
        username: &username,
        email: &typed.email,
        phone: "",
        password: form.password("password"),
        confirm_password: None,
    };
    let user = match context.accounts().sign_up(sign_up).await {
        Ok(user) => user,
        Err(FlowError::Refused(SignUpRefusal::Invalid(problems))) => {
            app.orders.forget(&note).await?;
            let is_of_key = |it: &&FieldProblem| it.field == Field::Username;
            if problems.iter().any(|it| is_of_key(&it)) {
                // The key has made another account: the next form is for one of its own.
                typed.form_key = new_form_key()?;
            }
            let told = problems.iter().filter(|it| !is_of_key(it));
            let mut told: Vec<String> = told.map(sentence).collect();
            if told.is_empty() {
                told.push("Please send the form once more.".to_owned());
            }
            return join_again(context, StatusCode::BAD_REQUEST, &typed, told);
        }
        Err(FlowError::Failed(failure)) => {
            // The store may have made the account, and only its answer was lost: then the note is still wanted.
            if !matches!(
                failure.kind(),
                FailureKind::Unavailable | FailureKind::Broken
            ) {
                app.orders.forget(&note).await?;
            }
            let Some(held) = context.held_back("join", &failure) else {
                return Ok(context.failed("join", &failure));
            };
            // Nothing was begun: the form stays as it was filled in.
            let told = vec![held.words().to_owned()];
            let page = join_again(context, held.status(), &typed, told)?;
            return Ok((held, page).into_response());
        }
    };
    // If it fails now, the durable receiver does it later.
    let _ = app.orders.take_up(user.id, &username).await;
    Ok(match context.begin_session(user.id).await {
        Ok(session) => (session, Redirect::to("/orders/")).into_response(),
        Err(FlowError::Refused(_)) => Redirect::to("/enter/").into_response(),
        Err(FlowError::Failed(failure)) => context.failed("log in who has joined", &failure),
    })
}

fn join_again(
    context: &RequestContext,
    status: StatusCode,
    typed: &Typed,
    problems: Vec<String>,
) -> Result<Response, Fault> {
    let csrf = context.csrf_field();
    let page = Join {
        csrf: &csrf,
        first_name: &typed.first_name,
        email: &typed.email,
        favourite: &typed.favourite,
        form_key: &typed.form_key,
        problems,
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
        favourite: app.orders.favourite(guest.user().id).await?,
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
