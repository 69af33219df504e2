//! `phone-auth outbox`: messages that are pending, and dead letters.

use chrono::{TimeDelta, Utc};
use phone_auth::core::accounts::FlowError;
use phone_auth::core::outbox::{
    DeadLetterRefusal, MessageId, Outbox, OutboxMessage, OutboxRow, ReceiptOutcome, Receipts,
    UnreadableMessage,
};
use phone_auth::core::user::UserId;
use serde::Serialize;

use crate::arguments::OutboxCommand;
use crate::exit::Failure;
use crate::site;
use crate::start::setup::Setup;
use crate::terminal::console;
use crate::terminal::table::Table;
use crate::terminal::visible::{self, Visible};

/// How many messages are read at once.
const PAGE: u32 = 500;

/// Does what was asked, in a runtime of its own.
///
/// # Errors
/// When the database is not there, or a message is no dead letter.
pub(crate) fn run(setup: Setup, command: OutboxCommand) -> Result<(), Failure> {
    let runtime = site::runtime()?;
    runtime.block_on(async {
        let accounts = Box::pin(site::without_receivers(setup)).await?;
        let no_outbox = || Failure::because("the site has no outbox");
        let outbox = accounts.outbox().ok_or_else(no_outbox)?;
        match command {
            OutboxCommand::List { json } => list(outbox, json).await,
            OutboxCommand::Retry { all: true, .. } => retry_all(outbox).await,
            OutboxCommand::Retry { ids, .. } => retry(outbox, ids).await,
            OutboxCommand::Purge { older_than, .. } => purge(outbox, older_than).await,
        }
    })
}

/// A message as a list shows it. There is no link in it: it is made when it is sent.
#[derive(Serialize)]
struct MessageEntry {
    id: i64,
    state: &'static str,
    purpose: Option<&'static str>,
    kind: Option<&'static str>,
    /// The signal of an event for durable receivers.
    event: Option<&'static str>,
    user: Option<i64>,
    created_at: Option<String>,
    expires_at: Option<String>,
    attempts: Option<u32>,
    failures: Option<u32>,
    due_at: Option<String>,
    died_at: Option<String>,
    reason: Option<String>,
    receipts: Receipts,
}

impl From<OutboxMessage> for MessageEntry {
    fn from(row: OutboxMessage) -> Self {
        let message = row.message;
        let recipient = message.recipient.map(|recipient| recipient.user);
        let told = message.told().map(|(user, _)| user);
        let (died_at, reason) = row
            .dead
            .map(|letter| (letter.at.to_rfc3339(), letter.reason))
            .unzip();
        Self {
            id: row.id.get(),
            state: if reason.is_some() {
                "failed"
            } else {
                "pending"
            },
            purpose: Some(message.purpose.as_str()),
            kind: Some(message.kind.as_str()),
            event: message.event.as_ref().map(|event| event.signal.name()),
            user: recipient.or(told).map(UserId::get),
            created_at: Some(message.created_at.to_rfc3339()),
            expires_at: Some(message.expires_at.to_rfc3339()),
            attempts: Some(row.attempts),
            failures: Some(row.failures),
            due_at: reason.is_none().then(|| row.due_at.to_rfc3339()),
            died_at,
            reason,
            receipts: row.receipts,
        }
    }
}

impl From<UnreadableMessage> for MessageEntry {
    fn from(row: UnreadableMessage) -> Self {
        Self {
            id: row.id.get(),
            state: if row.is_dead { "failed" } else { "pending" },
            purpose: None,
            kind: None,
            event: None,
            user: None,
            created_at: None,
            expires_at: None,
            attempts: None,
            failures: None,
            due_at: None,
            died_at: None,
            reason: Some(row.reason()),
            receipts: Receipts::default(),
        }
    }
}

impl From<OutboxRow> for MessageEntry {
    fn from(row: OutboxRow) -> Self {
        match row {
            OutboxRow::Message(message) => Self::from(*message),
            OutboxRow::Unreadable(row) => Self::from(row),
        }
    }
}

/// Everything in the outbox.
async fn all(outbox: &Outbox) -> Result<Vec<OutboxRow>, Failure> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let page = outbox
            .rows_after(after, PAGE)
            .await
            .map_err(Failure::failed)?;
        after = page.last().map(OutboxRow::id);
        all.extend(page);
        if after.is_none() {
            return Ok(all);
        }
    }
}

