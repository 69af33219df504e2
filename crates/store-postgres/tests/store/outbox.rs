//! What is odd in the outbox's table.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use phone_auth_core::address::{AddressKind, EmailAddress};
use phone_auth_core::outbox::{
    Binding, Channel, Claim, NewMessage, NextDue, Notices, OutboxRow, Purpose, Queues, Recipient,
};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::store::{AddressStore, OutboxStore, UserStore};
use phone_auth_core::user::NewUser;
use phone_auth_store_postgres::PostgresStore;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::common::{database, run, store};

/// Enqueues a message to someone new; its key is the name.
async fn enqueue(store: &PostgresStore, name: &str, created_at: DateTime<Utc>) {
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
    let address = store.addresses_of(user.id, 9).await.unwrap().remove(0).id;
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
async fn claim(store: &PostgresStore) -> Vec<String> {
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
const ODD: [(&str, &[&str]); 10] = [
    ("purpose", &["'invite'", "''", "'reset_password '"]),
    ("kind", &["'fax'", "''"]),
    ("created_at", &["'infinity'", "'0044-03-15 BC'"]),
    (
        "enqueued_at",
        &["'infinity'", "'-infinity'", "'12999-12-31'"],
    ),
    (
        "expires_at",
        &["'infinity'", "'-infinity'", "'12999-12-31'"],
    ),
    ("attempts", &["-1", "4294967296", "9223372036854775807"]),
    ("failures", &["-1", "4294967296"]),
    (
        "due_at",
        &[
            "'infinity'",
            "'-infinity'",
            "'0044-03-15 BC'",
            "'12999-12-31'",
        ],
    ),
    (
        "receipts",
        &[
            "'[{}]'",
            "''",
            "'[{\"receiver\":\"x\",\"outcome\":\"put_off\"}]'",
        ],
    ),
    ("requested_at", &["'infinity'", "'0044-03-15 BC'"]),
];

#[test]
fn unreadable_row_becomes_a_dead_letter_alone() {
    let database = database();
    run(async {
        let store = store(&database).await;
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        for (column, values) in ODD {
            for value in values {
                other.execute("TRUNCATE auth_user CASCADE").await.unwrap();
                let now = Utc::now().trunc_subsecs(6);
                for name in ["ann", "bob", "carl"] {
                    enqueue(&store, name, now).await;
                }
                let garble = format!(
                    "UPDATE phone_auth_outbox SET attempts = 1, due_at = '2020-01-01', expires_at = created_at
                        WHERE message_key = 'bob';
                    UPDATE phone_auth_outbox SET {column} = {value} WHERE message_key = 'bob'"
                );
                sqlx::raw_sql(AssertSqlSafe(garble))
                    .execute(&mut other)
                    .await
                    .unwrap();
                let case = format!("{column} = {value}");
                assert_eq!(store.next_due().await.unwrap(), NextDue::Now, "{case}");
                assert_eq!(claim(&store).await, ["ann", "carl"], "{case}");
                let rows = store.outbox_after(None, 9).await.unwrap();
                let dead: Vec<bool> = rows
                    .iter()
                    .map(|row| match row {
                        OutboxRow::Unreadable(row) => row.is_dead,
                        OutboxRow::Message(row) => row.dead.is_some(),
                    })
                    .collect();
                assert_eq!(dead, [false, true, false], "{case}");
                let reason: String = sqlx::query_scalar(
                    "SELECT reason FROM phone_auth_outbox WHERE died_at IS NOT NULL",
                )
                .fetch_one(&mut other)
                .await
                .unwrap();
                assert_eq!(
                    reason,
                    format!("its column {column} cannot be read"),
                    "{case}"
                );
            }
        }
    });
}

#[test]
fn odd_rows_in_front_hide_nothing() {
    let database = database();
    run(async {
        let store = store(&database).await;
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        for number in 0..20 {
            enqueue(&store, &format!("user{number:02}"), Utc::now()).await;
        }
        let garble = "UPDATE phone_auth_outbox SET purpose = 'invite' WHERE id < 19";
        other.execute(garble).await.unwrap();
        let claimed = claim(&store).await;
        assert_eq!(
            claimed,
            ["user18", "user19"],
            "more are odd than are claimed at once"
        );
    });
}

#[test]
fn retry_of_an_older_server_frees_no_lease() {
    let database = database();
    run(async {
        let store = store(&database).await;
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        enqueue(&store, "ann", Utc::now()).await;
        // It counts attempts from 0 again, and leaves the other numbers.
        let retry =
            "UPDATE phone_auth_outbox SET attempts = 0, ready_attempt = 1, leased_attempt = 3";
        other.execute(retry).await.unwrap();
        assert_eq!(claim(&store).await, ["ann"]);
        assert_ne!(store.next_due().await.unwrap(), NextDue::Now);
        assert!(claim(&store).await.is_empty(), "it is leased");
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
        // A site whose clock is wrong enqueues a message that is due at once, and has its whole life before it.
        for (name, hours) in [("ann", -2), ("bob", 2)] {
            enqueue(&store, name, Utc::now() + TimeDelta::hours(hours)).await;
        }
        let now = store.clock().await.unwrap().unwrap();
        for row in store.outbox_after(None, 9).await.unwrap() {
            let message = row.into_message().unwrap();
            assert!(message.due_at <= now);
            let left = message.deadline() - now;
            assert!(left > TimeDelta::minutes(50) && left <= TimeDelta::hours(1));
        }
        assert_eq!(claim(&store).await, ["ann", "bob"]);
    });
}

#[test]
fn clock_that_is_ahead_takes_no_lease() {
    let database = database();
    run(async {
        let store = store(&database).await;
        enqueue(&store, "ann", Utc::now()).await;
        let claim_at = async |now: DateTime<Utc>| {
            let claim = Claim {
                now,
                until: now + TimeDelta::minutes(1),
                limit: 16,
                without: Queues::default(),
            };
            let claimed = store.claim_messages(&claim).await.unwrap();
            claimed.len()
        };
        let now = store.clock().await.unwrap().unwrap().trunc_subsecs(6);
        assert_eq!(claim_at(now).await, 1);
        // To a worker whose clock is ahead the lease has ended; the server knows better.
        for hours in [1, 24 * 365] {
            let ahead = now + TimeDelta::hours(hours);
            assert_eq!(claim_at(ahead).await, 0, "{hours}");
        }
        // And a worker whose clock is ahead holds its own no longer than a lease lasts.
        enqueue(&store, "bob", Utc::now()).await;
        assert_eq!(claim_at(now + TimeDelta::hours(1)).await, 1);
        assert_eq!(claim_at(now + TimeDelta::hours(2)).await, 0);
        let ends = store.next_due().await.unwrap();
        let NextDue::At(ends) = ends else {
            unreachable!("{ends:?}")
        };
        let left = ends - store.clock().await.unwrap().unwrap();
        assert!(left <= TimeDelta::minutes(1), "{left}");
    });
}
