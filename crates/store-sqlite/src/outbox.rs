//! The outbox, on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::language::Language;
use phone_auth_core::outbox::{
    Binding, Claim, DeadLetter, Lease, MessageId, MessagePurpose, NewMessage, OutboxMessage,
    Receipts, Recipient, Revival, Settlement,
};
use phone_auth_core::person::PersonId;
use phone_auth_core::store::{OutboxStore, StoreError, StoreErrorKind};
use rusqlite::{Connection, Row, params};

use crate::failure::Failure;
use crate::links;
use crate::rows;
use crate::store::SqliteStore;

/// How long to wait before the file is asked again what is due, when others may write to it.
const LOOK: Duration = Duration::from_millis(20);

/// The columns of a message, in the order that [`message`] reads.
macro_rules! message_columns {
    () => {
        "id, message_key, purpose, kind, person_id, address_id, binding, language, created_at, \
         expires_at, attempts, due_at, receipts, died_at, reason, requested_at"
    };
}

/// NULL is no address, so a message to nobody supersedes none.
pub(crate) const SUPERSEDE: &str = "DELETE FROM phone_auth_outbox
    WHERE address_id = ?1 AND kind = ?2 AND purpose = ?3 AND died_at IS NULL";

/// A person who is gone by now makes it a message to nobody.
const OWE: &str = "INSERT INTO phone_auth_outbox
    (message_key, purpose, kind, person_id, address_id, binding, language, created_at, expires_at, due_at, requested_at)
    SELECT ?1, ?2, ?3, p.id, iif(p.id IS NULL, NULL, ?5), ?6, ?7, ?8, ?9, ?8, ?10
    FROM (SELECT (SELECT id FROM auth_user WHERE id = ?4) AS id) p";

pub(crate) const CLAIM: &str = concat!(
    "UPDATE phone_auth_outbox SET attempts = attempts + 1, due_at = ?2 WHERE id IN (
        SELECT id FROM phone_auth_outbox WHERE died_at IS NULL AND due_at <= ?1
        ORDER BY due_at, id LIMIT ?3
    ) RETURNING ",
    message_columns!()
);

pub(crate) const EXTEND: &str = "UPDATE phone_auth_outbox SET due_at = ?3, receipts = ?4
    WHERE id = ?1 AND attempts = ?2 AND died_at IS NULL";

pub(crate) const REMOVE: &str =
    "DELETE FROM phone_auth_outbox WHERE id = ?1 AND attempts = ?2 AND died_at IS NULL";

pub(crate) const BURY: &str =
    "UPDATE phone_auth_outbox SET died_at = ?3, reason = ?4, receipts = ?5
    WHERE id = ?1 AND attempts = ?2 AND died_at IS NULL";

/// Until its link expires, another version may be able to send what this one cannot read.
pub(crate) const BURY_UNREADABLE: &str = "UPDATE phone_auth_outbox SET died_at = ?2, reason = ?3
    WHERE id = ?1 AND died_at IS NULL AND expires_at <= ?2";

/// Why such a message was given up.
const UNREADABLE: &str = "its link expired, and this version cannot read it";

pub(crate) const NEXT_DUE: &str = "SELECT min(due_at) FROM phone_auth_outbox WHERE died_at IS NULL";

pub(crate) const MESSAGE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM phone_auth_outbox WHERE id = ?1"
);

pub(crate) const MESSAGES_AFTER: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM phone_auth_outbox WHERE id > ?1 ORDER BY id LIMIT ?2"
);

pub(crate) const REVIVE: &str = "UPDATE phone_auth_outbox
    SET died_at = NULL, reason = NULL, attempts = 0, created_at = ?2, due_at = ?2, expires_at = ?3, receipts = ?4,
        message_key = ?5, requested_at = ?6
    WHERE id = ?1 AND died_at IS NOT NULL";

/// How many are removed in one transaction: few enough that nobody waits for it.
const PURGED_AT_ONCE: u32 = 1_000;

pub(crate) const PURGE: &str = "DELETE FROM phone_auth_outbox
    WHERE id IN (SELECT id FROM phone_auth_outbox WHERE died_at < ?1 LIMIT ?2)";

#[async_trait]
impl OutboxStore for SqliteStore {
    async fn owe_message(&self, message: &NewMessage) -> Result<(), StoreError> {
        let message = message.clone();
        self.write(move |connection| owe(connection, &message))
            .await
    }

    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError> {
        // To look costs next to nothing; to claim takes the one lock there is for writing.
        if self.next_due().await?.is_none_or(|due| due > claim.now) {
            return Ok(Vec::new());
        }
        let claim = *claim;
        self.write(move |connection| {
            let times = (
                rows::time_text(claim.now)?,
                rows::time_text(claim.until)?,
                claim.limit,
            );
            let mut claimed = Vec::new();
            for row in rows::all(connection, CLAIM, times, readable)? {
                match row {
                    Ok(message) => claimed.push(message),
                    Err(Unreadable(id)) => {
                        let now = rows::time_text(claim.now)?;
                        rows::change(connection, BURY_UNREADABLE, params![id, now, UNREADABLE])?;
                    }
                }
            }
            claimed.sort_by_key(|message: &OutboxMessage| message.id);
            Ok(claimed)
        })
        .await
    }

    async fn extend_lease(
        &self,
        lease: Lease,
        until: DateTime<Utc>,
        receipts: &Receipts,
    ) -> Result<bool, StoreError> {
        let receipts = receipts.to_text();
        self.write(move |connection| put_off(connection, lease, until, &receipts))
            .await
    }

