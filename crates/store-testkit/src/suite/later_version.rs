//! What workers of a later version leave in the outbox, beside those that do not know it.
#![expect(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use chrono::{DateTime, Duration, Utc};
use phone_auth_core::outbox::{
    AttemptOutcome, Claim, LeaseState, MessageId, NextDue, OutboxRow, Queues,
};
use phone_auth_core::store::OutboxStore;

use super::Subject;
use super::message_sample::{enqueued, finished, keys, now, to_another};
use crate::external_writer::{ExternalChange, OddCell, OddValue};

/// Receipts with an outcome that this version does not know.
const RECEIPTS: &str = r#"[{"receiver":"app::mail","outcome":"put_off"}]"#;

/// A lease that is over at once.
const NO_TIME: Duration = Duration::microseconds(1);

/// Claims what is due at a time, for so long, and finishes it; the keys.
async fn delivered(outbox: &dyn OutboxStore, now: DateTime<Utc>, lease: Duration) -> Vec<String> {
    let claim = Claim {
        now,
        until: now + lease,
        limit: 9,
        without: Queues::default(),
    };
    let claimed = outbox.claim_messages(&claim).await.unwrap();
    for message in &claimed {
        let state = finished(outbox, &message.lease(), &AttemptOutcome::Finished).await;
        assert_eq!(state, LeaseState::Held);
    }
    keys(&claimed).into_iter().map(str::to_owned).collect()
}

/// The rows that cannot be read, and whether they are dead.
async fn unreadable(outbox: &dyn OutboxStore) -> Vec<(MessageId, &'static str, bool)> {
    let rows = outbox.outbox_after(None, 9).await.unwrap();
    rows.into_iter()
        .filter_map(|row| match row {
            OutboxRow::Unreadable(row) => Some((row.id, row.column, row.is_dead)),
            OutboxRow::Message(_) => None,
        })
        .collect()
}

pub(super) async fn message_of_a_later_version_is_kept(subject: &Subject) {
    let outbox = subject.outbox();
    for (column, unknown, known) in [
        ("purpose", "invite", "reset_password"),
        ("kind", "fax", "email"),
        ("receipts", RECEIPTS, "[]"),
        ("receipts", "{}", "[]"),
    ] {
        let start = now(outbox).await;
        let mut ids = Vec::new();
        for (key, lifetime) in [("late", Duration::zero()), ("kept", Duration::hours(1))] {
            let mut message = to_another(subject, key, start).await;
            message.expires_at = start + lifetime;
            outbox.enqueue_message(&message).await.unwrap();
            let id = outbox
                .outbox_after(None, 9)
                .await
                .unwrap()
                .last()
                .unwrap()
                .id();
            let cell = OddCell::Message(id, column);
            subject
                .outside(ExternalChange::SetOdd(cell, OddValue::Text(unknown)))
                .await;
            ids.push(id);
        }
        let [first, second] = ids.try_into().unwrap();
        enqueued(subject, "plain", start).await;
        let told = format!("{column} {unknown}");
        // What no signal of this version is for is nobody's here, and no reason to look again before its link is over.
        let is_left = column != "receipts";
        let lease = if is_left { Duration::hours(1) } else { NO_TIME };
        // A worker that comes upon it again and again changes nothing while the link works.
        for delivers in [&["plain"][..], &[], &[]] {
            let now = now(outbox).await;
            assert_eq!(delivered(outbox, now, lease).await, delivers, "{told}");
            let expected = [(first, column, true), (second, column, false)];
            assert_eq!(unreadable(outbox).await, expected, "{told}");
        }
        let due = outbox.next_due().await.unwrap();
        let over = NextDue::At(start + Duration::hours(1));
        assert!(!is_left || due == over, "{told}: {due:?}");
        // A worker of the later version reads it, and has it at once or when a lease ends.
        let cell = OddCell::Message(second, column);
        subject
            .outside(ExternalChange::SetOdd(cell, OddValue::Text(known)))
            .await;
        let now = now(outbox).await;
        assert_eq!(delivered(outbox, now, NO_TIME).await, ["kept"], "{told}");
        let ahead = Utc::now() + Duration::days(1);
        assert_eq!(outbox.purge_dead_letters(ahead).await.unwrap(), 1, "{told}");
    }
}

pub(super) async fn older_receipts_of_a_later_version_delay_nothing(subject: &Subject) {
    let outbox = subject.outbox();
    for text in [RECEIPTS, "no list", ""] {
        let start = now(outbox).await;
        enqueued(subject, "newer", start).await;
        let pending = outbox.outbox_after(None, 9).await.unwrap();
        let id = pending.first().unwrap().id();
        let cell = OddCell::Message(id, "earlier_receipts");
        subject
            .outside(ExternalChange::SetOdd(cell, OddValue::Text(text)))
            .await;
        let now = now(outbox).await;
        assert_eq!(delivered(outbox, now, NO_TIME).await, ["newer"], "{text}");
    }
}
