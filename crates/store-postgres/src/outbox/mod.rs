//! The outbox, on PostgreSQL.

mod message;
pub(crate) mod statements;

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::Losses;
use phone_auth_core::language::Language;
use phone_auth_core::link::LinkRequest;
use phone_auth_core::outbox::{
    AttemptOutcome, Claim, Lease, LeaseState, MessageId, NewMessage, NextDue, OutboxMessage,
    OutboxRow, Purpose, Receipts, Requeue, Requeued, Superseded, UnreadableMessage, Wait,
};
use phone_auth_core::store::{OutboxStore, StoreError};
use serde_json::{Value, json};
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::challenges;
use crate::failure::Failure;
use crate::locks;
use crate::pool::Query;
use crate::rows;
use crate::store::PostgresStore;

/// How long to wait before the database is asked again what is due, when others may write to it.
const LOOK: Duration = Duration::from_millis(250);

/// How many wait anew by one statement, when the clock was set back.
const ANEW_AT_ONCE: u32 = 1_000;

/// How many are removed by one statement, which so stays within its time-out.
const PURGED_AT_ONCE: u32 = 1_000;

#[async_trait]
impl OutboxStore for PostgresStore {
    /// That of the server: leases and due times of workers on many machines go by one clock.
    async fn clock(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let row = self.first(query(statements::CLOCK)).await?;
        let time = row.map(|row| row.try_get(0)).transpose();
        Ok(time.map_err(Failure::from)?)
    }

    async fn enqueue_message(
        &self,
        message: &NewMessage,
    ) -> Result<Option<Superseded>, StoreError> {
        if let Some((user, _)) = message.told() {
            let enqueue = query(statements::ENQUEUE_NOTICE)
                .bind(user.get())
                .bind(notices_text([message]));
            let _pass = self.at(&locks::of_user(user)).await?;
            self.run(enqueue).await?;
            return Ok(None);
        }
        let recipient = message.recipient;
        let key = locks::key_of_message(message);
        let enqueue = challenges::bind(query(statements::ENQUEUE), message.challenge.as_ref());
        let enqueue = bind(enqueue, message);
        // Anyone may ask for a reset. They wait for those who name the same address, or the same nobody: one who waited
        // for the user's row would keep the user from logging in, and tell which addresses are of one account. Who asks
        // for a verification, or a code that confirms who they are, is that user.
        let _passes = match (message.purpose, recipient) {
            (Purpose::Verify | Purpose::Confirm, Some(recipient)) => {
                vec![self.at(&locks::of_user(recipient.user)).await?]
            }
            _ => self.at_as_stranger(&locks::of_key(key)).await?.into(),
        };
        let row = self.first(enqueue).await?;
        Ok(superseded(row.as_ref(), 0))
    }

    async fn enqueue_both(
        &self,
        messages: [&NewMessage; 2],
    ) -> Result<[Option<Superseded>; 2], StoreError> {
        let challenge = messages
            .iter()
            .find_map(|message| message.challenge.as_ref());
        let enqueue = challenges::bind(query(statements::ENQUEUE_BOTH), challenge);
        let enqueue = messages
            .iter()
            .fold(enqueue, |all, message| bind(all, message));
        // Anyone who waits for both waits for the first first.
        let [first, second] = messages.map(|message| locks::of_key(locks::key_of_message(message)));
        let _first = self.at(&first).await?;
        let _passes = self.at_as_stranger(&second).await?;
        let row = self.first(enqueue).await?;
        Ok([0, 1].map(|place| superseded(row.as_ref(), place)))
    }

    async fn pending_messages(&self, at_most: u32) -> Result<u32, StoreError> {
        let row = self
            .first(query(statements::PENDING).bind(i64::from(at_most)))
            .await?;
        let count = rows::count(row.as_ref())?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError> {
        self.wait_anew(claim.now).await?;
        // And what no signal of this version is for.
        let queues = claim.without.names_of_others().chain([String::new()]);
        let queues: Vec<_> = queues.collect();
        let mut claimed = Vec::new();
        // Behind what cannot be read there may be what can.
        while claimed.is_empty() {
            let due = query(statements::CLAIM)
                .bind(rows::micros(claim.now))
                .bind(rows::micros(claim.until))
                .bind(i64::from(claim.limit))
                .bind(&queues);
            let rows = self.run(due).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let odd: Option<i32> = row
                    .try_get(message::COLUMNS.len() + 3)
                    .map_err(Failure::from)?;
                let odd = odd.and_then(|place| usize::try_from(place).ok());
                match message::read(&row, odd)? {
                    OutboxRow::Message(message) => claimed.push(*message),
                    // It is leased by now.
                    OutboxRow::Unreadable(row) if row.is_kept(claim.now) => {}
                    OutboxRow::Unreadable(row) => {
                        self.dead_letter_unreadable(&row, claim.now).await?;
                    }
                }
            }
        }
        claimed.sort_by_key(|message: &OutboxMessage| message.id);
        Ok(claimed)
    }

