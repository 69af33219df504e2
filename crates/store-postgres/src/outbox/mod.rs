//! The outbox, on PostgreSQL.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::language::Language;
use phone_auth_core::link::LinkRequest;
use phone_auth_core::outbox::{
    Binding, Claim, DeadLetter, Lease, LeaseState, MessageId, MessagePurpose, NewMessage, NextDue,
    OutboxMessage, OutboxRow, Receipts, Recipient, Revival, Revived, Settlement, UnreadableMessage,
};
use phone_auth_core::person::PersonId;
use phone_auth_core::store::{OutboxStore, StoreError};
use sqlx::postgres::PgRow;
use sqlx::{Row, query};

use crate::failure::Failure;
use crate::links;
use crate::locks;
use crate::people;
use crate::pool::Query;
use crate::rows;
use crate::store::PostgresStore;

/// How long to wait before the database is asked again what is due, when others may write to it.
const LOOK: Duration = Duration::from_millis(250);

/// The columns of a message, in the order that [`message`] reads.
const COLUMNS: [&str; 21] = [
    "id",
    "message_key",
    "purpose",
    "kind",
    "person_id",
    "address_id",
    "binding",
    "binding_parts",
    "language",
    "created_at",
    "enqueued_at",
    "expires_at",
    "attempts",
    "ready_attempt",
    "failures",
    "due_at",
    "receipts",
    "earlier_receipts",
    "died_at",
    "reason",
    "requested_at",
];

/// The same for a statement, from the table as `o`; and whether a time is there that cannot be read.
macro_rules! message_columns {
    () => {
        concat!(
            "o.id, o.message_key, o.purpose, o.kind, o.person_id, o.address_id, o.binding, o.binding_parts, o.language, ",
            rows::readable!("o.created_at"),
            ", ",
            rows::readable!("coalesce(o.enqueued_at, o.created_at)"),
            ", ",
            rows::readable!("o.expires_at"),
            ", o.attempts, o.ready_attempt, o.failures, ",
            rows::readable!("o.due_at"),
            ", o.receipts, o.earlier_receipts, ",
            rows::readable!("o.died_at"),
            ", o.reason, ",
            rows::readable!("o.requested_at"),
            ", o.died_at IS NOT NULL, o.requested_at IS NOT NULL"
        )
    };
}

/// What is due whatever the clock says: what nobody has tried yet, and what has a time that nobody can read. Word for
/// word as in the index `phone_auth_outbox_ready`, but for the last condition: a server of the version before counts
/// attempts from 0 again when it sends a dead letter anew, and they come to the number that was ready then under a lease.
macro_rules! is_ready {
    () => {
        "died_at IS NULL AND (ready_attempt = attempts OR due_at >= '10000-01-01 00:00:00+00') \
         AND (leased_attempt IS DISTINCT FROM attempts OR due_at >= '10000-01-01 00:00:00+00')"
    };
}

