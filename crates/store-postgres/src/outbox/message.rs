//! A message of the outbox, as it is read from its row.

use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::language::Language;
use phone_auth_core::outbox::{
    Binding, Channel, DeadLetter, MessageId, NewMessage, OutboxMessage, OutboxRow, Purpose,
    Receipts, Recipient, UnreadableMessage, read_told,
};
use phone_auth_core::user::UserId;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::failure::Failure;
use crate::rows;

/// The columns of a message, in the order that [`message`] reads.
pub(super) const COLUMNS: [&str; 23] = [
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
    "notice",
    "channel",
];

/// The message in a row, or which column of it cannot be read. A row that was just claimed has other values than before,
/// so which of those could not be read is told apart.
pub(super) fn read(row: &PgRow, odd: Option<usize>) -> Result<OutboxRow, Failure> {
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
            deadline: deadline(row),
            is_dead: row.try_get(COLUMNS.len())?,
        }),
    })
}

/// The place of a column whose value cannot be read.
struct Odd(usize);

/// When the link of a message stops working, whatever else of it cannot be read.
fn deadline(row: &PgRow) -> Option<DateTime<Utc>> {
    let time = |place| {
        row.try_get::<Option<DateTime<Utc>>, _>(place)
            .ok()
            .flatten()
    };
    time(10)?.checked_add_signed(time(11)? - time(9)?)
}

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
    let kind = rows::kind(row, 3).ok().flatten().ok_or(Odd(3))?;
    let channel = match optional_text(22)? {
        Some(word) => Channel::parse(&word).ok_or(Odd(22))?,
        None => Channel::usual(kind),
    };
    let purpose = Purpose::parse(&text(2)?).ok_or(Odd(2))?;
    let (notice, event) = match (purpose, number(4)?) {
        (Purpose::SecurityNotice, None) => return Err(Odd(4)),
        (Purpose::SecurityNotice | Purpose::Event, user) => {
            read_told(purpose, user.map(UserId::new), &text(21)?).ok_or(Odd(21))?
        }
        _ => (None, None),
    };
    let is_dead: bool = row.try_get(COLUMNS.len()).map_err(|_| Odd(18))?;
    let is_requested: bool = row.try_get(COLUMNS.len() + 1).map_err(|_| Odd(20))?;
    Ok(OutboxMessage {
        id,
        message: NewMessage {
            key: text(1)?,
            purpose,
            kind,
            recipient: recipient.map(|(user, address)| Recipient {
                user: UserId::new(user),
                address: AddressId::new(address),
            }),
            notice,
            event,
            binding: Binding::from_stored(
                row.try_get::<Vec<u8>, _>(6).map_err(|_| Odd(6))?,
                optional_text(7)?,
            ),
            // A tag that a later version would write is no reason to send nothing.
            language: optional_text(8)?.and_then(|tag| Language::parse(&tag).ok()),
            channel,
            created_at: time(9)?,
            expires_at: time(11)?,
            code_half_life: None,
            challenge: None,
        },
        requested_at: if is_requested { Some(time(20)?) } else { None },
        enqueued_at: time(10)?,
        attempts: count(12)?,
        ready_attempt: count(13)?,
        failures: count(14)?,
        due_at: time(15)?,
        // What cannot be read of an older message is no reason to send nothing.
        receipts: receipts(16)?.after(receipts(17).unwrap_or_default()),
        dead: if is_dead {
            Some(DeadLetter {
                at: time(18)?,
                reason: optional_text(19)?.unwrap_or_default(),
            })
        } else {
            None
        },
        is_in_doubt: row.try_get(COLUMNS.len() + 2).unwrap_or(true),
    })
}
