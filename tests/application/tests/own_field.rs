//! The favourite tea is there with the account, whenever the process dies: on both databases, with the program.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// The program, serving.
struct TeaHouse {
    program: Child,
    host: String,
}

impl TeaHouse {
    fn start(folder: &Path, database: &str) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_tea-house"))
            .current_dir(folder)
            .env("TEA_HOUSE_ADDR", "127.0.0.1:0")
            .env("TEA_HOUSE_DATABASE", database)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
        let here = lines.next().unwrap().unwrap();
        // Whatever else it prints has a reader as long as it lives.
        std::thread::spawn(move || lines.for_each(drop));
        let host = here.strip_prefix("http://").unwrap();
        let host = host.trim_end_matches('/').to_owned();
        Self { program, host }
    }

    /// Sends the form to join, as a page of this site would; the status.
    fn join(&self, key: &str, password: &str) -> String {
        let body = format!(
            "first_name=Ann&email=ann%40example.org&favourite=Assam&form_key={key}&password={password}"
        );
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let (host, length) = (&self.host, body.len());
        write!(
            stream,
            "POST /join/ HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// Ends it as a power cut does.
    fn kill(mut self) {
        self.program.kill().unwrap();
        self.program.wait().unwrap();
    }

    /// Asks it to stop, and waits until it has.
    fn stop(mut self) {
        let asked = Command::new("kill")
            .arg(self.program.id().to_string())
            .status();
        assert!(asked.unwrap().success());
        assert!(self.program.wait().unwrap().success());
    }
}

/// A look at the database from outside: the statements say what both databases understand.
enum Outside {
    Sqlite(Connection),
    Postgres(tokio::runtime::Runtime, sqlx::PgPool),
}

impl Outside {
    fn open(database: &str) -> Self {
        if let Some(path) = database.strip_prefix("sqlite:") {
            let connection = Connection::open(path).unwrap();
            connection.busy_timeout(Duration::from_secs(10)).unwrap();
            return Self::Sqlite(connection);
        }
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        let pool = runtime.block_on(sqlx::PgPool::connect(database)).unwrap();
        Self::Postgres(runtime, pool)
    }

    fn execute(&self, statement: &'static str) {
        match self {
            Self::Sqlite(connection) => connection.execute_batch(statement).unwrap(),
            Self::Postgres(runtime, pool) => {
                runtime
                    .block_on(sqlx::query(statement).execute(pool))
                    .unwrap();
            }
        }
    }

    fn count(&self, statement: &'static str) -> i64 {
        match self {
            Self::Sqlite(connection) => connection
                .query_row(statement, [], |row| row.get(0))
                .unwrap(),
            Self::Postgres(runtime, pool) => runtime
                .block_on(sqlx::query_scalar(statement).fetch_one(pool))
                .unwrap(),
        }
    }

    fn wait_for(&self, statement: &'static str, wanted: i64) {
        let begun = Instant::now();
        while self.count(statement) != wanted {
            assert!(
                begun.elapsed() < Duration::from_mins(1),
                "{statement} is not {wanted}"
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

const PASSWORD: &str = "a+long+pot+of+tea";

const USERS: &str = "SELECT count(*) FROM auth_user";
const EVENTS: &str = "SELECT count(*) FROM phone_auth_outbox WHERE purpose = 'event'";
const NOTES: &str = "SELECT count(*) FROM tea_note";
const FAVOURITES: &str = "SELECT count(*) FROM tea_favourite f JOIN auth_user u ON u.id = f.user_id
    WHERE f.favourite = 'Assam' AND u.email = 'ann@example.org'";

fn killed_tea_house_loses_no_favourite(database: &str, folder: &Path) {
    std::fs::write(
        folder.join("app.key"),
        "3b1f8a40c7d95e26a8f07e1c4d2b9655e0917fa3c86d4b12f5a97c3e08d1b624",
    )
    .unwrap();
    let house = TeaHouse::start(folder, database);
    let outside = Outside::open(database);
    let key = "0123456789abcdef0123456789abcdef";
    // Whether the account was made is not known after such a failure, so the note stays.
    outside.execute("ALTER TABLE phone_auth_outbox RENAME TO outbox_away");
    let status = house.join(key, PASSWORD);
    assert!(status.contains(" 500 "), "{status}");
    assert_eq!((outside.count(USERS), outside.count(NOTES)), (0, 1));
    outside.execute("ALTER TABLE outbox_away RENAME TO phone_auth_outbox");
    // The same form again is refused, and takes nothing from the one before, which might still be under way.
    let status = house.join(key, "tea");
    assert!(status.contains(" 400 "), "{status}");
    assert_eq!((outside.count(USERS), outside.count(NOTES)), (0, 1));
    // What was refused by itself leaves nothing.
    let status = house.join("00000000000000000000000000000000", "tea");
    assert!(status.contains(" 400 "), "{status}");
    assert_eq!((outside.count(USERS), outside.count(NOTES)), (0, 1));

    // The favourite cannot be kept now: neither the page nor the receiver comes to it.
    outside.execute("ALTER TABLE tea_favourite RENAME TO tea_away");
    let status = house.join(key, PASSWORD);
    assert!(status.contains(" 303 "), "{status}");
    assert_eq!(
        (
            outside.count(USERS),
            outside.count(EVENTS),
            outside.count(NOTES)
        ),
        (1, 1, 2)
    );
    // The same form with a password that is refused does not take the note from the account.
    let status = house.join(key, "tea");
    assert!(status.contains(" 400 "), "{status}");
    assert_eq!(outside.count(NOTES), 2);
    house.kill();

    outside.execute("ALTER TABLE tea_away RENAME TO tea_favourite");
    assert_eq!(outside.count(FAVOURITES), 0);
    // The receiver failed a moment ago: its back-off and the lease of the dead process are over now.
    outside.execute("UPDATE phone_auth_outbox SET due_at = created_at");
    let house = TeaHouse::start(folder, database);
    outside.wait_for(FAVOURITES, 1);
    outside.wait_for(EVENTS, 0);
    assert_eq!(outside.count(NOTES), 0);

    // The same form once more is the same account, and tells nobody.
    let status = house.join(key, PASSWORD);
    assert!(status.contains(" 303 "), "{status}");
    assert_eq!((outside.count(USERS), outside.count(EVENTS)), (1, 0));
    house.stop();
    assert_eq!((outside.count(FAVOURITES), outside.count(EVENTS)), (1, 0));
}

#[test]
fn killed_tea_house_loses_no_favourite_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("tea.sqlite3").display());
    killed_tea_house_loses_no_favourite(&database, folder.path());
}

#[test]
fn killed_tea_house_loses_no_favourite_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    let database = phone_auth_test_postgres::Database::new().unwrap();
    killed_tea_house_loses_no_favourite(database.url(), folder.path());
}
