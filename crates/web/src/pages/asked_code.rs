//! What the pages of a password reset and of signing in with a code have in common: one has a message sent to who is named, the
//! other takes its code, or has another one sent. What a right code leads to is their own.

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use phone_auth_core::accounts::{Accounts, CodeRefusal, FlowError, ResetRequestRefusal};
use phone_auth_core::challenge::ChallengeKey;
use phone_auth_core::form::{Field, FieldProblem};
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::outbox::Purpose;
use phone_auth_urls::AccountPage;

use super::log_in::{login_field, wanted};
use crate::answer;
use crate::code;
use crate::form::{FieldView, FormView, SubmittedForm};
use crate::gate::GateView;
use crate::next::{self, NEXT};
use crate::notice::Reason;
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

/// The two pages of a code.
pub(super) struct CodePages {
    pub(super) purpose: Purpose,
    pub(super) gate: GatedFlow,
    /// Where it is asked for, with the template and the title.
    pub(super) ask: (AccountPage, &'static str, &'static str),
    /// Where it is typed.
    pub(super) done: (AccountPage, &'static str, &'static str),
}

impl CodePages {
    /// Shows the field for who is meant.
    pub(super) async fn show(&self, context: &RequestContext, reason: Option<Reason>) -> Response {
        let gate = GateView::offered(context, self.gate).await;
        let page = self.ask_page(ask_view(context, ""), wanted(context).as_deref());
        let page = page.with("notice", reason.map(Reason::notice));
        context.render(page.with("gate", gate))
    }

    /// Has a message sent. Answers the same no matter who was named, and whether or not there is such an account.
    pub(super) async fn submit(&self, headers: &HeaderMap, form: &SubmittedForm) -> Response {
        let context = form.context();
        let login = form.text(Field::Login.name());
        let next = next::read(context.accounts().routes(), form.text(NEXT));
        let gate = GateView::offered(context, self.gate).await;
        let page = |view| self.ask_page(view, next.as_deref()).with("gate", &gate);
        let again = |problems: &[FieldProblem]| {
            let page = page(ask_view(context, login).problems(problems));
            context.render(page.status(StatusCode::BAD_REQUEST))
        };
        let unreadable = form.unreadable(&[Field::Login]);
        if !unreadable.is_empty() {
            return again(&unreadable);
        }
        let previous = context.cookies().read_challenges(headers);
        let previous = previous.first().map(|asked| &asked.key);
        match self.begin(&form.accounts(), login, previous).await {
            Ok(key) => self.to_code(context, &key, login, next.as_deref()),
            Err(FlowError::Refused(ResetRequestRefusal::Invalid(problems))) => again(&problems),
            // That page says when, and takes the code that was sent.
            Err(FlowError::Refused(ResetRequestRefusal::TooSoon { .. })) => {
                self.to_done(context, next.as_deref())
            }
            Err(FlowError::Failed(failure)) => {
                answer::limited_or_failed(context, "ask for a code", &failure, |sentence| {
                    page(ask_view(context, login).general_problem(sentence))
                })
            }
        }
    }

    async fn begin(
        &self,
        accounts: &Accounts,
        login: &str,
        previous: Option<&ChallengeKey>,
    ) -> Result<ChallengeKey, FlowError<ResetRequestRefusal>> {
        match self.purpose {
            Purpose::LogIn => accounts.begin_log_in(login, previous).await,
            _ => accounts.begin_reset(login, previous).await,
        }
    }

    /// Sends someone on to whom a code was sent, perhaps: to where it is typed.
    pub(super) fn to_code(
        &self,
        context: &RequestContext,
        key: &ChallengeKey,
        login: &str,
        next: Option<&str>,
    ) -> Response {
        let mut response = self.to_done(context, next);
        code::keep(context, key, Some(login), &mut response);
        // For the link, which is opened without it.
        if let Some(next) = next {
            context.keep_next(next, &mut response);
        }
        response
    }

    fn to_done(&self, context: &RequestContext, next: Option<&str>) -> Response {
        redirect::found(&next::with(context.path(self.done.0), &[(NEXT, next)]))
    }

