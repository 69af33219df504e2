//! The database that the settings name.

pub(crate) mod django;
pub(crate) mod legacy_hashes;
pub(crate) mod name;

use std::path::Path;
use std::sync::Arc;

use phone_auth::core::store::{
    Anomaly, AnomalyStore, DjangoSessionStore, LimitStore, OutboxStore, PasswordKind,
    PasswordKindStore, Store, StoreError,
};
use phone_auth::postgres::{self, PostgresOptions, PostgresStore};
use phone_auth::sqlite::{LOST_INDEXES, OpenErrorKind, SqliteOptions, SqliteStore};

use self::name::DatabaseName;
use crate::configuration::{Configuration, Sources};
use crate::exit::Failure;
use crate::secrets::folders;
use crate::secrets::secret_file::{self, SecretFileError};
use crate::start::folder;
use crate::terminal::console;
use crate::terminal::visible::{self, Visible};

/// An open database with the newest schema.
pub(crate) struct Opened {
    pub(crate) store: OpenStore,
    /// Whether the file was made just now.
    pub(crate) made: bool,
    /// The names of the migrations that were applied just now.
    pub(crate) applied: Vec<&'static str>,
}

impl Opened {
    /// A database that nothing was done to.
    pub(crate) fn as_it_was(store: OpenStore) -> Self {
        Self {
            store,
            made: false,
            applied: Vec::new(),
        }
    }

    /// Applies the migrations that it lacks.
    ///
    /// # Errors
    /// When it holds what is not ours, or cannot be written.
    pub(crate) async fn migrate(&mut self) -> Result<(), Failure> {
        self.applied = self.store.migrate().await?;
        Ok(())
    }

    /// Says that migrations were applied, beside what a command prints.
    pub(crate) fn note_applied(&self) {
        if !self.applied.is_empty() {
            console::note(format_args!(
                "applied to the database {}: {}",
                Visible(&self.store.place()),
                self.applied.join(", ")
            ));
        }
    }
}

/// An open database of either kind.
#[derive(Clone)]
pub(crate) enum OpenStore {
    Sqlite(Arc<SqliteStore>),
    Postgres(Arc<PostgresStore>),
}

impl OpenStore {
    /// Users, addresses and sessions.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// The outbox.
    pub(crate) fn outbox(&self) -> Arc<dyn OutboxStore> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// The counters of limits.
    pub(crate) fn limits(&self) -> Arc<dyn LimitStore> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// The sessions that are shared with Django.
    pub(crate) fn django_sessions(&self) -> Arc<dyn DjangoSessionStore> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// Where it is, for users; without a password.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Sqlite(store) => visible::bytes(store.path().as_os_str()),
            Self::Postgres(store) => store.place().to_owned(),
        }
    }

    /// Warns when every user of the machine can read the file, as where another program has made it. Those of its group
    /// may be other programs of the site.
    pub(crate) fn warn_of_readers(&self) {
        if let Self::Sqlite(store) = self
            && let Some(mode) = readable_by_all(store.path())
        {
            secret_file::warn_of_readers(
                "database, with everybody's password hashes,",
                store.path(),
                mode,
            );
        }
    }

    /// What cannot be served as it is stored.
    pub(crate) async fn anomalies(&self) -> Result<Vec<Anomaly>, StoreError> {
        match self {
            Self::Sqlite(store) => store.anomalies().await,
            Self::Postgres(store) => store.anomalies().await,
        }
    }

    /// In which ways the passwords are hashed.
    pub(crate) async fn password_kinds(&self) -> Result<Vec<PasswordKind>, StoreError> {
        match self {
            Self::Sqlite(store) => store.password_kinds().await,
            Self::Postgres(store) => store.password_kinds().await,
        }
    }

    /// The names of the migrations that it lacks.
    pub(crate) async fn pending_migrations(&self) -> Result<Vec<&'static str>, Failure> {
        match self {
            Self::Sqlite(store) => store.pending_migrations().map_err(Failure::failed),
            Self::Postgres(store) => store.pending_migrations().await.map_err(Failure::failed),
        }
    }

    /// Whether it has none of the tables yet.
    pub(crate) async fn has_no_tables(&self) -> Result<bool, Failure> {
        match self {
            Self::Sqlite(store) => store.has_no_tables().map_err(Failure::failed),
            Self::Postgres(store) => store.has_no_tables().await.map_err(Failure::failed),
        }
    }

    /// What this program may not do there, and what would change that. A file was opened to be written.
    pub(crate) async fn missing_rights(&self) -> Result<Vec<String>, Failure> {
        let missing = match self {
            Self::Sqlite(_) => Vec::new(),
            Self::Postgres(store) => store.missing_rights().await.map_err(Failure::failed)?,
        };
        Ok(missing.iter().map(ToString::to_string).collect())
    }

    /// The names of the indexes that it has lost.
    pub(crate) async fn lost_indexes(&self) -> Result<Vec<&'static str>, Failure> {
        match self {
            Self::Sqlite(store) => store.lost_indexes().map_err(Failure::failed),
            Self::Postgres(store) => store.lost_indexes().await.map_err(Failure::failed),
        }
    }

    /// Applies the migrations that it lacks; their names.
    async fn migrate(&self) -> Result<Vec<&'static str>, Failure> {
        match self {
            Self::Sqlite(store) => store.migrate().map_err(Failure::failed),
            Self::Postgres(store) => store.migrate().await.map_err(Failure::failed),
        }
    }
}

