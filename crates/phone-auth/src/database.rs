//! Where accounts are kept, and where messages wait until they are delivered.

use std::fmt;
use std::sync::Arc;

use crate::core::store::{LimitStore, OutboxStore, Store};
#[cfg(feature = "postgres")]
use crate::postgres::{OpenErrorKind, PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
use crate::sqlite::{SqliteOptions, SqliteStore};
#[cfg(any(feature = "sqlite", feature = "postgres"))]
use crate::{BuildError, BuildErrorKind};

/// Where accounts are kept, and, unless it is [without](Self::without_outbox), where messages wait until they are
/// delivered. [`PhoneAuth::builder`](crate::PhoneAuth::builder) takes one.
///
/// Every store with an outbox and with counters of limits is one: a `SqliteStore`, a `PostgresStore`, one of your own. Open it yourself to choose its
/// options, or by name with [`open`](Self::open). Cheap to clone; clones share everything.
///
/// # Examples
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use phone_auth::sqlite::{SqliteOptions, SqliteStore};
/// use phone_auth::{PhoneAuth, SecretKey, SiteOrigin};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("app.sqlite3");
/// let options = SqliteOptions::default().with_busy_timeout(Duration::from_secs(2));
/// let store = SqliteStore::open_and_migrate(path, options)?;
/// let site = SiteOrigin::parse("https://example.org")?;
/// let builder = PhoneAuth::builder(site, SecretKey::generate()?, store);
/// # drop(builder);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Database {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) outbox: Option<Arc<dyn OutboxStore>>,
    pub(crate) limits: Option<Arc<dyn LimitStore>>,
}

impl Database {
    /// Opens a database and brings it to the newest schema: `sqlite:app.sqlite3`, a file that is made if it is not
    /// there, or `postgres://user@host/database` with the feature `postgres`. Each with the default options of its store.
    ///
    /// It waits for a database that is reached over a network; for a file it blocks a moment.
    ///
    /// # Errors
    /// [`BuildError`], with the cause as its source:
    /// - [`Database`](BuildErrorKind::Database): the name is not `sqlite:PATH` or, with the feature `postgres`, a URL that
    ///   names a user.
    /// - [`Store`](BuildErrorKind::Store): the database cannot be opened or migrated.
    ///
    /// # Cancel safety
    /// A dropped call may leave a new database behind; the next call goes on from there.
    ///
    /// # Examples
    /// ```
    /// use phone_auth::{BuildErrorKind, Database};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("app.sqlite3");
    /// let database = Database::open(&format!("sqlite:{}", path.display())).await?;
    ///
    /// let refused = Database::open("app.sqlite3").await.unwrap_err();
    /// assert_eq!(refused.kind(), BuildErrorKind::Database);
    /// # drop(database);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    #[cfg_attr(
        not(feature = "postgres"),
        expect(
            clippy::unused_async,
            reason = "a file is opened in place, a server waited for"
        )
    )]
    pub async fn open(name: &str) -> Result<Self, BuildError> {
        #[cfg(feature = "postgres")]
        if name.starts_with("postgres://") || name.starts_with("postgresql://") {
            return open_postgres(name).await;
        }
        #[cfg(feature = "sqlite")]
        if let Some(path) = name
            .strip_prefix("sqlite:")
            .filter(|path| crate::sqlite::names_a_file(path.as_ref()))
        {
            return SqliteStore::open_and_migrate(path, SqliteOptions::default())
                .map(Self::from)
                .map_err(|error| BuildError::with_source(BuildErrorKind::Store, error));
        }
        Err(BuildError::new(BuildErrorKind::Database))
    }

    /// A store that is shared or known by its trait only, and where messages wait: mostly the same once more. Without an
    /// outbox receivers of messages are called once; see [`without_outbox`](Self::without_outbox).
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    ///
    /// use phone_auth::Database;
    /// use phone_auth_store_testkit::MemoryStore;
    ///
    /// let store = Arc::new(MemoryStore::new());
    /// let database = Database::from_parts(store.clone(), Some(store));
    /// # drop(database);
    /// ```
    pub fn from_parts(store: Arc<dyn Store>, outbox: Option<Arc<dyn OutboxStore>>) -> Self {
        Self {
            store,
            outbox,
            limits: None,
        }
    }

    /// Where counters of limits are kept: mostly the store once more. A database of
    /// [parts](Self::from_parts) that is given none keeps them in the memory of this process, which no other process knows
    /// and a restart forgets.
    ///
    /// # Examples
    /// ```
    /// use std::sync::Arc;
    ///
    /// use phone_auth::Database;
    /// use phone_auth_store_testkit::MemoryStore;
    ///
    /// let store = Arc::new(MemoryStore::new());
    /// let database = Database::from_parts(store.clone(), Some(store.clone())).with_limits(store);
    /// # drop(database);
    /// ```
    #[must_use]
    pub fn with_limits(mut self, limits: Arc<dyn LimitStore>) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Keeps no messages: their receivers are called once, when
    /// [`AccountsBuilder::dispatch`](crate::core::accounts::AccountsBuilder::dispatch) says. A message that fails, or is
    /// under way when the process ends, is lost.
    ///
    /// # Examples
    /// ```
    /// use phone_auth::Database;
    /// use phone_auth_store_testkit::MemoryStore;
    ///
    /// let database = Database::from(MemoryStore::new()).without_outbox();
    /// # drop(database);
    /// ```
    #[must_use]
    pub fn without_outbox(mut self) -> Self {
        self.outbox = None;
        self
    }
}

/// A store that has an outbox and keeps counters of limits.
impl<S: Store + OutboxStore + LimitStore + 'static> From<S> for Database {
    fn from(store: S) -> Self {
        let store = Arc::new(store);
        Self::from_parts(Arc::clone(&store) as _, Some(Arc::clone(&store) as _)).with_limits(store)
    }
}

#[cfg(feature = "postgres")]
async fn open_postgres(url: &str) -> Result<Database, BuildError> {
    let store = PostgresStore::connect_and_migrate(url, PostgresOptions::default()).await;
    store.map(Database::from).map_err(|error| {
        let kind = match error.kind() {
            OpenErrorKind::Url => BuildErrorKind::Database,
            _ => BuildErrorKind::Store,
        };
        BuildError::with_source(kind, error)
    })
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("has_outbox", &self.outbox.is_some())
            .finish_non_exhaustive()
    }
}
