//! A database for one test, and users to put into it.
#![allow(
    dead_code,
    reason = "each file of tests uses a part of this, and another one"
)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

pub(crate) mod waiting;

use std::fmt::Display;

use phone_auth_core::address::{AddressKind, EmailAddress, PhoneNumber};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::{NewLogIn, NewSession, SessionClient, SessionDigest, SessionHandle};
use phone_auth_core::user::NewUser;
use phone_auth_store_postgres::{OpenErrorKind, PostgresOptions, PostgresStore};
use phone_auth_test_postgres::Database;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use waiting::LONG;

/// All steps, in their order.
pub(crate) const STEPS: [&str; 35] = [
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
    "enqueueing",
    "challenges of nobody",
    "challenges by address",
    "closings",
    "changes of addresses",
    "mount of the public site",
    "proofs in a session",
    "age of changes of addresses",
    "names of sign-ups by code",
    "unended attempts",
    "messages that were superseded",
    "queues of confirming",
];

/// A database of this test alone.
pub(crate) fn database() -> Database {
    or_say(Database::new())
}

/// A database of this test alone whose tables are made: a copy of one that all tests share.
pub(crate) async fn with_tables() -> Database {
    static SHARED: OnceCell<&Database> = OnceCell::const_new();
    let template = SHARED.get_or_init(|| async {
        let template = database();
        store(&template).await.close().await;
        or_say(template.keep_to_the_end())
    });
    or_say(template.await.copy())
}

/// What there is, or a test that fails with a sentence and not with a structure.
pub(crate) fn or_say<T, E: Display>(outcome: Result<T, E>) -> T {
    #[expect(clippy::panic, reason = "a test that cannot begin has failed")]
    match outcome {
        Ok(there) => there,
        Err(error) => panic!("{error}"),
    }
}

/// A store with its tables made.
pub(crate) async fn store(database: &Database) -> PostgresStore {
    PostgresStore::connect_and_migrate(database.url(), PostgresOptions::default())
        .await
        .unwrap()
}

/// A store with its tables made, and options: those may have no patience with a server that is busy, and making the tables needs
/// some.
pub(crate) async fn store_with(database: &Database, options: PostgresOptions) -> PostgresStore {
    store(database).await.close().await;
    opened(database.url(), options).await
}

/// A store, as soon as there is a server and however busy the machine is.
pub(crate) async fn opened(url: &str, options: PostgresOptions) -> PostgresStore {
    let open = async {
        loop {
            match PostgresStore::connect(url, options.clone()).await {
                Ok(store) => return store,
                Err(error) => assert_eq!(error.kind(), OpenErrorKind::Unavailable, "{error:?}"),
            }
        }
    };
    timeout(LONG, open).await.unwrap()
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

/// A log-in of a user made by [`user`].
pub(crate) fn log_in(user: phone_auth_core::user::UserId, number: u8) -> NewLogIn {
    NewLogIn {
        checked_password: EncodedPassword::new("argon2$sample"),
        upgraded_password: None,
        session: NewSession {
            digest: SessionDigest::from_bytes([number; 32]),
            user,
            created_at: "2026-01-02T03:04:05Z".parse().unwrap(),
            expires_at: "2026-01-03T03:04:05Z".parse().unwrap(),
            handle: SessionHandle::of_digest(&SessionDigest::from_bytes([number; 32])),
            client: SessionClient::default(),
        },
        ends: None,
        max_sessions: 50,
        unless_closing: false,
    }
}

/// The table of a kind; its column of texts is called like the kind.
pub(crate) fn table(kind: AddressKind) -> &'static str {
    match kind {
        AddressKind::Email => "phone_auth_emailaddress",
        AddressKind::Phone => "phone_auth_phonenumber",
    }
}

/// Runs a test on two threads.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.unwrap().block_on(test)
}