async fn list(outbox: &Outbox, json: bool) -> Result<(), Failure> {
    let messages: Vec<MessageEntry> = all(outbox)
        .await?
        .into_iter()
        .map(MessageEntry::from)
        .collect();
    if json {
        let text = visible::to_json(&messages).map_err(Failure::failed)?;
        return console::print(text).map_err(Failure::failed);
    }
    let mut table = Table::new([
        "id", "state", "message", "user", "created", "attempts", "due", "why",
    ]);
    for message in &messages {
        let user = message.user.map(|id| id.to_string());
        let attempts = message.attempts.map(|attempts| attempts.to_string());
        let why = message.reason.clone().or_else(|| waits_for(message));
        table.row([
            &message.id.to_string(),
            message.state,
            &what(message),
            user.as_deref().unwrap_or("-"),
            message.created_at.as_deref().unwrap_or("-"),
            &attempts.unwrap_or_else(|| "-".to_owned()),
            message.due_at.as_deref().unwrap_or("never"),
            &Visible(&why.unwrap_or_default()).to_string(),
        ]);
    }
    console::print(table).map_err(Failure::failed)
}

/// What a message is for, and how it goes.
fn what(message: &MessageEntry) -> String {
    match (message.event, message.purpose.zip(message.kind)) {
        (Some(event), _) => format!("event {event}"),
        (None, Some((purpose, kind))) => format!("{purpose} by {kind}"),
        (None, None) => "unreadable".to_owned(),
    }
}

/// Which receiver failed at the last attempt, and why.
fn waits_for(message: &MessageEntry) -> Option<String> {
    let mut receipts = message.receipts.iter();
    let failed = receipts.rfind(|receipt| receipt.outcome == ReceiptOutcome::Failed)?;
    Some(format!("{}: {}", failed.receiver, failed.reason))
}

async fn retry(outbox: &Outbox, mut ids: Vec<i64>) -> Result<(), Failure> {
    // One that is named twice is no dead letter any more the second time.
    ids.sort_unstable();
    ids.dedup();
    retry_each(outbox, ids.into_iter().map(MessageId::new), false).await
}

async fn retry_all(outbox: &Outbox) -> Result<(), Failure> {
    let letters = all(outbox).await?.into_iter().filter(|row| match row {
        OutboxRow::Message(message) => message.dead.is_some(),
        OutboxRow::Unreadable(row) => row.is_dead,
    });
    let ids: Vec<_> = letters.map(|row| row.id()).collect();
    // Someone else may have sent one again or removed it meanwhile.
    retry_each(outbox, ids, true).await
}

/// Re-queues each of these. One that cannot be sent keeps no other from it; which they were and why is said at the end.
/// So is what was done before a database that does not answer.
async fn retry_each(
    outbox: &Outbox,
    ids: impl IntoIterator<Item = MessageId>,
    skip_missing: bool,
) -> Result<(), Failure> {
    let (mut count, mut refused, mut stopped) = (0, Vec::new(), None);
    for id in ids {
        match outbox.requeue(id).await {
            Ok(()) => count += 1,
            Err(FlowError::Failed(failure)) if failure.is_retryable() => {
                stopped = Some(Failure::failed(failure));
                break;
            }
            Err(FlowError::Refused(DeadLetterRefusal::NoSuchLetter)) if skip_missing => {}
            Err(error) => refused.push(format!("message {}: {error}", id.get())),
        }
    }
    if count > 0 || (refused.is_empty() && stopped.is_none()) {
        said_requeued(count)?;
    }
    if !refused.is_empty() {
        let refused = Failure::because_of_all(refused);
        stopped = Some(match stopped {
            Some(failure) => refused.and(failure),
            None => refused,
        });
    }
    stopped.map_or(Ok(()), Err)
}

fn said_requeued(count: usize) -> Result<(), Failure> {
    console::print(format_args!(
        "re-queued: {count}; a worker delivers them, with links that work from now on"
    ))
    .map_err(Failure::failed)
}

/// Removes those that were given up so long ago, or all.
async fn purge(outbox: &Outbox, older_than: Option<TimeDelta>) -> Result<(), Failure> {
    let age = older_than.unwrap_or_default();
    let count = outbox
        .purge_dead_letters(Utc::now() - age)
        .await
        .map_err(Failure::failed)?;
    console::print(format_args!("dead letters removed: {count}")).map_err(Failure::failed)
}
