//! What goes wrong is an answer, and nothing is left half done.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use phone_auth_core::accounts::Accounts;
use phone_auth_core::address::{
    Address, AddressCaps, AddressRecord, EmailAddress, VerificationClaim,
};
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::person::Person;
use phone_auth_core::session::{NewLogIn, PasswordReplacement};
use phone_auth_core::store::{
    AddressStore, OddityStore, PasswordKindStore, PersonStore, SessionStore, StoreErrorKind,
};
use phone_auth_store_postgres::{MigrateErrorKind, OpenErrorKind, PostgresOptions, PostgresStore};
use phone_auth_tokens::{Keyring, SecretKey};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tokio::time::timeout;

use crate::common::{database, log_in, person, run, store, store_with};

/// All steps, in their order.
const STEPS: [&str; 9] = [
    "people and addresses",
    "sessions",
    "outbox",
    "verified addresses",
    "sessions bound to passwords",
    "site key",
    "link requests",
    "spellings",
    "leases of messages",
];

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// Options with short time-outs.
fn impatient() -> PostgresOptions {
    PostgresOptions::default()
        .with_statement_timeout(Duration::from_millis(200))
        .with_acquire_timeout(Duration::from_millis(200))
}

/// Waits until something about the database is so.
async fn until(connection: &mut PgConnection, question: &'static str) {
    let look = async {
        while !sqlx::query_scalar::<_, bool>(question)
            .fetch_one(&mut *connection)
            .await
            .unwrap()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LONG, look).await.unwrap();
}

/// Whether somebody waits for a lock in this database.
const SOMEBODY_WAITS: &str = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock')";

/// Whether at least two wait for a lock in this database.
const TWO_WAIT: &str = "SELECT count(*) >= 2 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// Whether nobody else is in a transaction in this database.
const ALL_IS_QUIET: &str = "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle')";

#[test]
fn many_nodes_migrate_at_once() {
    let database = database();
    run(async {
        let url: Arc<str> = database.url().into();
        let nodes: Vec<_> = (0..8)
            .map(|_| {
                let url = Arc::clone(&url);
                tokio::spawn(async move {
                    let options = PostgresOptions::default();
                    let store = PostgresStore::connect(&url, options).await.unwrap();
                    store.migrate().await.unwrap()
                })
            })
            .collect();
        let mut applied = Vec::new();
        for node in nodes {
            applied.extend(node.await.unwrap());
        }
        // They take turns step by step; whoever did which, each was done once.
        applied.sort_by_key(|name| STEPS.iter().position(|step| step == name));
        assert_eq!(applied, STEPS);
    });
}

#[test]
fn step_that_fails_leaves_those_before_it() {
    let database = database();
    run(async {
        let options = PostgresOptions::default();
        let store = PostgresStore::connect(database.url(), options)
            .await
            .unwrap();
        // Somebody has a table of the name of the sixth step's. No lock of the steps before it is held then.
        database
            .run("CREATE TABLE phone_auth_site_key (other text)")
            .unwrap();
        store.migrate().await.unwrap_err();
        assert_eq!(store.pending_migrations().await.unwrap(), STEPS[5..]);
        store.migrate().await.unwrap_err();
        database.run("DROP TABLE phone_auth_site_key").unwrap();
        assert_eq!(store.migrate().await.unwrap(), STEPS[5..]);
        assert_eq!(store.pending_migrations().await.unwrap(), [""; 0]);
    });
}

#[test]
fn clock_that_is_ahead_removes_no_session_with_time_left() {
    let database = database();
    run(async {
        let store = store(&database).await;
        store.create_person(&person("ann", 1)).await.unwrap();
        database
            .run(
                "INSERT INTO phone_auth_session (digest, person_id, created_at, expires_at)
                SELECT decode(md5(n::text), 'hex'), 1, now(), now() + n * interval '1 hour'
                FROM unnest(ARRAY[-1, 1]) n",
            )
            .unwrap();
        let ahead = chrono::Utc::now() + chrono::Duration::days(365);
        let removed = store.remove_expired_sessions(ahead, 1_000).await.unwrap();
        assert_eq!(removed, 1);
    });
}

