//! The store: a file, its readers and its writer.

use std::fmt;
use std::future::poll_fn;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::Duration;

use phone_auth_core::password::{Requester, Turn, Turns};
use phone_auth_core::store::{StoreError, StoreErrorKind};
use rusqlite::Connection;

use crate::connection;
use crate::failure::Failure;
use crate::migrate_error::{MigrateError, MigrateErrorKind};
use crate::migrations;
use crate::open_error::{OpenError, OpenErrorKind};
use crate::options::SqliteOptions;
use crate::place::Place;
use crate::readers::Readers;
use crate::writer::Writer;
use crate::zone::Zone;

/// How many names strangers look up at once.
const LOOKUPS: usize = 2;

/// How many look-ups of names wait in a line before more are answered as unavailable.
const MOST_WAITING: usize = 512;

/// How long is waited for the lock before it is looked whether another process has applied the steps.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Users, addresses and sessions in a file of SQLite.
///
/// Several stores, in several processes too, can work on one file, beside Django if need be. When a
/// store is dropped, it finishes the writes that were asked of it and closes the file.
///
/// A read runs on the thread that asks and takes microseconds; a write waits for a thread of the
/// store's own. Any asynchronous runtime will do.
pub struct SqliteStore {
    path: PathBuf,
    options: SqliteOptions,
    // Dropped in this order: the last connection to close tidies up the log, and must be able to write.
    readers: Readers,
    writer: Writer,
    lookups: Turns,
}

