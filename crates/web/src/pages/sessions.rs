//! `sessions/`: where the user is signed in, and a way to end that.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use phone_auth_core::accounts::{CurrentUser, EndSessionsRefusal, FlowError, UserSession};
use phone_auth_core::session::SessionHandle;
use phone_auth_urls::AccountPage;
use serde::Serialize;

use crate::answer;
use crate::form::SubmittedForm;
use crate::guard::LoggedIn;
use crate::next;
use crate::notice::{Notice, Reason};
use crate::page::Page;
use crate::redirect;
use crate::request_context::RequestContext;

/// The most sessions on the page; the default of `max_sessions`. The button for all others ends those too that are not shown.
const MAX_SHOWN: usize = 50;

/// The field of a form with the session that is to end.
const SESSION: &str = "session";

/// What stands there for all but this one.
const OTHERS: &str = "others";

/// A session as the template sees it.
#[derive(Serialize)]
struct SessionView {
    handle: String,
    browser: Option<String>,
    address: Option<String>,
    since: Option<String>,
    seen: Option<String>,
    is_current: bool,
}

impl SessionView {
    fn of(session: &UserSession, now: DateTime<Utc>) -> Self {
        Self {
            handle: session.handle.to_string(),
            browser: session.browser.as_ref().map(ToString::to_string),
            address: session.address.map(|address| address.to_string()),
            since: session.created_at.map(day),
            seen: session.seen_at.map(|seen_at| ago(now - seen_at)),
            is_current: session.is_current,
        }
    }
}

pub(crate) async fn show(LoggedIn(current_user): LoggedIn, context: RequestContext) -> Response {
    let reason = Reason::of(context.uri(), AccountPage::Sessions);
    let notice = reason.map(Reason::notice);
    page(&context, &current_user, StatusCode::OK, notice).await
}

pub(crate) async fn submit(form: SubmittedForm) -> Response {
    let context = form.context();
    let current_user = match form.sender() {
        Ok(current_user) => current_user,
        Err(refusal) => return refusal.into_response(),
    };
    let accounts = context.accounts();
    let named = form.text(SESSION);
    if named == OTHERS {
        return match accounts.end_other_sessions(current_user).await {
            Ok(_ended) => to_page(context, Reason::EndedOthers),
            Err(FlowError::Refused(EndSessionsRefusal::NotLoggedIn)) => context.to_login_again(),
            // The page has no such button there.
            Err(FlowError::Refused(EndSessionsRefusal::Unknown)) => {
                no_such_session(context, current_user).await
            }
            Err(FlowError::Failed(failure)) => {
                answer::flow_failed(context, "end the other sessions", &failure)
            }
        };
    }
    let Some(handle) = SessionHandle::parse(named) else {
        return no_such_session(context, current_user).await;
    };
    // One that is over already may be that of the second of two clicks.
    match accounts.end_session(current_user, &handle).await {
        Ok(_ended) => to_page(context, Reason::EndedSession),
        Err(failure) => answer::flow_failed(context, "end a session", &failure),
    }
}

/// The way to this page, with what has become of a form.
fn to_page(context: &RequestContext, reason: Reason) -> Response {
    let path = context.path(AccountPage::Sessions);
    redirect::found_for_user(&next::with(path, &[(Reason::FIELD, Some(reason.name()))]))
}

async fn no_such_session(context: &RequestContext, current_user: &CurrentUser) -> Response {
    let notice = Notice {
        tone: "error",
        text: "Nothing was signed out",
        detail: Cow::Borrowed("Choose a device from the list."),
    };
    page(context, current_user, StatusCode::BAD_REQUEST, Some(notice)).await
}

async fn page(
    context: &RequestContext,
    current_user: &CurrentUser,
    status: StatusCode,
    notice: Option<Notice>,
) -> Response {
    let list = match context.accounts().sessions(current_user).await {
        Ok(list) => list,
        Err(failure) => return answer::flow_failed(context, "list sessions", &failure),
    };
    let shown = list.sessions.iter().take(MAX_SHOWN);
    let shown: Vec<_> = shown
        .map(|it| SessionView::of(it, list.listed_at))
        .collect();
    let page = Page::new("phone_auth/sessions.html", "Where you’re signed in")
        .status(status)
        .with("notice", notice)
        .with("has_more", list.sessions.len() > MAX_SHOWN)
        .with("is_complete", list.is_complete)
        .with("sessions", shown);
    context.render(page)
}

/// A day as a sentence has it. Of UTC: the browser does not say its time zone.
fn day(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y").to_string()
}

/// How long ago something was that is known to an hour.
fn ago(passed: TimeDelta) -> String {
    let (number, unit) = match (passed.num_days(), passed.num_hours()) {
        (..=0, ..=0) => return "within the last hour".to_owned(),
        (..=0, hours) => (hours, "hour"),
        (days, _) => (days, "day"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {unit}{plural} ago")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_words() {
        for (minutes, words) in [
            (-90, "within the last hour"),
            (0, "within the last hour"),
            (59, "within the last hour"),
            (60, "1 hour ago"),
            (125, "2 hours ago"),
            (24 * 60 - 1, "23 hours ago"),
            (24 * 60, "1 day ago"),
            (50 * 24 * 60, "50 days ago"),
        ] {
            assert_eq!(ago(TimeDelta::minutes(minutes)), words, "{minutes}");
        }
    }
}
