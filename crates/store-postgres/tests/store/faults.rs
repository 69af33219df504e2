//! What goes wrong is an answer, and nothing is left half done.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use crate::common;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use phone_auth_core::accounts::Accounts;
use phone_auth_core::store::{
    AddressStore, AnomalyStore, PasswordKindStore, SessionStore, StoreErrorKind, UserStore,
};
use phone_auth_store_postgres::{OpenErrorKind, PostgresOptions, PostgresStore};
use phone_auth_test_postgres::{Binaries, Database, Server};
use phone_auth_tokens::{Keyring, SecretKey};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, Executor, raw_sql};

use crate::common::waiting::{SOMEONE_WAITS, at_last, impatient, until};
use crate::common::{database, log_in, run, store, store_with, user};

#[test]
fn clock_that_is_ahead_removes_no_session_with_time_left() {
    let database = database();
    run(async {
        let store = store(&database).await;
        store.create_user(&user("ann", 1)).await.unwrap();
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
                OpenErrorKind::Missing,
            ),
            (
                database.url().replace("://postgres", "://no_such_user"),
                OpenErrorKind::Refused,
            ),
        ];
        for (url, kind) in cases {
            // What a server says comes when it comes; where none is, there is nothing to wait for.
            let options = match kind {
                OpenErrorKind::Unavailable => impatient(),
                _ => PostgresOptions::default(),
            };
            let error = PostgresStore::connect(&url, options).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{url}: {error:?}");
        }
    });
}

#[test]
fn database_without_connections_is_unavailable() {
    let database = database();
    run(async {
        let store = store_with(&database, impatient()).await;
        // It lets nobody in, and anyone who was in is out.
        let name = database.name();
        let elsewhere = database.url().replace(name, "postgres");
        let mut elsewhere = PgConnection::connect(&elsewhere).await.unwrap();
        let close = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false");
        raw_sql(AssertSqlSafe(close))
            .execute(&mut elsewhere)
            .await
            .unwrap();
        store.close().await;
        let patient = impatient().with_acquire_timeout(Duration::from_secs(5));
        let error = PostgresStore::connect(database.url(), patient)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), OpenErrorKind::Unavailable, "{error:?}");
        assert!(
            format!("{error:?}").contains("takes no connections"),
            "{error:?}"
        );
        assert!(error.is_retryable());
    });
}

#[test]
fn backslashes_are_plain_whatever_is_set() {
    let database = database();
    let name = database.name();
    let set = format!("ALTER DATABASE {name} SET standard_conforming_strings = off");
    // Later servers know no other way.
    if database.run(&set).is_err() {
        return;
    }
    run(async {
        for pooler in [false, true] {
            let options = PostgresOptions::default().with_transaction_pooler(pooler);
            let store = store_with(&database, options).await;
            assert_eq!(store.lost_indexes().await.unwrap(), [""; 0], "{pooler}");
            store.close().await;
        }
    });
}

#[test]
fn operators_statements_may_take_longer() {
    // Every row takes longer than a statement of a request may.
    let database = database();
    run(async {
        let store = store_with(&database, impatient()).await;
        at_last(async || store.create_user(&user("ann", 1)).await).await;
        database
            .run(
                "CREATE FUNCTION slow(text) RETURNS text LANGUAGE sql VOLATILE
                    AS 'SELECT $1 FROM pg_sleep(0.5)';
                ALTER TABLE auth_user RENAME TO users;
                CREATE VIEW auth_user AS SELECT id, slow(password) AS password, username, email, first_name,
                    last_name, last_login, is_active, is_staff, is_superuser, date_joined FROM users",
            )
            .unwrap();
        let kinds = store.password_kinds().await.unwrap();
        assert_eq!(kinds.len(), 0, "argon2$sample has no third part");
        assert_eq!(store.anomalies().await.unwrap(), []);
        // Those of requests may not.
        let error = store.users_after(None, 1).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    });
}

#[test]
fn much_is_removed_in_steps() {
    let database = database();
    run(async {
        let store = store(&database).await;
        store.create_user(&user("ann", 1)).await.unwrap();
        // Anyone who removes more than a thousand rows by one statement is refused.
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
        let outbox = accounts.outbox().unwrap();
        let purged = outbox.purge_dead_letters(chrono::Utc::now()).await.unwrap();
        assert_eq!(purged, 2_500);
        assert_eq!(accounts.remove_expired_sessions().await.unwrap(), 2_500);
    });
}

