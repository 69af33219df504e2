//! The outbox, on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::language::Language;
use phone_auth_core::link::LinkRequest;
use phone_auth_core::outbox::{
    Binding, Claim, DeadLetter, Lease, MessageId, MessagePurpose, NewMessage, OutboxMessage,
    Receipts, Recipient, Revival, Settlement,
};
use phone_auth_core::person::PersonId;
use phone_auth_core::store::{OutboxStore, StoreError, StoreErrorKind};
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::links;
use crate::locks;
use crate::people;
use crate::rows;
use crate::store::PostgresStore;

/// How long to wait before the database is asked again what is due, when others may write to it.
const LOOK: Duration = Duration::from_millis(250);

/// The columns of a message, from the table as `o`, in the order that [`message`] reads.
macro_rules! message_columns {
    () => {
        "o.id, o.message_key, o.purpose, o.kind, o.person_id, o.address_id, o.binding, o.language, \
         o.created_at, o.expires_at, o.attempts, o.due_at, o.receipts, o.died_at, o.reason, o.requested_at"
    };
}

/// Owes a message in the place of those that it supersedes. Runs while the address is locked: of two messages that
/// are owed at once, one must see the other. NULL is no address, so a message to nobody supersedes none. A person
/// who is gone by now makes it a message to nobody. It is due at once by the clock of the server, too.
pub(crate) const OWE: &str = concat!(
    "WITH requested AS (",
    links::request!("$3::text", "$2::text", "$5", "$10", "$8", ""),
    "), superseded AS (
        DELETE FROM phone_auth_outbox
        WHERE address_id = $5 AND kind = $3 AND purpose = $2 AND died_at IS NULL
    )
    INSERT INTO phone_auth_outbox
    (message_key, purpose, kind, person_id, address_id, binding, language, created_at, expires_at, due_at,
        requested_at)
    SELECT $1, $2, $3, p.id, CASE WHEN p.id IS NULL THEN NULL ELSE $5 END, $6, $7, $8, $9, LEAST($8, now()),
        (SELECT requested_at FROM requested)
    FROM (SELECT (SELECT id FROM auth_user WHERE id = $4 FOR KEY SHARE) AS id) p"
);

/// What somebody else is claiming is left to them.
pub(crate) const CLAIM: &str = concat!(
    "WITH due AS MATERIALIZED (
        SELECT id FROM phone_auth_outbox WHERE died_at IS NULL AND due_at <= $1
        ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
    )
    UPDATE phone_auth_outbox o SET attempts = attempts + 1, due_at = $2
    FROM due WHERE o.id = due.id RETURNING ",
    message_columns!()
);

pub(crate) const EXTEND: &str = "UPDATE phone_auth_outbox SET due_at = $3, receipts = $4
    WHERE id = $1 AND attempts = $2 AND died_at IS NULL RETURNING 1";

pub(crate) const REMOVE: &str = "DELETE FROM phone_auth_outbox
    WHERE id = $1 AND attempts = $2 AND died_at IS NULL RETURNING 1";

pub(crate) const BURY: &str =
    "UPDATE phone_auth_outbox SET died_at = $3, reason = $4, receipts = $5
    WHERE id = $1 AND attempts = $2 AND died_at IS NULL RETURNING 1";

/// Until its link expires, another version may be able to send what this one cannot read.
pub(crate) const BURY_UNREADABLE: &str = "UPDATE phone_auth_outbox SET died_at = $2, reason = $3
    WHERE id = $1 AND died_at IS NULL AND expires_at <= $2";

/// Why such a message was given up.
const UNREADABLE: &str = "its link expired, and this version cannot read it";

/// Not that of the transaction, which a proxy may have begun earlier.
const CLOCK: &str = "SELECT clock_timestamp()";

pub(crate) const NEXT_DUE: &str = "SELECT min(due_at) FROM phone_auth_outbox WHERE died_at IS NULL";

pub(crate) const MESSAGE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM phone_auth_outbox o WHERE o.id = $1"
);

