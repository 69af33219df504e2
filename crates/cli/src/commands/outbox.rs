//! `phone-auth outbox`: messages that are owed, and dead letters.

use chrono::Utc;
use phone_auth::Accounts;
use phone_auth::core::accounts::DeadLetterErrorKind;
use phone_auth::core::outbox::{MessageId, OutboxMessage, ReceiptOutcome, Receipts};
use serde::Serialize;

use crate::arguments::OutboxCommand;
use crate::configuration::duration;
use crate::console;
use crate::exit::Failure;
use crate::setup::Setup;
use crate::site;
use crate::table::Table;
use crate::visible::{self, Visible};

/// How many messages are read at once.
const PAGE: u32 = 500;

/// Does what was asked, in a runtime of its own.
///
/// # Errors
/// When the database is not there, a message is no dead letter, or a time is none.
pub(crate) fn run(setup: Setup, command: OutboxCommand) -> Result<(), Failure> {
    let runtime = site::runtime()?;
    runtime.block_on(async {
        let accounts = site::outbox_for_operator(setup).await?;
        match command {
            OutboxCommand::List { json } => list(&accounts, json).await,
            OutboxCommand::Retry { all: true, .. } => retry_all(&accounts).await,
            OutboxCommand::Retry { ids, .. } => retry(&accounts, &ids).await,
            OutboxCommand::Purge { older_than } => purge(&accounts, &older_than).await,
        }
    })
}

/// A message as a list shows it. There is no link in it: it is made when it is sent.
#[derive(Serialize)]
struct Listed {
    id: i64,
    state: &'static str,
    purpose: &'static str,
    kind: &'static str,
    person: Option<i64>,
    created_at: String,
    expires_at: String,
    attempts: u32,
    due_at: Option<String>,
    died_at: Option<String>,
    reason: Option<String>,
    receipts: Receipts,
}

impl From<OutboxMessage> for Listed {
    fn from(owed: OutboxMessage) -> Self {
        let message = owed.message;
        let (died_at, reason) = owed
            .dead
            .map(|letter| (letter.at.to_rfc3339(), letter.reason))
            .unzip();
        Self {
            id: owed.id.get(),
            state: if reason.is_some() { "dead" } else { "owed" },
            purpose: message.purpose.as_str(),
            kind: message.kind.as_str(),
            person: message.recipient.map(|recipient| recipient.person.get()),
            created_at: message.created_at.to_rfc3339(),
            expires_at: message.expires_at.to_rfc3339(),
            attempts: owed.attempts,
            due_at: reason.is_none().then(|| owed.due_at.to_rfc3339()),
            died_at,
            reason,
            receipts: owed.receipts,
        }
    }
}

/// Everything in the outbox.
async fn all(accounts: &Accounts) -> Result<Vec<OutboxMessage>, Failure> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = accounts
            .outbox_after(after, PAGE)
            .await
            .map_err(Failure::failed)?;
        after = page.last().map(|message| message.id);
        all.extend(page);
        if after.is_none() {
            return Ok(all);
        }
    }
}

async fn list(accounts: &Accounts, json: bool) -> Result<(), Failure> {
    let messages: Vec<Listed> = all(accounts).await?.into_iter().map(Listed::from).collect();
    if json {
        let text = visible::to_json(&messages).map_err(Failure::failed)?;
        return console::print(text).map_err(Failure::failed);
    }
    let mut table = Table::new([
        "id", "state", "message", "person", "promised", "attempts", "due", "why",
    ]);
    for message in &messages {
        let person = message.person.map(|id| id.to_string());
        let why = message.reason.clone().or_else(|| waits_for(message));
        table.row([
            &message.id.to_string(),
            message.state,
            &format!("{} by {}", message.purpose, message.kind),
            person.as_deref().unwrap_or("nobody"),
            &message.created_at,
            &message.attempts.to_string(),
            message.due_at.as_deref().unwrap_or("never"),
            &Visible(&why.unwrap_or_default()).to_string(),
        ]);
    }
    console::print(table).map_err(Failure::failed)
}

/// Which receiver failed at the last attempt, and why.
fn waits_for(message: &Listed) -> Option<String> {
    let mut receipts = message.receipts.iter();
    let failed = receipts.rfind(|receipt| receipt.outcome == ReceiptOutcome::Failed)?;
    Some(format!("{}: {}", failed.receiver, failed.reason))
}

async fn retry(accounts: &Accounts, ids: &[i64]) -> Result<(), Failure> {
    for id in ids {
        accounts
            .retry_dead_letter(MessageId::new(*id))
            .await
            .map_err(|error| Failure::because(format!("message {id}: {error}")))?;
    }
    said_owed(ids.len())
}

async fn retry_all(accounts: &Accounts) -> Result<(), Failure> {
    let mut count = 0;
    for message in all(accounts).await? {
        if message.dead.is_some() {
            match accounts.retry_dead_letter(message.id).await {
                Ok(()) => count += 1,
                // Somebody else has sent it again or removed it meanwhile.
                Err(error) if error.kind() == DeadLetterErrorKind::NoSuchLetter => {}
                Err(error) => return Err(Failure::failed(error)),
            }
        }
    }
    said_owed(count)
}

fn said_owed(count: usize) -> Result<(), Failure> {
    console::print(format_args!(
        "owed again: {count}; a worker delivers them, with links that work from now on"
    ))
    .map_err(Failure::failed)
}

async fn purge(accounts: &Accounts, older_than: &str) -> Result<(), Failure> {
    let wrong = || {
        Failure::because(format!(
            "--older-than {} is no time such as 30d or \"12 hours\"",
            Visible(older_than)
        ))
    };
    let age = duration::parse(older_than).ok_or_else(wrong)?;
    let age = chrono::TimeDelta::from_std(age).map_err(|_| wrong())?;
    let before = Utc::now().checked_sub_signed(age).ok_or_else(wrong)?;
    let count = accounts
        .purge_dead_letters(before)
        .await
        .map_err(Failure::failed)?;
    console::print(format_args!("dead letters removed: {count}")).map_err(Failure::failed)
}
