//! How fast workers deliver what is pending, beside the barest way to do such work: rows inserted and deleted in
//! transactions of the same size. And how soon after the request a receiver begins.
//!
//! Both sides take turns in one run (A B A B), on files of one folder. Only the ratio says something; the machine makes
//! the rest.
#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot go on should stop with the reason"
)]

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use phone_auth::core::accounts::Accounts;
use phone_auth::core::address::{EmailAddress, PhoneNumber};
use phone_auth::core::outbox::{NextDue, Notices, WorkerOptions};
use phone_auth::core::password::EncodedPassword;
use phone_auth::core::store::{OutboxStore, Store};
use phone_auth::core::user::NewUser;
use phone_auth::postgres::{PostgresOptions, PostgresStore};
use phone_auth::signals::{Connection, ResetPasswordEmail, ResetPasswordPhone, Signals};
use phone_auth::sqlite::{SqliteOptions, SqliteStore};
use phone_auth::tokens::{Keyring, SecretKey};
use phone_auth_test_postgres::Database;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, query};

/// How often each side is measured; the median counts.
const ROUNDS: usize = 5;

/// Users, each with two addresses to send a message to.
const USERS: u32 = 400;

/// How many messages a worker claims at once, and rows go into a transaction.
const BATCH: u32 = 16;

const INSERT: &str =
    "INSERT INTO message (text) VALUES ('who, which address, what for, when, and so on')";

const DELETE: &str = "DELETE FROM message WHERE id = (SELECT min(id) FROM message)";

/// Messages on an idle site.
const MESSAGES: u32 = 200;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.sqlite3");
    let store = SqliteStore::open_and_migrate(&path, SqliteOptions::default()).unwrap();
    let site = Enqueueing::new(store).await;
    let bare = sqlite(&folder.path().join("bare.sqlite3"));
    let (mut ours, mut barest) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(site.deliver_all(1).await);
        barest.push(insert_and_delete(&bare));
    }
    tell("SQLite", 1, &mut ours, &mut barest);
    tell_latencies("SQLite", &mut site.latencies().await);

    // Named by `cargo xtask bench delivery`, which starts a server.
    let Ok(database) = Database::new() else {
        let mut out = std::io::stdout().lock();
        writeln!(
            out,
            "PostgreSQL: not measured, DATABASE_URL names no server"
        )
        .unwrap();
        return;
    };
    let options = PostgresOptions::default();
    let store = PostgresStore::connect_and_migrate(database.url(), options).await;
    let site = Enqueueing::new(store.unwrap()).await;
    let mut bare = postgres(&database).await;
    for workers in [1, 4] {
        let (mut ours, mut barest) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(site.deliver_all(workers).await);
            barest.push(insert_and_delete_there(&mut bare).await);
        }
        tell("PostgreSQL", workers, &mut ours, &mut barest);
    }
    tell_latencies("PostgreSQL", &mut site.latencies().await);
}

/// Prints what was measured on a database.
fn tell(database: &str, workers: usize, ours: &mut [Duration], barest: &mut [Duration]) {
    let (ours, barest) = (rate(ours), rate(barest));
    let ratio = ours / barest;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{database}, {workers} workers, transactions of {BATCH}: {ours:.0} messages per second; \
         rows inserted and deleted on one connection {barest:.0}; ratio {ratio:.2}"
    )
    .unwrap();
}

fn tell_latencies(database: &str, latencies: &mut [Duration]) {
    latencies.sort_unstable();
    let at = |share: usize| latencies.get(latencies.len() * share / 100).unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{database}, idle, from the request to the receiver: median {:.2?}, of 99 in 100 at most {:.2?}",
        at(50),
        at(99)
    )
    .unwrap();
}

/// Flows over an outbox, users to send to, and a receiver that only counts.
struct Enqueueing<S> {
    accounts: Accounts,
    store: Arc<S>,
    names: Vec<String>,
    received: Arc<AtomicU32>,
    signals: Signals,
    _receivers: [Connection; 2],
}

