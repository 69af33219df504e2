//! The outbox, on SQLite.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::language::Language;
use phone_auth_core::outbox::{
    Binding, Claim, DeadLetter, Lease, LeaseState, MessageId, MessagePurpose, NewMessage, NextDue,
    OutboxMessage, OutboxRow, Receipts, Recipient, Revival, Revived, Settlement, UnreadableMessage,
};
use phone_auth_core::person::PersonId;
use phone_auth_core::store::{OutboxStore, StoreError};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Row, params};

use crate::failure::Failure;
use crate::links;
use crate::rows;
use crate::store::SqliteStore;

/// How long to wait before the file is asked again what is due, when others may write to it.
const LOOK: Duration = Duration::from_millis(20);

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

/// The same, for a statement.
macro_rules! message_columns {
    () => {
        "id, message_key, purpose, kind, person_id, address_id, binding, binding_parts, language, created_at, \
         enqueued_at, expires_at, attempts, ready_attempt, failures, due_at, receipts, earlier_receipts, died_at, reason, requested_at"
    };
}

/// Whether a message has a time that nobody can read, such as one that another program wrote.
macro_rules! is_odd {
    () => {
        "CASE WHEN typeof(due_at) = 'text' AND due_at GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*' \
         AND substr(due_at, 20) NOT GLOB '*[^.0-9]*' AND length(due_at) BETWEEN 19 AND 26 \
         THEN datetime(due_at) IS NOT substr(due_at, 1, 19) ELSE 1 END"
    };
}

/// What is due whatever the clock says: what nobody has tried yet, and what has a time that nobody can read. Word for word
/// as in the index `phone_auth_outbox_ready`, which else is not used, but for the last condition: a server of the version
/// before counts attempts from 0 again when it sends a dead letter anew, and they come to the number that was ready then
/// under a lease.
macro_rules! is_ready {
    () => {
        concat!(
            "died_at IS NULL AND (ready_attempt = attempts OR ",
            is_odd!(),
            ") AND (leased_attempt IS NOT attempts OR ",
            is_odd!(),
            ")"
        )
    };
}

/// The message that a new one supersedes; NULL is no address, so one to nobody supersedes none.
pub(crate) const SUPERSEDED: &str = "SELECT id, attempts, ready_attempt, leased_attempt, due_at
    FROM phone_auth_outbox WHERE address_id = ?1 AND kind = ?2 AND purpose = ?3 AND died_at IS NULL ORDER BY id LIMIT 1";

/// Puts a message in the place of the one that it supersedes. What became of that one is kept apart.
pub(crate) const SUPERSEDE: &str = "UPDATE phone_auth_outbox SET
        message_key = ?2, person_id = ?3, binding = ?4, binding_parts = ?5, language = ?6, created_at = ?7,
        enqueued_at = ?7, expires_at = ?8, attempts = ?9, ready_attempt = ?10, leased_attempt = ?11, due_at = ?12,
        earlier_receipts = iif(receipts = '[]', earlier_receipts, receipts), receipts = '[]', requested_at = ?13
    WHERE id = ?1";

/// A person who is gone by now makes it a message to nobody.
const OWE: &str = "INSERT INTO phone_auth_outbox
    (message_key, purpose, kind, person_id, address_id, binding, binding_parts, language, created_at, enqueued_at,
        expires_at, due_at, requested_at)
    SELECT ?1, ?2, ?3, p.id, iif(p.id IS NULL, NULL, ?5), ?6, ?7, ?8, ?9, ?9, ?10, ?9, ?11
    FROM (SELECT (SELECT id FROM auth_user WHERE id = ?4) AS id) p";

/// Removes a message to nobody before anybody has seen it.
pub(crate) const FORGET: &str =
    "DELETE FROM phone_auth_outbox WHERE message_key = ?1 AND person_id IS NULL";

pub(crate) const PENDING: &str = "SELECT count(*) FROM
    (SELECT 1 FROM phone_auth_outbox WHERE died_at IS NULL AND due_at >= 0 LIMIT ?1) m";