    /// Says that a message is on its way, with a field for its code where this browser has asked for one.
    pub(super) async fn show_done(
        &self,
        context: &RequestContext,
        headers: &HeaderMap,
    ) -> Response {
        let next = wanted(context);
        let page = self.done(context, headers, next.as_deref(), None).await;
        page.map_or_else(|response| response, |page| context.render(page))
    }

    /// The same page for a code that was not taken.
    pub(super) async fn not_taken(
        &self,
        context: &RequestContext,
        headers: &HeaderMap,
        next: Option<&str>,
        error: FlowError<CodeRefusal>,
    ) -> Response {
        let view = |problem: &str| code_view().problem(Field::Code, problem);
        match error {
            FlowError::Refused(refusal) => {
                let view = view(&code::sentence(refusal));
                let page = self.done(context, headers, next, Some(view)).await;
                page.map_or_else(
                    |response| response,
                    |page| context.render(page.status(StatusCode::BAD_REQUEST)),
                )
            }
            FlowError::Failed(failure) => {
                answer::limited_or_failed(context, "take a code", &failure, |sentence| {
                    self.done_page(next).with("form", view(sentence))
                })
            }
        }
    }

    /// Sends another code to the one that this browser has asked for. The name goes the way that it goes when it is typed.
    pub(super) async fn resend(&self, form: &SubmittedForm, headers: &HeaderMap) -> Response {
        let context = form.context();
        let next = context.kept_next();
        let asked = match code::pending(context, headers, self.purpose).await {
            Ok(asked) => asked.map(|(asked, _)| asked),
            Err(failure) => return answer::flow_failed(context, "look at a code", &failure),
        };
        let Some((key, login)) = asked.and_then(|it| Some((it.key, it.login?))) else {
            return redirect::found(context.path(self.ask.0));
        };
        let accounts = code::by_channel(form);
        match self.begin(&accounts, &login, Some(&key)).await {
            Ok(key) => self.to_code(context, &key, &login, next.as_deref()),
            Err(FlowError::Refused(ResetRequestRefusal::TooSoon { wait })) => {
                let view = code_view().general_problem(&code::too_soon(wait));
                let page = self.done(context, headers, next.as_deref(), Some(view));
                page.await.map_or_else(
                    |response| response,
                    |page| answer::limited(context, page, wait),
                )
            }
            Err(FlowError::Refused(ResetRequestRefusal::Invalid(_))) => {
                redirect::found(context.path(self.ask.0))
            }
            Err(FlowError::Failed(failure)) => {
                answer::limited_or_failed(context, "send another code", &failure, |sentence| {
                    let view = code_view().general_problem(sentence);
                    self.done_page(next.as_deref()).with("form", view)
                })
            }
        }
    }

    /// The page with what this browser waits for, if it waits for something; with a form that has a problem, if there is one.
    async fn done(
        &self,
        context: &RequestContext,
        headers: &HeaderMap,
        next: Option<&str>,
        problem: Option<FormView>,
    ) -> Result<Page, Response> {
        let pending = code::pending(context, headers, self.purpose).await;
        let pending =
            pending.map_err(|failure| answer::flow_failed(context, "look at a code", &failure))?;
        let resend = pending.map(|(_, resend)| resend);
        let form = problem.or_else(|| resend.is_some().then(code_view));
        let gate = GateView::offered(context, self.gate).await;
        let page = self.done_page(next).with("form", form);
        Ok(page.with("resend", resend).with("gate", gate))
    }

    fn done_page(&self, next: Option<&str>) -> Page {
        let (_, template, title) = self.done;
        Page::new(template, title).with("next", next)
    }

    fn ask_page(&self, view: FormView, next: Option<&str>) -> Page {
        let (_, template, title) = self.ask;
        Page::new(template, title)
            .with("next", next)
            .with("form", view)
    }
}

fn ask_view(context: &RequestContext, login: &str) -> FormView {
    FormView::new(vec![login_field(context, login)])
}

fn code_view() -> FormView {
    FormView::new(vec![FieldView::code()])
}
