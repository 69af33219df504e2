//! The outbox, on SQLite.

mod enqueue;
mod message;
mod place;
pub(crate) mod statements;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::link::LinkRequest;
use phone_auth_core::outbox::{
    AttemptOutcome, Claim, Lease, LeaseState, MessageId, NewMessage, NextDue, OutboxMessage,
    OutboxRow, Receipts, Requeue, Requeued, Superseded, Wait,
};
use phone_auth_core::store::{OutboxStore, StoreError};
use rusqlite::{Connection, params};

use self::enqueue::enqueue_with_challenge;
pub(crate) use self::enqueue::{enqueue_for_nobody, enqueue_notices};
use crate::failure::Failure;
use crate::links;
use crate::rows;
use crate::store::SqliteStore;

/// How long to wait before the file is asked again what is due, when others may write to it.
const LOOK: Duration = Duration::from_millis(20);

/// How many wait anew in one transaction, when the clock was set back.
const ANEW_AT_ONCE: u32 = 1_000;

/// How many are removed in one transaction: few enough that nobody waits for it.
const PURGED_AT_ONCE: u32 = 1_000;

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn enqueue_message(
        &self,
        message: &NewMessage,
    ) -> Result<Option<Superseded>, StoreError> {
        let message = message.clone();
        self.write(move |connection| enqueue_with_challenge(connection, &message))
            .await
    }

    async fn enqueue_both(
        &self,
        messages: [&NewMessage; 2],
    ) -> Result<[Option<Superseded>; 2], StoreError> {
        let [first, second] = messages.map(NewMessage::clone);
        self.write(move |connection| {
            Ok([
                enqueue_with_challenge(connection, &first)?,
                enqueue_with_challenge(connection, &second)?,
            ])
        })
        .await
    }

    async fn pending_messages(&self, at_most: u32) -> Result<u32, StoreError> {
        self.read(|connection| {
            rows::only(connection, statements::PENDING, [at_most], |row| {
                Ok(row.get(0)?)
            })
        })
    }

    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError> {
        let claim = *claim;
        let now = rows::time_text(claim.now)?;
        let queues = queues(&claim);
        // To look costs next to nothing; to claim takes the one lock there is for writing.
        let (is_set_back, is_due) = self.read(|connection| {
            let ahead = rows::first(connection, statements::WAITS_AHEAD, (&now, 1), |_| Ok(()))?;
            let asked = params![now, 1, queues];
            let is_due = rows::only(connection, statements::IS_DUE, asked, |row| {
                Ok(row.get::<_, bool>(0)?)
            })?;
            Ok((ahead.is_some(), is_due))
        })?;
        if !is_due && !is_set_back {
            return Ok(Vec::new());
        }
        let mut is_ahead = is_set_back;
        while is_ahead {
            let anew = self.write(move |connection| wait_anew(connection, claim.now));
            is_ahead = anew.await?;
        }
        self.write(move |connection| self::claim(connection, &claim))
            .await
    }

    async fn extend_lease(
        &self,
        lease: &Lease,
        wait: Wait,
        receipts: &Receipts,
    ) -> Result<LeaseState, StoreError> {
        let (lease, receipts) = (lease.clone(), receipts.to_text());
        self.write(move |connection| {
            let id = lease.id.get();
            let (since, until) = (rows::time_text(wait.since)?, rows::time_text(wait.until)?);
            let state = state(connection, &lease)?;
            match state {
                LeaseState::Held => {
                    let values = params![id, since, until, receipts];
                    rows::change(connection, statements::EXTEND, values)?
                }
                LeaseState::Superseded => rows::change(
                    connection,
                    statements::EXTEND_SUPERSEDED,
                    params![id, since, until],
                )?,
                LeaseState::Lost => 0,
            };
            Ok(state)
        })
        .await
    }

    async fn finish_message(
        &self,
        lease: &Lease,
        outcome: &AttemptOutcome,
    ) -> Result<LeaseState, StoreError> {
        let (lease, outcome) = (lease.clone(), outcome.clone());
        self.write(move |connection| {
            let state = state(connection, &lease)?;
            if state == LeaseState::Held {
                finish(connection, lease.id.get(), &outcome)?;
            }
            Ok(state)
        })
        .await
    }

    async fn release_superseded(
        &self,
        lease: &Lease,
        failures: u32,
        receipts: &Receipts,
    ) -> Result<bool, StoreError> {
        let (lease, receipts) = (lease.clone(), receipts.to_text());
        self.write(move |connection| {
            let is_superseded = state(connection, &lease)? == LeaseState::Superseded;
            if is_superseded {
                let values = params![lease.id.get(), failures, receipts];
                rows::change(connection, statements::RELEASE, values)?;
            }
            Ok(is_superseded)
        })
        .await
    }

    async fn next_due(&self) -> Result<NextDue, StoreError> {
        self.read(|connection| {
            if rows::only(connection, statements::IS_READY, [], |row| {
                Ok(row.get::<_, bool>(0)?)
            })? {
                return Ok(NextDue::Now);
            }
            rows::only(connection, statements::NEXT_DUE, [], |row| {
                Ok(match rows::optional_time(row, 0) {
                    Ok(Some(due)) => NextDue::At(due),
                    Ok(None) => NextDue::Never,
                    // It comes before all that can be read, and is claimed as that is.
                    Err(_) => NextDue::Now,
                })
            })
        })
    }

    async fn outbox_message(&self, id: MessageId) -> Result<Option<OutboxRow>, StoreError> {
        self.read(|connection| {
            rows::first(connection, statements::MESSAGE, [id.get()], message::row)
        })
    }

    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let after = after.map_or(i64::MIN, MessageId::get);
        self.read(|connection| {
            rows::all(
                connection,
                statements::MESSAGES_AFTER,
                (after, limit),
                message::row,
            )
        })
    }

    async fn requeue_message(&self, requeue: &Requeue) -> Result<Requeued, StoreError> {
        let requeue = requeue.clone();
        self.write(move |connection| {
            let id = requeue.id.get();
            match rows::first(connection, statements::LETTER, [id], |row| {
                Ok(row.get::<_, bool>(0)?)
            })? {
                None => return Ok(Requeued::NoSuchLetter),
                Some(true) => return Ok(Requeued::Superseded),
                Some(false) => {}
            }
            let letter =
                rows::only(connection, statements::MESSAGE, [id], message::row)?.into_message();
            let Some(letter) = letter else {
                return Ok(Requeued::NoSuchLetter);
            };
            // It is a request for a link, as it was when it was enqueued.
            let requested_at = {
                let request = LinkRequest {
                    half_life: None,
                    code_half_life: None,
                    ..letter.message.request(requeue.now)
                };
                links::request(connection, &request)?
            };
            let values = params![
                id,
                rows::time_text(requeue.now)?,
                rows::time_text(requeue.expires_at)?,
                requeue.receipts.to_text(),
                requeue.key,
                requeue.binding.digest(),
                requeue.binding.parts(),
                links::micros(requested_at),
            ];
            rows::change(connection, statements::REQUEUE, values)?;
            Ok(Requeued::Pending)
        })
        .await
    }

    async fn newest_write(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read(|connection| {
            let newest =
                |statement| rows::first(connection, statement, [], |row| rows::time(row, 0));
            let session = newest(statements::NEWEST_SESSION)?;
            Ok(session.max(newest(statements::NEWEST_MESSAGE)?))
        })
    }

    async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut purged = 0;
        loop {
            let step = self.write(move |connection| {
                let died = (rows::time_text(before)?, PURGED_AT_ONCE);
                rows::change(connection, statements::PURGE, died)
            });
            let step = u64::try_from(step.await?).unwrap_or(u64::MAX);
            purged += step;
            if step < u64::from(PURGED_AT_ONCE) {
                return Ok(purged);
            }
        }
    }

    /// SQLite tells nobody that a file has changed; but to ask it what is due costs microseconds.
    async fn wait_for_others(&self, patience: Duration) {
        let deadline = tokio::time::Instant::now() + patience;
        let first = self.next_due().await.ok();
        while tokio::time::Instant::now() < deadline {
            tokio::time::sleep(LOOK.min(patience)).await;
            if self.next_due().await.ok() != first {
                return;
            }
        }
    }
}