/// All that an error says, to anyone it is shown.
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
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
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
        let by_check = store.create_user(&user("bob", 2)).await.unwrap_err();
        let by_trigger = store.create_user(&user("carl", 3)).await.unwrap_err();
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
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        let mut other = PgConnection::connect(database.url()).await.unwrap();
        let mut held = other.begin().await.unwrap();
        held.execute("SELECT 1 FROM auth_user FOR UPDATE")
            .await
            .unwrap();
        let waiting = {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.log_in(&log_in(ann.id, 1)).await })
        };
        until(&mut held, SOMEONE_WAITS).await;
        let error = store.users_after(None, 1).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        held.rollback().await.unwrap();
        assert!(waiting.await.unwrap().unwrap());
        assert_eq!(store.users_after(None, 1).await.unwrap().len(), 1);
    });
}

#[test]
fn lost_connections_are_replaced() {
    let database = database();
    run(async {
        let store = Arc::new(store(&database).await);
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        // Several at once need several connections.
        let looks: Vec<_> = (0..8)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { store.user(ann.id).await })
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
        assert!(store.user(ann.id).await.unwrap().is_some());
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
        let error = store.create_user(&user("ann", 1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(store.users_after(None, 1).await.unwrap().is_empty());
    });
}

#[test]
fn full_disk_is_unavailable() {
    let binaries = Binaries::find().unwrap();
    let server = Server::start_with_small_disk(&binaries, 32).unwrap();
    let elsewhere = Database::on(&binaries, &server.url()).unwrap();
    let place = server.small_disk();
    let tablespace = format!("CREATE TABLESPACE small LOCATION '{}'", place.display());
    elsewhere.run(&tablespace).unwrap();
    let database = Database::on(&binaries, &server.url()).unwrap();
    let moved = format!("ALTER DATABASE {} SET TABLESPACE small", database.name());
    elsewhere.run(&moved).unwrap();
    run(async {
        let store = store(&database).await;
        let ann = store.create_user(&user("ann", 1)).await.unwrap();
        assert!(store.log_in(&log_in(ann.id, 1)).await.unwrap());
        // Little is left, and that for new pages alone: what has room on its page is no matter of the disk.
        database
            .run("CREATE TABLE ballast (filler text); ALTER TABLE ballast ALTER filler SET STORAGE PLAIN")
            .unwrap();
        let mut bytes = 1 << 20;
        while bytes >= 8_000 {
            let rows = bytes / 8_000;
            let fill = format!(
                "INSERT INTO ballast SELECT repeat('x', 8000) FROM generate_series(1, {rows})"
            );
            if database.run(&fill).is_err() {
                bytes /= 2;
            }
        }
        let mut made = 1;
        let error = loop {
            match store
                .create_user(&user(&format!("ann{made}"), made + 1))
                .await
            {
                Ok(_) => made += 1,
                Err(error) => break error,
            }
            assert!(made < 10_000, "the disk has no end");
        };
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(cause.contains("53100"), "{cause}");
        // Nothing of the refused user is there, and all of the others; who reads is served.
        let users = store.users_after(None, 10_000).await.unwrap();
        assert_eq!(u32::try_from(users.len()), Ok(made));
        for user in &users {
            assert_eq!(store.addresses_of(user.id, 100).await.unwrap().len(), 2);
        }
        let counted = "SELECT (SELECT count(*) FROM phone_auth_emailaddress) - (SELECT count(*) FROM auth_user)";
        assert_eq!(database.run(counted).unwrap().trim(), "0");

        // With room again it goes on.
        database.run("DROP TABLE ballast").unwrap();
        let new = user(&format!("ann{made}"), made + 1);
        store.create_user(&new).await.unwrap();
        store.close().await;
    });
}

#[test]
fn closed_store_is_unavailable() {
    let database = database();
    run(async {
        let store = store(&database).await;
        store.close().await;
        let error = store.users_after(None, 1).await.unwrap_err();
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
            let new = phone_auth_core::user::NewUser {
                username,
                ..user("ann", 1)
            };
            let error = store.create_user(&new).await.unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Broken);
        }
        assert!(store.users_after(None, 1).await.unwrap().is_empty());
    });
}
