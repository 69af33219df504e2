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

use super::signing_in::{KEEP, keeps_signed_in, login_field, wanted};
use crate::answer;
use crate::asked::{AskedCode, AskedCodes};
use crate::code::{self, Pending, ResendView};
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
        let page = self.ask_page(context, ask_view(context, ""), wanted(context).as_deref());
        // Who signs in once more stays signed in if they did.
        let page = page
            .with("notice", reason.map(Reason::notice))
            .with(KEEP, keeps_signed_in(context));
        context.render(page.with("gate", gate))
    }

    /// Has a message sent. Answers the same no matter who was named, and whether or not there is such an account.
    pub(super) async fn submit(&self, headers: &HeaderMap, form: &SubmittedForm) -> Response {
        let context = form.context();
        let login = form.text(Field::Login.name());
        let next = context.next(form.text(NEXT));
        let gate = GateView::offered(context, self.gate).await;
        let keeps_signed_in = !form.text(KEEP).is_empty();
        let page = |view| {
            self.ask_page(context, view, next.as_deref())
                .with("gate", &gate)
                .with(KEEP, keeps_signed_in)
        };
        let again = |problems: &[FieldProblem]| {
            let page = page(ask_view(context, login).problems(problems));
            context.render(page.status(StatusCode::BAD_REQUEST))
        };
        let unreadable = form.unreadable(&[Field::Login]);
        if !unreadable.is_empty() {
            return again(&unreadable);
        }
        let sent = code::sent(context, headers, self.purpose);
        let previous = sent.previous_for(login);
        match self.begin(&form.accounts(), login, previous).await {
            Ok(key) => {
                let asked = AskedCode::by(key, login, keeps_signed_in);
                self.to_code(context, &sent, &asked, next.as_deref())
            }
            Err(FlowError::Refused(ResetRequestRefusal::Invalid(problems))) => again(&problems),
            // That page says when, and takes the code that was sent.
            Err(FlowError::Refused(ResetRequestRefusal::TooSoon { .. })) => {
                let named = previous.map(AskedCode::name);
                self.to_done(context, next.as_deref(), named.as_deref())
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
        previous: Option<&AskedCode>,
    ) -> Result<ChallengeKey, FlowError<ResetRequestRefusal>> {
        let previous = previous.map(|it| &it.key);
        match self.purpose {
            Purpose::LogIn => accounts.begin_log_in(login, previous).await,
            _ => accounts.begin_reset(login, previous).await,
        }
    }

    /// Sends someone on to whom a code was sent, perhaps: to where it is typed. That page is told which code it is about, so that
    /// it shows no other one when it is opened again, whatever was asked for in other tabs meanwhile.
    pub(super) fn to_code(
        &self,
        context: &RequestContext,
        sent: &AskedCodes,
        asked: &AskedCode,
        next: Option<&str>,
    ) -> Response {
        let mut response = self.to_done(context, next, Some(&asked.name()));
        code::keep(context, (self.purpose, sent), asked, &mut response);
        // For the link, which is opened without it.
        if let Some(next) = next {
            context.keep_next(next, &mut response);
        }
        response
    }

    fn to_done(
        &self,
        context: &RequestContext,
        next: Option<&str>,
        named: Option<&str>,
    ) -> Response {
        let fields = [(NEXT, next), (code::ASKED, named)];
        redirect::found(&next::with(context.path(self.done.0), &fields))
    }

    /// Says that a message is on its way, with a field for its code where this browser has asked for one.
    pub(super) async fn show_done(
        &self,
        context: &RequestContext,
        headers: &HeaderMap,
    ) -> Response {
        let next = wanted(context);
        let named = next::in_query(context.uri(), code::ASKED);
        let pending = match self.pending(context, headers, named.as_deref()).await {
            Ok(pending) => pending,
            Err(response) => return response,
        };
        let page = self.done(context, next.as_deref(), pending, None).await;
        context.render(page)
    }

    /// The same page for a code that was not taken.
    pub(super) async fn not_taken(
        &self,
        form: &SubmittedForm,
        headers: &HeaderMap,
        next: Option<&str>,
        error: FlowError<CodeRefusal>,
    ) -> Response {
        let context = form.context();
        let pending = match self.pending(context, headers, named(form)).await {
            Ok(pending) => pending,
            Err(response) => return response,
        };
        let view = |problem: &str| code_view().problem(Field::Code, problem);
        match error {
            FlowError::Refused(refusal) => {
                let view = view(&code::sentence_to(context, refusal));
                let page = self.done(context, next, pending, Some(view)).await;
                context.render(page.status(StatusCode::BAD_REQUEST))
            }
            FlowError::Failed(failure) => {
                let page = self.done(context, next, pending, None).await;
                answer::limited_or_failed(context, "take a code", &failure, |sentence| {
                    page.with("form", view(sentence))
                })
            }
        }
    }

    /// Sends another code to the one that this browser has asked for, by the channel that was chosen. The name goes the way
    /// that it goes when it is typed.
    pub(super) async fn resend(&self, form: &SubmittedForm, headers: &HeaderMap) -> Response {
        let context = form.context();
        let next = context.kept_next();
        let next = next.as_deref();
        let pending = match self.pending(context, headers, named(form)).await {
            Ok(pending) => pending,
            Err(response) => return response,
        };
        let asked = pending.as_ref().and_then(|it| it.asked.clone());
        let Some((asked, login)) = asked.and_then(|it| Some((it.clone(), it.login?))) else {
            return redirect::found(context.path(self.ask.0));
        };
        let accounts = code::by_channel(form);
        match self.begin(&accounts, &login, Some(&asked)).await {
            Ok(key) => {
                let sent = code::sent(context, headers, self.purpose);
                self.to_code(context, &sent, &AskedCode { key, ..asked }, next)
            }
            Err(FlowError::Refused(ResetRequestRefusal::TooSoon { wait })) => {
                let view = code_view().general_problem(&code::too_soon(wait));
                let page = self.done(context, next, pending, Some(view)).await;
                answer::limited(context, page, wait)
            }
            Err(FlowError::Refused(ResetRequestRefusal::Invalid(_))) => {
                redirect::found(context.path(self.ask.0))
            }
            Err(FlowError::Failed(failure)) => {
                let page = self.done(context, next, pending, None).await;
                answer::limited_or_failed(context, "send another code", &failure, |sentence| {
                    page.with("form", code_view().general_problem(sentence))
                })
            }
        }
    }

    async fn pending(
        &self,
        context: &RequestContext,
        headers: &HeaderMap,
        named: Option<&str>,
    ) -> Result<Option<Pending>, Response> {
        let pending = code::pending(context, headers, self.purpose, named).await;
        pending.map_err(|failure| answer::flow_failed(context, "look at a code", &failure))
    }

    /// The page with what this browser waits for, if it waits for something; with a form that has a problem, if there is one.
    async fn done(
        &self,
        context: &RequestContext,
        next: Option<&str>,
        pending: Option<Pending>,
        problem: Option<FormView>,
    ) -> Page {
        let (asked, resend) = pending.map(|it| (it.asked, it.view)).unzip();
        let entered = asked.flatten().and_then(|asked| asked.login);
        let takes_code = resend.as_ref().is_some_and(ResendView::takes_code);
        let form = problem.or_else(|| takes_code.then(code_view));
        let gate = GateView::offered(context, self.gate).await;
        let no_cookies = (!context.sends_cookies).then_some(code::NO_COOKIES);
        let (_, template, title) = if form.is_some() {
            self.done
        } else {
            (self.done.0, self.done.1, self.ask.2)
        };
        let page = Page::new(template, title)
            .with("next", next)
            .with("entered", entered)
            .with("form", form);
        let page = page.with("no_cookies", no_cookies);
        page.with("resend", resend).with("gate", gate)
    }

    fn ask_page(&self, context: &RequestContext, view: FormView, next: Option<&str>) -> Page {
        let (_, template, title) = self.ask;
        let short = context.accounts().settings().short_session_lifetime;
        Page::new(template, title)
            .with(
                "asks_to_keep",
                self.purpose == Purpose::LogIn && short.is_some(),
            )
            .with("next", next)
            .with("form", view)
    }
}

/// Which code a form says that its page is about.
pub(super) fn named(form: &SubmittedForm) -> Option<&str> {
    Some(form.text(code::ASKED)).filter(|named| !named.is_empty())
}

fn ask_view(context: &RequestContext, login: &str) -> FormView {
    FormView::new(vec![login_field(context, login)])
}

fn code_view() -> FormView {
    FormView::new(vec![FieldView::code()])
}
