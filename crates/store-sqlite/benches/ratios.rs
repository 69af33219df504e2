//! What the store costs beyond what SQLite costs: each operation beside the barest way to do its
//! work, in turns (A B A B) in one run: what writes beside one durable insert, what reads beside one row by
//! its id. Only the ratios say something; the machine makes the rest.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot go on should stop with the reason"
)]

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use phone_auth_core::address::EmailAddress;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{NewLogIn, NewSession, SessionDigest};
use phone_auth_core::store::{SessionStore, UserStore};
use phone_auth_core::user::{NewUser, User};
use phone_auth_store_sqlite::{SqliteOptions, SqliteStore};
use phone_auth_store_testkit::workload::{Operation, Workload};
use rusqlite::{Connection, params};
use tokio::runtime::Runtime;

/// How often each side is measured; the median counts.
const ROUNDS: usize = 7;

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
    let users = runtime.block_on(fill(&store));
    let bare = connect(&path);
    let workload = runtime.block_on(Workload::fill(Arc::clone(&store), WRITES));

    let mut out = std::io::stdout().lock();
    writeln!(out, "| operation | bare | ours | ours ÷ bare |").unwrap();
    writeln!(out, "|---|---|---|---|").unwrap();
    let mut row = |name: &str, count: u32, (bare, ours): (Duration, Duration)| {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(count);
        let (bare, ours) = (each(bare), each(ours));
        let ratio = ours / bare;
        writeln!(out, "| {name} | {bare:.2} µs | {ours:.2} µs | {ratio:.2} |").unwrap();
    };

    let looked_up = alternate(|| look_up_bare(&bare), || runtime.block_on(look_up(&store)));
    row(
        "session look-up, beside the same join by hand",
        LOOK_UPS,
        looked_up,
    );
    for operation in Operation::ALL {
        let beside = if operation.writes() {
            insert_bare
        } else {
            read_bare
        };
        let times = alternate(
            || beside(&bare),
            || runtime.block_on(workload.time(*operation, WRITES)),
        );
        row(operation.name(), WRITES, times);
    }
    for together in [1, 8, 64] {
        let mut round = 0;
        let written = alternate(
            || insert_bare(&bare),
            || {
                round += 1;
                runtime.block_on(log_in(&store, &users, together, round))
            },
        );
        let name = format!("log-in, {together} at once");
        row(&name, WRITES, written);
    }
}

/// Measures both sides in turns; the median of each.
fn alternate(
    mut bare: impl FnMut() -> Duration,
    mut ours: impl FnMut() -> Duration,
) -> (Duration, Duration) {
    let (mut bares, mut owns) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bares.push(bare());
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
async fn fill(store: &SqliteStore) -> Arc<Vec<User>> {
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
async fn look_up(store: &SqliteStore) -> Duration {
    let begun = Instant::now();
    for number in 0..LOOK_UPS {
        let digest = digest(0, number % USERS);
        let session = store.session(&digest, now()).await.unwrap();
        assert!(session.is_some());
    }
    begun.elapsed()
}

/// The same join by hand, its columns read and no more.
fn look_up_bare(connection: &Connection) -> Duration {
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
        let digest = digest(0, number % USERS);
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

/// Records log-ins through the store, so many tasks at once.
async fn log_in(
    store: &Arc<SqliteStore>,
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
