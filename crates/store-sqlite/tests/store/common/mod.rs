//! A database for one test, and users to put into it.
#![allow(
    dead_code,
    reason = "each file of tests uses a part of this, and another one"
)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::PathBuf;

use phone_auth_core::address::{EmailAddress, PhoneNumber};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::user::NewUser;
use phone_auth_store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

/// All steps, in their order.
pub(crate) const STEPS: [&str; 33] = [
    "users and addresses",
    "sessions",
    "outbox",
    "verified addresses",
    "sessions bound to passwords",
    "site key",
    "link requests",
    "spellings",
    "leases of messages",
    "queues of messages",
    "public site",
    "limits",
    "white space in names",
    "challenges",
    "security notices",
    "text messages",
    "proofs of sessions",
    "life of challenges",
    "durable receivers",
    "queues of signing in by code",
    "claims",
    "uses of sessions",
    "channels",
    "challenges of nobody",
    "challenges by address",
    "closings",
    "changes of addresses",
    "mount of the public site",
    "proofs in a session",
    "age of changes of addresses",
    "names of sign-ups by code",
    "unended attempts",
    "queues of confirming",
];

/// A folder for the database of one test, removed at its end.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Where the database is.
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("site.sqlite3")
    }

    /// A store with its tables made.
    pub(crate) fn store(&self) -> SqliteStore {
        self.store_with(SqliteOptions::default())
    }

    /// A store with its tables made, and options.
    pub(crate) fn store_with(&self, options: SqliteOptions) -> SqliteStore {
        SqliteStore::open_and_migrate(self.path(), options).unwrap()
    }

    /// A connection of someone else.
    pub(crate) fn connect(&self) -> rusqlite::Connection {
        let connection = rusqlite::Connection::open(self.path()).unwrap();
        connection
            .pragma_update(None, "foreign_keys", true)
            .unwrap();
        connection
            .busy_timeout(std::time::Duration::from_secs(5))
            .unwrap();
        connection
    }
}

/// A user with an email address and a phone number.
pub(crate) fn user(username: &str, number: u32) -> NewUser {
    NewUser {
        username: username.to_owned(),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        password: EncodedPassword::new("argon2$sample"),
        email: Some(EmailAddress::parse(&format!("{username}@example.org")).unwrap()),
        phone: Some(PhoneNumber::parse(&format!("+9198765{number:05}")).unwrap()),
        date_joined: "2026-01-02T03:04:05.678901Z".parse().unwrap(),
        notices: Notices::default(),
        closes_at: None,
    }
}

/// Runs a test on two threads.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_time()
        .build();
    runtime.unwrap().block_on(test)
}