/// Owes a message in the place of one that it supersedes. Runs while the address is locked: of two messages that
/// are owed at once, one must see the other. NULL is no address, so a message to nobody supersedes none. A person
/// who is gone by now makes it a message to nobody; such a one stands where no worker looks while it is there.
///
/// A lease that runs goes on: who has it hears of the newer message and gives the place free. A message that nobody has
/// tried keeps its turn. Any other place is due now, and no lease from before holds. What became of the older message is
/// kept apart.
pub(crate) const OWE: &str = concat!(
    "WITH requested AS (",
    links::request!("$3::text", "$2::text", "$5", "$11", "$9", ""),
    "), p AS MATERIALIZED (
        SELECT (SELECT id FROM auth_user WHERE id = $4 FOR KEY SHARE) AS id, clock_timestamp() AS now
    ), place AS (
        SELECT id FROM phone_auth_outbox WHERE address_id = $5 AND kind = $3 AND purpose = $2 AND died_at IS NULL
        ORDER BY id LIMIT 1
    ), superseded AS (
        UPDATE phone_auth_outbox o SET
            message_key = $1, person_id = p.id, binding = $6, binding_parts = $7, language = $8, created_at = $9,
            enqueued_at = p.now, expires_at = $10,
            attempts = CASE WHEN leased_attempt = attempts AND due_at > p.now OR ready_attempt = attempts
                THEN attempts ELSE LEAST(attempts, 9223372036854775806) + 1 END,
            ready_attempt = CASE WHEN leased_attempt = attempts AND due_at > p.now OR ready_attempt = attempts
                THEN ready_attempt ELSE LEAST(attempts, 9223372036854775806) + 1 END,
            leased_attempt = CASE WHEN leased_attempt = attempts AND due_at > p.now THEN leased_attempt END,
            due_at = CASE WHEN leased_attempt = attempts AND due_at > p.now OR ready_attempt = attempts
                THEN due_at ELSE LEAST(due_at, p.now) END,
            earlier_receipts = CASE receipts WHEN '[]' THEN earlier_receipts ELSE receipts END,
            receipts = '[]', requested_at = (SELECT requested_at FROM requested)
        FROM p, place WHERE o.id = place.id AND o.died_at IS NULL RETURNING 1
    )
    INSERT INTO phone_auth_outbox
    (message_key, purpose, kind, person_id, address_id, binding, binding_parts, language, created_at, enqueued_at,
        expires_at, due_at, requested_at)
    SELECT $1, $2, $3, p.id, CASE WHEN p.id IS NULL THEN NULL ELSE $5 END, $6, $7, $8, $9, p.now, $10,
        CASE WHEN p.id IS NULL THEN p.now + interval '100 years' ELSE LEAST($9, p.now) END,
        (SELECT requested_at FROM requested)
    FROM p WHERE NOT EXISTS (SELECT 1 FROM superseded)"
);

/// Removes a message to nobody before anybody has seen it.
pub(crate) const FORGET: &str =
    "DELETE FROM phone_auth_outbox WHERE message_key = $1 AND person_id IS NULL";

pub(crate) const PENDING: &str = "SELECT count(*) FROM (
        SELECT 1 FROM phone_auth_outbox WHERE died_at IS NULL AND due_at >= '-infinity' LIMIT $1
    ) m";

/// What is ready and what has become due, without some queues, those first that have waited longest. What somebody else is claiming is left to
/// them.
pub(crate) const CLAIM: &str = concat!(
    "WITH ready AS MATERIALIZED (
        SELECT id FROM phone_auth_outbox WHERE ",
    is_ready!(),
    "   AND strpos($4, ',' || purpose || '/' || kind || ',') = 0 ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED
    ), due AS MATERIALIZED (
        SELECT id FROM phone_auth_outbox WHERE died_at IS NULL AND due_at <= $1
        AND strpos($4, ',' || purpose || '/' || kind || ',') = 0
        ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
    ), first AS MATERIALIZED (
        SELECT m.id, CASE WHEN m.attempts NOT BETWEEN 0 AND 4294967294 THEN 12
            WHEN m.due_at < '0001-01-01 00:00:00+00' OR m.due_at >= '10000-01-01 00:00:00+00' THEN 15 END AS odd
        FROM (SELECT id FROM ready UNION SELECT id FROM due) it JOIN phone_auth_outbox m ON m.id = it.id
        ORDER BY LEAST(m.due_at, $1), m.id LIMIT $3
    )
    UPDATE phone_auth_outbox o SET due_at = $2,
        attempts = CASE WHEN first.odd IS NULL THEN attempts + 1 ELSE attempts END,
        leased_attempt = CASE WHEN first.odd IS NULL THEN attempts + 1 ELSE attempts END
    FROM first WHERE o.id = first.id RETURNING ",
    message_columns!(),
    ", first.odd"
);

/// What must be so for whoever has a lease.
macro_rules! held {
    () => {
        "id = $1 AND attempts = $2 AND leased_attempt = $2 AND died_at IS NULL"
    };
}

/// Of a message that is superseded, nothing is kept but that its lease goes on.
pub(crate) const EXTEND: &str = concat!(
    "UPDATE phone_auth_outbox SET due_at = $4,
        receipts = CASE message_key WHEN $3 THEN $5 ELSE receipts END,
        earlier_receipts = CASE message_key WHEN $3 THEN NULL ELSE earlier_receipts END
    WHERE ",
    held!(),
    " RETURNING message_key = $3"
);