    async fn extend_lease(
        &self,
        lease: &Lease,
        wait: Wait,
        receipts: &Receipts,
    ) -> Result<LeaseState, StoreError> {
        let extend = held(statements::EXTEND, lease)
            .bind(rows::micros(wait.since))
            .bind(rows::micros(wait.until))
            .bind(receipts.to_text());
        let row = self.first(extend).await?;
        let is_same: Option<bool> = row
            .map(|row| row.try_get(0))
            .transpose()
            .map_err(Failure::from)?;
        Ok(match is_same {
            Some(true) => LeaseState::Held,
            Some(false) => LeaseState::Superseded,
            None => LeaseState::Lost,
        })
    }

    async fn finish_message(
        &self,
        lease: &Lease,
        outcome: &AttemptOutcome,
    ) -> Result<LeaseState, StoreError> {
        let finish = match outcome {
            AttemptOutcome::Finished => held(statements::REMOVE, lease),
            AttemptOutcome::Retry {
                wait,
                failures,
                receipts,
            } => held(statements::PUT_OFF, lease)
                .bind(rows::micros(wait.since))
                .bind(rows::micros(wait.until))
                .bind(receipts.to_text())
                .bind(i64::from(*failures)),
            AttemptOutcome::DeadLettered { letter, receipts } => {
                held(statements::DEAD_LETTER, lease)
                    .bind(rows::micros(letter.at))
                    .bind(storable(&letter.reason))
                    .bind(receipts.to_text())
            }
        };
        if self.first(finish).await?.is_some() {
            return Ok(LeaseState::Held);
        }
        let look = query(statements::HELD)
            .bind(lease.id.get())
            .bind(i64::from(lease.attempt));
        Ok(match self.first(look).await? {
            Some(_) => LeaseState::Superseded,
            None => LeaseState::Lost,
        })
    }

    async fn release_superseded(
        &self,
        lease: &Lease,
        failures: u32,
        receipts: &Receipts,
    ) -> Result<bool, StoreError> {
        let release = held(statements::RELEASE, lease)
            .bind(i64::from(failures))
            .bind(receipts.to_text());
        Ok(self.first(release).await?.is_some())
    }

    async fn next_due(&self) -> Result<NextDue, StoreError> {
        let Some(row) = self.first(query(statements::NEXT_DUE)).await? else {
            return Ok(NextDue::Never);
        };
        let due: Option<DateTime<Utc>> = row.try_get(1).map_err(Failure::from)?;
        Ok(match (row.try_get(0).map_err(Failure::from)?, due) {
            (true, _) => NextDue::Now,
            (false, Some(due)) => NextDue::At(due),
            (false, None) => NextDue::Never,
        })
    }

    async fn outbox_message(&self, id: MessageId) -> Result<Option<OutboxRow>, StoreError> {
        let row = self
            .first(query(statements::MESSAGE).bind(id.get()))
            .await?;
        Ok(row
            .as_ref()
            .map(|row| message::read(row, None))
            .transpose()?)
    }

    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let page = query(statements::MESSAGES_AFTER)
            .bind(after.map_or(i64::MIN, MessageId::get))
            .bind(i64::from(limit));
        let rows = self.run(page).await?;
        let messages = rows.iter().map(|row| message::read(row, None));
        Ok(messages.collect::<Result<_, _>>()?)
    }

    async fn requeue_message(&self, requeue: &Requeue) -> Result<Requeued, StoreError> {
        let target = query(statements::TARGET).bind(requeue.id.get());
        let Some(target) = self.first(target).await? else {
            return Ok(Requeued::NoSuchLetter);
        };
        let address: Option<i64> = target.try_get(2).map_err(Failure::from)?;
        let (purpose, kind) = (rows::text(&target, 0)?, rows::text(&target, 1)?);
        let lock = locks::of_key(locks::key_of_address(
            &purpose,
            &kind,
            address.unwrap_or_default(),
        ));
        let requeue = query(statements::REQUEUE)
            .bind(requeue.id.get())
            .bind(rows::micros(requeue.now))
            .bind(rows::micros(requeue.expires_at))
            .bind(requeue.receipts.to_text())
            .bind(&requeue.key)
            .bind(requeue.binding.digest())
            .bind(requeue.binding.parts())
            .bind(LinkRequest::slot_at(requeue.now));
        let Some(row) = self.first_locked(&lock, requeue).await? else {
            return Ok(Requeued::NoSuchLetter);
        };
        let is_superseded: bool = row.try_get(0).map_err(Failure::from)?;
        let is_requeued: bool = row.try_get(1).map_err(Failure::from)?;
        Ok(match (is_superseded, is_requeued) {
            (true, _) => Requeued::Superseded,
            (false, true) => Requeued::Pending,
            (false, false) => Requeued::NoSuchLetter,
        })
    }

    async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut purged = 0;
        loop {
            let purge = query(statements::PURGE)
                .bind(rows::micros(before))
                .bind(i64::from(PURGED_AT_ONCE));
            let step = rows::count(self.first(purge).await?.as_ref())?;
            purged += step;
            if step < u64::from(PURGED_AT_ONCE) {
                return Ok(purged);
            }
        }
    }

    /// Asks a few times a second what is due, by a look at one end of an index. Notifications would come sooner,
    /// but not through a proxy that gives each transaction another connection.
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

