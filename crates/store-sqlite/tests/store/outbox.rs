//! What is odd in the outbox's table.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{SubsecRound, TimeDelta, Utc};
use phone_auth_core::address::{AddressId, AddressKind, EmailAddress};
use phone_auth_core::outbox::{
    Binding, Channel, Claim, NewMessage, NextDue, Notices, OutboxRow, Purpose, Queues, Recipient,
};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::store::{AddressStore, OutboxStore, UserStore};
use phone_auth_core::user::NewUser;
use phone_auth_store_sqlite::SqliteStore;

use crate::common::{Scratch, run};

/// Enqueues a message to someone new; its key is the name.
async fn enqueue(store: &SqliteStore, name: &str) {
    let new = NewUser {
        username: name.to_owned(),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        password: EncodedPassword::new("hash"),
        email: EmailAddress::parse(&format!("{name}@example.org")).ok(),
        phone: None,
        date_joined: Utc::now(),
        notices: Notices::default(),
        closes_at: None,
    };
    let user = store.create_user(&new).await.unwrap();
    let address: AddressId = store.addresses_of(user.id, 9).await.unwrap().remove(0).id;
    let created_at = Utc::now().trunc_subsecs(6);
    let message = NewMessage {
        key: name.to_owned(),
        purpose: Purpose::ResetPassword,
        kind: AddressKind::Email,
        recipient: Some(Recipient {
            user: user.id,
            address,
        }),
        notice: None,
        event: None,
        binding: Binding::from_stored([7; 32], None),
        language: None,
        channel: Channel::Email,
        created_at,
        code_half_life: None,
        challenge: None,
        expires_at: created_at + TimeDelta::hours(1),
    };
    store.enqueue_message(&message).await.unwrap();
}

/// The keys of what can be claimed now.
async fn claim(store: &SqliteStore) -> Vec<String> {
    let now = Utc::now();
    let claim = Claim {
        now,
        until: now + TimeDelta::minutes(1),
        limit: 16,
        without: Queues::default(),
    };
    let claimed = store.claim_messages(&claim).await.unwrap();
    claimed.into_iter().map(|it| it.message.key).collect()
}

/// All columns that a row can be read by, and what may stand in them that cannot be read.
const ODD: [(&str, &[&str]); 15] = [
    ("message_key", &["x'00ff'"]),
    (
        "purpose",
        &["'invite'", "''", "x'ff'", "7", "'reset_password '"],
    ),
    ("kind", &["'fax'", "''", "x'ff'", "7"]),
    ("person_id", &["'one'", "x'01'"]),
    ("address_id", &["'one'", "1.5"]),
    ("binding", &["'text'", "7"]),
    ("binding_parts", &["x'ff'"]),
    ("created_at", &["'soon'", "''", "7", "x'00'"]),
    ("enqueued_at", &["'soon'", "7"]),
    ("expires_at", &["'never'", "''", "1e99", "x'00'"]),
    (
        "attempts",
        &[
            "'many'",
            "-1",
            "4294967296",
            "9223372036854775807",
            "1.5",
            "x'00'",
        ],
    ),
    ("failures", &["'many'", "-1"]),
    (
        "due_at",
        &[
            "'soon'",
            "''",
            "' '",
            "7",
            "1.5",
            "x'00'",
            "x'ff'",
            "'now'",
            "'2999-12-31T23:59:59Z'",
            "'2999-02-29 00:00:00'",
            "'2999-13-01 00:00:00'",
            "'2999-12-31 24:00:00'",
            "'2999-12-31 23:59:60'",
            "'2999-12-31 23:59:59.'",
            "'2999-12-31 23:59:59.1234567'",
            "'2999-12-31 23:59:59 '",
            "'2999-12-31 23:59:59+00:00'",
            "'12999-12-31 23:59:59'",
        ],
    ),
    (
        "receipts",
        &[
            "'[{}]'",
            "''",
            "'[{\"receiver\":\"x\",\"outcome\":\"put_off\"}]'",
            "x'ff'",
            "7",
        ],
    ),
    ("requested_at", &["'soon'", "1.5", "9223372036854775807"]),
];

#[test]
fn unreadable_row_becomes_a_dead_letter_alone() {
    for (column, values) in ODD {
        for value in values {
            let scratch = Scratch::new();
            run(async {
                let store = scratch.store();
                for name in ["ann", "bob", "carl"] {
                    enqueue(&store, name).await;
                }
                // As another program might have written it, long before anyone looks.
                let garble = format!(
                    "PRAGMA foreign_keys = OFF;
                    UPDATE phone_auth_outbox SET attempts = 1, due_at = '2999-12-31 23:59:59', expires_at = created_at
                        WHERE message_key = 'bob';
                    UPDATE phone_auth_outbox SET due_at = '2020-01-01 00:00:00'
                        WHERE message_key = 'bob' AND '{column}' <> 'due_at';
                    UPDATE phone_auth_outbox SET {column} = {value} WHERE message_key = 'bob'"
                );
                scratch.connect().execute_batch(&garble).unwrap();
                let case = format!("{column} = {value}");
                assert_eq!(store.next_due().await.unwrap(), NextDue::Now, "{case}");
                assert_eq!(claim(&store).await, ["ann", "carl"], "{case}");
                let rows = store.outbox_after(None, 9).await.unwrap();
                let odd: Vec<_> = rows
                    .iter()
                    .filter_map(|row| match row {
                        OutboxRow::Unreadable(row) => Some((row.column, row.is_dead)),
                        OutboxRow::Message(_) => None,
                    })
                    .collect();
                assert_eq!((rows.len(), odd), (3, vec![(column, true)]), "{case}");
                let reason: String = scratch
                    .connect()
                    .query_row(
                        "SELECT reason FROM phone_auth_outbox WHERE died_at IS NOT NULL",
                        [],
                        |row| row.get(0),
                    )
                    .unwrap();
                assert_eq!(reason, format!("its column {column} cannot be read"));
                assert!(
                    matches!(store.next_due().await.unwrap(), NextDue::At(_)),
                    "{case}: the others are leased"
                );
            });
        }
    }
}

#[test]
fn odd_rows_in_front_hide_nothing() {
    let scratch = Scratch::new();
    run(async {
        let store = scratch.store();
        for number in 0..20 {
            enqueue(&store, &format!("user{number:02}")).await;
        }
        let garble = "UPDATE phone_auth_outbox SET due_at = 'soon' WHERE id < 19";
        scratch.connect().execute_batch(garble).unwrap();
        let claimed = claim(&store).await;
        assert_eq!(
            claimed,
            ["user18", "user19"],
            "more are odd than are claimed at once"
        );
    });
}

#[test]
fn odd_values_that_say_nothing_are_passed_over() {
    for (column, value) in [
        ("language", "'not a tag!'"),
        ("reason", "'left over'"),
        ("leased_attempt", "'x'"),
        ("earlier_receipts", "x'ff'"),
    ] {
        let scratch = Scratch::new();
        run(async {
            let store = scratch.store();
            enqueue(&store, "ann").await;
            let garble = format!("UPDATE phone_auth_outbox SET {column} = {value}");
            scratch.connect().execute_batch(&garble).unwrap();
            assert_eq!(claim(&store).await, ["ann"], "{column}");
        });
    }
}
