//! Rows that someone else holds: who waits, and for how long.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use phone_auth_core::address::{
    Address, AddressCaps, AddressKind, AddressRecord, AddressRemoval, EmailAddress, Losses,
    RemovalOutcome, VerificationClaim,
};
use phone_auth_core::outbox::{Binding, Channel, NewMessage, Notices, Purpose, Recipient};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{NewLogIn, PasswordReplacement};
use phone_auth_core::store::{AddressStore, OutboxStore, SessionStore, StoreErrorKind, UserStore};
use phone_auth_core::user::User;
use phone_auth_store_postgres::{PostgresOptions, PostgresStore};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::time::timeout;

use crate::common::waiting::{
    ALL_IS_QUIET, FIVE_WAIT, LONG, SOMEONE_WAITS, TWO_WAIT, at_last, impatient, look_anew, until,
};
use crate::common::{database, log_in, run, store, store_with, user};

#[test]
fn long_lock_is_unavailable() {
    let database = database();
    run(async {
        let store = store_with(&database, impatient()).await;
        let ann = at_last(async || store.create_user(&user("ann", 1)).await).await;
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        let mut held = other.begin().await.unwrap();
        held.execute("SELECT 1 FROM auth_user FOR UPDATE")
            .await
            .unwrap();
        let error = store.log_in(&log_in(ann.id, 1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let error = store.set_active(ann.id, false).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        held.rollback().await.unwrap();

        let found = at_last(async || store.user(ann.id).await).await;
        assert_eq!(found, Some(ann.clone()));
        assert!(at_last(async || store.log_in(&log_in(ann.id, 1)).await).await);
    });
}

/// A call about Ann, who is this user and has this address.
type Call = fn(Arc<PostgresStore>, User, AddressRecord) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes a call of a method, whatever it answers.
macro_rules! call {
    (|$store:ident, $ann:ident, $address:ident| $call:expr) => {
        |$store, $ann, $address| {
            let _ = (&$ann, &$address);
            Box::pin(async move {
                let _ = $call.await;
            })
        }
    };
}

/// Every call that may have to wait for a row of Ann's.
const ABOUT_ANN: [(&str, Call); 8] = [
    (
        "a log-out",
        call!(|store, ann, address| store.end_session(&log_in(ann.id, 1).session.digest)),
    ),
    (
        "a log-in",
        call!(|store, ann, address| store.log_in(&log_in(ann.id, 2))),
    ),
    (
        "a log-in that upgrades",
        call!(|store, ann, address| store.log_in(&NewLogIn {
            upgraded_password: Some(EncodedPassword::new("argon2$better")),
            ..log_in(ann.id, 3)
        })),
    ),
    (
        "disabling",
        call!(|store, ann, address| store.set_active(ann.id, false)),
    ),
    (
        "enabling",
        call!(|store, ann, address| store.set_active(ann.id, true)),
    ),
    (
        "another password",
        call!(
            |store, ann, address| store.replace_password(&PasswordReplacement {
                user: ann.id,
                old: ann.password.clone(),
                new: EncodedPassword::new("argon2$new"),
                last_login: None,
                link: None,
                keeps: None,
                notices: Notices::default(),
                losses: Losses::default(),
                names: None,
            })
        ),
    ),
    (
        "another address",
        call!(|store, ann, address| store.add_address(
            ann.id,
            &Address::Email(EmailAddress::parse("other@example.org").unwrap()),
            AddressCaps {
                all: 100,
                unverified: 100,
                replaces: None,
            },
            &Notices::default(),
        )),
    ),
    (
        "a verification",
        call!(
            |store, ann, address| store.verify_address(&VerificationClaim {
                kind: address.kind,
                id: address.id,
                user: ann.id,
                value: address.value.clone(),
                newest: None,
                issued_at: ann.date_joined,
                at: ann.date_joined,
                in_session: true,
                notices: Notices::default(),
                losses: Losses::default(),
                account: None,
            })
        ),
    ),
];

#[test]
fn locked_rows_keep_nobody_else_waiting() {
    let database = database();
    run(async {
        // So long that nobody gives up while this runs; as many connections as there are by default.
        let options = PostgresOptions::default()
            .with_statement_timeout(LONG * 4)
            .with_acquire_timeout(LONG * 2);
        let store = Arc::new(store_with(&database, options).await);
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        let bob = store.create_user(&user("bob", 2)).await.unwrap();
        assert!(store.log_in(&log_in(ann.id, 1)).await.unwrap());
        let address = store.addresses_of(ann.id, 100).await.unwrap().remove(0);
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        for (what, call) in ABOUT_ANN {
            let mut held = other.begin().await.unwrap();
            for rows in ["auth_user", "phone_auth_emailaddress", "phone_auth_session"] {
                let lock = AssertSqlSafe(format!("SELECT 1 FROM {rows} FOR UPDATE"));
                sqlx::raw_sql(lock).execute(&mut *held).await.unwrap();
            }
            let answered = Arc::new(AtomicUsize::new(0));
            let calls: Vec<_> = (0..30)
                .map(|_| {
                    let call = call(Arc::clone(&store), ann.clone(), address.clone());
                    let answered = Arc::clone(&answered);
                    tokio::spawn(async move {
                        call.await;
                        answered.fetch_add(1, Ordering::Relaxed);
                    })
                })
                .collect();
            until(&mut held, TWO_WAIT).await;
            for _ in 0..20 {
                assert!(store.user(bob.id).await.unwrap().is_some());
            }
            assert_eq!(answered.load(Ordering::Relaxed), 0, "{what}");
            look_anew(&mut held).await;
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(&mut *held)
            .await
            .unwrap();
            assert_eq!(waiting, 2, "{what}");
            held.rollback().await.unwrap();
            for call in calls {
                call.await.unwrap();
            }
            store.set_active(ann.id, true).await.unwrap();
        }
    });
}

/// A call that a stranger can cause under any number of names, this one among them.
type StrangersCall = fn(Arc<PostgresStore>, u32) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Those that write, and what makes them wait.
const OF_STRANGERS: [(&str, StrangersCall); 3] = [
    ("phone_auth_outbox", |store, number| {
        Box::pin(async move {
            let _ = store.enqueue_message(&reset(None, number)).await;
        })
    }),
    ("phone_auth_outbox", |store, number| {
        Box::pin(async move {
            let users = store.users_after(None, number + 1).await.unwrap();
            let user = users.last().unwrap().id;
            let address = store.addresses_of(user, 1).await.unwrap().remove(0).id;
            let recipient = Some(Recipient { user, address });
            let _ = store.enqueue_message(&reset(recipient, number)).await;
        })
    }),
    ("auth_user", |store, number| {
        Box::pin(async move {
            let new = user(&format!("mallory{number}"), 1000 + number);
            let _ = store.create_user(&new).await;
        })
    }),
];

/// A message with a reset, as one asks for it under this name.
fn reset(recipient: Option<Recipient>, number: u32) -> NewMessage {
    let now = Utc::now();
    NewMessage {
        key: format!("{number} {now}"),
        purpose: Purpose::ResetPassword,
        kind: AddressKind::Email,
        recipient,
        notice: None,
        event: None,
        binding: Binding::from_stored(number.to_be_bytes(), None),
        language: None,
        channel: Channel::Email,
        created_at: now,
        code_half_life: None,
        challenge: None,
        expires_at: now + TimeDelta::hours(1),
    }
}

#[test]
fn strangers_leave_connections_to_others() {
    const CALLS: u32 = 30;
    let database = database();
    run(async {
        let options = PostgresOptions::default()
            .with_statement_timeout(LONG * 4)
            .with_acquire_timeout(LONG * 2);
        let store = Arc::new(store_with(&database, options).await);
        for number in 1..=CALLS {
            let new = user(&format!("user{number}"), number);
            store.create_user(&new).await.unwrap();
        }
        let ann = store.users_after(None, 1).await.unwrap().remove(0);
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        for (table, call) in OF_STRANGERS {
            let mut held = other.begin().await.unwrap();
            let lock = AssertSqlSafe(format!("LOCK TABLE {table} IN EXCLUSIVE MODE"));
            sqlx::raw_sql(lock).execute(&mut *held).await.unwrap();
            let calls: Vec<_> = (0..CALLS)
                .map(|number| tokio::spawn(call(Arc::clone(&store), number)))
                .collect();
            until(&mut held, FIVE_WAIT).await;
            for _ in 0..20 {
                let looked = timeout(LONG, store.user(ann.id)).await;
                assert!(looked.unwrap().unwrap().is_some(), "{table}");
            }
            look_anew(&mut held).await;
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(&mut *held)
            .await
            .unwrap();
            assert_eq!(waiting, 5, "{table}: half of the connections");
            held.rollback().await.unwrap();
            for call in calls {
                call.await.unwrap();
            }
        }
    });
}

/// What strangers ask for at one address of a user keeps neither the user waiting, nor who asks at another address: the
/// time would tell whose it is.
#[test]
fn resets_at_one_address_delay_nothing_else_of_the_user() {
    let database = database();
    run(async {
        let options = PostgresOptions::default()
            .with_statement_timeout(LONG * 4)
            .with_acquire_timeout(LONG * 2);
        let store = Arc::new(store_with(&database, options).await);
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        let addresses = store.addresses_of(ann.id, 10).await.unwrap();
        let at = |kind| {
            let mut of_kind = addresses.iter();
            let address = of_kind.find(|address| address.kind == kind).unwrap().id;
            Some(Recipient {
                user: ann.id,
                address,
            })
        };
        let (email, phone) = (at(AddressKind::Email), at(AddressKind::Phone));
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        let mut held = other.begin().await.unwrap();
        held.execute("SELECT 1 FROM phone_auth_emailaddress FOR UPDATE")
            .await
            .unwrap();
        let calls: Vec<_> = (0..30)
            .map(|number| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let _ = store.enqueue_message(&reset(email, number)).await;
                })
            })
            .collect();
        until(&mut held, TWO_WAIT).await;
        let by_phone = NewMessage {
            kind: AddressKind::Phone,
            ..reset(phone, 100)
        };
        let asked = timeout(LONG, store.enqueue_message(&by_phone)).await;
        assert!(asked.unwrap().is_ok(), "a reset at another address");
        let logged_in = timeout(LONG, store.log_in(&log_in(ann.id, 1))).await;
        assert!(logged_in.unwrap().unwrap(), "a log-in");
        held.rollback().await.unwrap();
        for call in calls {
            call.await.unwrap();
        }
    });
}

