//! Tables are brought up to date while servers go on, and what is lost of them is named.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use phone_auth_store_postgres::{LOST_INDEXES, MigrateErrorKind, PostgresOptions, PostgresStore};
use phone_auth_test_postgres::Database;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection, query, query_scalar, raw_sql};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::common::{database, run, store};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_mins(2);

/// The tables that the first version uses, but for the record of what was applied.
const FIRST_TABLES: [&str; 7] = [
    "auth_user",
    "phone_auth_emailaddress",
    "phone_auth_phonenumber",
    "phone_auth_session",
    "phone_auth_outbox",
    "phone_auth_email_verified",
    "phone_auth_phone_verified",
];

fn first(file: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/first");
    folder.join(file)
}

/// A database that the first version has left behind.
fn first_database() -> Database {
    let database = database();
    database.run_file(&first("own.postgres.sql")).unwrap();
    database
}

/// A statement of the first version.
fn first_statement(name: &str) -> String {
    let all = std::fs::read_to_string(first("statements.postgres.sql")).unwrap();
    let start = format!("-- {name}\n");
    let (_, rest) = all.split_once(&start).unwrap();
    let statement = rest.split_once("\n-- ").map_or(rest, |(it, _)| it);
    statement.trim().trim_end_matches(';').to_owned()
}

/// A server of the first version, at which someone logs in again and again and is then looked up.
struct OldServer {
    log_ins: Arc<AtomicUsize>,
    runs: JoinHandle<()>,
}