/// What is ready and what has become due, without some queues, those first that have waited longest.
pub(crate) const DUE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM phone_auth_outbox WHERE id IN (
        SELECT id FROM (SELECT id FROM phone_auth_outbox WHERE ",
    is_ready!(),
    "       AND instr(?3, ',' || purpose || '/' || kind || ',') = 0 ORDER BY id LIMIT ?2) m
        UNION ALL SELECT id FROM (SELECT id FROM phone_auth_outbox WHERE died_at IS NULL AND due_at <= ?1
            AND instr(?3, ',' || purpose || '/' || kind || ',') = 0 ORDER BY due_at, id LIMIT ?2) m
    ) ORDER BY min(due_at, ?1), id LIMIT ?2"
);

pub(crate) const CLAIM: &str = "UPDATE phone_auth_outbox
    SET attempts = attempts + 1, leased_attempt = attempts + 1, due_at = ?2 WHERE id = ?1";

/// Whether a lease is held, and the key of the message by now.
pub(crate) const HELD: &str = "SELECT message_key FROM phone_auth_outbox
    WHERE id = ?1 AND attempts = ?2 AND leased_attempt = ?2 AND died_at IS NULL";

pub(crate) const EXTEND: &str = "UPDATE phone_auth_outbox SET due_at = ?2, receipts = ?3, earlier_receipts = NULL WHERE id = ?1";

pub(crate) const EXTEND_SUPERSEDED: &str = "UPDATE phone_auth_outbox SET due_at = ?2 WHERE id = ?1";

pub(crate) const PUT_OFF: &str = "UPDATE phone_auth_outbox
    SET due_at = ?2, receipts = ?3, earlier_receipts = NULL, failures = ?4, leased_attempt = NULL WHERE id = ?1";

/// The lease ends with the attempt that had it.
pub(crate) const RELEASE: &str = "UPDATE phone_auth_outbox
    SET attempts = attempts + 1, ready_attempt = attempts + 1, leased_attempt = NULL, failures = ?2, earlier_receipts = ?3,
        due_at = min(due_at, enqueued_at)
    WHERE id = ?1";

pub(crate) const REMOVE: &str = "DELETE FROM phone_auth_outbox WHERE id = ?1";

pub(crate) const BURY: &str =
    "UPDATE phone_auth_outbox SET died_at = ?2, reason = ?3, receipts = ?4 WHERE id = ?1";

/// The letters before this one of the same purpose to the same address.
pub(crate) const REMOVE_OLDER_LETTERS: &str = "DELETE FROM phone_auth_outbox WHERE id IN (
    SELECT o.id FROM phone_auth_outbox m JOIN phone_auth_outbox o
        ON o.address_id = m.address_id AND o.kind = m.kind AND o.purpose = m.purpose
    WHERE m.id = ?1 AND o.died_at IS NOT NULL AND o.id <> ?1
)";

pub(crate) const BURY_UNREADABLE: &str =
    "UPDATE phone_auth_outbox SET died_at = ?2, reason = ?3 WHERE id = ?1 AND died_at IS NULL";

pub(crate) const IS_READY: &str = concat!(
    "SELECT EXISTS (SELECT 1 FROM phone_auth_outbox WHERE ",
    is_ready!(),
    ")"
);

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

/// Of a dead letter.
pub(crate) const REVIVE: &str = "UPDATE phone_auth_outbox
    SET died_at = NULL, reason = NULL, attempts = attempts + 1, ready_attempt = attempts + 1, leased_attempt = NULL,
        failures = 0, created_at = ?2, enqueued_at = ?2, due_at = ?2, expires_at = ?3, receipts = ?4,
        earlier_receipts = NULL, message_key = ?5, binding = ?6, binding_parts = ?7, requested_at = ?8
    WHERE id = ?1";