    async fn settle_message(
        &self,
        lease: Lease,
        settlement: &Settlement,
    ) -> Result<bool, StoreError> {
        let settlement = settlement.clone();
        self.write(move |connection| settle(connection, lease, &settlement))
            .await
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.read(|connection| {
            rows::only(connection, NEXT_DUE, [], |row| rows::optional_time(row, 0))
        })
    }

    async fn outbox_message(&self, id: MessageId) -> Result<Option<OutboxMessage>, StoreError> {
        self.read(|connection| rows::first(connection, MESSAGE, [id.get()], message))
    }

    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        let after = after.map_or(i64::MIN, MessageId::get);
        self.read(|connection| {
            let rows = rows::all(connection, MESSAGES_AFTER, (after, limit), readable)?;
            Ok(rows.into_iter().filter_map(Result::ok).collect())
        })
    }

    async fn revive_message(&self, revival: &Revival) -> Result<bool, StoreError> {
        let revival = revival.clone();
        self.write(move |connection| {
            let letter = rows::first(connection, MESSAGE, [revival.id.get()], message)?;
            let Some(letter) = letter.filter(|letter| letter.dead.is_some()) else {
                return Ok(false);
            };
            let requested_at = links::request(connection, &letter.message.request(revival.now))?;
            let values = params![
                revival.id.get(),
                rows::time_text(revival.now)?,
                rows::time_text(revival.expires_at)?,
                revival.receipts.to_text(),
                revival.key,
                links::micros(requested_at),
            ];
            Ok(rows::change(connection, REVIVE, values)? > 0)
        })
        .await
    }

    async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut purged = 0;
        loop {
            let step = self.write(move |connection| {
                let died = (rows::time_text(before)?, PURGED_AT_ONCE);
                rows::change(connection, PURGE, died)
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

/// Owes a message, in the place of one that it supersedes.
fn owe(connection: &Connection, message: &NewMessage) -> Result<(), Failure> {
    let recipient = message.recipient;
    let person = recipient.map(|recipient| recipient.person.get());
    let address = recipient.map(|recipient| recipient.address.get());
    let (purpose, kind) = (message.purpose.as_str(), message.kind.as_str());
    let request = message.request(message.created_at);
    let requested_at = links::request(connection, &request)?;
    rows::change(connection, SUPERSEDE, params![address, kind, purpose])?;
    let values = params![
        message.key,
        purpose,
        kind,
        person,
        address,
        message.binding.as_bytes().as_slice(),
        message.language.as_ref().map(Language::as_str),
        rows::time_text(message.created_at)?,
        rows::time_text(message.expires_at)?,
        links::micros(requested_at),
    ];
    rows::change(connection, OWE, values)?;
    Ok(())
}

/// Makes a message due at another time, if the lease holds.
fn put_off(
    connection: &Connection,
    lease: Lease,
    due_at: DateTime<Utc>,
    receipts: &str,
) -> Result<bool, Failure> {
    let due_at = rows::time_text(due_at)?;
    let values = params![lease.id.get(), lease.attempt, due_at, receipts];
    Ok(rows::change(connection, EXTEND, values)? > 0)
}

/// Ends an attempt, if the lease holds.
fn settle(connection: &Connection, lease: Lease, settlement: &Settlement) -> Result<bool, Failure> {
    match settlement {
        Settlement::Settled => {
            let held = (lease.id.get(), lease.attempt);
            Ok(rows::change(connection, REMOVE, held)? > 0)
        }
        Settlement::Again { due_at, receipts } => {
            put_off(connection, lease, *due_at, &receipts.to_text())
        }
        Settlement::Dead { letter, receipts } => {
            let values = params![
                lease.id.get(),
                lease.attempt,
                rows::time_text(letter.at)?,
                letter.reason,
                receipts.to_text(),
            ];
            Ok(rows::change(connection, BURY, values)? > 0)
        }
    }
}

/// The row of a message that cannot be read.
struct Unreadable(i64);

/// The message in a row; if it cannot be read, a line in the log says so.
fn readable(row: &Row<'_>) -> Result<Result<OutboxMessage, Unreadable>, Failure> {
    let id: i64 = row.get(0)?;
    Ok(message(row).map_err(|_| {
        tracing::error!(
            id,
            "a message in the outbox cannot be read, and is left out"
        );
        Unreadable(id)
    }))
}

/// The message in a row.
fn message(row: &Row<'_>) -> Result<OutboxMessage, Failure> {
    let broken = || Failure::from(StoreErrorKind::Broken);
    let person: Option<i64> = row.get(4)?;
    let address: Option<i64> = row.get(5)?;
    let language: Option<String> = row.get(7)?;
    let died_at = rows::optional_time(row, 13)?;
    let reason: Option<String> = row.get(14)?;
    let purpose: String = row.get(2)?;
    let receipts: String = row.get(12)?;
    Ok(OutboxMessage {
        id: MessageId::new(row.get(0)?),
        message: NewMessage {
            key: row.get(1)?,
            purpose: MessagePurpose::parse(&purpose).ok_or_else(broken)?,
            kind: rows::kind(row, 3)?.ok_or_else(broken)?,
            recipient: person.zip(address).map(|(person, address)| Recipient {
                person: PersonId::new(person),
                address: AddressId::new(address),
            }),
            binding: Binding::from_bytes(row.get(6)?),
            // A tag that a later version would write is no reason to send nothing.
            language: language.and_then(|tag| Language::parse(&tag).ok()),
            created_at: rows::time(row, 8)?,
            expires_at: rows::time(row, 9)?,
        },
        requested_at: links::time(row, 15)?,
        attempts: row.get(10)?,
        due_at: rows::time(row, 11)?,
        receipts: Receipts::from_text(&receipts).map_err(|_| broken())?,
        dead: died_at.map(|at| DeadLetter {
            at,
            reason: reason.unwrap_or_default(),
        }),
    })
}
