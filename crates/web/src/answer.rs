//! Answers to what went wrong: the one place where kinds of failures become status codes, public words
//! and lines in the log. What a flow refuses is answered by its page.

use std::error::Error;
use std::fmt::Write as _;
use std::time::Duration;

use axum::response::{Html, IntoResponse, Response};
use http::header::{ALLOW, CONNECTION};
use http::{HeaderValue, Request, StatusCode};
use phone_auth_core::accounts::{Failure, FailureKind};
use phone_auth_core::gate::GateRefusal;
use phone_auth_urls::AccountPage;

use crate::gate::GateView;
use crate::held_back::{BUSY, ONE_MORE_STEP};
use crate::page::Page;
use crate::request_context::RequestContext;
use crate::wait::{RETRY_WAIT, retry_after, too_often};
use crate::web::Web;

/// Something that is wrong with a request, whatever it was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestError {
    /// The page that sent the form is not of this site, or it cannot be told.
    Origin,
    /// There is no such page.
    Path,
    /// The page is not asked for in this way.
    Method,
    /// The body is too large, or has too many fields.
    Size,
    /// The body is not a form.
    Kind,
    /// A field came twice, or its name is not text.
    Fields,
    /// The body did not come in time.
    Slow,
    /// The request is damaged, or does not say which site it is for.
    Request,
    /// The address or the headers are too long.
    Head,
}

impl RequestError {
    const fn status(self) -> StatusCode {
        match self {
            Self::Origin => StatusCode::FORBIDDEN,
            Self::Path => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Size => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Kind => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Fields | Self::Request => StatusCode::BAD_REQUEST,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Head => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Origin => "This form was not accepted",
            Self::Path => "Page not found",
            Self::Method => "This page cannot be used like that",
            Self::Size => "That’s more than we can take",
            Self::Kind | Self::Fields => "This form cannot be read",
            Self::Slow => "That took too long",
            Self::Request => "This request cannot be read",
            Self::Head => "This request is too long",
        }
    }

    const fn sentences(self) -> &'static [&'static str] {
        match self {
            Self::Origin => &[
                "We could not tell that it was sent from a page of this site, so nothing was changed.",
                "Go back, reload the page and send the form again. If that does not help, allow cookies for this site.",
            ],
            Self::Path => {
                &["There is nothing at this address. Check it for a missing or mistyped part."]
            }
            Self::Method => &["The address exists, but not for this kind of request."],
            Self::Size => &[
                "What was sent is larger than any form of this site. Shorten it and send it again.",
            ],
            Self::Kind => &[
                "It was sent in a format other than the one a form uses. Go back, reload the page and send it again.",
            ],
            Self::Fields => &[
                "A field of the form came twice or is damaged. Go back, reload the page and send it again.",
            ],
            Self::Slow => &["The form did not arrive in time. Send it again."],
            Self::Request => &[
                "It is damaged, or does not say which site it is for. Go back, reload the page and try again.",
            ],
            Self::Head => &[
                "Its address or its headers are longer than those of any page here. If that does not change, delete the cookies of this site.",
            ],
        }
    }
}