/// Whether a row is a dead letter, and whether a newer message of its purpose to its address is pending or a newer link was
/// asked for, which would stop working.
pub(crate) const LETTER: &str = "SELECT EXISTS (SELECT 1 FROM phone_auth_outbox o
        WHERE o.address_id = m.address_id AND o.kind = m.kind AND o.purpose = m.purpose AND o.died_at IS NULL)
    OR EXISTS (SELECT 1 FROM phone_auth_link_request r
        WHERE r.kind = m.kind AND r.purpose = m.purpose AND r.holder = m.address_id AND r.requested_at > m.requested_at)
    FROM phone_auth_outbox m WHERE m.id = ?1 AND m.died_at IS NOT NULL";

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

    async fn pending_messages(&self, at_most: u32) -> Result<u32, StoreError> {
        self.read(|connection| rows::only(connection, PENDING, [at_most], |row| Ok(row.get(0)?)))
    }

    async fn claim_messages(&self, claim: &Claim) -> Result<Vec<OutboxMessage>, StoreError> {
        // To look costs next to nothing; to claim takes the one lock there is for writing.
        match self.next_due().await? {
            NextDue::Never => return Ok(Vec::new()),
            NextDue::At(due) if due > claim.now => return Ok(Vec::new()),
            NextDue::At(_) | NextDue::Now => {}
        }
        let claim = *claim;
        self.write(move |connection| self::claim(connection, &claim))
            .await
    }

    async fn extend_lease(
        &self,
        lease: &Lease,
        until: DateTime<Utc>,
        receipts: &Receipts,
    ) -> Result<LeaseState, StoreError> {
        let (lease, receipts) = (lease.clone(), receipts.to_text());
        self.write(move |connection| {
            let (id, until) = (lease.id.get(), rows::time_text(until)?);
            let state = state(connection, &lease)?;
            match state {
                LeaseState::Held => rows::change(connection, EXTEND, params![id, until, receipts])?,
                LeaseState::Superseded => {
                    rows::change(connection, EXTEND_SUPERSEDED, params![id, until])?
                }
                LeaseState::Lost => 0,
            };
            Ok(state)
        })
        .await
    }

    async fn settle_message(
        &self,
        lease: &Lease,
        settlement: &Settlement,
    ) -> Result<LeaseState, StoreError> {
        let (lease, settlement) = (lease.clone(), settlement.clone());
        self.write(move |connection| {
            let state = state(connection, &lease)?;
            if state == LeaseState::Held {
                settle(connection, lease.id.get(), &settlement)?;
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
                rows::change(connection, RELEASE, values)?;
            }
            Ok(is_superseded)
        })
        .await
    }

    async fn next_due(&self) -> Result<NextDue, StoreError> {
        self.read(|connection| {
            if rows::only(connection, IS_READY, [], |row| Ok(row.get::<_, bool>(0)?))? {
                return Ok(NextDue::Now);
            }
            rows::only(connection, NEXT_DUE, [], |row| {
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
        self.read(|connection| rows::first(connection, MESSAGE, [id.get()], row))
    }

    async fn outbox_after(
        &self,
        after: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let after = after.map_or(i64::MIN, MessageId::get);
        self.read(|connection| rows::all(connection, MESSAGES_AFTER, (after, limit), row))
    }

    async fn revive_message(&self, revival: &Revival) -> Result<Revived, StoreError> {
        let revival = revival.clone();
        self.write(move |connection| {
            let id = revival.id.get();
            match rows::first(connection, LETTER, [id], |row| Ok(row.get::<_, bool>(0)?))? {
                None => return Ok(Revived::NoSuchLetter),
                Some(true) => return Ok(Revived::Superseded),
                Some(false) => {}
            }
            let letter = rows::only(connection, MESSAGE, [id], row)?.into_message();
            let Some(letter) = letter else {
                return Ok(Revived::NoSuchLetter);
            };
            // It is a request for a link, as it was when it was promised.
            let requested_at = links::request(connection, &letter.message.request(revival.now))?;
            let values = params![
                id,
                rows::time_text(revival.now)?,
                rows::time_text(revival.expires_at)?,
                revival.receipts.to_text(),
                revival.key,
                revival.binding.digest(),
                revival.binding.parts(),
                links::micros(requested_at),
            ];
            rows::change(connection, REVIVE, values)?;
            Ok(Revived::Pending)
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

/// Owes a message, in the place of one that it supersedes. Whoever it is to, the same is looked for, written and looked
/// for again.
fn owe(connection: &Connection, message: &NewMessage) -> Result<(), Failure> {
    let recipient = message.recipient;
    let person = recipient.map(|recipient| recipient.person.get());
    let address = recipient.map(|recipient| recipient.address.get());
    let (purpose, kind) = (message.purpose.as_str(), message.kind.as_str());
    let created_at = rows::time_text(message.created_at)?;
    let expires_at = rows::time_text(message.expires_at)?;
    let language = message.language.as_ref().map(Language::as_str);
    let (digest, parts) = (message.binding.digest(), message.binding.parts());
    let request = message.request(message.created_at);
    let requested_at = links::micros(links::request(connection, &request)?);
    let target = params![address, kind, purpose];
    let place = rows::first(connection, SUPERSEDED, target, |row| {
        Ok(Place::after(row, message.created_at, &created_at))
    })?;
    if let Some(place) = place {
        let values = params![
            place.id,
            message.key,
            person,
            digest,
            parts,
            language,
            created_at,
            expires_at,
            place.attempts,
            place.ready_attempt,
            place.leased_attempt,
            place.due_at,
            requested_at,
        ];
        rows::change(connection, SUPERSEDE, values)?;
    } else {
        let values = params![
            message.key,
            purpose,
            kind,
            person,
            address,
            digest,
            parts,
            language,
            created_at,
            expires_at,
            requested_at,
        ];
        rows::change(connection, OWE, values)?;
    }
    rows::change(connection, FORGET, [&message.key])?;
    Ok(())
}

/// The place of a message, as one finds it that supersedes it.
struct Place {
    id: i64,
    attempts: Value,
    ready_attempt: Value,
    leased_attempt: Value,
    due_at: Value,
}

impl Place {
    /// Which place the newer message has, at this time. A lease that runs goes on: who has it hears of the newer message
    /// and gives the place free. One that nobody has tried keeps its turn. Else it is due now, and no lease from before
    /// holds.
    fn after(row: &Row<'_>, now: DateTime<Utc>, now_text: &str) -> Self {
        let value = |column| row.get::<_, Value>(column).unwrap_or(Value::Null);
        let place = Self {
            id: row.get(0).unwrap_or_default(),
            attempts: value(1),
            ready_attempt: value(2),
            leased_attempt: value(3),
            due_at: value(4),
        };
        let Value::Integer(attempts) = place.attempts else {
            return place;
        };
        let due_at = rows::optional_time(row, 4).ok().flatten();
        let is_leased =
            place.leased_attempt == place.attempts && due_at.is_some_and(|due| due > now);
        if is_leased || place.ready_attempt == place.attempts {
            return place;
        }
        let next = Value::Integer(attempts.saturating_add(1));
        Self {
            id: place.id,
            attempts: next.clone(),
            ready_attempt: next,
            leased_attempt: Value::Null,
            due_at: match due_at {
                Some(due) if due <= now => place.due_at,
                _ => Value::Text(now_text.to_owned()),
            },
        }
    }
}

/// Claims what is due. What cannot be read becomes a dead letter, and keeps nobody from the others.
fn claim(connection: &Connection, claim: &Claim) -> Result<Vec<OutboxMessage>, Failure> {
    let (now, until) = (rows::time_text(claim.now)?, rows::time_text(claim.until)?);
    let mut claimed = Vec::new();
    // Behind what cannot be read there may be what can.
    while claimed.is_empty() {
        let asked = params![now, claim.limit, claim.without.to_text()];
        let due = rows::all(connection, DUE, asked, row)?;
        if due.is_empty() {
            break;
        }
        for due in due {
            match due {
                OutboxRow::Message(mut message) => {
                    rows::change(connection, CLAIM, params![message.id.get(), until])?;
                    message.attempts = message.attempts.saturating_add(1);
                    message.due_at = claim.until;
                    claimed.push(*message);
                }
                OutboxRow::Unreadable(row) => {
                    let (id, reason) = (row.id.get(), row.reason());
                    tracing::error!(
                        id,
                        reason,
                        "a message was given up; it is kept as a dead letter"
                    );
                    rows::change(connection, BURY_UNREADABLE, params![id, now, reason])?;
                }
            }
        }
    }
    claimed.sort_by_key(|message: &OutboxMessage| message.id);
    Ok(claimed)
}

/// What is left of a lease.
fn state(connection: &Connection, lease: &Lease) -> Result<LeaseState, Failure> {
    let held = (lease.id.get(), lease.attempt);
    let key = rows::first(connection, HELD, held, |row| rows::text(row, 0))?;
    Ok(match key {
        Some(key) if key == lease.key => LeaseState::Held,
        Some(_) => LeaseState::Superseded,
        None => LeaseState::Lost,
    })
}

/// Ends an attempt whose lease holds.
fn settle(connection: &Connection, id: i64, settlement: &Settlement) -> Result<(), Failure> {
    match settlement {
        Settlement::Settled => rows::change(connection, REMOVE, [id])?,
        Settlement::Again {
            due_at,
            failures,
            receipts,
        } => {
            let due_at = rows::time_text(*due_at)?;
            let values = params![id, due_at, receipts.to_text(), failures];
            rows::change(connection, PUT_OFF, values)?
        }
        Settlement::Dead { letter, receipts } => {
            let died_at = rows::time_text(letter.at)?;
            let values = params![id, died_at, letter.reason, receipts.to_text()];
            rows::change(connection, BURY, values)?;
            rows::change(connection, REMOVE_OLDER_LETTERS, [id])?
        }
    };
    Ok(())
}

/// The message in a row, or which column of it cannot be read.
fn row(row: &Row<'_>) -> Result<OutboxRow, Failure> {
    let id = MessageId::new(row.get(0)?);
    Ok(match message(row, id) {
        Ok(message) => OutboxRow::Message(Box::new(message)),
        Err(Odd(place)) => OutboxRow::Unreadable(UnreadableMessage {
            id,
            column: COLUMNS.get(place).copied().unwrap_or_default(),
            is_dead: !matches!(row.get_ref(18)?, ValueRef::Null),
        }),
    })
}

/// The place of a column whose value cannot be read.
struct Odd(usize);

/// The message in a row.
fn message(row: &Row<'_>, id: MessageId) -> Result<OutboxMessage, Odd> {
    let text = |place| row.get::<_, String>(place).map_err(|_| Odd(place));
    let optional_text = |place| row.get::<_, Option<String>>(place).map_err(|_| Odd(place));
    let number = |place| row.get::<_, Option<i64>>(place).map_err(|_| Odd(place));
    let count = |place| row.get::<_, u32>(place).map_err(|_| Odd(place));
    let time = |place| rows::time(row, place).map_err(|_| Odd(place));
    let optional_time = |place| rows::optional_time(row, place).map_err(|_| Odd(place));
    let receipts = |place| match optional_text(place)? {
        None => Ok(Receipts::default()),
        Some(text) => Receipts::from_text(&text).map_err(|_| Odd(place)),
    };
    let recipient = number(4)?.zip(number(5)?);
    let created_at = time(9)?;
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
                row.get::<_, Vec<u8>>(6).map_err(|_| Odd(6))?,
                optional_text(7)?,
            ),
            // A tag that a later version would write is no reason to send nothing.
            language: optional_text(8)?.and_then(|tag| Language::parse(&tag).ok()),
            created_at,
            expires_at: time(11)?,
        },
        requested_at: links::time(row, 20).map_err(|_| Odd(20))?,
        enqueued_at: optional_time(10)?.unwrap_or(created_at),
        attempts: count(12)?,
        ready_attempt: count(13)?,
        failures: count(14)?,
        due_at: time(15)?,
        receipts: receipts(16)?.after(receipts(17)?),
        dead: match optional_time(18)? {
            Some(at) => Some(DeadLetter {
                at,
                reason: optional_text(19)?.unwrap_or_default(),
            }),
            None => None,
        },
    })
}