pub(crate) const PUT_OFF: &str = concat!(
    "UPDATE phone_auth_outbox
    SET due_at = $4, receipts = $5, earlier_receipts = NULL, failures = $6, leased_attempt = NULL WHERE ",
    held!(),
    " AND message_key = $3 RETURNING 1"
);

/// The lease ends with the attempt that had it.
pub(crate) const RELEASE: &str = concat!(
    "UPDATE phone_auth_outbox
    SET attempts = attempts + 1, ready_attempt = attempts + 1, leased_attempt = NULL, failures = $4, earlier_receipts = $5,
        due_at = LEAST(due_at, enqueued_at) WHERE ",
    held!(),
    " AND message_key <> $3 RETURNING 1"
);

pub(crate) const REMOVE: &str = concat!(
    "DELETE FROM phone_auth_outbox WHERE ",
    held!(),
    " AND message_key = $3 RETURNING 1"
);

/// Of the dead letters of one purpose to one address the newest is kept.
pub(crate) const BURY: &str = concat!(
    "WITH buried AS (
        UPDATE phone_auth_outbox SET died_at = $4, reason = $5, receipts = $6 WHERE ",
    held!(),
    "   AND message_key = $3 RETURNING id, address_id, kind, purpose
    ), older AS (
        DELETE FROM phone_auth_outbox o USING buried b WHERE o.address_id = b.address_id AND o.kind = b.kind
            AND o.purpose = b.purpose AND o.died_at IS NOT NULL AND o.id <> b.id
    )
    SELECT 1 FROM buried"
);

/// Whether a lease is held, be the message superseded or not.
pub(crate) const HELD: &str = concat!("SELECT 1 FROM phone_auth_outbox WHERE ", held!());

pub(crate) const BURY_UNREADABLE: &str = "UPDATE phone_auth_outbox SET died_at = $2, reason = $3
    WHERE id = $1 AND died_at IS NULL";

/// Not that of the transaction, which a proxy may have begun earlier.
const CLOCK: &str = "SELECT clock_timestamp()";

/// Whether something is ready; else when the next message is due. What comes before all times that can be read is due.
pub(crate) const NEXT_DUE: &str = concat!(
    "SELECT EXISTS (SELECT 1 FROM phone_auth_outbox WHERE ",
    is_ready!(),
    ") OR coalesce(m.due_at < '0001-01-01 00:00:00+00', false), ",
    rows::readable!("m.due_at"),
    " FROM (SELECT min(due_at) AS due_at FROM phone_auth_outbox WHERE died_at IS NULL) m"
);

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