impl<S: Store + OutboxStore + 'static> Enqueueing<S> {
    async fn new(store: S) -> Self {
        let store = Arc::new(store);
        let signals = Signals::isolated();
        let received = Arc::new(AtomicU32::new(0));
        let (emails, phones) = (Arc::clone(&received), Arc::clone(&received));
        let receivers = [
            signals.connect(move |_: &ResetPasswordEmail| {
                emails.fetch_add(1, Ordering::SeqCst);
            }),
            signals.connect(move |_: &ResetPasswordPhone| {
                phones.fetch_add(1, Ordering::SeqCst);
            }),
        ];
        let accounts = Accounts::builder(
            Arc::clone(&store) as _,
            Keyring::new(SecretKey::generate().unwrap()),
        )
        .outbox(Arc::clone(&store) as _)
        .signals(signals.clone())
        .build()
        .unwrap();
        let mut names = Vec::new();
        for number in 0..USERS {
            let user = user(number);
            names.extend(user.email.iter().map(|email| email.as_str().to_owned()));
            names.extend(user.phone.iter().map(|phone| phone.as_str().to_owned()));
            store.create_user(&user).await.unwrap();
        }
        Self {
            accounts,
            store,
            names,
            received,
            signals,
            _receivers: receivers,
        }
    }

    /// How long so many workers take for everything that is pending: claim, call, record.
    async fn deliver_all(&self, workers: usize) -> Duration {
        for name in &self.names {
            self.accounts.request_password_reset(name).await.unwrap();
        }
        let before = self.received.load(Ordering::SeqCst);
        let outbox = self.accounts.outbox().unwrap();
        let worker = outbox.worker(WorkerOptions::default());
        let started = Instant::now();
        let at_work: Vec<_> = (0..workers)
            .map(|_| {
                let worker = worker.clone();
                tokio::spawn(async move { worker.deliver_due().await.unwrap() })
            })
            .collect();
        for worker in at_work {
            worker.await.unwrap();
        }
        let took = started.elapsed();
        let received = self.received.load(Ordering::SeqCst) - before;
        assert_eq!(received, 2 * USERS, "everybody was told, once");
        assert_eq!(self.store.next_due().await.unwrap(), NextDue::Never);
        took
    }

    /// How long after a flow has answered the receiver begins, one message after the other on an idle site.
    async fn latencies(&self) -> Vec<Duration> {
        let (begin, mut at_work) = tokio::sync::mpsc::unbounded_channel();
        let _receiver = self.signals.connect(move |_: &ResetPasswordEmail| {
            let _over = begin.send(Instant::now());
        });
        let worker = self
            .accounts
            .outbox()
            .unwrap()
            .worker(WorkerOptions::default());
        let running = tokio::spawn(async move { worker.run(std::future::pending()).await });
        let mut latencies = Vec::new();
        let emails = self.names.iter().filter(|name| name.contains('@'));
        for name in emails.take(MESSAGES as usize) {
            self.accounts.request_password_reset(name).await.unwrap();
            let enqueued = Instant::now();
            let received = at_work.recv().await.unwrap();
            // The receiver may begin before the answer is back with who asked.
            latencies.push(received.saturating_duration_since(enqueued));
            while self.store.next_due().await.unwrap() != NextDue::Never {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        running.abort();
        latencies
    }
}

fn user(number: u32) -> NewUser {
    NewUser {
        username: format!("ann{number}"),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        // A hash of ours that does not have to be check.
        password: EncodedPassword::new("argon2$argon2id$v=19$m=19456,t=2,p=1$c2FtcGxl$AAAA"),
        email: EmailAddress::parse(&format!("ann{number}@example.org")).ok(),
        phone: PhoneNumber::parse(&format!("+9198765{number:05}")).ok(),
        date_joined: chrono::Utc::now(),
        notices: Notices::default(),
        closes_at: None,
    }
}

/// A file set up as the store sets up its own.
fn sqlite(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE message (id integer PRIMARY KEY AUTOINCREMENT, text text NOT NULL);",
        )
        .unwrap();
    connection
}

/// Inserts and deletes as many rows as there are messages, so many in a transaction.
fn insert_and_delete(connection: &rusqlite::Connection) -> Duration {
    let started = Instant::now();
    for _ in 0..(2 * USERS).div_ceil(BATCH) {
        for statement in [INSERT, DELETE] {
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            let mut prepared = connection.prepare_cached(statement).unwrap();
            for _ in 0..BATCH {
                prepared.execute([]).unwrap();
            }
            connection.execute_batch("COMMIT").unwrap();
        }
    }
    started.elapsed()
}

/// A connection to a server, with a table of the barest kind.
async fn postgres(database: &Database) -> PgConnection {
    let table = "CREATE TABLE message (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL)";
    let mut connection = PgConnection::connect(database.url()).await.unwrap();
    query(table).execute(&mut connection).await.unwrap();
    connection
}

/// As [`insert_and_delete`], on PostgreSQL.
async fn insert_and_delete_there(connection: &mut PgConnection) -> Duration {
    let started = Instant::now();
    for _ in 0..(2 * USERS).div_ceil(BATCH) {
        for statement in [INSERT, DELETE] {
            let mut transaction = connection.begin().await.unwrap();
            for _ in 0..BATCH {
                query(statement).execute(&mut *transaction).await.unwrap();
            }
            transaction.commit().await.unwrap();
        }
    }
    started.elapsed()
}

/// Messages per second, by the median time.
fn rate(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    let median = times.get(ROUNDS / 2).unwrap();
    f64::from(2 * USERS) / median.as_secs_f64()
}
