//! What a user of the database lacks is told before a site is served, with the statement that grants it.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_store_postgres::{
    MigrateErrorKind, MissingRight, OpenErrorKind, PostgresOptions, PostgresStore,
};
use phone_auth_test_postgres::Database;

use crate::common::{database, run, store};

/// A user of a database who owns nothing, for one test.
struct User<'a> {
    database: &'a Database,
    name: String,
    url: String,
}

impl<'a> User<'a> {
    fn new(database: &'a Database) -> Self {
        let name = format!("{}_site", database.name());
        database
            .run(&format!(
                "CREATE ROLE {name} LOGIN PASSWORD '{name}'; REVOKE CREATE ON SCHEMA public FROM PUBLIC"
            ))
            .unwrap();
        let (_, at) = database.url().split_once('@').unwrap();
        let url = format!("postgres://{name}:{name}@{at}");
        Self {
            database,
            name,
            url,
        }
    }

    /// Runs what the owner says, with the name of the user in it.
    fn granted(&self, statements: &str) {
        let statements = statements.replace("USER", &self.name);
        self.database.run(&statements).unwrap();
    }

    async fn store(&self) -> PostgresStore {
        PostgresStore::connect(&self.url, PostgresOptions::default())
            .await
            .unwrap()
    }
}

impl Drop for User<'_> {
    fn drop(&mut self) {
        let name = &self.name;
        let drop = format!("DROP OWNED BY {name}; DROP ROLE {name}");
        self.database.run(&drop).unwrap();
    }
}

const ALL: &str = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO USER;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO USER;";

/// The statements between backticks.
fn statements(missing: &[MissingRight]) -> String {
    let sentences: Vec<_> = missing.iter().map(ToString::to_string).collect();
    let told = sentences.iter().map(|sentence| {
        let statement = sentence.split('`').nth(1).unwrap();
        format!("{statement};")
    });
    told.collect()
}

#[test]
fn missing_rights_are_told_with_what_grants_them() {
    let cases = [
        ("GRANT SELECT ON ALL TABLES IN SCHEMA public TO USER", true),
        (
            "GRANT SELECT ON phone_auth_schema TO USER; GRANT SELECT (id), UPDATE (id) ON auth_user TO USER",
            true,
        ),
        (ALL, false),
        (
            "ALTER ROLE USER SET default_transaction_read_only = on",
            true,
        ),
    ];
    for (granted, is_lacking) in cases {
        let database = database();
        run(async {
            store(&database).await.close().await;
            let user = User::new(&database);
            if granted.contains("read_only") {
                user.granted(ALL);
            }
            user.granted(granted);
            let store = user.store().await;
            let missing = store.missing_rights().await.unwrap();
            assert_eq!(!missing.is_empty(), is_lacking, "{granted}: {missing:?}");
            store.close().await;
            user.granted(&statements(&missing));
            let store = user.store().await;
            assert_eq!(store.missing_rights().await.unwrap(), [], "{granted}");
            store.close().await;
        });
    }
}

#[test]
fn tables_that_cannot_be_made_are_told() {
    let cases = [
        ("", MigrateErrorKind::Denied),
        (
            "ALTER ROLE USER SET search_path = nowhere",
            MigrateErrorKind::NoSchema,
        ),
    ];
    for (set, kind) in cases {
        let database = database();
        run(async {
            let user = User::new(&database);
            user.granted(set);
            let store = user.store().await;
            assert!(store.has_no_tables().await.unwrap());
            let missing = store.missing_rights().await.unwrap();
            assert_eq!(missing.len(), 1, "{set}: {missing:?}");
            let error = store.migrate().await.unwrap_err();
            assert_eq!(*error.kind(), kind, "{error:?}");
            assert!(format!("{error:?}").contains("GRANT"), "{error:?}");
            store.close().await;
            if kind == MigrateErrorKind::Denied {
                user.granted(&statements(&missing));
                let store = user.store().await;
                assert_eq!(store.missing_rights().await.unwrap(), []);
                store.migrate().await.unwrap();
                assert!(!store.has_no_tables().await.unwrap());
                store.close().await;
            }
        });
    }
}

#[test]
fn user_without_rights_is_told_so() {
    let database = database();
    run(async {
        store(&database).await.close().await;
        let user = User::new(&database);
        let error = PostgresStore::connect(&user.url, PostgresOptions::default()).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), OpenErrorKind::Denied, "{error:?}");
        let text = format!("{error:?}");
        assert!(text.contains("GRANT SELECT"), "{text}");
        assert!(!text.contains("make the tables"), "{text}");
    });
}
