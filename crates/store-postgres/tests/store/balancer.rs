//! Behind a balancer, and with several servers: what is not there is unavailable, and what comes back is found.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use phone_auth_core::store::{StoreErrorKind, UserStore};
use phone_auth_store_postgres::{OpenErrorKind, PostgresOptions, PostgresStore};
use phone_auth_test_postgres::Database;
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::time::timeout;

use crate::common::{database, opened, run, store, user};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// What a balancer does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    /// Hands it on.
    Forwards,
    /// Closes it at once: it has no server to give.
    Closes,
    /// Closes it once it was asked something.
    ClosesLater,
    /// Resets it.
    Resets,
    /// Says nothing, and keeps it.
    Hangs,
    /// Speaks another protocol.
    SpeaksHttp,
    /// Sends bytes that begin like an answer.
    SendsNonsense,
    /// Says no to TLS, and then nothing.
    RefusesTls,
}

/// All but forwarding.
const FAILING: [Does; 7] = [
    Does::Closes,
    Does::ClosesLater,
    Does::Resets,
    Does::Hangs,
    Does::SpeaksHttp,
    Does::SendsNonsense,
    Does::RefusesTls,
];

/// A balancer before a database.
struct Balancer {
    port: u16,
    does: Arc<AtomicU8>,
    accepted: Arc<AtomicUsize>,
    forwarded: Arc<AtomicUsize>,
}

impl Balancer {
    async fn before(database: &Database) -> Self {
        Self::at("127.0.0.1:0", database).await
    }

    async fn at(address: &str, database: &Database) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let does = Arc::new(AtomicU8::new(0));
        let accepted = Arc::new(AtomicUsize::new(0));
        let forwarded = Arc::new(AtomicUsize::new(0));
        let server: PgConnectOptions = database.url().parse().unwrap();
        let (now, count) = (Arc::clone(&does), Arc::clone(&accepted));
        let open = Arc::clone(&forwarded);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                let (now, open) = (Arc::clone(&now), Arc::clone(&open));
                tokio::spawn(serve(client, server.clone(), now, open));
            }
        });
        Self {
            port,
            does,
            accepted,
            forwarded,
        }
    }

    fn begins(&self, does: Does) {
        self.does.store(does as u8, Ordering::SeqCst);
    }

    /// Begins to fail; what it had forwarded is closed by then.
    async fn fails(&self, does: Does) {
        self.begins(does);
        while self.forwarded.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The URL of the database through it.
    fn url(&self, database: &Database) -> String {
        let server: PgConnectOptions = database.url().parse().unwrap();
        let (user, name) = (server.get_username(), database.name());
        let password = database.url().split_once("://").and_then(|(_, rest)| {
            let (user, _) = rest.split_once('@')?;
            user.split_once(':').map(|(_, password)| password)
        });
        let password = password.map_or(String::new(), |it| format!(":{it}"));
        format!("postgres://{user}{password}@127.0.0.1:{}/{name}", self.port)
    }
}

/// Both directions of a connection.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn serve(
    mut client: TcpStream,
    server: PgConnectOptions,
    does: Arc<AtomicU8>,
    forwarded: Arc<AtomicUsize>,
) {
    let now = does.load(Ordering::SeqCst);
    let is = |it: Does| now == it as u8;
    let mut asked = [0; 8];
    if is(Does::Forwards) {
        forwarded.fetch_add(1, Ordering::SeqCst);
        let mut stream: Box<dyn Stream> = if let Some(folder) = server.get_socket() {
            let path = folder.join(format!(".s.PGSQL.{}", server.get_port()));
            Box::new(UnixStream::connect(path).await.unwrap())
        } else {
            let to = (server.get_host(), server.get_port());
            Box::new(TcpStream::connect(to).await.unwrap())
        };
        // Until it does something else: what it had handed on is over then.
        let is_over = async {
            while does.load(Ordering::SeqCst) == Does::Forwards as u8 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut stream) => {}
            () = is_over => {}
        }
        drop((client, stream));
        forwarded.fetch_sub(1, Ordering::SeqCst);
        return;
    }
    if is(Does::Closes) {
        return;
    }
    if is(Does::Resets) {
        // What is unread when a socket is closed makes the system reset it.
        let _ = client.readable().await;
        return;
    }
    let _ = client.read(&mut asked).await;
    if is(Does::SpeaksHttp) {
        let _ = client
            .write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
            .await;
    } else if is(Does::SendsNonsense) {
        let _ = client.write_all(b"E\0\0\0\x08\xff\xff\xff\xff\0\0\0").await;
    } else if is(Does::RefusesTls) {
        let _ = client.write_all(b"N").await;
        let _ = client.read(&mut asked).await;
    } else if is(Does::Hangs) {
        tokio::time::sleep(LONG * 10).await;
    }
}