pub(crate) const MESSAGES_AFTER: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM phone_auth_outbox o WHERE o.id > $1 ORDER BY o.id LIMIT $2"
);

/// It counts as a request for a link.
pub(crate) const REVIVE: &str = concat!(
    "WITH letter AS (
        SELECT kind, purpose, address_id FROM phone_auth_outbox
        WHERE id = $1 AND died_at IS NOT NULL FOR UPDATE
    ), requested AS (",
    links::request!("l.kind", "l.purpose", "l.address_id", "$6", "$2", " FROM letter l"),
    ")
    UPDATE phone_auth_outbox
    SET died_at = NULL, reason = NULL, attempts = 0, created_at = $2, due_at = LEAST($2, now()), expires_at = $3,
        receipts = $4, message_key = $5, requested_at = (SELECT requested_at FROM requested)
    WHERE id = $1 AND died_at IS NOT NULL RETURNING 1"
);

/// How many are removed by one statement, which so stays within its time-out.
const PURGED_AT_ONCE: u32 = 1_000;

pub(crate) const PURGE: &str = "WITH purged AS (
        DELETE FROM phone_auth_outbox WHERE id IN (
            SELECT id FROM phone_auth_outbox WHERE died_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED
        ) RETURNING 1
    )
    SELECT count(*) FROM purged";

#[async_trait]
impl OutboxStore for PostgresStore {
    /// That of the server: leases and due times of workers on many machines go by one clock.
    async fn clock(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let row = self.first(query(CLOCK)).await?;
        let time = row.map(|row| row.try_get(0)).transpose();
        Ok(time.map_err(Failure::from)?)
    }

    async fn owe_message(&self, message: &NewMessage) -> Result<(), StoreError> {
        let recipient = message.recipient;
        let owe = query(OWE)
            .bind(&message.key)
            .bind(message.purpose.as_str())
            .bind(message.kind.to_string())
            .bind(recipient.map(|recipient| recipient.person.get()))
            .bind(recipient.map(|recipient| recipient.address.get()))
            .bind(message.binding.as_bytes().as_slice())
            .bind(message.language.as_ref().map(Language::as_str))
            .bind(rows::micros(message.created_at))
            .bind(rows::micros(message.expires_at))
            .bind(message.request(message.created_at).slot());
        let _pass = match recipient {
            Some(recipient) => Some(self.at(&people::lock(recipient.person)).await?),
            None => None,
        };
        self.first_locked(&locks::of_message(message), owe).await?;
        Ok(())
    }

    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError> {
        let due = query(CLAIM)
            .bind(rows::micros(claim.now))
            .bind(rows::micros(claim.until))
            .bind(i64::from(claim.limit));
        let mut claimed = Vec::new();
        for row in self.run(due).await? {
            match readable(&row)? {
                Ok(message) => claimed.push(message),
                Err(Unreadable(id)) => {
                    let bury = query(BURY_UNREADABLE)
                        .bind(id)
                        .bind(rows::micros(claim.now))
                        .bind(UNREADABLE);
                    self.run(bury).await?;
                }
            }
        }
        claimed.sort_by_key(|message: &OutboxMessage| message.id);
        Ok(claimed)
    }

    async fn extend_lease(
        &self,
        lease: Lease,
        until: DateTime<Utc>,
        receipts: &Receipts,
    ) -> Result<bool, StoreError> {
        let extend = query(EXTEND)
            .bind(lease.id.get())
            .bind(i64::from(lease.attempt))
            .bind(rows::micros(until))
            .bind(receipts.to_text());
        Ok(self.first(extend).await?.is_some())
    }