impl OldServer {
    async fn start(database: &Database) -> Self {
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        // The time-outs that it sets.
        connection_runs(
            &mut connection,
            "SET statement_timeout = 5000; SET lock_timeout = 2000",
        )
        .await;
        let (log_in, alive) = (
            first_statement("sessions: log_in"),
            first_statement("sessions: alive"),
        );
        let log_ins = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&log_ins);
        let runs = tokio::spawn(async move {
            let password: String = query_scalar("SELECT password FROM auth_user WHERE id = 1")
                .fetch_one(&mut connection)
                .await
                .unwrap();
            let now = chrono::Utc::now();
            for number in 0_u64.. {
                let mut digest = [9; 32];
                digest[..8].copy_from_slice(&number.to_be_bytes());
                let log_in = query(AssertSqlSafe(log_in.clone()))
                    .bind(1_i64)
                    .bind(&password)
                    .bind(None::<String>)
                    .bind(digest)
                    .bind(now)
                    .bind(now + chrono::Duration::hours(1))
                    .bind(None::<Vec<u8>>);
                log_in.execute(&mut connection).await.unwrap();
                let alive = query(AssertSqlSafe(alive.clone())).bind(digest).bind(now);
                let found = alive.fetch_all(&mut connection).await.unwrap();
                assert_eq!(found.len(), 1);
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { log_ins, runs }
    }

    /// Waits for so many more log-ins, none of which fails.
    async fn goes_on(&self, more: usize) {
        let enough = self.log_ins.load(Ordering::Relaxed) + more;
        let counts = async {
            while self.log_ins.load(Ordering::Relaxed) < enough {
                assert!(!self.runs.is_finished(), "a log-in has failed");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LONG, counts).await.unwrap();
    }

    async fn stop(self) {
        self.goes_on(1).await;
        self.runs.abort();
        assert!(self.runs.await.unwrap_err().is_cancelled());
    }
}

async fn connection_runs(connection: &mut PgConnection, statements: &str) {
    let statements = AssertSqlSafe(statements.to_owned());
    raw_sql(statements).execute(connection).await.unwrap();
}

async fn texts(connection: &mut PgConnection, question: &str) -> Vec<String> {
    let question = query_scalar(AssertSqlSafe(question.to_owned()));
    question
        .persistent(false)
        .fetch_all(connection)
        .await
        .unwrap()
}

/// A transaction of another user's that has read or written a table and does not end.
async fn someone_uses(database: &Database, table: &str, how: &str) -> PgConnection {
    let mut other = PgConnection::connect(database.url()).await.unwrap();
    let statement = format!("BEGIN; LOCK TABLE {table} IN {how} MODE");
    connection_runs(&mut other, &statement).await;
    other
}

#[test]
fn log_ins_go_on_while_migrating() {
    run(async {
        // As a copy of the whole database is made, and as another user's form that was begun and not sent.
        for how in ["ACCESS SHARE", "ROW EXCLUSIVE"] {
            let database = first_database();
            let tables = FIRST_TABLES.join(", ");
            let mut other = someone_uses(&database, &tables, how).await;
            let server = OldServer::start(&database).await;
            server.goes_on(1).await;
            let options = PostgresOptions::default();
            let store = PostgresStore::connect(database.url(), options)
                .await
                .unwrap();
            let pending = store.pending_migrations().await.unwrap();
            let migration = tokio::spawn(async move { (store.migrate().await.unwrap(), store) });
            // More than would run in between if they waited for a lock for as long as a server of ours may.
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_millis(200)).await;
                server.goes_on(1).await;
            }
            assert!(!migration.is_finished(), "{how}");
            connection_runs(&mut other, "COMMIT").await;
            let (applied, store) = timeout(LONG, migration).await.unwrap().unwrap();
            assert_eq!(applied, pending, "{how}");
            assert_eq!(store.pending_migrations().await.unwrap(), [""; 0], "{how}");
            server.stop().await;
        }
    });
}

#[test]
fn table_in_use_is_named() {
    run(async {
        for table in [
            "auth_user",
            "phone_auth_emailaddress",
            "phone_auth_phonenumber",
            "phone_auth_session",
            "phone_auth_outbox",
        ] {
            let database = first_database();
            let mut other = someone_uses(&database, table, "ROW EXCLUSIVE").await;
            let [process] = &texts(&mut other, "SELECT pg_backend_pid()::text").await[..] else {
                unreachable!()
            };
            let process = process.parse().unwrap();
            let server = OldServer::start(&database).await;
            let options =
                PostgresOptions::default().with_statement_timeout(Duration::from_millis(100));
            let store = PostgresStore::connect(database.url(), options)
                .await
                .unwrap();
            let error = store.migrate().await.unwrap_err();
            let process = Some(process);
            assert_eq!(*error.kind(), MigrateErrorKind::InUse { table, process });
            assert!(error.is_retryable());
            let text = error.to_string();
            assert!(
                text.contains(table) && text.contains("server process"),
                "{text}"
            );
            // Nobody waits for anything that it has left behind.
            server.goes_on(10).await;
            connection_runs(&mut other, "COMMIT").await;
            // With the time that there is by default: the machine may do other things as well.
            let store = PostgresStore::connect(database.url(), PostgresOptions::default())
                .await
                .unwrap();
            store.migrate().await.unwrap();
            assert_eq!(
                store.pending_migrations().await.unwrap(),
                [""; 0],
                "{table}"
            );
            server.stop().await;
        }
    });
}

#[test]
fn run_that_stopped_half_way_goes_on() {
    // Everything that a migration makes was made by one that ended before it could write that down, or was not.
    run(async {
        let whole = definitions(&{
            let database = first_database();
            store(&database).await;
            database
        });
        let stops = [
            "ALTER TABLE phone_auth_session ADD COLUMN password_digest bytea",
            "ALTER TABLE phone_auth_outbox ADD COLUMN requested_at timestamptz NULL",
            "CREATE TABLE phone_auth_link_request (kind text NOT NULL, purpose text NOT NULL, holder bigint NOT NULL,
                email_id bigint NULL, phone_id bigint NULL, requested_at timestamptz NOT NULL,
                CONSTRAINT phone_auth_link_request_pkey PRIMARY KEY (kind, purpose, holder),
                CONSTRAINT phone_auth_link_request_email_id_fkey
                    FOREIGN KEY (email_id) REFERENCES phone_auth_emailaddress (id) ON DELETE CASCADE)",
            "CREATE INDEX phone_auth_user_email_any_spelling ON auth_user (id)",
        ];
        for stop in stops {
            let database = first_database();
            database.run(stop).unwrap();
            store(&database).await;
            assert_eq!(definitions(&database), whole, "{stop}");
        }
    });
}

/// All columns, constraints and indexes, without regard to the order of columns.
fn definitions(database: &Database) -> String {
    let all = "SELECT c.relname || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || a.attnotnull
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0
        UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
            FROM pg_constraint WHERE connamespace = 'public'::regnamespace
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        ORDER BY 1";
    database.run(all).unwrap()
}

#[test]
fn every_way_to_the_schema_ends_in_one() {
    // From nothing and from the first version.
    run(async {
        let new = database();
        store(&new).await;
        let upgraded = first_database();
        store(&upgraded).await;
        assert_eq!(definitions(&upgraded), definitions(&new));
    });
}

/// Each index of a new database, with its table, the constraint that it is of, and a column that it is not on; those
/// left out are Django's for searches by the beginning of a text, which no statement uses.
const ALL_INDEXES: &str = "SELECT c.relname || ' ' || t.relname || ' ' || coalesce(k.conname, '-') || ' '
        || (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum > 0
            AND a.attnum <> ALL (i.indkey) AND pg_get_indexdef(c.oid) !~ ('\\m' || a.attname || '\\M') ORDER BY a.attnum DESC LIMIT 1)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
        LEFT JOIN pg_constraint k ON k.conindid = c.oid AND k.contype IN ('p', 'u')
    WHERE t.relnamespace = 'public'::regnamespace AND c.relname NOT LIKE '%\\_like' ORDER BY 1";

