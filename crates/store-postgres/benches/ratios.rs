//! What the store costs beyond what PostgreSQL and its driver cost: each operation beside the bare
//! statement through the same driver, on a connection that is held, in turns (A B A B) in one run: what
//! writes beside one committed insert, what reads beside one row by its id. Only the ratios say something; the machine makes the rest.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot go on should stop with the reason"
)]

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use phone_auth_core::address::EmailAddress;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{NewLogIn, NewSession, SessionDigest};
use phone_auth_core::store::{SessionStore, UserStore};
use phone_auth_core::user::{NewUser, User};
use phone_auth_store_postgres::{PostgresOptions, PostgresStore};
use phone_auth_store_testkit::workload::{Operation, Workload};
use phone_auth_test_postgres::Database;
use sqlx::postgres::PgConnection;
use sqlx::{Connection, Row, query};
use tokio::runtime::Builder;

/// How often each side is measured; the median counts.
const ROUNDS: usize = 7;

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
    let users = runtime.block_on(fill(&store));
    let workload = runtime.block_on(Workload::fill(Arc::clone(&store), WRITES));
    let mut bare = runtime
        .block_on(PgConnection::connect(database.url()))
        .unwrap();

    let mut out = std::io::stdout().lock();
    writeln!(out, "| operation | bare | ours | ours ÷ bare |").unwrap();
    writeln!(out, "|---|---|---|---|").unwrap();
    let mut row = |name: &str, count: u32, (bare, ours): (Duration, Duration)| {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
        let (bare, ours) = (each(bare), each(ours));
        let ratio = ours / bare;
        writeln!(out, "| {name} | {bare:.0} µs | {ours:.0} µs | {ratio:.2} |").unwrap();
    };
    let looked_up = alternate(
        &mut bare,
        |bare| runtime.block_on(look_up_bare(bare)),
        || runtime.block_on(look_up(&store)),
    );
    row(
        "session look-up, beside the same join by hand",
        LOOK_UPS,
        looked_up,
    );
    for operation in Operation::ALL {
        let times = alternate(
            &mut bare,
            |bare| runtime.block_on(beside(*operation, bare)),
            || runtime.block_on(workload.time(*operation, WRITES)),
        );
        row(operation.name(), WRITES, times);
    }
    for together in [1, 8] {
        let mut round = 0;
        let written = alternate(
            &mut bare,
            |bare| runtime.block_on(insert_bare(bare)),
            || {
                round += 1;
                runtime.block_on(log_in(&store, &users, together, round))
            },
        );
        let name = format!("log-in, {together} at once");
        row(&name, WRITES, written);
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

/// Measures both sides in turns; the median of each.
fn alternate(
    connection: &mut PgConnection,
    mut bare: impl FnMut(&mut PgConnection) -> Duration,
    mut ours: impl FnMut() -> Duration,
) -> (Duration, Duration) {
    let (mut bares, mut owns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bares.push(bare(connection));
        owns.push(ours());
    }
    let median = |times: &mut Vec<Duration>| {
        times.sort_unstable();
        times.get(ROUNDS / 2).copied().unwrap_or_default()
    };
    (median(&mut bares), median(&mut owns))
}

/// A moment that does not pass while measuring.
fn now() -> DateTime<Utc> {
    "2026-01-02T03:04:05.678901Z".parse().unwrap()
}

/// The session of this number, in this set of sessions.
fn digest(set: u32, number: u32) -> SessionDigest {
    let mut bytes = [0_u8; 32];
    // Spread over the tree, as real digests are.
    let spread = number.wrapping_mul(2_654_435_761).to_be_bytes();
    for (place, byte) in bytes
        .iter_mut()
        .zip(spread.into_iter().chain(set.to_be_bytes()))
    {
        *place = byte;
    }
    SessionDigest::from_bytes(bytes)
}

/// A log-in of a user.
fn change(user: &User, digest: SessionDigest) -> NewLogIn {
    NewLogIn {
        checked_password: user.password.clone(),
        upgraded_password: None,
        session: NewSession {
            digest,
            user: user.id,
            created_at: now(),
            expires_at: now() + chrono::Duration::days(14),
        },
        ends: None,
    }
}

/// Users with a session each.
async fn fill(store: &PostgresStore) -> Arc<Vec<User>> {
    let mut users = Vec::new();
    for number in 0..USERS {
        let new = NewUser {
            username: format!("ann{number}"),
            first_name: "Ann".to_owned(),
            last_name: "Lee".to_owned(),
            password: EncodedPassword::new("argon2$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA"),
            email: EmailAddress::parse(&format!("ann{number}@example.org")).ok(),
            phone: None,
            date_joined: now(),
        };
        let user = store.create_user(&new).await.unwrap();
        assert!(
            store
                .log_in(&change(&user, digest(0, number)))
                .await
                .unwrap()
        );
        users.push(user);
    }
    Arc::new(users)
}

/// Looks sessions up through the store.
async fn look_up(store: &PostgresStore) -> Duration {
    let begun = Instant::now();
    for number in 0..LOOK_UPS {
        let digest = digest(0, number % USERS);
        assert!(store.session(&digest, now()).await.unwrap().is_some());
    }
    begun.elapsed()
}

/// The same join by hand, one column read and no more.
async fn look_up_bare(connection: &mut PgConnection) -> Duration {
    let begun = Instant::now();
    for number in 0..LOOK_UPS {
        let digest = digest(0, number % USERS);
        let look = query(SESSION)
            .bind(digest.as_bytes().as_slice())
            .bind(now());
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

/// Records log-ins through the store, so many tasks at once.
async fn log_in(
    store: &Arc<PostgresStore>,
    users: &Arc<Vec<User>>,
    together: u32,
    round: u32,
) -> Duration {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..together)
        .map(|task| {
            let (store, users) = (Arc::clone(store), Arc::clone(users));
            tokio::spawn(async move {
                for number in (task..WRITES).step_by(together as usize) {
                    let user = users.get(number as usize).unwrap();
                    let digest = digest(1000 * together + round, number);
                    assert!(store.log_in(&change(user, digest)).await.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
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
