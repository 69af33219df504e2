//! `login_confirm/{idb64}/{token}/`: where a link to sign in leads.
//!
//! Opening it changes nothing: programs open links too, and would use it up. In the browser that asked for it a button signs in.
//! Programs press buttons as well: in any other browser the page asks for the code that stands in the message beside the link.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode};
use phone_auth_core::accounts::{
    CodeRefusal, Failure, FlowError, InvalidLink, LinkForm, LinkState, LogInLinkRefusal,
};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::form::Field;
use phone_auth_core::outbox::Purpose;

use super::signing_in::{KEEP, welcome};
use super::{FORM_TOKEN, reset_link};
use crate::answer;
use crate::asked::AskedCodes;
use crate::code;
use crate::current_user_view::account_of;
use crate::form::{AnyonesForm, FieldView, FormView, SubmittedForm};
use crate::opening;
use crate::page::Page;
use crate::request_context::RequestContext;

const TEMPLATE: &str = "phone_auth/login_confirm.html";

/// Which address a link was sent to, and its token; an error when it is not text.
type LinkPath = Result<Path<(String, String)>, PathRejection>;

pub(crate) async fn show(
    context: RequestContext,
    method: Method,
    headers: HeaderMap,
    path: LinkPath,
) -> Response {
    let Ok(Path((idb64, token))) = path else {
        return not_valid(&context);
    };
    let accounts = context.accounts();
    let looked = if opening::is_by_someone(&method, &headers) {
        accounts.open_log_in_link(&idb64, &token).await
    } else {
        accounts.check_log_in_link(&idb64, &token).await
    };
    let opened = Opened {
        context: &context,
        asked: code::sent(&context, &headers, Purpose::LogIn),
        path: [&idb64, &token],
    };
    match looked {
        Ok(link) => {
            let page = opened.page(&link, None).await;
            page.map_or_else(
                |failure| answer::flow_failed(&context, "look at a link", &failure),
                |page| context.render(page),
            )
        }
        Err(FlowError::Refused(InvalidLink)) => not_valid(&context),
        Err(FlowError::Failed(failure)) => {
            answer::flow_failed(&context, "look at a link", &failure)
        }
    }
}

pub(crate) async fn submit(
    path: LinkPath,
    headers: HeaderMap,
    AnyonesForm(form): AnyonesForm,
) -> Response {
    let context = form.context();
    let Ok(Path((idb64, token))) = path else {
        return not_valid(context);
    };
    let opened = Opened {
        context,
        asked: code::sent(context, &headers, Purpose::LogIn),
        path: [&idb64, &token],
    };
    let asked = opened.keys();
    let said = LinkForm {
        asked: &asked,
        code: form.text(Field::Code.name()),
        token: form.text(FORM_TOKEN),
    };
    let accounts = form.accounts();
    let accounts = accounts.keeping_signed_in(!form.text(KEEP).is_empty());
    let flow = accounts.log_in_by_link(&idb64, &token, &said, context.session_key());
    match flow.await {
        Ok(logged_in) => welcome(context, &logged_in, context.kept_next().as_deref()),
        Err(FlowError::Refused(LogInLinkRefusal::Link(InvalidLink))) => not_valid(context),
        Err(FlowError::Refused(LogInLinkRefusal::NewPassword)) => {
            match accounts.new_password_by_link(&idb64, &token, &said).await {
                Ok(Some(proven)) => {
                    let next = context.kept_next();
                    reset_link::with_new_password(context, &proven, next.as_deref())
                }
                Ok(None) => not_valid(context),
                Err(failure) => answer::flow_failed(context, "log in by a link", &failure),
            }
        }
        Err(FlowError::Refused(LogInLinkRefusal::Code(refusal))) => {
            let page = opened.again(&form, sentence(refusal)).await;
            page.map_or_else(
                |response| response,
                |page| context.render(page.status(StatusCode::BAD_REQUEST)),
            )
        }
        Err(FlowError::Failed(failure)) if failure.limited_for().is_some() => {
            match opened.again(&form, String::new()).await {
                Ok(page) => {
                    answer::limited_or_failed(context, "take a code", &failure, |sentence| {
                        page.with("form", code_view().problem(Field::Code, sentence))
                    })
                }
                Err(response) => response,
            }
        }
        Err(FlowError::Failed(failure)) => {
            answer::flow_failed(context, "log in by a link", &failure)
        }
    }
}

