//! `phone-auth user sessions` and `user end-sessions`: where a user is signed in, as an operator sees it.

use phone_auth::Accounts;
use phone_auth::core::accounts::{EndSessionsRefusal, FlowError, UserSession};
use serde::Serialize;

use super::found::named;
use crate::exit::Failure;
use crate::terminal::console;
use crate::terminal::table::Table;
use crate::terminal::visible::{self, Visible};

/// What is said where sessions are shared with Django.
const UNKNOWN: &str = "sessions that are shared with Django do not say whose they are; `phone-auth user set-password` ends those of a \
     user";

/// A session as a list shows it: nothing in it opens the session.
#[derive(Serialize)]
struct SessionEntry {
    created_at: Option<String>,
    last_used: Option<String>,
    expires_at: String,
    address: Option<String>,
    browser: Option<String>,
}

/// What has become of the sessions of a user.
#[derive(Serialize)]
struct EndedEntry {
    username: String,
    ended: u64,
}

impl From<UserSession> for SessionEntry {
    fn from(session: UserSession) -> Self {
        Self {
            created_at: session.created_at.map(|at| at.to_rfc3339()),
            last_used: session.seen_at.map(|at| at.to_rfc3339()),
            expires_at: session.expires_at.to_rfc3339(),
            address: session.address.map(|address| address.to_string()),
            browser: session.browser.map(|browser| browser.to_string()),
        }
    }
}

/// Says that sessions which are shared with Django cannot be told apart.
pub(super) async fn refuse(accounts: &Accounts, login: &str) -> Result<(), Failure> {
    named(accounts, login).await?;
    Err(Failure::because(UNKNOWN))
}

pub(super) async fn list(accounts: &Accounts, login: &str, json: bool) -> Result<(), Failure> {
    let user = named(accounts, login).await?;
    let list = accounts.sessions_of(&user).await.map_err(Failure::failed)?;
    if !list.is_complete {
        return Err(Failure::because(UNKNOWN));
    }
    let entries = list.sessions.into_iter().map(SessionEntry::from);
    let entries: Vec<_> = entries.collect();
    if json {
        let text = visible::to_json(&entries).map_err(Failure::failed)?;
        return console::print(text).map_err(Failure::failed);
    }
    let mut table = Table::new(["signed in", "last used", "until", "address", "browser"]);
    for entry in &entries {
        table.row([
            entry.created_at.as_deref().unwrap_or("unknown"),
            entry.last_used.as_deref().unwrap_or("unknown"),
            &entry.expires_at,
            entry.address.as_deref().unwrap_or("unknown"),
            entry.browser.as_deref().unwrap_or("unknown"),
        ]);
    }
    console::print(table).map_err(Failure::failed)
}

pub(super) async fn end(accounts: &Accounts, login: &str, json: bool) -> Result<(), Failure> {
    let user = named(accounts, login).await?;
    let ended = match accounts.end_sessions_of(user.id).await {
        Ok(ended) => ended,
        Err(FlowError::Refused(EndSessionsRefusal::Unknown | EndSessionsRefusal::NotLoggedIn)) => {
            return Err(Failure::because(UNKNOWN));
        }
        Err(FlowError::Failed(failure)) => return Err(Failure::failed(failure)),
    };
    if json {
        let entry = EndedEntry {
            username: user.username,
            ended,
        };
        let text = visible::to_json(&entry).map_err(Failure::failed)?;
        return console::print(text).map_err(Failure::failed);
    }
    console::print(format_args!(
        "{} is signed out everywhere; sessions ended: {ended}",
        Visible(&user.username)
    ))
    .map_err(Failure::failed)
}
