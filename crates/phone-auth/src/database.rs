//! Where accounts are kept, and where messages are owed.

use std::sync::Arc;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use std::time::Duration;

use crate::core::store::{OutboxStore, Store};
#[cfg(feature = "postgres")]
use crate::postgres::{OpenErrorKind, PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
use crate::sqlite::{SqliteOptions, SqliteStore};
use crate::{BuildError, BuildErrorKind};

/// What was chosen, before it is opened.
#[derive(Default)]
pub(crate) struct Database {
    pub(crate) store: StoreChoice,
    pub(crate) outbox: OutboxChoice,
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    pub(crate) busy_timeout: Option<Duration>,
}

/// What keeps the accounts.
#[derive(Default)]
pub(crate) enum StoreChoice {
    #[default]
    Unknown,
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    Named(String),
    Ready(Arc<dyn Store>),
}

/// Where messages are owed.
#[derive(Default)]
pub(crate) enum OutboxChoice {
    /// In the database, if it was named and not handed over as a store.
    #[default]
    OfDatabase,
    Ready(Arc<dyn OutboxStore>),
    Without,
}

/// A store, and the outbox beside it.
pub(crate) type Opened = (Arc<dyn Store>, Option<Arc<dyn OutboxStore>>);

impl Database {
    /// Opens what was chosen.
    ///
    /// # Errors
    /// When nothing was, or it cannot be opened or migrated.
    #[cfg_attr(
        not(any(feature = "sqlite", feature = "postgres")),
        expect(
            clippy::unused_async,
            reason = "without a store there is nothing to wait for"
        )
    )]
    pub(crate) async fn open(self) -> Result<Opened, BuildError> {
        let (store, own) = match self.store {
            StoreChoice::Ready(store) => (store, None),
            StoreChoice::Unknown => return Err(BuildError::new(BuildErrorKind::Database)),
            #[cfg(any(feature = "sqlite", feature = "postgres"))]
            StoreChoice::Named(name) => open_named(&name, self.busy_timeout).await?,
        };
        let outbox = match self.outbox {
            OutboxChoice::OfDatabase => own,
            OutboxChoice::Ready(outbox) => Some(outbox),
            OutboxChoice::Without => None,
        };
        Ok((store, outbox))
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres"))]
#[cfg_attr(
    not(feature = "postgres"),
    expect(
        clippy::unused_async,
        reason = "a file is opened in place, a server waited for"
    )
)]
async fn open_named(name: &str, busy_timeout: Option<Duration>) -> Result<Opened, BuildError> {
    #[cfg(feature = "postgres")]
    if name.starts_with("postgres://") || name.starts_with("postgresql://") {
        return open_postgres(name, busy_timeout).await;
    }
    #[cfg(feature = "sqlite")]
    if let Some(path) = name
        .strip_prefix("sqlite:")
        .filter(|path| !path.is_empty() && !path.starts_with([':', '?']))
    {
        return open_sqlite(path, busy_timeout);
    }
    Err(BuildError::new(BuildErrorKind::Database))
}

#[cfg(feature = "postgres")]
async fn open_postgres(url: &str, busy_timeout: Option<Duration>) -> Result<Opened, BuildError> {
    let mut options = PostgresOptions::default();
    if let Some(timeout) = busy_timeout {
        options = options
            .with_acquire_timeout(timeout)
            .with_statement_timeout(timeout);
    }
    let store = PostgresStore::connect_and_migrate(url, options).await;
    let store = store.map_err(|error| {
        let kind = match error.kind() {
            OpenErrorKind::Url => BuildErrorKind::Database,
            _ => BuildErrorKind::Store,
        };
        BuildError::with_source(kind, error)
    })?;
    let store = Arc::new(store);
    Ok((Arc::clone(&store) as _, Some(store)))
}

#[cfg(feature = "sqlite")]
fn open_sqlite(path: &str, busy_timeout: Option<Duration>) -> Result<Opened, BuildError> {
    let mut options = SqliteOptions::default();
    if let Some(timeout) = busy_timeout {
        options = options.with_busy_timeout(timeout);
    }
    let store = SqliteStore::open_and_migrate(path, options)
        .map_err(|error| BuildError::with_source(BuildErrorKind::Store, error))?;
    let store = Arc::new(store);
    Ok((Arc::clone(&store) as _, Some(store)))
}