/// Claims what is due. What cannot be read becomes a dead letter, or is leased to nobody when a later version may know it,
/// and keeps nobody from the others.
fn claim(connection: &Connection, claim: &Claim) -> Result<Vec<OutboxMessage>, Failure> {
    let (now, until) = (rows::time_text(claim.now)?, rows::time_text(claim.until)?);
    let queues = queues(claim);
    let lease = |id: MessageId| {
        let values = params![id.get(), now, until];
        let in_doubt = rows::all(connection, statements::CLAIM, values, |row| {
            Ok(row.get::<_, bool>(0)?)
        })?;
        Ok::<_, Failure>(in_doubt.contains(&true))
    };
    let mut claimed = Vec::new();
    // Behind what cannot be read there may be what can.
    while claimed.is_empty() {
        let asked = params![now, claim.limit, queues];
        let due = rows::all(connection, statements::DUE, asked, message::row)?;
        if due.is_empty() {
            break;
        }
        for due in due {
            match due {
                OutboxRow::Message(mut message) => {
                    message.is_in_doubt = lease(message.id)?;
                    message.attempts = message.attempts.saturating_add(1);
                    message.due_at = claim.until;
                    claimed.push(*message);
                }
                OutboxRow::Unreadable(row) if row.is_kept(claim.now) => drop(lease(row.id)?),
                OutboxRow::Unreadable(row) => {
                    let (id, reason) = (row.id.get(), row.reason());
                    tracing::error!(
                        id,
                        reason,
                        "a message was given up; it is kept as a dead letter"
                    );
                    rows::change(
                        connection,
                        statements::DEAD_LETTER_UNREADABLE,
                        params![id, now, reason],
                    )?;
                }
            }
        }
    }
    claimed.sort_by_key(|message: &OutboxMessage| message.id);
    Ok(claimed)
}

