//! Waiting for what others do in the database.

use std::time::Duration;

use phone_auth_core::store::{StoreError, StoreErrorKind};
use phone_auth_store_postgres::PostgresOptions;
use sqlx::Executor as _;
use sqlx::postgres::PgConnection;
use tokio::time::timeout;

/// Longer than anything here takes.
pub(crate) const LONG: Duration = Duration::from_secs(30);

/// Options with short time-outs.
pub(crate) fn impatient() -> PostgresOptions {
    PostgresOptions::default()
        .with_statement_timeout(Duration::from_millis(200))
        .with_acquire_timeout(Duration::from_millis(200))
}

/// Calls until it is done: with so little patience a call may be refused for the machine alone, which has other things to do.
pub(crate) async fn at_last<T>(mut call: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    let calls = async {
        loop {
            match call().await {
                Ok(done) => return done,
                Err(error) => assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}"),
            }
        }
    };
    timeout(LONG, calls).await.unwrap()
}

/// Waits until something about the database is so.
pub(crate) async fn until(connection: &mut PgConnection, question: &'static str) {
    let look = async {
        while !sqlx::query_scalar::<_, bool>(question)
            .fetch_one(&mut *connection)
            .await
            .unwrap()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
            look_anew(connection).await;
        }
    };
    timeout(LONG, look).await.unwrap();
}

/// Has a transaction see what others do by now: the server shows it what they did when it looked first.
pub(crate) async fn look_anew(connection: &mut PgConnection) {
    let clear = "SELECT pg_stat_clear_snapshot()";
    connection.execute(clear).await.unwrap();
}

/// Whether someone waits for a lock in this database.
pub(crate) const SOMEONE_WAITS: &str = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock')";

/// Whether at least two wait for a lock in this database.
pub(crate) const TWO_WAIT: &str = "SELECT count(*) >= 2 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// Whether at least five wait for a lock in this database.
pub(crate) const FIVE_WAIT: &str = "SELECT count(*) >= 5 FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'";

/// Whether nobody else is in a transaction in this database.
pub(crate) const ALL_IS_QUIET: &str = "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle')";
