//! How many statements each flow sends to the server, counted on the wire.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use phone_auth_core::accounts::{Accounts, SignUpForm};
use phone_auth_core::address::{
    Address, AddressCaps, AddressId, AddressKind, AddressRecord, EmailAddress, Losses, ProofByHand,
};
use phone_auth_core::clock::ManualClock;
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::Password;
use phone_auth_core::settings::Settings;
use phone_auth_core::store::{AddressStore as _, UserStore as _};
use phone_auth_store_postgres::{PostgresOptions, PostgresStore};
use phone_auth_store_testkit::statements_of_flows;
use phone_auth_test_postgres::Database;
use phone_auth_tokens::{Keyring, SecretKey};
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};

use crate::common::{database, run, store, user};

/// The statements that were sent, those that begin and end transactions apart.
type Sent = Arc<Mutex<Vec<String>>>;

/// A way to the server that writes down what is asked of it; the URL that leads there.
async fn tapped(database: &Database, sent: Sent) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server: PgConnectOptions = database.url().parse().unwrap();
    let rest = database.url().split_once("://").unwrap().1;
    let user = rest.split_once('@').unwrap().0;
    let url = format!(
        "postgres://{user}@127.0.0.1:{port}/{}?sslmode=disable",
        database.name()
    );
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (sent, port) = (Arc::clone(&sent), server.get_port());
            if let Some(folder) = server.get_socket() {
                let socket = folder.join(format!(".s.PGSQL.{port}"));
                let upstream = UnixStream::connect(socket).await.unwrap();
                tokio::spawn(carry(client, upstream, sent));
            } else {
                let upstream = TcpStream::connect((server.get_host(), port)).await.unwrap();
                tokio::spawn(carry(client, upstream, sent));
            }
        }
    });
    url
}

/// Carries bytes to and fro until either side hangs up.
async fn carry(
    client: TcpStream,
    upstream: impl AsyncRead + AsyncWrite + Send + 'static,
    sent: Sent,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(upstream);
    tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let _ = listen(&mut from_client, &mut to_server, &sent).await;
}

/// Reads messages of the client, notes statements, and hands everything on
/// (<https://www.postgresql.org/docs/current/protocol-message-formats.html>).
async fn listen(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    sent: &Sent,
) -> std::io::Result<()> {
    let start = from.read_i32().await?;
    pass(from, to, None, start).await?;
    let mut prepared = HashMap::new();
    let mut bound = String::new();
    loop {
        let kind = from.read_u8().await?;
        let length = from.read_i32().await?;
        let body = pass(from, to, Some(kind), length).await?;
        let texts: Vec<_> = body
            .split(|byte| *byte == 0)
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect();
        let text = |place: usize| texts.get(place).cloned().unwrap_or_default();
        match kind {
            b'P' => drop(prepared.insert(text(0), text(1))),
            b'B' => bound = text(1),
            b'E' => note(sent, prepared.get(&bound).unwrap()),
            b'Q' => text(0)
                .split("; ")
                .for_each(|statement| note(sent, statement)),
            _ => {}
        }
    }
}

/// Hands a message on; what it holds.
async fn pass(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    kind: Option<u8>,
    length: i32,
) -> std::io::Result<Vec<u8>> {
    let mut body = vec![0; usize::try_from(length - 4).unwrap_or(0)];
    from.read_exact(&mut body).await?;
    if let Some(kind) = kind {
        to.write_u8(kind).await?;
    }
    to.write_i32(length).await?;
    to.write_all(&body).await?;
    to.flush().await?;
    Ok(body)
}

/// How the statement begins that counts what is pending.
const COUNT: &str = "SELECT count(*) FROM (";