/// Of a dead letter, unless a newer message of its purpose to its address is pending or a newer link was asked for, which
/// would stop working. It counts as a request for a link.
pub(crate) const REVIVE: &str = concat!(
    "WITH letter AS (
        SELECT m.id, m.kind, m.purpose, m.address_id, EXISTS (SELECT 1 FROM phone_auth_outbox o WHERE o.address_id = m.address_id AND o.kind = m.kind
            AND o.purpose = m.purpose AND o.died_at IS NULL)
            OR EXISTS (SELECT 1 FROM phone_auth_link_request r WHERE r.kind = m.kind AND r.purpose = m.purpose
                AND r.holder = m.address_id AND r.requested_at > m.requested_at) AS is_superseded
        FROM phone_auth_outbox m WHERE m.id = $1 AND m.died_at IS NOT NULL FOR UPDATE
    ), requested AS (",
    links::request!(
        "l.kind",
        "l.purpose",
        "l.address_id",
        "$8",
        "$2",
        " FROM letter l WHERE NOT l.is_superseded"
    ),
    "), revived AS (
        UPDATE phone_auth_outbox o
        SET died_at = NULL, reason = NULL, attempts = attempts + 1, ready_attempt = attempts + 1, leased_attempt = NULL,
            failures = 0, created_at = $2, enqueued_at = clock_timestamp(), due_at = LEAST($2, clock_timestamp()),
            expires_at = $3, receipts = $4, earlier_receipts = NULL, message_key = $5, binding = $6, binding_parts = $7,
            requested_at = (SELECT requested_at FROM requested)
        FROM letter WHERE o.id = letter.id AND NOT letter.is_superseded AND o.died_at IS NOT NULL RETURNING o.id
    )
    SELECT letter.is_superseded, EXISTS (SELECT 1 FROM revived) FROM letter"
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
            .bind(message.binding.digest())
            .bind(message.binding.parts())
            .bind(message.language.as_ref().map(Language::as_str))
            .bind(rows::micros(message.created_at))
            .bind(rows::micros(message.expires_at))
            .bind(message.request(message.created_at).slot());
        let forget = query(FORGET).bind(&message.key);
        let _pass = match recipient {
            Some(recipient) => Some(self.at(&people::lock(recipient.person)).await?),
            None => None,
        };
        self.both_locked(&locks::of_message(message), owe, forget)
            .await?;
        Ok(())
    }

    async fn pending_messages(&self, at_most: u32) -> Result<u32, StoreError> {
        let row = self.first(query(PENDING).bind(i64::from(at_most))).await?;
        let count = rows::count(row.as_ref())?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError> {
        let mut claimed = Vec::new();
        // Behind what cannot be read there may be what can.
        while claimed.is_empty() {
            let due = query(CLAIM)
                .bind(rows::micros(claim.now))
                .bind(rows::micros(claim.until))
                .bind(i64::from(claim.limit))
                .bind(claim.without.to_text());
            let rows = self.run(due).await?;
            if rows.is_empty() {
                break;
            }
            for row in rows {
                let odd: Option<i32> = row.try_get(COLUMNS.len() + 2).map_err(Failure::from)?;
                let odd = odd.and_then(|place| usize::try_from(place).ok());
                match read(&row, odd)? {
                    OutboxRow::Message(message) => claimed.push(*message),
                    OutboxRow::Unreadable(row) => self.bury_unreadable(&row, claim.now).await?,
                }
            }
        }
        claimed.sort_by_key(|message: &OutboxMessage| message.id);
        Ok(claimed)
    }

    async fn extend_lease(
        &self,
        lease: &Lease,
        until: DateTime<Utc>,
        receipts: &Receipts,
    ) -> Result<LeaseState, StoreError> {
        let extend = held(EXTEND, lease)
            .bind(rows::micros(until))
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

    async fn settle_message(
        &self,
        lease: &Lease,
        settlement: &Settlement,
    ) -> Result<LeaseState, StoreError> {
        let settle = match settlement {
            Settlement::Settled => held(REMOVE, lease),
            Settlement::Again {
                due_at,
                failures,
                receipts,
            } => held(PUT_OFF, lease)
                .bind(rows::micros(*due_at))
                .bind(receipts.to_text())
                .bind(i64::from(*failures)),
            Settlement::Dead { letter, receipts } => held(BURY, lease)
                .bind(rows::micros(letter.at))
                .bind(storable(&letter.reason))
                .bind(receipts.to_text()),
        };
        if self.first(settle).await?.is_some() {
            return Ok(LeaseState::Held);
        }
        let look = query(HELD)
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
        let release = held(RELEASE, lease)
            .bind(i64::from(failures))
            .bind(receipts.to_text());
        Ok(self.first(release).await?.is_some())
    }

    async fn next_due(&self) -> Result<NextDue, StoreError> {
        let Some(row) = self.first(query(NEXT_DUE)).await? else {
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
        let row = self.first(query(MESSAGE).bind(id.get())).await?;
        Ok(row.as_ref().map(|row| read(row, None)).transpose()?)
    }

    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let page = query(MESSAGES_AFTER)
            .bind(after.map_or(i64::MIN, MessageId::get))
            .bind(i64::from(limit));
        let rows = self.run(page).await?;
        let messages = rows.iter().map(|row| read(row, None));
        Ok(messages.collect::<Result<_, _>>()?)
    }

    async fn revive_message(&self, revival: &Revival) -> Result<Revived, StoreError> {
        let revive = query(REVIVE)
            .bind(revival.id.get())
            .bind(rows::micros(revival.now))
            .bind(rows::micros(revival.expires_at))
            .bind(revival.receipts.to_text())
            .bind(&revival.key)
            .bind(revival.binding.digest())
            .bind(revival.binding.parts())
            .bind(LinkRequest::slot_at(revival.now));
        let Some(row) = self.first(revive).await? else {
            return Ok(Revived::NoSuchLetter);
        };
        let is_superseded: bool = row.try_get(0).map_err(Failure::from)?;
        let is_revived: bool = row.try_get(1).map_err(Failure::from)?;
        Ok(match (is_superseded, is_revived) {
            (true, _) => Revived::Superseded,
            (false, true) => Revived::Pending,
            (false, false) => Revived::NoSuchLetter,
        })
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

impl PostgresStore {
    /// Makes a row that cannot be read a dead letter.
    async fn bury_unreadable(
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
        let bury = query(BURY_UNREADABLE)
            .bind(id)
            .bind(rows::micros(now))
            .bind(reason);
        self.run(bury).await?;
        Ok(())
    }
}

/// A statement about a message, for whoever has this lease.
fn held<'q>(statement: &'static str, lease: &'q Lease) -> Query<'q> {
    query(statement)
        .bind(lease.id.get())
        .bind(i64::from(lease.attempt))
        .bind(&lease.key)
}

/// A text for people, without what PostgreSQL does not store.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The message in a row, or which column of it cannot be read. A row that was just claimed has other values than before,
/// so which of those could not be read is told apart.
fn read(row: &PgRow, odd: Option<usize>) -> Result<OutboxRow, Failure> {
    let id = MessageId::new(row.try_get(0)?);
    let message = match odd {
        Some(place) => Err(Odd(place)),
        None => message(row, id),
    };
    Ok(match message {
        Ok(message) => OutboxRow::Message(Box::new(message)),
        Err(Odd(place)) => OutboxRow::Unreadable(UnreadableMessage {
            id,
            column: COLUMNS.get(place).copied().unwrap_or_default(),
            is_dead: row.try_get(COLUMNS.len())?,
        }),
    })
}

/// The place of a column whose value cannot be read.
struct Odd(usize);

/// The message in a row.
fn message(row: &PgRow, id: MessageId) -> Result<OutboxMessage, Odd> {
    let text = |place| row.try_get::<String, _>(place).map_err(|_| Odd(place));
    let optional_text = |place| {
        row.try_get::<Option<String>, _>(place)
            .map_err(|_| Odd(place))
    };
    let number = |place| row.try_get::<Option<i64>, _>(place).map_err(|_| Odd(place));
    let count = |place| {
        let number = number(place)?.ok_or(Odd(place))?;
        u32::try_from(number).map_err(|_| Odd(place))
    };
    // One that nobody can read is answered as NULL.
    let optional_time = |place| {
        row.try_get::<Option<DateTime<Utc>>, _>(place)
            .map_err(|_| Odd(place))
    };
    let time = |place| optional_time(place)?.ok_or(Odd(place));
    let receipts = |place| match optional_text(place)? {
        None => Ok(Receipts::default()),
        Some(text) => Receipts::from_text(&text).map_err(|_| Odd(place)),
    };
    let recipient = number(4)?.zip(number(5)?);
    let is_dead: bool = row.try_get(COLUMNS.len()).map_err(|_| Odd(18))?;
    let is_requested: bool = row.try_get(COLUMNS.len() + 1).map_err(|_| Odd(20))?;
    Ok(OutboxMessage {
        id,
        message: NewMessage {
            key: text(1)?,
            purpose: MessagePurpose::parse(&text(2)?).ok_or(Odd(2))?,
            kind: rows::kind(row, 3).ok().flatten().ok_or(Odd(3))?,
            recipient: recipient.map(|(person, address)| Recipient {
                person: PersonId::new(person),
                address: AddressId::new(address),
            }),
            binding: Binding::from_stored(
                row.try_get::<Vec<u8>, _>(6).map_err(|_| Odd(6))?,
                optional_text(7)?,
            ),
            // A tag that a later version would write is no reason to send nothing.
            language: optional_text(8)?.and_then(|tag| Language::parse(&tag).ok()),
            created_at: time(9)?,
            expires_at: time(11)?,
        },
        requested_at: if is_requested { Some(time(20)?) } else { None },
        enqueued_at: time(10)?,
        attempts: count(12)?,
        ready_attempt: count(13)?,
        failures: count(14)?,
        due_at: time(15)?,
        receipts: receipts(16)?.after(receipts(17)?),
        dead: if is_dead {
            Some(DeadLetter {
                at: time(18)?,
                reason: optional_text(19)?.unwrap_or_default(),
            })
        } else {
            None
        },
    })
}