fn impatient() -> PostgresOptions {
    PostgresOptions::default()
        .with_acquire_timeout(Duration::from_millis(500))
        .with_statement_timeout(Duration::from_millis(500))
}

#[test]
fn absent_server_is_unavailable() {
    let database = database();
    run(async {
        drop(store(&database).await);
        let balancer = Balancer::before(&database).await;
        for sslmode in ["disable", "prefer", "require"] {
            let url = format!("{}?sslmode={sslmode}", balancer.url(&database));
            for does in FAILING {
                balancer.begins(does);
                let error = PostgresStore::connect(&url, impatient()).await.unwrap_err();
                // A server that says no to TLS says so, where it must speak it.
                let says_no = does == Does::RefusesTls && sslmode == "require";
                let expected = if says_no {
                    OpenErrorKind::Tls
                } else {
                    OpenErrorKind::Unavailable
                };
                assert_eq!(error.kind(), expected, "{does:?} {sslmode}: {error:?}");
            }
        }
    });
}

#[test]
fn lost_server_is_unavailable() {
    let database = database();
    run(async {
        drop(store(&database).await);
        let balancer = Balancer::before(&database).await;
        let url = balancer.url(&database);
        let store = opened(&url, impatient()).await;
        for (number, does) in (1..).zip(FAILING) {
            balancer.fails(does).await;
            for _ in 0..3 {
                let error = store.users_after(None, 1).await.unwrap_err();
                assert_eq!(
                    error.kind(),
                    StoreErrorKind::Unavailable,
                    "{does:?}: {error:?}"
                );
                let other = user(&format!("nobody{number}"), 90_000 + number);
                let error = store.create_user(&other).await.unwrap_err();
                assert_eq!(
                    error.kind(),
                    StoreErrorKind::Unavailable,
                    "{does:?}: {error:?}"
                );
            }
            // It is back, and so are we: at most what is under way is lost.
            balancer.begins(Does::Forwards);
            let back = async { while store.users_after(None, 1).await.is_err() {} };
            timeout(LONG, back).await.unwrap();
        }
        assert_eq!(store.users_after(None, 100).await.unwrap(), []);
    });
}

#[test]
fn ipv6_is_reached() {
    let database = database();
    run(async {
        drop(store(&database).await);
        let balancer = Balancer::at("[::1]:0", &database).await;
        let url = balancer.url(&database).replace("127.0.0.1", "[::1]");
        let store = opened(&url, PostgresOptions::default()).await;
        assert_eq!(store.users_after(None, 1).await.unwrap(), []);
        assert!(store.place().contains("@[::1]:"), "{}", store.place());
        let again = opened(&url.replace("[::1]", "[0:0::1]"), impatient()).await;
        assert_eq!(again.users_after(None, 1).await.unwrap(), []);
    });
}

#[test]
fn next_server_of_several_is_used() {
    let database = database();
    run(async {
        drop(store(&database).await);
        let (one, two) = (
            Balancer::before(&database).await,
            Balancer::before(&database).await,
        );
        let address = |it: &Balancer| format!("127.0.0.1:{}", it.port);
        let url = one.url(&database).replace(
            &address(&one),
            &format!("{},{}", address(&one), address(&two)),
        );
        // The first one that answers, in their order.
        let store = opened(&url, PostgresOptions::default()).await;
        assert_eq!(store.users_after(None, 1).await.unwrap(), []);
        assert_eq!(two.accepted.load(Ordering::Relaxed), 0);
        for (gone, there) in [(&one, &two), (&two, &one), (&one, &two)] {
            there.begins(Does::Forwards);
            gone.begins(Does::Closes);
            let moved = async { while store.users_after(None, 1).await.is_err() {} };
            timeout(LONG, moved).await.unwrap();
        }
        one.begins(Does::Hangs);
        let again = opened(&url, PostgresOptions::default()).await;
        assert_eq!(again.users_after(None, 1).await.unwrap(), []);
        assert_eq!(again.place().matches(',').count(), 1);
    });
}

#[test]
fn other_encodings_are_refused() {
    let database = database();
    for encoding in ["LATIN1", "SQL_ASCII", "WIN1252", "UTF8"] {
        let name = format!("{}_{}", database.name(), encoding.to_lowercase());
        database
            .run(&format!(
                "CREATE DATABASE {name} ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
            ))
            .unwrap();
        let url = database.url().replace(database.name(), &name);
        run(async {
            let opened = PostgresStore::connect(&url, PostgresOptions::default()).await;
            if encoding == "UTF8" {
                opened.unwrap().close().await;
                return;
            }
            let error = opened.unwrap_err();
            assert_eq!(error.kind(), OpenErrorKind::Encoding, "{encoding}");
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(
                source.contains(encoding) && source.contains("ENCODING 'UTF8'"),
                "{source}"
            );
        });
        database
            .run(&format!("DROP DATABASE {name} WITH (FORCE)"))
            .unwrap();
    }
}