/// The queues that a claim is for, as a list in JSON; among them what no signal of this version is for.
fn queues(claim: &Claim) -> String {
    let others = claim.without.names_of_others();
    let names: Vec<_> = others
        .chain([String::new()])
        .map(|name| format!("\"{name}\""))
        .collect();
    format!("[{}]", names.join(","))
}

/// Has some of the messages wait anew that wait since a time ahead; whether there may be more. What was put off is due,
/// a lease runs for its whole length.
fn wait_anew(connection: &Connection, now: DateTime<Utc>) -> Result<bool, Failure> {
    let now_text = rows::time_text(now)?;
    let asked = params![now_text, ANEW_AT_ONCE];
    let ahead = rows::all(connection, statements::WAITS_AHEAD, asked, |row| {
        let times = rows::time(row, 1).and_then(|since| Ok((since, rows::time(row, 2)?)));
        Ok((row.get::<_, i64>(0)?, times.ok(), row.get::<_, bool>(3)?))
    })?;
    for (id, times, is_leased) in &ahead {
        let wait = times.map(|(since, until)| Wait { since, until });
        match wait.and_then(|wait| wait.anew(now)) {
            Some(anew) => {
                let until = if *is_leased { anew.until } else { now };
                let values = params![id, now_text, rows::time_text(until)?];
                rows::change(connection, statements::WAIT_ANEW, values)?
            }
            None => rows::change(connection, statements::WAIT_NO_MORE, [id])?,
        };
    }
    Ok(u32::try_from(ahead.len()) == Ok(ANEW_AT_ONCE))
}

/// What is left of a lease.
fn state(connection: &Connection, lease: &Lease) -> Result<LeaseState, Failure> {
    let held = (lease.id.get(), lease.attempt);
    let key = rows::first(connection, statements::HELD, held, |row| rows::text(row, 0))?;
    Ok(match key {
        Some(key) if key == lease.key => LeaseState::Held,
        Some(_) => LeaseState::Superseded,
        None => LeaseState::Lost,
    })
}

/// Ends an attempt whose lease holds.
fn finish(connection: &Connection, id: i64, outcome: &AttemptOutcome) -> Result<(), Failure> {
    match outcome {
        AttemptOutcome::Finished => rows::change(connection, statements::REMOVE, [id])?,
        AttemptOutcome::Retry {
            wait,
            failures,
            receipts,
        } => {
            let (since, until) = (rows::time_text(wait.since)?, rows::time_text(wait.until)?);
            let values = params![id, since, until, receipts.to_text(), failures];
            rows::change(connection, statements::PUT_OFF, values)?
        }
        AttemptOutcome::DeadLettered { letter, receipts } => {
            let died_at = rows::time_text(letter.at)?;
            let values = params![id, died_at, letter.reason, receipts.to_text()];
            rows::change(connection, statements::DEAD_LETTER, values)?;
            rows::change(connection, statements::REMOVE_OLDER_LETTERS, [id])?
        }
    };
    Ok(())
}