impl SqliteStore {
    /// Opens a file, which is made if there is none, readable for its owner only. The tables are left
    /// as they are: until [`migrate`](Self::migrate) has made them, every call fails as broken. A file that
    /// has ours is put into WAL mode if it is not in it; another is left in its mode.
    ///
    /// Blocks for as long as the file is locked by another process, up to the busy time-out.
    ///
    /// # Errors
    /// [`Unreachable`](OpenErrorKind::Unreachable) when the file cannot be made or opened,
    /// [`NotADatabase`](OpenErrorKind::NotADatabase) when it is something else,
    /// [`Unavailable`](OpenErrorKind::Unavailable) when it is locked or the disk full,
    /// [`ReadOnly`](OpenErrorKind::ReadOnly) when it or a file of its log beside it cannot be written,
    /// [`NoWal`](OpenErrorKind::NoWal) when its file system does not do,
    /// [`TooNew`](OpenErrorKind::TooNew) when a later version made its tables, and
    /// [`Broken`](OpenErrorKind::Broken) when SQLite or the system refuse something else.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, OpenError> {
        let path = path.as_ref();
        // An absolute path cannot be one of SQLite's special names, such as `:memory:`, and does not
        // change its meaning with the working directory.
        let path = &std::path::absolute(path)
            .map_err(|error| OpenError::with_source(OpenErrorKind::Unreachable, path, error))?;
        connection::make_file(path)
            .map_err(|error| OpenError::with_source(OpenErrorKind::Unreachable, path, error))?;
        let refused = |error| OpenError::from_sqlite(path, error);
        let connection = connection::writer(path, &options).map_err(refused)?;
        let unfit = |error: MigrateError| {
            let kind = match error.kind() {
                MigrateErrorKind::TooNew => OpenErrorKind::TooNew,
                MigrateErrorKind::Unavailable => OpenErrorKind::Unavailable,
                MigrateErrorKind::ReadOnly => return OpenError::read_only(path, error),
                _ => OpenErrorKind::Broken,
            };
            OpenError::with_source(kind, path, error)
        };
        // What else is wrong with the tables is for `migrate` and `pending_migrations` to say.
        migrations::count_applied(&connection).map_err(unfit)?;
        // A file that is Django's alone stays in its mode for as long as it is only looked at.
        let is_ours = migrations::has_begun(&connection).map_err(unfit)?;
        if is_ours && !connection::enter_wal(&connection, &options).map_err(refused)? {
            return Err(OpenError::new(OpenErrorKind::NoWal, path));
        }
        if is_ours {
            connection::check_log(&connection, &options).map_err(refused)?;
        }
        let place = Place::of(path)
            .map_err(|error| OpenError::with_source(OpenErrorKind::Unreachable, path, error))?;
        let readers = Readers::open(path, &options, place.clone()).map_err(refused)?;
        let writer = Writer::start(connection, place, options.waiting_writes)
            .map_err(|error| OpenError::with_source(OpenErrorKind::Broken, path, error))?;
        Ok(Self {
            path: path.clone(),
            options,
            readers,
            writer,
            lookups: Turns::new(LOOKUPS, MOST_WAITING),
        })
    }

    /// How it works.
    pub(crate) const fn options(&self) -> &SqliteOptions {
        &self.options
    }

    /// Opens a file and brings its tables up to date.
    ///
    /// # Errors
    /// As for [`open`](Self::open), and [`Migration`](OpenErrorKind::Migration) when the tables cannot
    /// be made.
    pub fn open_and_migrate(
        path: impl AsRef<Path>,
        options: SqliteOptions,
    ) -> Result<Self, OpenError> {
        let store = Self::open(path, options)?;
        match store.migrate() {
            Ok(_) => Ok(store),
            Err(error) => {
                let kind = match error.kind() {
                    MigrateErrorKind::NoWal => OpenErrorKind::NoWal,
                    _ => OpenErrorKind::Migration,
                };
                Err(OpenError::with_source(kind, &store.path, error))
            }
        }
    }

    /// Brings the tables up to date, in one transaction; the names of the steps that were applied
    /// now, none when all had been. On a database that Django made, tables and indexes of ours are
    /// added, and no row is touched. The file is put into WAL mode, in which it stays. Indexes that Django
    /// lost when it changed a table, and those that are on something else, are made again.
    ///
    /// Blocks for as long as the database is locked by another process, up to the busy time-out. Of several that migrate at
    /// once one applies the steps, and the others answer as soon as it has. Nothing is locked where nothing is lacking.
    ///
    /// # Errors
    /// [`Unavailable`](MigrateErrorKind::Unavailable) when the database is locked or full,
    /// [`ReadOnly`](MigrateErrorKind::ReadOnly) when it or a file of its log cannot be written,
    /// [`TooNew`](MigrateErrorKind::TooNew) when a later version made the tables,
    /// [`Incompatible`](MigrateErrorKind::Incompatible) when a table lacks a column that it should have,
    /// [`TablesGone`](MigrateErrorKind::TablesGone) when tables that a step has made are not there any more,
    /// [`NoWal`](MigrateErrorKind::NoWal) when the file system does not do, and
    /// [`Broken`](MigrateErrorKind::Broken) when SQLite refuses a statement.
    pub fn migrate(&self) -> Result<Vec<&'static str>, MigrateError> {
        let mut connection = connection::writer(&self.path, &self.options)?;
        if !connection::enter_wal(&connection, &self.options)? {
            return Err(MigrateError::new(MigrateErrorKind::NoWal));
        }
        // Of those who start at once one applies the steps. The others look from time to time whether it has: if each took the
        // lock to find that out, the last would wait for all before it.
        connection.busy_timeout(self.options.busy_timeout.min(LOOK_AGAIN))?;
        let applied = connection::patiently(&self.options, MigrateError::is_busy, || {
            if migrations::pending(&connection)?.is_empty() {
                return Ok(Vec::new());
            }
            migrations::run(&mut connection)
        })?;
        for name in &applied {
            tracing::info!(database = %self.path.display(), "applied the migration `{name}`");
        }
        Ok(applied)
    }

    /// The names of the steps that [`migrate`](Self::migrate) would apply, and [`LOST_INDEXES`](crate::LOST_INDEXES) where it
    /// would make indexes again.
    ///
    /// # Errors
    /// As for [`migrate`](Self::migrate).
    pub fn pending_migrations(&self) -> Result<Vec<&'static str>, MigrateError> {
        let connection = connection::onlooker(&self.path, &self.options)?;
        migrations::pending(&connection)
    }

    /// Whether none of the tables is there, ours or django-phone-auth's: then [`migrate`](Self::migrate) begins anew, as it is
    /// meant to, or the path names another file than it should.
    ///
    /// # Errors
    /// As for [`migrate`](Self::migrate).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_store_sqlite::{SqliteOptions, SqliteStore};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("site.db");
    /// let store = SqliteStore::open(path, SqliteOptions::default())?;
    /// assert!(store.has_no_tables()?);
    /// store.migrate()?;
    /// assert!(!store.has_no_tables()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn has_no_tables(&self) -> Result<bool, MigrateError> {
        let connection = connection::onlooker(&self.path, &self.options)?;
        migrations::has_no_tables(&connection)
    }

    /// The names of the indexes that were lost or are on something else than they should be: of those that the steps which
    /// were applied have made.
    ///
    /// # Errors
    /// As for [`migrate`](Self::migrate).
    pub fn lost_indexes(&self) -> Result<Vec<&'static str>, MigrateError> {
        let connection = connection::onlooker(&self.path, &self.options)?;
        migrations::lost(&connection)
    }

    /// The file, as an absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The zone of the times in Django's tables.
    pub(crate) fn zone(&self) -> &Zone {
        &self.options.zone
    }

    /// Reads in place.
    pub(crate) fn read<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        self.readers.read(query)
    }

    /// Waits for a turn to look a name up. The look-up itself waits for nothing; but hundreds of strangers, all ready at
    /// once, are hundreds of tasks before which anyone else comes at each step of what they do. Waiting for a turn they are
    /// not ready.
    ///
    /// # Errors
    /// `Unavailable` when too many wait.
    pub(crate) async fn turn_to_look_up(&self, requester: &Requester) -> Result<Turn, StoreError> {
        let turn = self.lookups.take(requester).await;
        let turn = turn.ok_or_else(|| StoreError::new(StoreErrorKind::Unavailable))?;
        // Once around: who comes meanwhile finds the place taken.
        let mut is_around = false;
        poll_fn(|context| {
            if std::mem::replace(&mut is_around, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        Ok(turn)
    }

    /// Has something written.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(work).await
    }
}

/// Whether a path names a file, and is no URL of one, in whole or in part: `//app.db`, `app.db?mode=rwc`, `file:app.db`,
/// `:memory:`. What is read in one way by some programs would be made as a file of that name by others.
///
/// # Examples
/// ```
/// use phone_auth_store_sqlite::names_a_file;
///
/// assert!(names_a_file("/var/lib/app.db".as_ref()));
/// assert!(!names_a_file("app.db?mode=rwc".as_ref()));
/// ```
pub fn names_a_file(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    let is_begun_by = |start: &str| bytes.starts_with(start.as_bytes());
    let is_of_a_url = [":", "//", "file:"].into_iter().any(is_begun_by) || bytes.contains(&b'?');
    !bytes.is_empty() && !is_of_a_url
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.path)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
