//! Every promise is kept behind a proxy that gives each transaction another connection.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use phone_auth_store_postgres::{OpenErrorKind, PostgresOptions, PostgresStore};
use phone_auth_store_testkit::{Subject, outbox_suite, store_suite};
use phone_auth_test_postgres::Database;
use sqlx::ConnectOptions;
use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;

use crate::common::{database, or_say, with_tables};
use crate::external_writer::Hand;

async fn empty() -> Subject {
    // Its tables are made by someone else, for whom the proxy has no connection to spare.
    let database = with_tables().await;
    let database = Arc::new(database);
    let proxy = Proxy::before(&database).await;
    let (url, same) = (proxy.url.clone(), Arc::clone(&database));
    of(url.clone(), Arc::clone(&database))
        .await
        .reopening(move || of(url.clone(), Arc::clone(&same)))
        .keeping(proxy)
        .keeping(database)
}

/// The store behind the proxy at this URL.
async fn of(url: String, database: Arc<Database>) -> Subject {
    let options = PostgresOptions::default().with_transaction_pooler(true);
    let store = PostgresStore::connect(&url, options).await.unwrap();
    Subject::with_outbox(store, Hand::on(&database).await)
}

store_suite!(empty);
outbox_suite!(empty);

/// It does not stand there as a server that does not answer.
#[tokio::test]
async fn proxy_that_was_not_declared_is_named() {
    let database = database();
    let proxy = Proxy::before(&database).await;
    let options = PostgresOptions::default();
    let error = PostgresStore::connect(&proxy.url, options)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), OpenErrorKind::Pooler, "{error:?}");
    assert!(!error.is_retryable());
}

/// A PgBouncer of this test alone, with fewer connections than clients.
struct Proxy {
    url: String,
    child: Child,
    _folder: TempDir,
}

impl Proxy {
    async fn before(database: &Database) -> Self {
        let folder = tempfile::Builder::new().prefix("pb").tempdir().unwrap();
        let server: PgConnectOptions = database.url().parse().unwrap();
        let host = match server.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => server.get_host().to_owned(),
        };
        let (user, port) = (server.get_username(), server.get_port());
        let password = database.url().split_once("://").and_then(|(_, rest)| {
            let (user, _) = rest.split_once('@')?;
            user.split_once(':').map(|(_, password)| password)
        });
        let password = password.map_or(String::new(), |it| format!(" password={it}"));
        let settings = format!(
            "[databases]\n* = host={host} port={port} user={user}{password}\n\
             [pgbouncer]\npool_mode = transaction\ndefault_pool_size = 3\nauth_type = any\n\
             unix_socket_dir = {folder}\nunix_socket_mode = 0777\nlisten_port = 6432\nmax_client_conn = 100\n",
            folder = folder.path().display()
        );
        let file = folder.path().join("pgbouncer.ini");
        std::fs::write(&file, settings).unwrap();
        let child = command(folder.path(), &file).spawn().unwrap();
        let url = format!(
            "postgres://{user}@localhost:6432/{}?host={}",
            database.name(),
            folder.path().display()
        );
        let proxy = Self {
            url,
            child,
            _folder: folder,
        };
        proxy.wait_until_ready().await;
        proxy
    }

    /// Waits until it lets someone in.
    async fn wait_until_ready(&self) {
        let begun = Instant::now();
        let options: PgConnectOptions = self.url.parse().unwrap();
        let options = options.extra_float_digits(None);
        while let Err(error) = options.connect().await {
            assert!(begun.elapsed() < Duration::from_secs(30), "{error}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program, as another user if we are root, as whom it does not run.
fn command(folder: &std::path::Path, file: &std::path::Path) -> Command {
    let program =
        std::env::var_os("PGBOUNCER").map_or_else(|| "/usr/sbin/pgbouncer".into(), PathBuf::from);
    or_say(
        program.is_file().then_some(()).ok_or(
            "PgBouncer is not installed: `apt-get install pgbouncer`, or name it in PGBOUNCER",
        ),
    );
    let mut command = or_say(phone_auth_test_postgres::as_server_user(&program, folder));
    command.arg("--quiet").arg(file);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}
