//! A message of the outbox, as it is read from its row.

use chrono::{DateTime, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::language::Language;
use phone_auth_core::outbox::{
    Binding, Channel, DeadLetter, MessageId, NewMessage, OutboxMessage, OutboxRow, Purpose,
    Receipts, Recipient, UnreadableMessage, read_told,
};
use phone_auth_core::user::UserId;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use crate::failure::Failure;
use crate::links;
use crate::rows;

/// The columns of a message, in the order that [`message`] reads.
const COLUMNS: [&str; 23] = [
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

/// The message in a row, or which column of it cannot be read.
pub(super) fn row(row: &Row<'_>) -> Result<OutboxRow, Failure> {
    let id = MessageId::new(row.get(0)?);
    Ok(match message(row, id) {
        Ok(message) => OutboxRow::Message(Box::new(message)),
        Err(Odd(place)) => OutboxRow::Unreadable(UnreadableMessage {
            id,
            column: COLUMNS.get(place).copied().unwrap_or_default(),
            deadline: deadline(row),
            is_dead: !matches!(row.get_ref(18)?, ValueRef::Null),
        }),
    })
}

/// The place of a column whose value cannot be read.
struct Odd(usize);

/// When the link of a message stops working, whatever else of it cannot be read.
fn deadline(row: &Row<'_>) -> Option<DateTime<Utc>> {
    let created_at = rows::time(row, 9).ok()?;
    let enqueued_at = rows::optional_time(row, 10).ok()?.unwrap_or(created_at);
    enqueued_at.checked_add_signed(rows::time(row, 11).ok()? - created_at)
}

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
    let kind = rows::kind(row, 3).ok().flatten().ok_or(Odd(3))?;
    let channel = match optional_text(22)? {
        Some(word) => Channel::parse(&word).ok_or(Odd(22))?,
        None => Channel::usual(kind),
    };
    let created_at = time(9)?;
    let purpose = Purpose::parse(&text(2)?).ok_or(Odd(2))?;
    let (notice, event) = match (purpose, number(4)?) {
        (Purpose::SecurityNotice, None) => return Err(Odd(4)),
        (Purpose::SecurityNotice | Purpose::Event, user) => {
            read_told(purpose, user.map(UserId::new), &text(21)?).ok_or(Odd(21))?
        }
        _ => (None, None),
    };
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
                row.get::<_, Vec<u8>>(6).map_err(|_| Odd(6))?,
                optional_text(7)?,
            ),
            // A tag that a later version would write is no reason to send nothing.
            language: optional_text(8)?.and_then(|tag| Language::parse(&tag).ok()),
            channel,
            created_at,
            expires_at: time(11)?,
            code_half_life: None,
            challenge: None,
        },
        requested_at: links::exact_time(row, 20).map_err(|_| Odd(20))?,
        enqueued_at: optional_time(10)?.unwrap_or(created_at),
        attempts: count(12)?,
        ready_attempt: count(13)?,
        failures: count(14)?,
        due_at: time(15)?,
        // What cannot be read of an older message is no reason to send nothing.
        receipts: receipts(16)?.after(receipts(17).unwrap_or_default()),
        dead: match optional_time(18)? {
            Some(at) => Some(DeadLetter {
                at,
                reason: optional_text(19)?.unwrap_or_default(),
            }),
            None => None,
        },
        // To doubt it costs less than to be wrong.
        is_in_doubt: row.get(COLUMNS.len()).unwrap_or(true),
    })
}