/// Opens the database and brings it to the newest schema; makes it if it is not there.
///
/// # Errors
/// When it cannot be opened, or holds what is not ours.
pub(crate) async fn open(configuration: &Configuration) -> Result<Opened, Failure> {
    let mut opened = open_unchanged(configuration).await?;
    opened.migrate().await?;
    Ok(opened)
}

/// Opens the database and leaves its schema alone; makes it if it is not there.
///
/// # Errors
/// When it cannot be opened.
pub(crate) async fn open_unchanged(configuration: &Configuration) -> Result<Opened, Failure> {
    let made = !configuration.database.name.may_exist();
    let store = open_as_it_is(configuration).await?;
    Ok(Opened {
        made,
        ..Opened::as_it_was(store)
    })
}

/// Opens a database that has the newest schema, and changes nothing in it: it may be another application's.
///
/// # Errors
/// When it is not there, cannot be opened, or lacks a migration.
pub(crate) async fn open_current(configuration: &Configuration) -> Result<OpenStore, Failure> {
    must_exist(configuration)?;
    let store = open_as_it_is(configuration).await?;
    let mut pending = store.pending_migrations().await?;
    // Without an index it is slow, and serves all the same.
    pending.retain(|name| *name != LOST_INDEXES);
    if pending.is_empty() {
        return Ok(store);
    }
    Err(lacks(&store, &pending))
}

/// How many of the migrations that a database lacks are named.
const MOST_NAMED: usize = 5;

/// The failure of a database that lacks migrations.
pub(crate) fn lacks(store: &OpenStore, pending: &[&str]) -> Failure {
    let named = pending.get(..MOST_NAMED).unwrap_or(pending).join(", ");
    let more = match pending.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Failure::because(format!(
        "the database {} lacks {named}{more}; `phone-auth migrate` applies what it lacks",
        Visible(&store.place()),
    ))
}

