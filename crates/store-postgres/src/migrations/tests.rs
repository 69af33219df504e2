//! What each transaction of a migration keeps others from.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::Path;

use phone_auth_test_postgres::Database;
use sqlx::{Connection, PgConnection, query_scalar};

use super::{MIGRATIONS, Work, applied, do_once, works};

/// The tables that a transaction keeps others from writing or reading.
const KEPT_FROM: &str = "SELECT DISTINCT c.relname::text FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
    WHERE l.pid = pg_backend_pid() AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
        AND l.mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')";

const TABLES: &str = "SELECT relname::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";

/// A new database, and those of the first version with the tables of its own and of Django's.
const DATABASES: [Option<&str>; 3] = [None, Some("own"), Some("django")];

#[tokio::test]
async fn transaction_keeps_others_from_one_table() {
    for fixture in DATABASES {
        let database = Database::new().unwrap();
        if let Some(name) = fixture {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/first");
            let dump = folder.join(format!("{name}.postgres.sql"));
            database.run_file(&dump).unwrap();
        }
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        let done = applied(&mut connection).await.unwrap();
        for (done, migration) in MIGRATIONS.iter().enumerate().skip(done) {
            // What is new in a step nobody uses yet.
            let used: Vec<String> = names(&mut connection, TABLES).await;
            let record = Work::Record(done + 1, migration);
            for work in works(done, migration).chain([record]) {
                let mut transaction = connection.begin().await.unwrap();
                do_once(&mut transaction, done, work).await.unwrap();
                let mut kept = names(&mut transaction, KEPT_FROM).await;
                kept.retain(|table| used.contains(table));
                let step = migration.name;
                assert!(kept.len() <= 1, "{fixture:?}, {step}: {kept:?}");
                assert!(kept.iter().all(|it| it == work.locks()), "{step}: {kept:?}");
                transaction.commit().await.unwrap();
            }
        }
        assert_eq!(applied(&mut connection).await.unwrap(), MIGRATIONS.len());
    }
}

async fn names(connection: &mut PgConnection, question: &'static str) -> Vec<String> {
    let names = query_scalar(question).persistent(false);
    names.fetch_all(connection).await.unwrap()
}
