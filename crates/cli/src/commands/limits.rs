//! `phone-auth limits`: who is slowed down, and what text messages cost, as an operator sees it.

use std::net::IpAddr;

use phone_auth::Accounts;
use phone_auth::core::accounts::{FlowError, LimitsAbout, TextUse, UsernameRefusal};
use phone_auth::core::store::LimitRow;
use serde::Serialize;

use crate::arguments::LimitsCommand;
use crate::exit::Failure;
use crate::site;
use crate::start::setup::Setup;
use crate::terminal::console;
use crate::terminal::table::Table;
use crate::terminal::visible::{self, Visible};

/// How many counters are read at once.
const PAGE: u32 = 500;

/// Does what was asked, in a runtime of its own.
///
/// # Errors
/// When the database or its key is not there, or no account has the login.
pub(crate) fn run(setup: Setup, command: Option<LimitsCommand>, json: bool) -> Result<(), Failure> {
    let runtime = site::runtime()?;
    runtime.block_on(async {
        match command {
            None => list(setup, json).await,
            Some(LimitsCommand::List { json: again }) => list(setup, json || again).await,
            Some(LimitsCommand::Show { of, json: again }) => show(setup, &of, json || again).await,
            Some(LimitsCommand::Clear { of }) => clear(setup, &of).await,
        }
    })
}

/// A counter that is full, as a list shows it: nobody can tell from it whom it is about.
#[derive(Serialize)]
struct FullEntry {
    limit: String,
    counter: String,
    full_until: String,
}

impl From<LimitRow> for FullEntry {
    fn from(row: LimitRow) -> Self {
        Self {
            limit: row.limit,
            counter: row.key.to_string(),
            full_until: row.tally.blocked_until.to_rfc3339(),
        }
    }
}

/// What is counted of text messages, as a list shows it.
#[derive(Serialize)]
struct TextEntry {
    scope: String,
    counter: String,
    unused_hour: i64,
    budget_hour: Option<i64>,
    unused_day: i64,
    budget_day: Option<i64>,
    full: bool,
}

impl From<TextUse> for TextEntry {
    fn from(text: TextUse) -> Self {
        Self {
            scope: text.scope,
            counter: text.key.to_string(),
            unused_hour: text.unused_hour,
            budget_hour: text.budget.map(|budget| budget.hour),
            unused_day: text.unused_day,
            budget_day: text.budget.map(|budget| budget.day),
            full: text.is_full,
        }
    }
}

/// All that is listed.
#[derive(Serialize)]
struct LimitList {
    full: Vec<FullEntry>,
    sms: Vec<TextEntry>,
}

async fn list(setup: Setup, json: bool) -> Result<(), Failure> {
    let accounts = Box::pin(site::without_receivers(setup)).await?;
    print(&accounts, None, json).await
}

/// The same of what is about one alone, which the key of the site finds.
async fn show(setup: Setup, of: &str, json: bool) -> Result<(), Failure> {
    let accounts = Box::pin(site::with_key(setup)).await?;
    let about = about(&accounts, of).await?;
    print(&accounts, Some(&about), json).await
}

async fn print(
    accounts: &Accounts,
    about: Option<&LimitsAbout>,
    json: bool,
) -> Result<(), Failure> {
    let listed = read(accounts, about).await?;
    if json {
        let text = visible::to_json(&listed).map_err(Failure::failed)?;
        return console::print(text).map_err(Failure::failed);
    }
    let mut counters = Table::new(["limit", "counter", "full until"]);
    for row in &listed.full {
        counters.row([&row.limit, &row.counter, &row.full_until]);
    }
    let mut texts = Table::new([
        "text messages",
        "counter",
        "unused, hour",
        "unused, day",
        "state",
    ]);
    let of = |count: i64, budget: Option<i64>| match budget {
        Some(budget) => format!("{count} of {budget}"),
        None => count.to_string(),
    };
    for row in &listed.sms {
        texts.row([
            &row.scope,
            &row.counter,
            &of(row.unused_hour, row.budget_hour),
            &of(row.unused_day, row.budget_day),
            if row.full { "full" } else { "open" },
        ]);
    }
    console::print(format_args!("{counters}\n\n{texts}")).map_err(Failure::failed)
}

/// All that is full and that is about these, if only that is asked for.
async fn read(accounts: &Accounts, about: Option<&LimitsAbout>) -> Result<LimitList, Failure> {
    let mut full = Vec::new();
    let mut after = None;
    loop {
        let page = accounts.full_limits_after(after.as_ref(), PAGE).await;
        let mut page = page.map_err(Failure::failed)?;
        after = page.last().cloned();
        page.retain(|row| about.is_none_or(|about| about.has(row)));
        full.extend(page.into_iter().map(FullEntry::from));
        if after.is_none() {
            break;
        }
    }
    let mut sms = accounts.text_use().await.map_err(Failure::failed)?;
    sms.retain(|text| about.is_none_or(|about| about.has_texts(text)));
    let sms = sms.into_iter().map(TextEntry::from).collect();
    Ok(LimitList { full, sms })
}

async fn clear(setup: Setup, of: &str) -> Result<(), Failure> {
    let accounts = Box::pin(site::with_key(setup)).await?;
    let about = about(&accounts, of).await?;
    let cleared = accounts.clear_limits_about(&about).await;
    let cleared = cleared.map_err(Failure::failed)?;
    console::print(format_args!(
        "{}: counters emptied: {cleared}; a running site may go on refusing for five seconds",
        Visible(of)
    ))
    .map_err(Failure::failed)
}

/// Those of a client network; or those about a login, and of text messages those of a number, a dial code or the site, which need
/// be nobody's login. A login that several have is refused, also where it is a number.
async fn about(accounts: &Accounts, of: &str) -> Result<LimitsAbout, Failure> {
    if let Ok(address) = of.parse::<IpAddr>() {
        return Ok(accounts.limits_about_network(address));
    }
    let of_login = match accounts.limits_about_login(of).await {
        Ok(about) => Some(about),
        Err(FlowError::Refused(UsernameRefusal::NoSuchUser)) => None,
        Err(FlowError::Failed(failure)) => return Err(Failure::failed(failure)),
        Err(FlowError::Refused(UsernameRefusal::Ambiguous)) => {
            return Err(Failure::because(format!(
                "several accounts have the login {} in letters of different case; say which by its username",
                Visible(of)
            )));
        }
    };
    match (of_login, accounts.limits_about_texts(of)) {
        (Some(about), Some(texts)) => Ok(about.and(texts)),
        (Some(about), None) | (None, Some(about)) => Ok(about),
        (None, None) => {
            let login = Visible(of);
            Err(Failure::because(format!(
                "no account has the login {login}"
            )))
        }
    }
}
