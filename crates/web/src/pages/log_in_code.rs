//! `login_code/` and `login_code_done/`: has a code sent to sign in with, and takes it.

use axum::response::Response;
use http::HeaderMap;
use phone_auth_core::accounts::{Accounts, CodeRefusal, Failure, FlowError, LoggedIn};
use phone_auth_core::form::Field;
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::outbox::Purpose;
use phone_auth_core::session::SessionKey;
use phone_auth_urls::AccountPage;

use super::asked_code::{CodePages, named};
use super::reset_link;
use super::signing_in::welcome;
use crate::asked::{AskedCode, AskedCodes};
use crate::code;
use crate::form::AnyonesForm;
use crate::next::NEXT;
use crate::notice::Reason;
use crate::request_context::RequestContext;

pub(super) const PAGES: CodePages = CodePages {
    purpose: Purpose::LogIn,
    gate: GatedFlow::LogIn,
    ask: (
        AccountPage::LoginCode,
        "phone_auth/login_code.html",
        "Sign in with a code",
    ),
    done: (
        AccountPage::LoginCodeDone,
        "phone_auth/login_code_done.html",
        "Enter the code",
    ),
};

pub(crate) async fn show(context: RequestContext) -> Response {
    let reason = Reason::of(context.uri(), AccountPage::Login);
    PAGES.show(&context, reason).await
}

/// The form may be that of the log-in page, whose password is not looked at.
pub(crate) async fn submit(headers: HeaderMap, AnyonesForm(form): AnyonesForm) -> Response {
    PAGES.submit(&headers, &form).await
}

pub(crate) async fn show_done(context: RequestContext, headers: HeaderMap) -> Response {
    PAGES.show_done(&context, &headers).await
}

/// Takes the code of the message; or sends another.
pub(crate) async fn submit_code(headers: HeaderMap, AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    if form.has(code::RESEND) {
        return PAGES.resend(&form, &headers).await;
    }
    let next = context.next(form.text(NEXT));
    let sent = code::sent(context, &headers, PAGES.purpose);
    let tried = sent.about(named(&form));
    let typed = form.text(Field::Code.name());
    let not_taken = |error| PAGES.not_taken(&form, &headers, next.as_deref(), error);
    match log_in(&form.accounts(), &tried, typed, context.session_key()).await {
        Ok((logged_in, asked)) => {
            let mut response = welcome(context, &logged_in, next.as_deref());
            // With the session that begins, the browser forgets what else it waited for.
            let others = AskedCodes::default();
            code::used(context, (PAGES.purpose, &others), asked, &mut response);
            response
        }
        // At another process the second of two clicks may have met the code just as the first had used it: then it is wrong.
        Err(FlowError::Refused(
            refusal @ (CodeRefusal::NewPassword | CodeRefusal::Over | CodeRefusal::Wrong { .. }),
        )) => {
            let tried = (&sent, tried.as_slice());
            match to_new_password(context, tried, typed, next.as_deref()).await {
                Ok(Some(response)) => response,
                Ok(None) => not_taken(FlowError::Refused(refusal)).await,
                Err(failure) => not_taken(failure.into()).await,
            }
        }
        Err(error) => not_taken(error).await,
    }
}

/// Tries the keys that a browser sent, as at a reset. Who stays signed in is said with each of them.
async fn log_in<'a>(
    accounts: &Accounts,
    sent: &'a [AskedCode],
    typed: &str,
    session: Option<&SessionKey>,
) -> Result<(LoggedIn, &'a AskedCode), FlowError<CodeRefusal>> {
    let flows = |asked: &AskedCode| accounts.keeping_signed_in(asked.keeps_signed_in);
    let mut tries = code::Tries::none();
    for asked in sent {
        let outcome = flows(asked)
            .log_in_by_code(&asked.key, typed, session)
            .await;
        if let Some(ended) = tries.ended(outcome) {
            return ended.map(|logged_in| (logged_in, asked));
        }
    }
    for asked in sent {
        if let Some(logged_in) = flows(asked).repeated_log_in(&asked.key, typed).await? {
            return Ok((logged_in, asked));
        }
    }
    tries.refused()
}

/// Leads to the form for a new password where the code is right, or was a moment ago, and begins no session.
async fn to_new_password(
    context: &RequestContext,
    (sent, tried): (&AskedCodes, &[AskedCode]),
    typed: &str,
    next: Option<&str>,
) -> Result<Option<Response>, Failure> {
    for asked in tried {
        let proven = context.accounts().new_password_by_code(&asked.key, typed);
        if let Some(proven) = proven.await? {
            let mut response = reset_link::with_new_password(context, &proven, next);
            code::used(context, (PAGES.purpose, sent), asked, &mut response);
            return Ok(Some(response));
        }
    }
    Ok(None)
}