/// What is said of a code that is refused here. The link works: only its attempts can be used up.
fn sentence(refusal: CodeRefusal) -> String {
    match refusal {
        CodeRefusal::Over => "This code can’t be used any more. Get a new one.".to_owned(),
        CodeRefusal::Wrong { left } => format!("That code isn’t right. {}.", code::again(left)),
        other => code::sentence(other),
    }
}

fn code_view() -> FormView {
    FormView::new(vec![FieldView::code()])
}

fn not_valid(context: &RequestContext) -> Response {
    let page = Page::new(TEMPLATE, "You are not signed in")
        .status(StatusCode::BAD_REQUEST)
        .with("valid_link", false)
        .without_referrer();
    context.render(page)
}

/// A link that a browser has opened.
struct Opened<'a> {
    context: &'a RequestContext,
    /// The codes that the browser has asked for.
    asked: AskedCodes,
    /// The parts of its path.
    path: [&'a str; 2],
}

impl Opened<'_> {
    fn keys(&self) -> Vec<ChallengeKey> {
        let asked = self.asked.as_slice().iter();
        asked.map(|it| it.key.clone()).collect()
    }

    /// The page for a form whose code was not taken, with what is wrong with it; else the answer to give.
    async fn again(&self, form: &SubmittedForm, problem: String) -> Result<Page, Response> {
        let [idb64, token] = self.path;
        let failed =
            |failure: &Failure| answer::flow_failed(self.context, "look at a link", failure);
        let looked = self.context.accounts().check_log_in_link(idb64, token);
        let link = match looked.await {
            Ok(link) => link,
            Err(FlowError::Refused(InvalidLink)) => return Err(not_valid(self.context)),
            Err(FlowError::Failed(failure)) => return Err(failed(&failure)),
        };
        let view = code_view().problem(Field::Code, &problem);
        let page = self.page(&link, Some(view)).await;
        let page = page.map_err(|failure| failed(&failure))?;
        Ok(page.with(KEEP, !form.text(KEEP).is_empty()))
    }

    /// Names the account: a link that someone else has sent signs in to theirs. It asks who stays signed in, and knows what was
    /// said in this browser when the message was asked for; and in another it asks for the code.
    async fn page(&self, link: &LinkState, problem: Option<FormView>) -> Result<Page, Failure> {
        let (context, [idb64, token]) = (self.context, self.path);
        let accounts = context.accounts();
        let form_token = accounts.log_in_form_token(idb64, token)?;
        let keeps = self.keeps_signed_in(link).await?;
        let asked = self.keys();
        let asks = accounts.link_asks_for_code(&link.address, &asked).await?;
        let form = asks.then(|| problem.unwrap_or_else(code_view));
        let is_of_another = context
            .current_user()
            .is_some_and(|it| it.user().id != link.user.id);
        let account = account_of(accounts.settings(), &link.user, Some(&link.address.value));
        let short = accounts.settings().short_session_lifetime;
        Ok(Page::new(TEMPLATE, "Sign in")
            .with("valid_link", true)
            .with("account", account)
            .with("is_of_another", is_of_another)
            .with("form", form)
            .with(FORM_TOKEN, form_token)
            .with("asks_to_keep", short.is_some())
            .with(KEEP, keeps)
            .with("action", context.uri().path()))
    }

    /// Whether this browser asked for the message of a link, and its user said that they stay signed in.
    async fn keeps_signed_in(&self, link: &LinkState) -> Result<bool, Failure> {
        let accounts = self.context.accounts();
        for asked in self.asked.as_slice() {
            if asked.keeps_signed_in && accounts.asked_to_log_in(&asked.key, &link.address).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