impl PostgresStore {
    /// Has messages wait anew where the clock was set back.
    async fn wait_anew(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        loop {
            let anew = query(statements::WAIT_ANEW)
                .bind(rows::micros(now))
                .bind(i64::from(ANEW_AT_ONCE));
            let step = rows::count(self.first(anew).await?.as_ref())?;
            if step < u64::from(ANEW_AT_ONCE) {
                return Ok(());
            }
        }
    }

    /// Makes a row that cannot be read a dead letter.
    async fn dead_letter_unreadable(
        &self,
        row: &UnreadableMessage,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let (id, reason) = (row.id.get(), row.reason());
        tracing::error!(
            id,
            reason,
            "a message was given up; it is kept as a dead letter"
        );
        let dead_letter = query(statements::DEAD_LETTER_UNREADABLE)
            .bind(id)
            .bind(rows::micros(now))
            .bind(reason);
        self.run(dead_letter).await?;
        Ok(())
    }
}

/// A statement about a message, for the one who has this lease.
fn held<'q>(statement: &'static str, lease: &'q Lease) -> Query<'q> {
    query(statement)
        .bind(lease.id.get())
        .bind(i64::from(lease.attempt))
        .bind(&lease.key)
}

/// A text for users, without what PostgreSQL does not store.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The arguments of the function that enqueues a message.
fn bind<'q>(enqueue: Query<'q>, message: &NewMessage) -> Query<'q> {
    let recipient = message.recipient;
    let request = message.request(message.created_at);
    enqueue
        .bind(message.key.clone())
        .bind(message.purpose.as_str())
        .bind(message.kind.to_string())
        .bind(recipient.map(|recipient| recipient.user.get()))
        .bind(recipient.map(|recipient| recipient.address.get()))
        .bind(message.binding.digest().to_vec())
        .bind(message.binding.parts().map(str::to_owned))
        .bind(message.language.as_ref().map(|it| it.as_str().to_owned()))
        .bind(rows::micros(message.created_at))
        .bind(rows::micros(message.expires_at))
        .bind(request.slot())
        .bind(rows::micros(request.repeats_from()))
        .bind(rows::micros(request.repeats_until()))
        .bind(request.code_repeats_from().map(rows::micros))
        .bind(message.channel.as_str())
        .bind(locks::key_of_message(message))
}

/// What the function that enqueues answers. What cannot be read tells nothing.
fn superseded(row: Option<&PgRow>, place: usize) -> Option<Superseded> {
    let older: Option<Vec<Option<String>>> = row?.try_get(place).ok()?;
    let [created_at, binding_parts, receipts] = older?.try_into().ok()?;
    Some(Superseded {
        created_at: DateTime::from_timestamp_micros(created_at?.parse().ok()?)?,
        binding_parts,
        receipts: Receipts::from_text(&receipts?).ok()?,
    })
}

/// Notices as the statements take them: a list in JSON.
pub(crate) fn notices_text<'a>(notices: impl IntoIterator<Item = &'a NewMessage>) -> String {
    notices_value(notices).to_string()
}

/// What tells those who lose an address, as the statements take it.
pub(crate) fn losses_text(losses: &Losses) -> String {
    let told = losses.told.iter().map(|loss| {
        json!({
            "address": loss.address.get(),
            "user": loss.user.get(),
            "notices": notices_value(&loss.notices),
        })
    });
    Value::Array(told.collect()).to_string()
}

fn notices_value<'a>(notices: impl IntoIterator<Item = &'a NewMessage>) -> Value {
    let notices = notices.into_iter().filter_map(|message| {
        let (_, text) = message.told()?;
        Some(json!({
            "key": message.key,
            "purpose": message.purpose.as_str(),
            "kind": message.kind.as_str(),
            "language": message.language.as_ref().map(Language::as_str),
            "created_at": rows::micros(message.created_at).to_rfc3339(),
            "expires_at": rows::micros(message.expires_at).to_rfc3339(),
            "notice": text,
            "channel": message.channel.as_str(),
        }))
    });
    Value::Array(notices.collect())
}
