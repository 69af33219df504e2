//! The place of a message that a newer one supersedes.

use chrono::{DateTime, Utc};
use phone_auth_core::outbox::{Receipts, Superseded};
use rusqlite::Row;
use rusqlite::types::Value;

use crate::rows;

/// The place of a message, as one finds it that supersedes it.
pub(super) struct Place {
    pub(super) id: i64,
    pub(super) attempts: Value,
    pub(super) ready_attempt: Value,
    pub(super) leased_attempt: Value,
    pub(super) due_at: Value,
    /// The message that it was, if nobody is delivering that, nor was who did not say what became of it.
    pub(super) superseded: Option<Superseded>,
}

impl Place {
    /// Which place the newer message has, at this time. A lease that runs goes on: who has it hears of the newer
    /// message and gives the place free; that one has not been tried. One that was not tried yet keeps its turn. Else it is due
    /// now, and no lease from before holds.
    pub(super) fn after(row: &Row<'_>, now: DateTime<Utc>, now_text: &str) -> Self {
        let value = |column| row.get::<_, Value>(column).unwrap_or(Value::Null);
        let place = Self {
            id: row.get(0).unwrap_or_default(),
            attempts: value(1),
            ready_attempt: value(2),
            leased_attempt: value(3),
            due_at: value(4),
            superseded: superseded(row),
        };
        let Value::Integer(attempts) = place.attempts else {
            return place;
        };
        let due_at = rows::optional_time(row, 4).ok().flatten();
        let is_leased =
            place.leased_attempt == place.attempts && due_at.is_some_and(|due| due > now);
        if is_leased || place.ready_attempt == place.attempts {
            let ready_attempt = place.attempts.clone();
            return Self {
                ready_attempt,
                ..place
            };
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
            superseded: place.superseded,
        }
    }
}

/// The message in a place, if all that became of it is known. What cannot be read tells nothing.
fn superseded(row: &Row<'_>) -> Option<Superseded> {
    let is_known: bool = row.get(5).ok()?;
    let receipts: String = row.get(8).ok()?;
    is_known.then_some(())?;
    Some(Superseded {
        created_at: rows::time(row, 6).ok()?,
        binding_parts: row.get(7).ok()?,
        receipts: Receipts::from_text(&receipts).ok()?,
    })
}