/// Notes a statement by its verb and the table that it is about.
fn note(sent: &Sent, statement: &str) {
    if statement.starts_with("BEGIN") || matches!(statement, "COMMIT" | "ROLLBACK" | "") {
        return;
    }
    let about = [
        "phone_auth_limit_sms",
        "phone_auth_limit",
        "phone_auth_enqueue",
        "pg_advisory_xact_lock",
        "FOR NO KEY UPDATE",
        COUNT,
        "phone_auth_outbox",
        "INSERT INTO phone_auth_session",
        "phone_auth_session s",
        "UPDATE phone_auth_session",
        "FROM phone_auth_session\n",
        "DELETE FROM phone_auth_session",
        "INSERT INTO auth_user",
        "AS rank",
        "auth_user",
    ];
    let about = about.iter().find(|words| statement.contains(**words));
    let about = about.map_or(statement, |words| *words);
    sent.lock().unwrap().push(about.to_owned());
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

/// What a request was answered with. What is taken back of a text that it has superseded comes after that.
async fn answered(accounts: &Accounts, take: impl Fn() -> Vec<String>) -> Vec<String> {
    const TEXTS: &str = "phone_auth_limit_sms";

    assert!(accounts.drain(Duration::from_mins(1)).await);
    let mut sent = take();
    if sent.iter().filter(|statement| *statement == TEXTS).count() > 1 {
        assert_eq!(sent.pop().as_deref(), Some(TEXTS));
    }
    sent
}

#[test]
fn flows_send_few_statements() {
    let database = database();
    run(async {
        drop(store(&database).await);
        let sent = Sent::default();
        let url = tapped(&database, Arc::clone(&sent)).await;
        let store = PostgresStore::connect(&url, PostgresOptions::default()).await;
        let store = Arc::new(store.unwrap());
        let keyring = Keyring::new(SecretKey::generate().unwrap());
        let clock = ManualClock::starting_now();
        let accounts = Accounts::builder(Arc::clone(&store) as _, keyring)
            .outbox(Arc::clone(&store) as _)
            .limits(store)
            .clock(clock.clone())
            .build()
            .unwrap();
        let password = Password::new("plum-Orchard-1");
        let take = || std::mem::take(&mut *sent.lock().unwrap());

        accounts.sign_up(form()).await.unwrap();
        take();
        let log_in = accounts.log_in("ann", &password, None).await.unwrap();
        assert_eq!(
            take(),
            [
                "AS rank",
                "phone_auth_limit",
                "INSERT INTO phone_auth_session"
            ]
        );
        let key = &log_in.key;
        assert!(accounts.current_user(key).await.unwrap().is_some());
        let find = "phone_auth_session s";
        assert_eq!(take(), [find], "a guarded page");
        for (minutes, writes) in [(59, false), (1, true), (0, false), (59, false), (1, true)] {
            clock.advance(Duration::from_mins(minutes));
            assert!(accounts.current_user(key).await.unwrap().is_some());
            let noted = writes.then_some("UPDATE phone_auth_session");
            let expected: Vec<_> = [find].into_iter().chain(noted).collect();
            assert_eq!(take(), expected, "a use is noted once an hour");
        }
        let current_user = accounts.current_user(key).await.unwrap().unwrap();
        let listed = accounts.sessions(&current_user).await.unwrap();
        assert_eq!(listed.sessions.len(), 1);
        assert_eq!(take(), [find, "FROM phone_auth_session\n"], "a list");
        for name in [
            "ann@example.org",
            "+919876543210",
            "+919876500000",
            "nobody@example.org",
            "ann@example.org",
        ] {
            for has_code in [false, true] {
                if has_code {
                    accounts.begin_reset(name, None).await.unwrap();
                } else {
                    accounts.request_password_reset(name).await.unwrap();
                }
                let mut sent = answered(&accounts, &take).await;
                // Once in a while someone counts what is pending, no matter who is named.
                sent.retain(|statement| statement != COUNT);
                // What text messages cost is counted with the rest, no matter who is named.
                let counted = if name.starts_with('+') {
                    "phone_auth_limit_sms"
                } else {
                    "phone_auth_limit"
                };
                let expected = ["AS rank", counted, "phone_auth_enqueue"];
                assert_eq!(sent, expected, "a reset request for {name}");
            }
        }
        assert!(
            accounts
                .log_in("ann", &Password::new("other"), None)
                .await
                .is_err()
        );
        let counted = ["AS rank", "phone_auth_limit"];
        assert_eq!(take(), counted, "a wrong password");
        assert!(accounts.log_in("nobody", &password, None).await.is_err());
        assert_eq!(take(), counted, "an unknown name");
    });
}

/// A code to sign in costs the same whether or not anyone has the name; also by a username, whose addresses are read.
#[test]
fn code_of_nobody_costs_the_same() {
    let database = database();
    run(async {
        drop(store(&database).await);
        let sent = Sent::default();
        let url = tapped(&database, Arc::clone(&sent)).await;
        let store = PostgresStore::connect(&url, PostgresOptions::default()).await;
        let store = Arc::new(store.unwrap());
        let keyring = Keyring::new(SecretKey::generate().unwrap());
        let mut settings = Settings::default();
        settings.login_by_code = true;
        let accounts = Accounts::builder(Arc::clone(&store) as _, keyring)
            .outbox(Arc::clone(&store) as _)
            .limits(Arc::clone(&store) as _)
            .settings(settings)
            .build()
            .unwrap();
        let take = || std::mem::take(&mut *sent.lock().unwrap());
        let ann = accounts.sign_up(form()).await.unwrap();
        for (kind, id) in [(AddressKind::Email, 1), (AddressKind::Phone, 1)] {
            let proof = ProofByHand {
                kind,
                id: AddressId::new(id),
                user: ann.id,
                is_verified: true,
                at: chrono::Utc::now(),
                notices: Notices::default(),
                losses: Losses::default(),
            };
            store.set_verified(&proof).await.unwrap();
        }
        for (known, unknown) in [
            ("ann", "nobody"),
            ("ann@example.org", "nobody@example.org"),
            ("+919876543210", "+919876500000"),
        ] {
            let mut of_each = Vec::new();
            for name in [known, unknown] {
                take();
                let key = accounts.begin_log_in(name, None).await.unwrap();
                let mut asked = answered(&accounts, &take).await;
                // Once in a while someone counts what is pending, no matter who is named.
                asked.retain(|statement| statement != COUNT);
                let typed = accounts.log_in_by_code(&key, "000000", None).await;
                drop(typed);
                let typed = take();
                assert!(!asked.is_empty() && !typed.is_empty(), "{name}");
                of_each.push((asked, typed));
            }
            assert_eq!(of_each.first(), of_each.last(), "{known}");
        }
    });
}

/// Each flow of a user once.
#[test]
fn every_flow_sends_few_statements() {
    let database = database();
    run(async {
        drop(store(&database).await);
        let sent = Sent::default();
        let url = tapped(&database, Arc::clone(&sent)).await;
        let store = PostgresStore::connect(&url, PostgresOptions::default()).await;
        let taken = || {
            let sent = std::mem::take(&mut *sent.lock().unwrap());
            // Once in a while someone counts what is pending, no matter who is named.
            sent.iter().filter(|it| it.as_str() != COUNT).count()
        };
        let told = statements_of_flows(Arc::new(store.unwrap()), taken).await;
        assert_eq!(told, OF_FLOWS, "{told}");
    });
}

/// How many statements each flow sends. That for the number takes back the text of the one before, beside its answer.
const OF_FLOWS: &str = "\
3 sign-up
5 log-in by username
4 ask to verify, email
5 ask to verify, phone
7 verify by link
13 verify by code
6 log-in after four wrong ones
5 log-in from a network
5 log-in from a known browser
5 reset request for ann
3 reset request for ann@example.org
4 reset request for +919876543210
5 reset request for nobody
3 ask for a code to sign in
11 log-in by code
8 log-in by link
6 add an address
13 verify another by code
5 make an address the primary one
7 change an address
19 verify what takes the place of another
6 remove an address
3 re-authenticate
2 end one session
2 end all others
6 change the password
5 un-verify by hand
7 verify by hand
3 export
7 schedule the closing
4 cancel the closing
4 close
9 ask for a code to sign up
17 sign-up by code
";

/// Who proves an address waits no longer for each who has it without proof: they are told by what one statement reads.
#[test]
fn proof_costs_the_same_however_many_lose() {
    let database = database();
    run(async {
        drop(store(&database).await);
        let sent = Sent::default();
        let url = tapped(&database, Arc::clone(&sent)).await;
        let store = PostgresStore::connect(&url, PostgresOptions::default()).await;
        let store = Arc::new(store.unwrap());
        let keyring = Keyring::new(SecretKey::generate().unwrap());
        let accounts = Accounts::builder(Arc::clone(&store) as _, keyring)
            .outbox(Arc::clone(&store) as _)
            .limits(Arc::clone(&store) as _)
            .notices_received_elsewhere([AddressKind::Email])
            .build()
            .unwrap();
        let proof = |address: &AddressRecord| ProofByHand {
            kind: address.kind,
            id: address.id,
            user: address.user,
            is_verified: true,
            at: chrono::Utc::now(),
            notices: Notices::default(),
            losses: Losses::default(),
        };
        let mut of_each = Vec::new();
        for (round, losers) in [1, 15].into_iter().enumerate() {
            let number = 1 + 50 * u32::try_from(round).unwrap();
            let name = format!("ann{round}");
            let ann = store.create_user(&user(&name, number)).await.unwrap();
            let own = store.addresses_of(ann.id, 9).await.unwrap().remove(0);
            let email = EmailAddress::parse(&own.value).map(Address::Email).unwrap();
            for loser in 1..=losers {
                let new = user(&format!("loser{round}of{loser}"), number + loser);
                let loser = store.create_user(&new).await.unwrap();
                for address in store.addresses_of(loser.id, 9).await.unwrap() {
                    store.set_verified(&proof(&address)).await.unwrap();
                }
                let caps = AddressCaps {
                    all: 9,
                    unverified: 9,
                    replaces: None,
                };
                let nothing = Notices::default();
                let claim = store.add_address(loser.id, &email, caps, &nothing);
                assert!(claim.await.unwrap().id.is_claim());
            }
            sent.lock().unwrap().clear();
            let marked = accounts.set_verified(&ann, &own, true).await.unwrap();
            assert!(marked.is_changed());
            let mut asked = std::mem::take(&mut *sent.lock().unwrap());
            asked.retain(|statement| statement != COUNT);
            let told = "SELECT count(*) FROM phone_auth_outbox WHERE notice LIKE '%address_lost%'";
            let told = database.run(told).unwrap();
            assert_eq!(
                told.trim(),
                [1, 16][round].to_string(),
                "who has lost it is told"
            );
            of_each.push(asked);
        }
        assert!(!of_each.concat().is_empty());
        assert_eq!(of_each.first(), of_each.last());
    });
}

/// An account with ever so many addresses costs nobody more than one with two: neither those who ask about others, nor those who
/// ask about it.
#[test]
fn many_addresses_cost_no_statement() {
    let database = database();
    run(async {
        drop(store(&database).await);
        let sent = Sent::default();
        let url = tapped(&database, Arc::clone(&sent)).await;
        let store = PostgresStore::connect(&url, PostgresOptions::default()).await;
        let store = Arc::new(store.unwrap());
        let keyring = Keyring::new(SecretKey::generate().unwrap());
        let clock = ManualClock::starting_now();
        let accounts = Accounts::builder(Arc::clone(&store) as _, keyring)
            .outbox(Arc::clone(&store) as _)
            .limits(store)
            .clock(clock.clone())
            .build()
            .unwrap();
        let ann = accounts.sign_up(form()).await.unwrap();
        let bob = SignUpForm {
            username: "bob",
            email: "bob@example.net",
            phone: "+44 20 7946 0018",
            ..form()
        };
        accounts.sign_up(bob).await.unwrap();
        let ask = async |login: &str| {
            sent.lock().unwrap().clear();
            clock.advance(Duration::from_mins(1));
            accounts.request_password_reset(login).await.unwrap();
            let mut sent = std::mem::take(&mut *sent.lock().unwrap());
            sent.retain(|statement| statement != COUNT);
            sent
        };
        let names = ["ann", "ann@example.org", "bob", "bob@example.net", "nobody"];
        let mut before = Vec::new();
        for name in names {
            before.push(ask(name).await);
        }
        let filled = format!(
            "INSERT INTO phone_auth_emailaddress (email, is_verified, user_id)
            SELECT 'more' || n || '@example.org', false, {} FROM generate_series(1, 20000) n",
            ann.id.get()
        );
        database.run(&filled).unwrap();
        for (name, before) in names.into_iter().zip(before) {
            assert_eq!(ask(name).await, before, "{name}");
        }
    });
}
