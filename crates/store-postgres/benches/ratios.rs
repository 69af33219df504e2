//! What the store costs beyond what PostgreSQL and its driver cost: each operation beside the bare
//! statement through the same driver, on a connection that is held, in turns (A B A B) in one run: what
//! writes beside one committed insert, what reads beside one row by its id. Only the ratios say something; the machine makes the rest.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot go on should stop with the reason"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use phone_auth_store_postgres::{PostgresOptions, PostgresStore};
use phone_auth_store_testkit::workload::{LogIns, Operation, Ratios, Workload};
use phone_auth_test_postgres::Database;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row, query};
use tokio::runtime::Builder;

/// Sessions looked up in a round.
const LOOK_UPS: u32 = 2_000;

/// How often each operation is done in a round.
const WRITES: u32 = 512;

/// Users in the database.
const USERS: u32 = 1_000;

/// A table to write to, and Django's of sessions.
const TABLES: &str = "
    CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, x int);
    CREATE TABLE django_session (session_key varchar(40) NOT NULL PRIMARY KEY, session_data text NOT NULL,
        expire_date timestamptz NOT NULL)";

const SESSION: &str = "SELECT u.id::int8, u.username::text, u.first_name::text, u.last_name::text,
        u.email::text, u.password::text, u.last_login, u.is_active, u.date_joined, s.expires_at,
        EXISTS (SELECT 1 FROM phone_auth_emailaddress WHERE user_id = u.id AND is_verified),
        EXISTS (SELECT 1 FROM phone_auth_phonenumber WHERE user_id = u.id AND is_verified)
    FROM phone_auth_session s JOIN auth_user u ON u.id = s.person_id
    WHERE s.digest = $1 AND s.expires_at > $2 AND u.is_active";

fn main() {
    // One thread for both sides, so that neither has more of the machine.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let database = Database::new().unwrap();
    let store = runtime.block_on(open(&database));
    let log_ins = runtime.block_on(LogIns::fill(Arc::clone(&store), USERS));
    let workload = runtime.block_on(Workload::fill(Arc::clone(&store), WRITES));
    let mut bare = runtime
        .block_on(PgConnection::connect(database.url()))
        .unwrap();

    let ratios = Ratios::begin(0);
    ratios.compare(
        "session look-up, beside the same join by hand",
        LOOK_UPS,
        || runtime.block_on(look_up_bare(&mut bare, &log_ins)),
        || runtime.block_on(log_ins.look_up(LOOK_UPS)),
    );
    for operation in Operation::ALL {
        ratios.compare(
            operation.name(),
            WRITES,
            || runtime.block_on(beside(*operation, &mut bare)),
            || runtime.block_on(workload.time(*operation, WRITES)),
        );
    }
    for together in [1, 8] {
        ratios.compare(
            &format!("log-in, {together} at once"),
            WRITES,
            || runtime.block_on(insert_bare(&mut bare)),
            || runtime.block_on(log_ins.record(WRITES, together)),
        );
    }
    runtime.block_on(store.close());
}

/// A store with all tables that are used here.
async fn open(database: &Database) -> Arc<PostgresStore> {
    let options = PostgresOptions::default();
    let store = PostgresStore::connect_and_migrate(database.url(), options).await;
    database.run(TABLES).unwrap();
    Arc::new(store.unwrap())
}

/// The same join by hand, one column read and no more.
async fn look_up_bare(connection: &mut PgConnection, log_ins: &LogIns<PostgresStore>) -> Duration {
    let begun = Instant::now();
    for number in 0..LOOK_UPS {
        let digest = log_ins.session(number);
        let look = query(SESSION)
            .bind(digest.as_bytes().as_slice())
            .bind(LogIns::<PostgresStore>::now());
        let row = look.fetch_one(&mut *connection).await.unwrap();
        std::hint::black_box(row.get::<i64, _>(0));
    }
    begun.elapsed()
}

/// What an operation is measured against.
async fn beside(operation: Operation, connection: &mut PgConnection) -> Duration {
    if operation.writes() {
        insert_bare(connection).await
    } else {
        read_bare(connection).await
    }
}

/// One row by its id after the other, a column read and no more.
async fn read_bare(connection: &mut PgConnection) -> Duration {
    let begun = Instant::now();
    for number in 1..=WRITES {
        let look = query("SELECT * FROM auth_user WHERE id = $1").bind(number.cast_signed());
        let row = look.fetch_one(&mut *connection).await.unwrap();
        std::hint::black_box(row.get::<String, _>("username"));
    }
    begun.elapsed()
}

/// One committed insert after the other.
async fn insert_bare(connection: &mut PgConnection) -> Duration {
    let begun = Instant::now();
    for number in 0..WRITES {
        let insert = query("INSERT INTO bare (x) VALUES ($1)").bind(number.cast_signed());
        insert.execute(&mut *connection).await.unwrap();
    }
    begun.elapsed()
}
