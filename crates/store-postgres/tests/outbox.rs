//! What is odd in the outbox's table.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_core::address::AddressKind;
use phone_auth_core::outbox::{Binding, Claim, MessagePurpose, NewMessage, OutboxMessage};
use phone_auth_core::store::OutboxStore;
use phone_auth_store_postgres::PostgresStore;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Executor};

use crate::common::{database, run, store};

/// A time of the tests.
fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::minutes(minutes)
}

/// Owes a message to nobody whose link expires after an hour.
async fn owe(store: &PostgresStore, key: &str) {
    owe_at(store, key, at(0)).await;
}

async fn owe_at(store: &PostgresStore, key: &str, created_at: DateTime<Utc>) {
    let message = NewMessage {
        key: key.to_owned(),
        purpose: MessagePurpose::ResetPassword,
        kind: AddressKind::Email,
        recipient: None,
        binding: Binding::from_bytes([7; 32]),
        language: None,
        created_at,
        expires_at: created_at + TimeDelta::hours(1),
    };
    store.owe_message(&message).await.unwrap();
}

async fn claim(store: &PostgresStore, minutes: i64) -> Vec<String> {
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
    let database = database();
    run(async {
        let store = store(&database).await;
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        for key in ["a", "b", "c"] {
            owe(&store, key).await;
        }
        // As a later version might write them.
        let garble = "UPDATE phone_auth_outbox SET purpose = 'invite' WHERE message_key = 'a';
            UPDATE phone_auth_outbox SET receipts = '[{\"receiver\":\"x\",\"outcome\":\"put_off\"}]' WHERE message_key = 'b'";
        other.execute(garble).await.unwrap();
        assert_eq!(claim(&store, 1).await, ["c"]);
        assert_eq!(keys(store.outbox_after(None, 9).await.unwrap()), ["c"]);
        assert_eq!(
            claim(&store, 1).await,
            [""; 0],
            "it is not due at once again"
        );
        let restore = "UPDATE phone_auth_outbox SET purpose = 'verify' WHERE message_key = 'a'";
        other.execute(restore).await.unwrap();
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

#[test]
fn times_are_told_by_the_servers_clock() {
    let database = database();
    run(async {
        let store = store(&database).await;
        let before = Utc::now() - TimeDelta::minutes(1);
        let clock = store.clock().await.unwrap().unwrap();
        assert!(before < clock && clock < Utc::now() + TimeDelta::minutes(1));
        // A site whose clock is an hour ahead owes a message that is due at once all the same.
        let ahead = Utc::now() + TimeDelta::hours(1);
        owe_at(&store, "a", ahead).await;
        let due = store.next_due().await.unwrap().unwrap();
        assert!(due <= store.clock().await.unwrap().unwrap());
    });
}