#[test]
fn newer_tables_are_refused() {
    let database = database();
    run(async {
        let open = store(&database).await;
        database
            .run("INSERT INTO phone_auth_schema VALUES (1000, 'of tomorrow', now())")
            .unwrap();
        let error = open.migrate().await.unwrap_err();
        assert_eq!(*error.kind(), MigrateErrorKind::TooNew);
        let error = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        assert_eq!(error.unwrap_err().kind(), OpenErrorKind::TooNew);
    });
}

#[test]
fn wrong_urls_are_told_apart() {
    let database = database();
    run(async {
        let cases = [
            ("sqlite:site.sqlite3".to_owned(), OpenErrorKind::Url),
            ("postgres://localhost/site".to_owned(), OpenErrorKind::Url),
            (
                "postgres://ann@localhost/site?sslmode=perhaps".to_owned(),
                OpenErrorKind::Url,
            ),
            (
                "postgres://ann@localhost:1/site".to_owned(),
                OpenErrorKind::Unavailable,
            ),
            (
                database.url().replace(database.name(), "no_such_database"),
                OpenErrorKind::Refused,
            ),
            (
                database.url().replace("://postgres", "://no_such_user"),
                OpenErrorKind::Refused,
            ),
        ];
        for (url, kind) in cases {
            let error = PostgresStore::connect(&url, impatient()).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{url}: {error:?}");
        }
    });
}

#[test]
fn missing_tables_are_broken() {
    let database = database();
    run(async {
        let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        let error = store.unwrap().people_after(None, 1).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Broken);
    });
}

#[test]
fn long_lock_is_unavailable() {
    let database = database();
    run(async {
        let store = store_with(&database, impatient()).await;
        let ann = store.create_person(&person("ann", 1)).await.unwrap();
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

        assert_eq!(store.person(ann.id).await.unwrap(), Some(ann.clone()));
        assert!(store.log_in(&log_in(ann.id, 1)).await.unwrap());
    });
}

