//! What a guard asks for, and where it sends anyone who does not have it.

use std::sync::Arc;

use axum::response::Response;
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use phone_auth_core::accounts::CurrentUser;
use phone_auth_core::address::AddressKind;
use phone_auth_urls::{AccountPage, MAX_NEXT_BYTES};

use super::Refusal;
use crate::headers::vary_by_cookie;
use crate::next::{self, NEXT};
use crate::notice::Reason;
use crate::redirect;
use crate::request_context::{self, RequestContext, original_uri};
use crate::web::Web;

/// What a guard asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Nobody is logged in.
    Anonymous,
    /// Someone is logged in.
    LoggedIn,
    /// Someone who has proven lately who they are is logged in.
    RecentlyProven,
    /// Someone with a verified email address is logged in.
    VerifiedEmail,
    /// Someone with a verified phone number is logged in.
    VerifiedPhone,
}

impl Rule {
    /// Who is logged in, if that is what the rule asks for.
    pub(crate) async fn check(
        self,
        web: &Web,
        parts: &mut Parts,
    ) -> Result<Option<Arc<CurrentUser>>, Refusal> {
        let current_user = request_context::current_user(web, parts).await?;
        match self.decide(web, current_user.as_deref(), &original_uri(parts)) {
            None => Ok(current_user),
            Some(response) => Err(Refusal::new(response)),
        }
    }

    /// Who is logged in, for the rules that ask for someone.
    pub(crate) async fn admit(
        self,
        web: &Web,
        parts: &mut Parts,
    ) -> Result<Arc<CurrentUser>, Refusal> {
        match self.check(web, parts).await? {
            Some(current_user) => Ok(current_user),
            None => Err(Refusal::new(to_login(web, &original_uri(parts)))),
        }
    }

    /// Where to send anyone who visits instead; `None` to let them through.
    fn decide(
        self,
        web: &Web,
        current_user: Option<&CurrentUser>,
        wanted: &Uri,
    ) -> Option<Response> {
        let mut response = match (self, current_user) {
            (rule, Some(current_user))
                if rule != Self::Anonymous && is_to_verify(web, current_user, wanted) =>
            {
                to_verify(web, None, wanted)
            }
            (Self::Anonymous, None) | (Self::LoggedIn, Some(_)) => return None,
            (Self::RecentlyProven, Some(current_user)) => {
                if web.accounts().require_recent_proof(current_user).is_ok() {
                    return None;
                }
                to_confirm_identity(web, wanted)
            }
            (Self::VerifiedEmail, Some(current_user)) if current_user.has_verified_email() => {
                return None;
            }
            (Self::VerifiedPhone, Some(current_user)) if current_user.has_verified_phone() => {
                return None;
            }
            // The pages of the account are where one verifies, and have guards of their own.
            (Self::VerifiedEmail | Self::VerifiedPhone, Some(_))
                if web.account_page(wanted.path()).is_some() =>
            {
                return None;
            }
            (Self::Anonymous, Some(_)) => {
                redirect::found(&web.accounts().settings().login_redirect_url)
            }
            (_, None) => to_login(web, wanted),
            (Self::VerifiedPhone, Some(_)) => to_verify(web, Some(AddressKind::Phone), wanted),
            (_, Some(_)) => to_verify(web, Some(AddressKind::Email), wanted),
        };
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
        vary_by_cookie(headers);
        Some(response)
    }
}

/// Whether someone must verify an address before they may see a page. Those of the account are where they do.
fn is_to_verify(web: &Web, current_user: &CurrentUser, wanted: &Uri) -> bool {
    web.accounts().must_verify(current_user) && web.account_page(wanted.path()).is_none()
}

/// Leads to the addresses where someone must verify one before they may see this page.
pub(crate) fn to_verify_first(
    web: &Web,
    current_user: &CurrentUser,
    wanted: &Uri,
) -> Option<Response> {
    is_to_verify(web, current_user, wanted).then(|| to_verify(web, None, wanted))
}

/// Leads to the addresses, says why, and back when one of this kind, or any, is verified.
fn to_verify(web: &Web, kind: Option<AddressKind>, wanted: &Uri) -> Response {
    let wanted = wanted.path_and_query().map_or("/", PathAndQuery::as_str);
    let next = Some(wanted).filter(|wanted| wanted.len() <= MAX_NEXT_BYTES);
    let reason = kind.map_or(Reason::NoneVerified, Reason::Unverified).name();
    let addresses = web.accounts().routes().page(AccountPage::EmailVerification);
    redirect::found(&next::with(
        addresses,
        &[(Reason::FIELD, Some(reason)), (NEXT, next)],
    ))
}

/// Leads to the page that asks for the password, and back.
pub(crate) fn to_confirm_identity(web: &Web, wanted: &Uri) -> Response {
    let wanted = wanted.path_and_query().map_or("/", PathAndQuery::as_str);
    let next = Some(wanted).filter(|wanted| wanted.len() <= MAX_NEXT_BYTES);
    let page = web.accounts().routes().page(AccountPage::ConfirmIdentity);
    redirect::found_for_user(&next::with(page, &[(NEXT, next)]))
}

fn to_login(web: &Web, wanted: &Uri) -> Response {
    redirect::to_login(web.log_in_path(), wanted)
}

impl RequestContext {
    /// Who is logged in, if they have proven lately who they are.
    ///
    /// # Errors
    /// [`Refusal`]: the way to the page "Confirm it's you", or to the log-in page.
    ///
    /// # Examples
    /// See [`RecentlyProven`](crate::RecentlyProven).
    pub fn recently_proven(&self) -> Result<&CurrentUser, Refusal> {
        let Some(current_user) = self.current_user() else {
            return Err(Refusal::new(self.to_login_again()));
        };
        if let Some(response) = to_verify_first(self.web(), current_user, self.uri()) {
            return Err(Refusal::new(response));
        }
        match self.accounts().require_recent_proof(current_user) {
            Ok(()) => Ok(current_user),
            Err(_required) => Err(Refusal::new(to_confirm_identity(self.web(), self.uri()))),
        }
    }
}
