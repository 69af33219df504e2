//! How many statements each flow runs, as SQLite tells of them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use phone_auth_core::accounts::{Accounts, SignUpForm};
use phone_auth_core::clock::ManualClock;
use phone_auth_core::password::Password;
use phone_auth_store_testkit::statements_of_flows;
use phone_auth_tokens::{Keyring, SecretKey};
use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use crate::{SqliteOptions, SqliteStore};

/// What has been run since it was last asked, by all connections of the one test that has its turn: SQLite tells a
/// function, which cannot hold anything.
static RUN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Whose turn it is.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// Words by which a statement is told, the more telling ones first.
const TELLING: [&str; 16] = [
    "DELETE FROM phone_auth_session WHERE digest IN",
    "FROM phone_auth_limit_sms",
    "FROM phone_auth_limit WHERE",
    "INSERT INTO phone_auth_limit",
    "INSERT INTO phone_auth_link_request",
    "INSERT INTO phone_auth_session",
    "FROM phone_auth_session s",
    "UPDATE phone_auth_session",
    "FROM phone_auth_session\n",
    "DELETE FROM phone_auth_outbox",
    "INSERT INTO phone_auth_outbox",
    "UPDATE phone_auth_outbox",
    "FROM phone_auth_outbox WHERE address_id",
    "SELECT count(*) FROM",
    "UPDATE auth_user",
    "AS rank",
];

/// Notes a statement by its telling words; those that begin and end transactions are left out.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is how SQLite's hook tells"
)]
fn note(event: TraceEvent<'_>) {
    let TraceEvent::Stmt(_, statement) = event else {
        return;
    };
    let verb = statement.split_whitespace().next().unwrap_or_default();
    if !["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"].contains(&verb) {
        let telling = TELLING.iter().find(|words| statement.contains(**words));
        let noted = telling.map_or(statement, |words| *words);
        RUN.lock().unwrap().push(noted.to_owned());
    }
}

fn listen(connection: &Connection) {
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note));
}

fn taken() -> Vec<String> {
    std::mem::take(&mut *RUN.lock().unwrap())
}

fn form() -> SignUpForm<'static> {
    SignUpForm {
        first_name: "Ann",
        last_name: "Smith",
        username: "ann",
        email: "ann@example.org",
        phone: "+91 98765 43210",
        password: Password::new("plum-Orchard-1"),
        confirm_password: Some(Password::new("plum-Orchard-1")),
    }
}

/// A store whose statements are noted.
async fn heard_in(folder: &Path) -> Arc<SqliteStore> {
    let options = SqliteOptions::default().with_readers(NonZeroUsize::MIN);
    let store = SqliteStore::open_and_migrate(folder.join("site.sqlite3"), options).unwrap();
    let heard = |connection: &Connection| {
        listen(connection);
        Ok(())
    };
    store.read(heard).unwrap();
    store.write(heard).await.unwrap();
    Arc::new(store)
}

/// Each flow of a user once.
#[tokio::test]
async fn every_flow_runs_few_statements() {
    let _turn = TURN.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let store = heard_in(folder.path()).await;
    let counted = || {
        let run = taken();
        // Once in a while someone counts what is pending, no matter who is named.
        let counts = |it: &&String| it.as_str() != "SELECT count(*) FROM";
        run.iter().filter(counts).count()
    };
    let told = statements_of_flows(store, counted).await;
    assert_eq!(told, OF_FLOWS, "{told}");
}

/// How many statements each flow runs.
const OF_FLOWS: &str = "\
7 sign-up
7 log-in by username
11 ask to verify, email
23 ask to verify, phone
10 verify by link
39 verify by code
8 log-in after four wrong ones
17 log-in from a network
7 log-in from a known browser
26 reset request for ann
8 reset request for ann@example.org
30 reset request for +919876543210
26 reset request for nobody
10 ask for a code to sign in
24 log-in by code
10 log-in by link
8 add an address
31 verify another by code
7 make an address the primary one
11 change an address
50 verify what takes the place of another
16 remove an address
6 re-authenticate
2 end one session
2 end all others
16 change the password
7 un-verify by hand
11 verify by hand
3 export
10 schedule the closing
5 cancel the closing
31 close
30 ask for a code to sign up
57 sign-up by code
";

