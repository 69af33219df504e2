//! `password_reset/`, `password_reset_done/` and `password_reset_complete/`: asks for a reset link,
//! and says what came of it.

use axum::response::Response;
use http::HeaderMap;
use phone_auth_core::accounts::{Accounts, CodeRefusal, FlowError, ProvenReset};
use phone_auth_core::form::Field;
use phone_auth_core::gate::GatedFlow;
use phone_auth_core::outbox::Purpose;
use phone_auth_urls::AccountPage;

use super::asked_code::{CodePages, named};
use super::reset_link;
use crate::asked::AskedCode;
use crate::code;
use crate::form::AnyonesForm;
use crate::page::Page;
use crate::request_context::RequestContext;

const PAGES: CodePages = CodePages {
    purpose: Purpose::ResetPassword,
    gate: GatedFlow::RequestPasswordReset,
    ask: (
        AccountPage::PasswordReset,
        "phone_auth/password_reset.html",
        "Reset password",
    ),
    done: (
        AccountPage::PasswordResetDone,
        "phone_auth/password_reset_done.html",
        "Enter the code",
    ),
};

pub(crate) async fn show(context: RequestContext) -> Response {
    PAGES.show(&context, None).await
}

pub(crate) async fn submit(headers: HeaderMap, AnyonesForm(form): AnyonesForm) -> Response {
    PAGES.submit(&headers, &form).await
}

pub(crate) async fn show_done(context: RequestContext, headers: HeaderMap) -> Response {
    PAGES.show_done(&context, &headers).await
}

/// Takes the code of the message, and goes on as its link does; or sends another.
pub(crate) async fn submit_code(headers: HeaderMap, AnyonesForm(form): AnyonesForm) -> Response {
    let context = form.context();
    if form.has(code::RESEND) {
        return PAGES.resend(&form, &headers).await;
    }
    let typed = form.text(Field::Code.name());
    let sent = code::sent(context, &headers, PAGES.purpose);
    let tried = sent.about(named(&form));
    match prove(&form.accounts(), &tried, typed).await {
        Ok((proven, asked)) => {
            let mut response = reset_link::with_token(context, &proven.id, proven.token.reveal());
            code::used(context, (PAGES.purpose, &sent), asked, &mut response);
            response
        }
        Err(error) => {
            let next = context.kept_next();
            let page = PAGES.not_taken(&form, &headers, next.as_deref(), error);
            page.await
        }
    }
}

/// Tries the keys that a browser sent for what its page is about, one after the other: another host of the domain may have set a
/// cookie of the name.
async fn prove<'a>(
    accounts: &Accounts,
    sent: &'a [AskedCode],
    typed: &str,
) -> Result<(ProvenReset, &'a AskedCode), FlowError<CodeRefusal>> {
    let mut tries = code::Tries::none();
    for asked in sent {
        let outcome = accounts.prove_reset(&asked.key, typed).await;
        if let Some(ended) = tries.ended(outcome) {
            return ended.map(|proven| (proven, asked));
        }
    }
    // The second of two clicks: the first has used the code, and is not seen any more.
    for asked in sent {
        if let Some(proven) = accounts.repeated_code(&asked.key, typed).await? {
            return Ok((proven, asked));
        }
    }
    tries.refused()
}

pub(crate) async fn show_complete(context: RequestContext) -> Response {
    let page = Page::new(
        "phone_auth/password_reset_complete.html",
        "Password reset complete",
    );
    context.render(page.with("next", context.kept_next()))
}