    async fn settle_message(
        &self,
        lease: Lease,
        settlement: &Settlement,
    ) -> Result<bool, StoreError> {
        let held = |statement| {
            query(statement)
                .bind(lease.id.get())
                .bind(i64::from(lease.attempt))
        };
        let settle = match settlement {
            Settlement::Settled => held(REMOVE),
            Settlement::Again { due_at, receipts } => held(EXTEND)
                .bind(rows::micros(*due_at))
                .bind(receipts.to_text()),
            Settlement::Dead { letter, receipts } => held(BURY)
                .bind(rows::micros(letter.at))
                .bind(storable(&letter.reason))
                .bind(receipts.to_text()),
        };
        Ok(self.first(settle).await?.is_some())
    }

    async fn next_due(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let row = self.first(query(NEXT_DUE)).await?;
        let due = row.map(|row| row.try_get(0)).transpose();
        Ok(due.map_err(Failure::from)?.flatten())
    }

    async fn outbox_message(&self, id: MessageId) -> Result<Option<OutboxMessage>, StoreError> {
        let row = self.first(query(MESSAGE).bind(id.get())).await?;
        Ok(row.as_ref().map(message).transpose()?)
    }

    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxMessage>, StoreError> {
        let page = query(MESSAGES_AFTER)
            .bind(after.map_or(i64::MIN, MessageId::get))
            .bind(i64::from(limit));
        let mut messages = Vec::new();
        for row in self.run(page).await? {
            messages.extend(readable(&row)?.ok());
        }
        Ok(messages)
    }

    async fn revive_message(&self, revival: &Revival) -> Result<bool, StoreError> {
        let revive = query(REVIVE)
            .bind(revival.id.get())
            .bind(rows::micros(revival.now))
            .bind(rows::micros(revival.expires_at))
            .bind(revival.receipts.to_text())
            .bind(&revival.key)
            .bind(LinkRequest::slot_at(revival.now));
        Ok(self.first(revive).await?.is_some())
    }

    async fn purge_dead_letters(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut purged = 0;
        loop {
            let purge = query(PURGE)
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

/// A text for people, without what PostgreSQL does not store.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The row of a message that cannot be read.
struct Unreadable(i64);

/// The message in a row; if it cannot be read, a line in the log says so.
fn readable(row: &PgRow) -> Result<Result<OutboxMessage, Unreadable>, Failure> {
    let id: i64 = row.try_get(0)?;
    Ok(message(row).map_err(|_| {
        tracing::error!(
            id,
            "a message in the outbox cannot be read, and is left out"
        );
        Unreadable(id)
    }))
}

/// The message in a row.
fn message(row: &PgRow) -> Result<OutboxMessage, Failure> {
    let broken = || Failure::from(StoreErrorKind::Broken);
    let person: Option<i64> = row.try_get(4)?;
    let address: Option<i64> = row.try_get(5)?;
    let binding: Vec<u8> = row.try_get(6)?;
    let language: Option<&str> = row.try_get(7)?;
    let attempts: i64 = row.try_get(10)?;
    let died_at: Option<DateTime<Utc>> = row.try_get(13)?;
    let reason: Option<String> = row.try_get(14)?;
    Ok(OutboxMessage {
        id: MessageId::new(row.try_get(0)?),
        message: NewMessage {
            key: row.try_get(1)?,
            purpose: MessagePurpose::parse(row.try_get(2)?).ok_or_else(broken)?,
            kind: rows::kind(row, 3)?.ok_or_else(broken)?,
            recipient: person.zip(address).map(|(person, address)| Recipient {
                person: PersonId::new(person),
                address: AddressId::new(address),
            }),
            binding: Binding::from_bytes(binding.try_into().map_err(|_| broken())?),
            // A tag that a later version would write is no reason to send nothing.
            language: language.and_then(|tag| Language::parse(tag).ok()),
            created_at: row.try_get(8)?,
            expires_at: row.try_get(9)?,
        },
        requested_at: row.try_get(15)?,
        attempts: u32::try_from(attempts).map_err(|_| broken())?,
        due_at: row.try_get(11)?,
        receipts: Receipts::from_text(row.try_get(12)?).map_err(|_| broken())?,
        dead: died_at.map(|at| DeadLetter {
            at,
            reason: reason.unwrap_or_default(),
        }),
    })
}
