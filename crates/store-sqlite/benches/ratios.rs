//! What the store costs beyond what SQLite costs: each operation beside the barest way to do its
//! work, in turns (A B A B) in one run: what writes beside one durable insert, what reads beside one row by
//! its id. Only the ratios say something; the machine makes the rest.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot go on should stop with the reason"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use phone_auth_store_sqlite::{SqliteOptions, SqliteStore};
use phone_auth_store_testkit::workload::{LogIns, Operation, Ratios, Workload};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

/// Sessions looked up in a round.
const LOOK_UPS: u32 = 20_000;

/// How often each operation is done in a round.
const WRITES: u32 = 256;

/// Users in the database.
const USERS: u32 = 1_000;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.sqlite3");
    let runtime = Runtime::new().unwrap();
    let store = Arc::new(SqliteStore::open_and_migrate(&path, SqliteOptions::default()).unwrap());
    let log_ins = runtime.block_on(LogIns::fill(Arc::clone(&store), USERS));
    let bare = connect(&path);
    let workload = runtime.block_on(Workload::fill(store, WRITES));

    let ratios = Ratios::begin(2);
    ratios.compare(
        "session look-up, beside the same join by hand",
        LOOK_UPS,
        || look_up_bare(&bare, &log_ins),
        || runtime.block_on(log_ins.look_up(LOOK_UPS)),
    );
    for operation in Operation::ALL {
        let beside = if operation.writes() {
            insert_bare
        } else {
            read_bare
        };
        ratios.compare(
            operation.name(),
            WRITES,
            || beside(&bare),
            || runtime.block_on(workload.time(*operation, WRITES)),
        );
    }
    for together in [1, 8, 64] {
        ratios.compare(
            &format!("log-in, {together} at once"),
            WRITES,
            || insert_bare(&bare),
            || runtime.block_on(log_ins.record(WRITES, together)),
        );
    }
}

/// The same join by hand, its columns read and no more.
fn look_up_bare(connection: &Connection, log_ins: &LogIns<SqliteStore>) -> Duration {
    let mut query = connection
        .prepare(
            "SELECT u.id, u.username, u.first_name, u.last_name, u.email, u.password, u.last_login,
                u.is_active, u.date_joined, s.expires_at,
                EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = u.id AND is_verified),
                EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = u.id AND is_verified)
            FROM phone_auth_session s JOIN auth_user u ON u.id = s.person_id
            WHERE s.digest = ?1 AND s.expires_at > ?2 AND u.is_active",
        )
        .unwrap();
    let begun = Instant::now();
    for number in 0..LOOK_UPS {
        let digest = log_ins.session(number);
        let named = params![digest.as_bytes().as_slice(), "2026-01-02 03:04:05.678901"];
        let read = query.query_row(named, |row| {
            let mut texts = Vec::with_capacity(8);
            for column in [1, 2, 3, 4, 5, 6, 8, 9] {
                texts.push(row.get::<_, String>(column)?);
            }
            let flags: (i64, bool, bool, bool) =
                (row.get(0)?, row.get(7)?, row.get(10)?, row.get(11)?);
            Ok((texts, flags))
        });
        assert!(std::hint::black_box(read).is_ok());
    }
    begun.elapsed()
}

/// One durable insert after the other.
fn insert_bare(connection: &Connection) -> Duration {
    let mut insert = connection
        .prepare("INSERT INTO bare (text) VALUES (?1)")
        .unwrap();
    let begun = Instant::now();
    for number in 0..WRITES {
        insert.execute([number]).unwrap();
    }
    begun.elapsed()
}

/// One row by its id after the other, a column read and no more.
fn read_bare(connection: &Connection) -> Duration {
    let mut query = connection
        .prepare("SELECT * FROM auth_user WHERE id = ?1")
        .unwrap();
    let begun = Instant::now();
    for number in 1..=WRITES {
        let read = query.query_row([number], |row| row.get::<_, String>("username"));
        assert!(std::hint::black_box(read).is_ok());
    }
    begun.elapsed()
}

/// A connection with what makes a write durable, Django's table of sessions, and nothing else.
fn connect(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; CREATE TABLE bare (id integer PRIMARY KEY, text);
            CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY,
                session_data text NOT NULL, expire_date datetime NOT NULL)",
        )
        .unwrap();
    connection
}
