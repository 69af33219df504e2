//! Where accounts are kept, and where messages are owed.

use std::sync::Arc;
#[cfg(feature = "sqlite")]
use std::time::Duration;

use crate::core::store::{OutboxStore, Store};
#[cfg(feature = "sqlite")]
use crate::sqlite::{SqliteOptions, SqliteStore};
use crate::{BuildError, BuildErrorKind};

/// What was chosen, before it is opened.
#[derive(Default)]
pub(crate) struct Database {
    pub(crate) store: StoreChoice,
    pub(crate) outbox: OutboxChoice,
    #[cfg(feature = "sqlite")]
    pub(crate) busy_timeout: Option<Duration>,
}

/// What keeps the accounts.
#[derive(Default)]
pub(crate) enum StoreChoice {
    #[default]
    Unknown,
    #[cfg(feature = "sqlite")]
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
    pub(crate) fn open(self) -> Result<Opened, BuildError> {
        let (store, own) = match self.store {
            StoreChoice::Ready(store) => (store, None),
            StoreChoice::Unknown => return Err(BuildError::new(BuildErrorKind::Database)),
            #[cfg(feature = "sqlite")]
            StoreChoice::Named(name) => open_sqlite(&name, self.busy_timeout)?,
        };
        let outbox = match self.outbox {
            OutboxChoice::OfDatabase => own,
            OutboxChoice::Ready(outbox) => Some(outbox),
            OutboxChoice::Without => None,
        };
        Ok((store, outbox))
    }
}

#[cfg(feature = "sqlite")]
fn open_sqlite(name: &str, busy_timeout: Option<Duration>) -> Result<Opened, BuildError> {
    let path = name
        .strip_prefix("sqlite:")
        .filter(|path| !path.is_empty() && !path.starts_with([':', '?']))
        .ok_or(BuildError::new(BuildErrorKind::Database))?;
    let mut options = SqliteOptions::default();
    if let Some(timeout) = busy_timeout {
        options = options.with_busy_timeout(timeout);
    }
    let store = SqliteStore::open_and_migrate(path, options)
        .map_err(|error| BuildError::with_source(BuildErrorKind::Store, error))?;
    let store = Arc::new(store);
    Ok((Arc::clone(&store) as _, Some(store)))
}