#[test]
fn wait_for_a_lock_ends_before_the_statement() {
    let database = database();
    run(async {
        let store = store(&database).await;
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        let mut held = other.begin().await.unwrap();
        held.execute("SELECT 1 FROM auth_user FOR UPDATE")
            .await
            .unwrap();
        let error = store.log_in(&log_in(ann.id, 1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        // 55P03 is a lock that was not to be had, 57014 a statement that took too long.
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("55P03"), "{cause}");
    });
}

#[test]
fn dropped_call_leaves_no_lock() {
    // Once while it waits for a lock in the message that begins the transaction, once while it waits
    // in the statement.
    let database = database();
    run(async {
        let options = PostgresOptions::default().with_connections(NonZeroU32::MIN);
        let store = store_with(&database, options).await;
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        for statement in [
            "SELECT 1 FROM auth_user FOR UPDATE",
            "LOCK TABLE phone_auth_session",
        ] {
            let mut held = other.begin().await.unwrap();
            held.execute(statement).await.unwrap();
            {
                let mut call = store.set_active(ann.id, false);
                let waits = until(&mut held, SOMEONE_WAITS);
                tokio::select! {
                    _ = &mut call => assert!(statement.is_empty(), "it did not wait"),
                    () = waits => {}
                }
            }
            held.rollback().await.unwrap();
            // Sooner than the server would end a transaction that someone forgot.
            let soon = Duration::from_secs(4);
            timeout(soon, until(&mut other, ALL_IS_QUIET))
                .await
                .unwrap();
            let is_active: bool =
                sqlx::query_scalar("SELECT is_active FROM auth_user FOR UPDATE NOWAIT")
                    .fetch_one(&mut other)
                    .await
                    .unwrap();
            assert!(is_active, "{statement}");
            // The one connection is in no transaction of the call that was dropped.
            assert!(store.user(ann.id).await.unwrap().unwrap().is_active);
            let error = store.create_user(&user("ann", 1)).await.unwrap_err();
            assert!(matches!(error.kind(), StoreErrorKind::Taken(_)));
        }
    });
}

/// Another program on the same tables locks in another order than we do: who has to give way begins anew, and nobody is told of it.
#[test]
fn deadlock_with_another_program_is_no_error() {
    let database = database();
    run(async {
        let options = PostgresOptions::default().with_statement_timeout(LONG * 2);
        let later = format!(
            "ALTER DATABASE {} SET deadlock_timeout = '8s'",
            database.name()
        );
        database.run(&later).unwrap();
        let store = Arc::new(store_with(&database, options).await);
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        let mut address = store.addresses_of(ann.id, 9).await.unwrap();
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        // The other one waits for so long that the server chooses us. It looks once, when we have waited for eight seconds: long
        // enough for the other to wait as well, on a machine that has much to do.
        other.execute("SET deadlock_timeout = '1h'").await.unwrap();
        let mut held = other.begin().await.unwrap();
        held.execute("SELECT 1 FROM phone_auth_emailaddress FOR UPDATE")
            .await
            .unwrap();
        let removal = AddressRemoval {
            kind: AddressKind::Email,
            id: address.remove(0).id,
            user: ann.id,
            needs: None,
            replaced_by: None,
            notices: Notices::default(),
        };
        let removes = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.remove_address(&removal).await })
        };
        // It has the user, and waits for the address.
        let waits = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()
            AND wait_event_type = 'Lock' AND query LIKE '%phone_auth_emailaddress%' AND pid <> pg_backend_pid())";
        until(&mut held, waits).await;
        let edit = "UPDATE auth_user SET last_name = 'Smith'";
        timeout(LONG, held.execute(edit)).await.unwrap().unwrap();
        held.commit().await.unwrap();
        let outcome = timeout(LONG, removes).await.unwrap().unwrap();
        assert_eq!(outcome.unwrap(), RemovalOutcome::Removed);
        assert_eq!(
            store.user(ann.id).await.unwrap().unwrap().last_name,
            "Smith"
        );
    });
}
