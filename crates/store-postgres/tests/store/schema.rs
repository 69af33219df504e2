//! The tables: made once by many, lost, and newer than the program.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use phone_auth_core::store::{SessionStore, StoreErrorKind, UserStore};
use phone_auth_store_postgres::{MigrateErrorKind, OpenErrorKind, PostgresOptions, PostgresStore};

use crate::common::{STEPS, database, log_in, run, store, user};

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
        // They take turns step by step; no matter who did which, each was done once.
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
        // Someone has a table of the name of the sixth step's. No lock of the steps before it is held then.
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
fn missing_tables_are_broken() {
    let database = database();
    run(async {
        let store = PostgresStore::connect(database.url(), PostgresOptions::default()).await;
        let error = store.unwrap().users_after(None, 1).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Broken);
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
            let ann = before.create_user(&user("ann", 1)).await.unwrap();
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
            assert_eq!(session.unwrap().user.id, ann.id, "{loss}");
            store.create_user(&user("bob", 2)).await.unwrap();
        });
    }
}

/// Servers of the version before call the function of theirs, beside this one and after it.
#[test]
fn function_of_the_version_before_enqueues() {
    let database = database();
    run(async {
        let store = store(&database).await;
        let ann = store.create_user(&user("ann", 1)).await.unwrap().id.get();
        let count = || {
            let pending = "SELECT count(*) FROM phone_auth_outbox WHERE purpose = 'reset_password'";
            database.run(pending).unwrap()
        };
        let enqueue = |key: &str, of: &str| {
            let (from, until) = ("now() - interval '1 minute'", "now()");
            let call = format!(
                "SELECT phone_auth_enqueue('{key}', 'reset_password', 'email', {ann}, {of}, decode('00', 'hex'), NULL, NULL, \
                 {until}, now() + interval '1 hour', 1, {from}, {until}, NULL, 'email', 7)"
            );
            database.run(&call).unwrap()
        };
        let address =
            format!("(SELECT id::int8 FROM phone_auth_emailaddress WHERE user_id = {ann})");
        assert_eq!(count().trim(), "0");
        for key in ["one", "two"] {
            assert_eq!(enqueue(key, &address).trim(), "", "it tells nothing");
            assert_eq!(count().trim(), "1", "the second supersedes the first");
        }
        let key = "SELECT message_key FROM phone_auth_outbox";
        assert_eq!(database.run(key).unwrap().trim(), "two");
    });
}