#[test]
fn every_lost_index_is_named() {
    let database = database();
    run(async {
        let store = store(&database).await;
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        let all = texts(&mut connection, ALL_INDEXES).await;
        assert!(all.len() > 30, "{all:?}");
        for index in all {
            let [name, table, constraint, other] = index.split(' ').collect::<Vec<_>>()[..] else {
                unreachable!()
            };
            let drop = match constraint {
                "-" => format!("DROP INDEX {name}"),
                _ => format!("ALTER TABLE {table} DROP CONSTRAINT {constraint} CASCADE"),
            };
            let invalid = format!(
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = '{name}'::regclass"
            );
            // As `CREATE INDEX CONCURRENTLY` leaves one that it could not finish; dropped; and another one of its name.
            // What a constraint needs cannot be dropped to be made again, so it is dropped first.
            let again = format!("CREATE INDEX {name} ON {table} ({other})");
            for loss in [drop, invalid, format!("DROP INDEX {name}; {again}")] {
                connection_runs(&mut connection, &loss).await;
                assert_eq!(store.lost_indexes().await.unwrap(), [name], "{loss}");
                let lost = [LOST_INDEXES];
                assert_eq!(store.pending_migrations().await.unwrap(), lost, "{loss}");
                assert_eq!(store.migrate().await.unwrap(), lost, "{loss}");
                assert_eq!(store.pending_migrations().await.unwrap(), [""; 0], "{loss}");
            }
        }
        // Under another name it is there as well.
        let renamed = "ALTER INDEX phone_auth_phonenumber_user_id_32500e94 RENAME TO other";
        connection_runs(&mut connection, renamed).await;
        assert_eq!(store.pending_migrations().await.unwrap(), [""; 0]);
    });
}

#[test]
fn every_lost_table_is_named() {
    let database = database();
    run(async {
        let store = store(&database).await;
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'phone_auth_schema'";
        for table in texts(&mut connection, tables).await {
            connection_runs(
                &mut connection,
                &format!("ALTER TABLE {table} RENAME TO away"),
            )
            .await;
            for error in [
                store.pending_migrations().await.unwrap_err(),
                store.migrate().await.unwrap_err(),
            ] {
                let MigrateErrorKind::TablesGone { tables, .. } = error.kind() else {
                    unreachable!("{error}")
                };
                assert_eq!(tables[..], [table.as_str()]);
                assert!(error.to_string().contains(&table), "{error}");
            }
            connection_runs(
                &mut connection,
                &format!("ALTER TABLE away RENAME TO {table}"),
            )
            .await;
            assert_eq!(
                store.pending_migrations().await.unwrap(),
                [""; 0],
                "{table}"
            );
        }
        // As the sentence says.
        let advice =
            "DROP TABLE phone_auth_outbox; DELETE FROM phone_auth_schema WHERE version >= 3";
        connection_runs(&mut connection, advice).await;
        store.migrate().await.unwrap();
        assert_eq!(store.pending_migrations().await.unwrap(), [""; 0]);
    });
}

#[test]
fn duplicates_are_told_with_the_cure() {
    let database = database();
    run(async {
        let store = store(&database).await;
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        let row = "INSERT INTO auth_user (username, email, first_name, last_name, password, date_joined, is_active,
            is_staff, is_superuser) VALUES ('ann', '', '', '', '', now(), true, false, false);";
        let loss = format!(
            "ALTER TABLE auth_user DROP CONSTRAINT auth_user_username_key;
            DROP INDEX phone_auth_user_username_any_case; DROP INDEX phone_auth_session_person; {row}{row}"
        );
        connection_runs(&mut connection, &loss).await;
        let error = store.migrate().await.unwrap_err();
        let expected = MigrateErrorKind::Duplicates {
            index: "auth_user_username_key",
            table: "auth_user",
            columns: "username",
        };
        assert_eq!(*error.kind(), expected);
        assert_eq!(
            error.to_string(),
            "several rows of auth_user have the same username, so the index auth_user_username_key, which was lost, \
             cannot be made again; change or delete all of them but one, and run this again"
        );
        // The others were made.
        assert_eq!(
            store.lost_indexes().await.unwrap(),
            ["auth_user_username_key"]
        );
        connection_runs(
            &mut connection,
            "UPDATE auth_user SET username = 'ann' || id",
        )
        .await;
        assert_eq!(store.migrate().await.unwrap(), [LOST_INDEXES]);
        assert_eq!(store.lost_indexes().await.unwrap(), [""; 0]);
    });
}