/// Opens the database and leaves its schema alone.
///
/// # Errors
/// When it cannot be opened.
pub(crate) async fn open_as_it_is(configuration: &Configuration) -> Result<OpenStore, Failure> {
    let settings = &configuration.database;
    let patience = settings.busy_timeout;
    match &settings.name {
        DatabaseName::Sqlite(path) => {
            let options = SqliteOptions::default()
                .with_busy_timeout(patience)
                .with_time_zone(django::table_zone(
                    &configuration.django,
                    &configuration.sources,
                )?);
            let store = SqliteStore::open(path, options).map_err(|error| match error.kind() {
                OpenErrorKind::Unreachable
                | OpenErrorKind::NotADatabase
                | OpenErrorKind::ReadOnly => wrong(&configuration.sources, RIGHT_FILE, error),
                _ => Failure::failed(error),
            })?;
            Ok(OpenStore::Sqlite(Arc::new(store)))
        }
        DatabaseName::Postgres(url) => {
            client_key_is_closed(&configuration.sources, url)?;
            let options = PostgresOptions::default()
                .with_connections(settings.connections)
                .with_acquire_timeout(patience)
                .with_statement_timeout(patience)
                .with_transaction_pooler(settings.pooler);
            let store = PostgresStore::connect(url, options)
                .await
                .map_err(|error| {
                    let right = "a database of PostgreSQL that can be reached as its URL says";
                    match error.kind() {
                        postgres::OpenErrorKind::Pooler => {
                            let why = "it must be true: a proxy such as PgBouncer stands before the database server";
                            configuration.sources.refuse("database_pooler", why).into()
                        }
                        postgres::OpenErrorKind::Url
                        | postgres::OpenErrorKind::Parameter
                        | postgres::OpenErrorKind::CertificateFile
                        | postgres::OpenErrorKind::Refused
                        | postgres::OpenErrorKind::Missing
                        | postgres::OpenErrorKind::Encoding
                        | postgres::OpenErrorKind::Tls
                        | postgres::OpenErrorKind::Authority
                        | postgres::OpenErrorKind::ServerName
                        | postgres::OpenErrorKind::Certificate => {
                            wrong(&configuration.sources, right, error)
                        }
                        _ => Failure::failed(error),
                    }
                })?;
            Ok(OpenStore::Postgres(Arc::new(store)))
        }
    }
}

/// The mode of a file that every user of the machine can read or write. It is not opened for that: closing it again would
/// drop the locks of SQLite.
#[cfg(unix)]
fn readable_by_all(path: &Path) -> Option<u32> {
    use std::os::unix::fs::MetadataExt as _;

    let mode = std::fs::metadata(path).ok()?.mode() & 0o777;
    (mode & 0o006 != 0).then_some(mode)
}

/// Other systems keep who may read a file in lists that this program does not know.
#[cfg(not(unix))]
fn readable_by_all(_path: &Path) -> Option<u32> {
    None
}

/// What the name of a file must be.
const RIGHT_FILE: &str =
    "a SQLite file that can be written, or a name in a folder where one can be made";

/// Looks whether a file that is missing can be made.
///
/// # Errors
/// When its folder is missing, or nothing can be made there.
pub(crate) fn can_be_made(configuration: &Configuration) -> Result<(), Failure> {
    match &configuration.database.name {
        DatabaseName::Sqlite(path) => {
            folder::takes(path).map_err(|error| wrong(&configuration.sources, RIGHT_FILE, error))
        }
        DatabaseName::Postgres(_) => Ok(()),
    }
}

/// Refuses the key that the server is to know us by where others could put another in its place. What is wrong with the file
/// itself the store says.
fn client_key_is_closed(sources: &Sources, url: &str) -> Result<(), Failure> {
    let Some(key) = PostgresStore::client_key_of(url) else {
        return Ok(());
    };
    let closed = folders::closed_to_others(&key);
    let right = "the URL of a database, with a key that only its owner can write";
    closed.map_err(|kind| {
        let error = SecretFileError::new("key file of TLS", &key, kind);
        wrong(sources, right, error)
    })
}

/// The setting names no database that can be used.
fn wrong(
    sources: &Sources,
    right: &'static str,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Failure {
    let setting = "database";
    Failure::wrong_at(setting, sources.of(setting), right, error)
}

/// Refuses to go on without a database, rather than making an empty one under a mistyped name.
///
/// # Errors
/// When there is no such file.
pub(crate) fn must_exist(configuration: &Configuration) -> Result<(), Failure> {
    if configuration.database.name.may_exist() {
        return Ok(());
    }
    let at = configuration.sources.of("database");
    Err(Failure::because(format!(
        "there is no database {} (database, {at}); `phone-auth migrate` makes it",
        Visible(&configuration.database.name.to_string())
    )))
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::readable_by_all;

    #[test]
    fn file_that_all_can_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.db");
        assert_eq!(readable_by_all(&path), None, "it is not there");
        fs::write(&path, "").unwrap();
        for (mode, told) in [
            (0o600, None),
            (0o640, None),
            (0o660, None),
            (0o644, Some(0o644)),
            (0o666, Some(0o666)),
            (0o602, Some(0o602)),
        ] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            assert_eq!(readable_by_all(&path), told, "{mode:o}");
        }
    }
}