#[tokio::test]
async fn flows_run_few_statements() {
    let _turn = TURN.lock().await;
    let folder = tempfile::tempdir().unwrap();
    let store = heard_in(folder.path()).await;
    let keyring = Keyring::new(SecretKey::generate().unwrap());
    let clock = ManualClock::starting_now();
    let accounts = Accounts::builder(Arc::clone(&store) as _, keyring)
        .outbox(Arc::clone(&store) as _)
        .limits(store)
        .clock(clock.clone())
        .build()
        .unwrap();
    let password = Password::new("plum-Orchard-1");

    accounts.sign_up(form()).await.unwrap();
    taken();
    let log_in = accounts.log_in("ann", &password, None).await.unwrap();
    let find = "AS rank";
    let (look, count) = (
        "FROM phone_auth_limit WHERE",
        "INSERT INTO phone_auth_limit",
    );
    let begun = [
        find,
        look,
        count,
        "UPDATE auth_user",
        "INSERT INTO phone_auth_session",
        "DELETE FROM phone_auth_session WHERE digest IN",
    ];
    assert_eq!(taken(), begun, "a log-in");
    assert!(accounts.current_user(&log_in.key).await.unwrap().is_some());
    let find_session = "FROM phone_auth_session s";
    assert_eq!(taken(), [find_session], "a guarded page");
    for (minutes, writes) in [(59, false), (1, true), (0, false), (59, false), (1, true)] {
        clock.advance(Duration::from_mins(minutes));
        assert!(accounts.current_user(&log_in.key).await.unwrap().is_some());
        let noted = writes.then_some("UPDATE phone_auth_session");
        let expected: Vec<_> = [find_session].into_iter().chain(noted).collect();
        assert_eq!(taken(), expected, "a use is noted once an hour");
    }
    let current_user = accounts.current_user(&log_in.key).await.unwrap().unwrap();
    let listed = accounts.sessions(&current_user).await.unwrap();
    assert_eq!(listed.sessions.len(), 1);
    assert_eq!(
        taken(),
        [find_session, "FROM phone_auth_session\n"],
        "a list"
    );
    accounts
        .request_password_reset("nobody@example.org")
        .await
        .unwrap();
    let counted = taken();
    assert!(
        counted.contains(&"SELECT count(*) FROM".to_owned()),
        "once in a while someone counts: {counted:?}"
    );
    let requested = "INSERT INTO phone_auth_link_request";
    // Letters with the same link, whose rows a request for nobody looks for as well.
    let letters = "UPDATE phone_auth_outbox";
    let forgotten = "DELETE FROM phone_auth_outbox";
    let superseded = "FROM phone_auth_outbox WHERE address_id";
    for (name, writes) in [
        ("ann@example.org", "INSERT INTO phone_auth_outbox"),
        ("+919876543210", "INSERT INTO phone_auth_outbox"),
        ("nobody@example.org", "INSERT INTO phone_auth_outbox"),
        ("+919876543211", "INSERT INTO phone_auth_outbox"),
        ("ann@example.org", "UPDATE phone_auth_outbox"),
    ] {
        // What text messages cost is counted by number, prefix, country and site, and as what its owner may have besides.
        let texts = [count, "FROM phone_auth_limit_sms"];
        let (counters, guard) = if name.starts_with('+') {
            (2, 5)
        } else {
            (1, 0)
        };
        let expected = [
            vec![find],
            vec![look; counters],
            vec![count; counters],
            texts.repeat(guard),
            vec![requested, letters, superseded, writes, forgotten],
        ]
        .concat();
        accounts.request_password_reset(name).await.unwrap();
        let mut run = taken();
        run.retain(|statement| statement != "SELECT count(*) FROM");
        assert_eq!(run, expected, "a reset request for {name}");
    }
    let wrong = Password::new("other");
    assert!(accounts.log_in("ann", &wrong, None).await.is_err());
    assert_eq!(taken(), [find, look, count], "a wrong password");
    assert!(accounts.log_in("nobody", &password, None).await.is_err());
    assert_eq!(taken(), [find, look, count], "an unknown name");
}
