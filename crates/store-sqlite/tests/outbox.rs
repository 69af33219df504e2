//! What is odd in the outbox's table.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::address::AddressKind;
use phone_auth_core::outbox::{Binding, Claim, MessagePurpose, NewMessage, OutboxMessage};
use phone_auth_core::store::OutboxStore;
use phone_auth_store_sqlite::SqliteStore;

use crate::common::{Scratch, run};

/// A time of the tests.
fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

/// Owes a message to nobody whose link expires after an hour.
async fn owe(store: &SqliteStore, key: &str) {
    let message = NewMessage {
        key: key.to_owned(),
        purpose: MessagePurpose::ResetPassword,
        kind: AddressKind::Email,
        recipient: None,
        binding: Binding::from_bytes([7; 32]),
        language: None,
        created_at: at(0),
        expires_at: at(60),
    };
    store.owe_message(&message).await.unwrap();
}

async fn claim(store: &SqliteStore, minutes: i64) -> Vec<String> {
    let claim = Claim {
        now: at(minutes),
        until: at(minutes + 1),
        limit: 16,
    };
    keys(store.claim_messages(&claim).await.unwrap())
}

fn keys(messages: Vec<OutboxMessage>) -> Vec<String> {
    messages.into_iter().map(|it| it.message.key).collect()
}

#[test]
fn unreadable_message_keeps_nobody_from_the_others() {
    let scratch = Scratch::new();
    run(async {
        let store = scratch.store();
        for key in ["a", "b", "c"] {
            owe(&store, key).await;
        }
        // As a later version might write them.
        let garble = "UPDATE phone_auth_outbox SET purpose = 'invite' WHERE message_key = 'a';
            UPDATE phone_auth_outbox SET receipts = '[{\"receiver\":\"x\",\"outcome\":\"put_off\"}]' WHERE message_key = 'b'";
        scratch.connect().execute_batch(garble).unwrap();
        assert_eq!(claim(&store, 1).await, ["c"]);
        assert_eq!(keys(store.outbox_after(None, 9).await.unwrap()), ["c"]);
        assert_eq!(
            claim(&store, 1).await,
            [""; 0],
            "it is not due at once again"
        );
        let restore = "UPDATE phone_auth_outbox SET purpose = 'verify' WHERE message_key = 'a'";
        scratch.connect().execute_batch(restore).unwrap();
        assert_eq!(
            claim(&store, 59).await,
            ["a", "c"],
            "its version can send it"
        );
        // The link of the other has expired by now.
        assert_eq!(claim(&store, 61).await, ["a", "c"]);
        assert_eq!(store.purge_dead_letters(at(60)).await.unwrap(), 0);
        assert_eq!(store.purge_dead_letters(at(62)).await.unwrap(), 1);
    });
}