/// A call about Ann, who is this person and has this address.
type Call =
    fn(Arc<PostgresStore>, Person, AddressRecord) -> Pin<Box<dyn Future<Output = ()> + Send>>;

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
                person: ann.id,
                old: ann.password.clone(),
                new: EncodedPassword::new("argon2$new"),
                last_login: None,
                link: None,
                keeps: None,
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
            }
        )),
    ),
    (
        "a verification",
        call!(
            |store, ann, address| store.verify_address(&VerificationClaim {
                kind: address.kind,
                id: address.id,
                person: ann.id,
                value: address.value.clone(),
                newest: None,
                issued_at: ann.date_joined,
                at: ann.date_joined,
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
        let ann = store.create_person(&person("ann", 1)).await.unwrap();
        let bob = store.create_person(&person("bob", 2)).await.unwrap();
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
                assert!(store.person(bob.id).await.unwrap().is_some());
            }
            assert_eq!(answered.load(Ordering::Relaxed), 0, "{what}");
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

#[test]
fn wait_for_a_lock_ends_before_the_statement() {
    let database = database();
    run(async {
        let store = store(&database).await;
        let ann = store.create_person(&person("ann", 1)).await.unwrap();
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
fn operators_statements_may_take_longer() {
    // Every row takes longer than a statement of a request may.
    let database = database();
    run(async {
        let store = store_with(&database, impatient()).await;
        store.create_person(&person("ann", 1)).await.unwrap();
        database
            .run(
                "CREATE FUNCTION slow(text) RETURNS text LANGUAGE sql VOLATILE
                    AS 'SELECT $1 FROM pg_sleep(0.5)';
                ALTER TABLE auth_user RENAME TO people;
                CREATE VIEW auth_user AS SELECT id, slow(password) AS password, username, email, first_name,
                    last_name, last_login, is_active, is_staff, is_superuser, date_joined FROM people",
            )
            .unwrap();
        let kinds = store.password_kinds().await.unwrap();
        assert_eq!(kinds.len(), 0, "argon2$sample has no third part");
        assert_eq!(store.oddities().await.unwrap(), []);
        // Those of requests may not.
        let error = store.people_after(None, 1).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    });
}

#[test]
fn much_is_removed_in_steps() {
    let database = database();
    run(async {
        let store = store(&database).await;
        store.create_person(&person("ann", 1)).await.unwrap();
        // Whoever removes more than a thousand rows by one statement is refused.
        let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF (SELECT count(*) FROM gone) > 1000 THEN RAISE EXCEPTION 'too many'; END IF;
                RETURN NULL; END $$;";
        let on = |table: &str| {
            format!(
                "CREATE TRIGGER refuse AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone
                FOR EACH STATEMENT EXECUTE FUNCTION refuse();"
            )
        };
        let rows = "INSERT INTO phone_auth_outbox (message_key, purpose, kind, binding, created_at, expires_at,
                due_at, died_at)
            SELECT n::text, 'verify', 'email', '', now(), now(), now(), now() - interval '1 day'
            FROM generate_series(1, 2500) n;
            INSERT INTO phone_auth_session (digest, person_id, created_at, expires_at)
            SELECT decode(md5(n::text), 'hex'), 1, now(), now() - interval '1 day' FROM generate_series(1, 2500) n;";
        let (outbox, sessions) = (on("phone_auth_outbox"), on("phone_auth_session"));
        database
            .run(&format!("{rows}{refuse}{outbox}{sessions}"))
            .unwrap();
        let store = Arc::new(store);
        let keyring = Keyring::new(SecretKey::generate().unwrap());
        let accounts = Accounts::builder(Arc::clone(&store) as _, keyring)
            .outbox(Arc::clone(&store) as _)
            .build()
            .unwrap();
        let purged = accounts
            .purge_dead_letters(chrono::Utc::now())
            .await
            .unwrap();
        assert_eq!(purged, 2_500);
        assert_eq!(accounts.remove_expired_sessions().await.unwrap(), 2_500);
    });
}

#[test]
fn lost_schema_table_is_made_again() {
    // All of it, all that stands in it, and the last of it.
    for loss in [
        "DROP TABLE phone_auth_schema",
        "DELETE FROM phone_auth_schema",
        "DELETE FROM phone_auth_schema WHERE version > 1",
        "DELETE FROM phone_auth_schema WHERE version > 3",
        "DROP TABLE phone_auth_schema; DROP TABLE phone_auth_email_verified, phone_auth_phone_verified",
        "DROP TABLE phone_auth_schema; DROP INDEX phone_auth_user_username_any_case",
    ] {
        let database = database();
        run(async {
            let before = store(&database).await;
            let ann = before.create_person(&person("ann", 1)).await.unwrap();
            assert!(before.log_in(&log_in(ann.id, 1)).await.unwrap());
            before.close().await;
            database.run(loss).unwrap();
            let options = PostgresOptions::default();
            let store = PostgresStore::connect(database.url(), options)
                .await
                .unwrap();
            let pending = store.pending_migrations().await.unwrap();
            assert!(!pending.is_empty(), "{loss}");
            assert_eq!(store.migrate().await.unwrap(), pending, "{loss}");
            assert_eq!(store.pending_migrations().await.unwrap(), [""; 0], "{loss}");
            let digest = log_in(ann.id, 1).session.digest;
            let session = store.session(&digest, ann.date_joined).await.unwrap();
            assert_eq!(session.unwrap().person.id, ann.id, "{loss}");
            store.create_person(&person("bob", 2)).await.unwrap();
        });
    }
}

/// All that an error says, to whomever it is shown.
fn all_of(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = format!("{error:?}");
    let mut next = Some(error);
    while let Some(error) = next {
        text = format!("{text}\n{error}\n{error:?}");
        next = error.source();
    }
    text
}

#[test]
fn errors_tell_no_row() {
    let database = database();
    run(async {
        let store = store(&database).await;
        let ann = store.create_person(&person("ann", 1)).await.unwrap();
        let refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RAISE EXCEPTION 'no % here', NEW; END $$;";
        database
            .run(&format!(
                "{refuse}
                ALTER TABLE auth_user ADD CONSTRAINT odd CHECK (username <> 'bob'),
                    ADD CONSTRAINT odd_time CHECK (last_login IS NULL);
                CREATE TRIGGER refuse BEFORE INSERT ON phone_auth_emailaddress
                    FOR EACH ROW EXECUTE FUNCTION refuse()"
            ))
            .unwrap();
        let by_check = store.create_person(&person("bob", 2)).await.unwrap_err();
        let by_trigger = store.create_person(&person("carl", 3)).await.unwrap_err();
        let log_in = store.log_in(&log_in(ann.id, 1)).await.unwrap_err();
        for (error, told) in [
            (&by_check, "23514, constraint \"odd\""),
            (&by_trigger, "P0001"),
            (&log_in, "23514, constraint \"odd_time\""),
        ] {
            let text = all_of(error);
            assert!(text.contains(told), "{text}");
            for secret in ["argon2", "sample", "example.org", "9876"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    });
    // Nor when tables are made.
    let database = common::database();
    database
        .run(
            "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql
                AS $$ BEGIN RAISE EXCEPTION 'ann@example.org'; END $$;
            CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse()",
        )
        .unwrap();
    run(async {
        let options = PostgresOptions::default();
        let error = PostgresStore::connect_and_migrate(database.url(), options).await;
        let text = all_of(&error.unwrap_err());
        assert!(text.contains("P0001") && !text.contains("ann@"), "{text}");
    });
}

#[test]
fn exhausted_pool_is_unavailable() {
    let database = database();
    run(async {
        let options = PostgresOptions::default()
            .with_connections(NonZeroU32::MIN)
            .with_acquire_timeout(Duration::from_millis(200));
        let store = Arc::new(store_with(&database, options).await);
        let ann = store.create_person(&person("ann", 1)).await.unwrap();
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        let mut held = other.begin().await.unwrap();
        held.execute("SELECT 1 FROM auth_user FOR UPDATE")
            .await
            .unwrap();
        let waiting = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.log_in(&log_in(ann.id, 1)).await })
        };
        until(&mut held, SOMEBODY_WAITS).await;
        let error = store.people_after(None, 1).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        held.rollback().await.unwrap();
        assert!(waiting.await.unwrap().unwrap());
        assert_eq!(store.people_after(None, 1).await.unwrap().len(), 1);
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
        let ann = store.create_person(&person("ann", 1)).await.unwrap();
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        for statement in [
            "SELECT 1 FROM auth_user FOR UPDATE",
            "LOCK TABLE phone_auth_session",
        ] {
            let mut held = other.begin().await.unwrap();
            held.execute(statement).await.unwrap();
            {
                let mut call = store.set_active(ann.id, false);
                let waits = until(&mut held, SOMEBODY_WAITS);
                tokio::select! {
                    _ = &mut call => assert!(statement.is_empty(), "it did not wait"),
                    () = waits => {}
                }
            }
            held.rollback().await.unwrap();
            // Sooner than the server would end a transaction that somebody forgot.
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
            assert!(store.person(ann.id).await.unwrap().unwrap().is_active);
            let error = store.create_person(&person("ann", 1)).await.unwrap_err();
            assert!(matches!(error.kind(), StoreErrorKind::Taken(_)));
        }
    });
}

#[test]
fn lost_connections_are_replaced() {
    let database = database();
    run(async {
        let store = Arc::new(store(&database).await);
        let ann = store.create_person(&person("ann", 1)).await.unwrap();
        // Several at once need several connections.
        let looks: Vec<_> = (0..8)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.person(ann.id).await })
            })
            .collect();
        for look in looks {
            look.await.unwrap().unwrap();
        }
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        other
            .execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()",
            )
            .await
            .unwrap();
        let answer = store.log_in(&log_in(ann.id, 1)).await;
        assert!(matches!(
            answer.map_err(|error| error.kind()),
            Ok(true) | Err(StoreErrorKind::Unavailable)
        ));
        assert!(store.person(ann.id).await.unwrap().is_some());
    });
}

#[test]
fn standby_is_unavailable() {
    // As after a change of roles, until the proxy or the name has followed.
    let database = database();
    run(async {
        drop(store(&database).await);
        let name = database.name();
        database
            .run(&format!(
                "ALTER DATABASE {name} SET default_transaction_read_only = on"
            ))
            .unwrap();
        let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        let store = store.unwrap();
        let error = store.create_person(&person("ann", 1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(store.people_after(None, 1).await.unwrap().is_empty());
    });
}

#[test]
fn closed_store_is_unavailable() {
    let database = database();
    run(async {
        let store = store(&database).await;
        store.close().await;
        let error = store.people_after(None, 1).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    });
}

#[test]
fn too_long_a_text_is_broken() {
    // The flows have their own bounds; what they let through by mistake is not cut off in silence.
    let database = database();
    run(async {
        let store = store(&database).await;
        for username in ["x".repeat(151), "nul\0".to_owned()] {
            let new = phone_auth_core::person::NewPerson {
                username,
                ..person("ann", 1)
            };
            let error = store.create_person(&new).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Broken);
        }
        assert!(store.people_after(None, 1).await.unwrap().is_empty());
    });
}