/// The answer to a request that is wrong.
pub(crate) fn request_error(context: &RequestContext, what: RequestError) -> Response {
    let page = Page::new("phone_auth/error.html", what.title())
        .status(what.status())
        .with("sentences", what.sentences());
    let mut response = context.render(page);
    if what == RequestError::Slow {
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The answer to a form whose page was shown to another than the user who is signed in now. It changes nothing, says who
/// that is, and leads to the same page for them.
pub(crate) fn form_of_another(context: &RequestContext) -> Response {
    let routes = context.accounts().routes();
    let path = context.uri().path();
    // Of a page of the application's own it is not known whether it can be gone to.
    let is_ours = AccountPage::ALL
        .iter()
        .any(|page| routes.page(*page) == path);
    let default = context.accounts().settings().login_redirect_url.as_str();
    other_user(
        context,
        "When this page was opened you were not signed in as this user, so nothing was changed.",
        if is_ours { path } else { default },
    )
}

/// The answer to a form that makes an account, when someone is signed in already.
pub(crate) fn signed_in_already(context: &RequestContext, next: Option<&str>) -> Response {
    let default = context.accounts().settings().login_redirect_url.as_str();
    other_user(
        context,
        "No account was created. To create another one, sign out first.",
        next.unwrap_or(default),
    )
}

fn other_user(context: &RequestContext, sentence: &str, go_on: &str) -> Response {
    let page = Page::new("phone_auth/other_user.html", "You are signed in")
        .status(StatusCode::CONFLICT)
        .with("sentences", [sentence])
        .with("continue_url", go_on);
    context.render(page)
}

/// The answer to a form that is sent to a page which only shows something.
pub(crate) fn only_shows(context: &RequestContext) -> Response {
    let mut response = request_error(context, RequestError::Method);
    let headers = response.headers_mut();
    headers.insert(ALLOW, HeaderValue::from_static("GET,HEAD"));
    response
}

/// The answer when a flow could not come to its end: 503 when trying again may help, the way to the log-in when the user is
/// gone, 409 when a table of the application stands against it, else 500.
pub(crate) fn flow_failed(
    context: &RequestContext,
    doing: &'static str,
    failure: &Failure,
) -> Response {
    match failure.kind() {
        // Of a page without a form.
        FailureKind::Limited { wait, .. } => {
            let sentence = too_often(wait);
            let page =
                Page::new("phone_auth/error.html", "Too many tries").with("sentences", [sentence]);
            limited(context, page, wait)
        }
        FailureKind::Denied | FailureKind::Challenged => held_back(context, failure),
        FailureKind::Busy => {
            log_unavailable(doing, failure);
            busy(context)
        }
        FailureKind::Unavailable => {
            log_unavailable(doing, failure);
            unknown(context)
        }
        // The flow has told the log.
        FailureKind::OutboxFull => busy(context),
        // With the user their session is gone.
        FailureKind::NoSuchUser => context.to_login_again(),
        FailureKind::Referenced => {
            tracing::warn!(doing, error = ?chain(failure), "refused by a table of others");
            referenced(context)
        }
        FailureKind::Broken => {
            log_broken(doing, failure);
            broken(context)
        }
    }
}

/// The answer when a flow could not come to its end; where it was asked for too often or the application's gate held it
/// back, the page of the form, filled in as it was sent and with this sentence.
pub(crate) fn limited_or_failed(
    context: &RequestContext,
    doing: &'static str,
    failure: &Failure,
    page: impl FnOnce(&str) -> Page,
) -> Response {
    match (failure.limited_for(), failure.gate()) {
        (Some(wait), _) => limited(context, page(&too_often(wait)), wait),
        (None, Some(GateRefusal::Denied(words))) => {
            context.render(page(words).status(StatusCode::FORBIDDEN))
        }
        (None, Some(GateRefusal::Challenged(challenge))) => {
            let page = page(ONE_MORE_STEP).with("gate", GateView::of(challenge));
            context.render(page.status(StatusCode::FORBIDDEN))
        }
        (None, None) => flow_failed(context, doing, failure),
    }
}

/// The answer of a page without a form when the application's gate held a flow back.
fn held_back(context: &RequestContext, failure: &Failure) -> Response {
    let sentence = match failure.gate() {
        Some(GateRefusal::Denied(words)) => words,
        Some(GateRefusal::Challenged(challenge)) => &challenge.prompt,
        None => ONE_MORE_STEP,
    };
    let page = Page::new("phone_auth/error.html", "That was not done");
    context.render(
        page.status(StatusCode::FORBIDDEN)
            .with("sentences", [sentence]),
    )
}

/// The answer when something was done too often.
pub(crate) fn limited(context: &RequestContext, page: Page, wait: Duration) -> Response {
    let mut response = context.render(page.status(StatusCode::TOO_MANY_REQUESTS));
    retry_after(response.headers_mut(), wait);
    response
}

/// The answer when a table of the application does not let go of what would go: of an address that is removed, verified or
/// given to someone else, or of an account.
fn referenced(context: &RequestContext) -> Response {
    let page = Page::new("phone_auth/error.html", "That can’t be done yet")
        .status(StatusCode::CONFLICT)
        .with(
            "sentences",
            ["Something else on this site still needs what would go, so nothing was changed. Please contact us."],
        );
    context.render(page)
}

/// The answer when nothing was begun, and trying again later may help.
fn busy(context: &RequestContext) -> Response {
    try_later(context, BUSY)
}

/// The answer when trying again later may help, and what was asked for may have been done all the same: what a store
/// has begun to write it may finish after nobody waits for it any more.
fn unknown(context: &RequestContext) -> Response {
    try_later(
        context,
        "That took too long. Wait a few seconds and try again. If you sent a form, look first whether it was done: it may have been.",
    )
}

fn try_later(context: &RequestContext, sentence: &str) -> Response {
    let page = Page::new("phone_auth/error.html", "Too busy just now")
        .status(StatusCode::SERVICE_UNAVAILABLE)
        .with("sentences", [sentence]);
    let mut response = context.render(page);
    retry_after(response.headers_mut(), RETRY_WAIT);
    response
}

/// The answer when something is wrong on our side.
fn broken(context: &RequestContext) -> Response {
    let page = Page::new("phone_auth/error.html", "Something went wrong")
        .status(StatusCode::INTERNAL_SERVER_ERROR)
        .with(
            "sentences",
            ["Something went wrong on our side. Please try again."],
        );
    context.render(page)
}

/// The page for a status that was found outside of any page: by a listener, a time limit or after a panic.
pub(crate) fn of_status(context: &RequestContext, status: StatusCode) -> Response {
    let what = match status {
        StatusCode::SERVICE_UNAVAILABLE => return unknown(context),
        StatusCode::FORBIDDEN => RequestError::Origin,
        StatusCode::NOT_FOUND => RequestError::Path,
        StatusCode::METHOD_NOT_ALLOWED => RequestError::Method,
        StatusCode::REQUEST_TIMEOUT => RequestError::Slow,
        StatusCode::PAYLOAD_TOO_LARGE => RequestError::Size,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => RequestError::Kind,
        StatusCode::URI_TOO_LONG | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            RequestError::Head
        }
        status if status.is_client_error() => RequestError::Request,
        _ => return broken(context),
    };
    let mut response = request_error(context, what);
    *response.status_mut() = status;
    response
}

/// The answer when not even a page can be rendered.
pub(crate) fn plain_error_page() -> Response {
    let html = "<!doctype html><html lang=\"en\"><title>Something went wrong</title>\
        <h1>Something went wrong</h1><p>Something went wrong on our side. Please try again.</p>";
    (StatusCode::INTERNAL_SERVER_ERROR, Html(html)).into_response()
}

/// Notes that something has to wait.
pub(crate) fn log_unavailable(doing: &'static str, failure: &Failure) {
    tracing::warn!(doing, error = ?chain(failure), "not available");
}

/// Notes a fault of ours.
pub(crate) fn log_broken(doing: &'static str, error: &(dyn Error + 'static)) {
    // `Debug` of the text escapes control characters, so that no line can be forged.
    tracing::error!(doing, error = ?chain(error), "failed");
}

/// An error and its causes in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

impl Web {
    /// The page that tells of an error which was found before any page was asked: a request that cannot be read, or is
    /// for nobody here, or a panic. It has the headers of an account page, and knows nothing of the request.
    ///
    /// # Examples
    /// ```
    /// use axum::response::Response;
    /// use http::StatusCode;
    /// use phone_auth_web::Web;
    ///
    /// fn after_panic(web: &Web) -> Response {
    ///     web.error_page(StatusCode::INTERNAL_SERVER_ERROR)
    /// }
    /// ```
    pub fn error_page(&self, status: StatusCode) -> Response {
        let (parts, ()) = Request::new(()).into_parts();
        let mut response = of_status(&RequestContext::unasked(self, &parts), status);
        self.page_headers().apply(response.headers_mut());
        response
    }
}
