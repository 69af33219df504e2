//! Copies of a database that is in use.

use std::error::Error;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::cause::Cause;
use crate::connection;
use crate::store::SqliteStore;

impl SqliteStore {
    /// Writes a copy of the database to a file that is not there yet, for its owner only, while others go on reading and
    /// writing. It holds all that was committed when the call began, and nothing that was committed later; it is one file,
    /// and needs none beside it. Copying the file by itself would leave out what is still in its log.
    ///
    /// # Errors
    /// [`Exists`](BackupErrorKind::Exists) when there is a file of this name, [`Unwritable`](BackupErrorKind::Unwritable)
    /// when none can be made there, or its name is not UTF-8, and [`Failed`](BackupErrorKind::Failed) when SQLite cannot
    /// write all. Then no file is left behind.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_store_sqlite::{BackupErrorKind, SqliteOptions, SqliteStore};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("site.sqlite3");
    /// let store = SqliteStore::open_and_migrate(&path, SqliteOptions::default())?;
    /// store.back_up(folder.path().join("copy.sqlite3"))?;
    ///
    /// let refused = store.back_up(&path).unwrap_err();
    /// assert_eq!(refused.kind(), BackupErrorKind::Exists);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn back_up(&self, to: impl AsRef<Path>) -> Result<(), BackupError> {
        let to = to.as_ref();
        let failed = |kind| move |error| BackupError::new(kind, to, error);
        // An absolute path is none of SQLite's special names.
        let path = std::path::absolute(to).map_err(failed(BackupErrorKind::Unwritable))?;
        let name = path.to_str().ok_or_else(|| {
            BackupError::new(BackupErrorKind::Unwritable, to, "its name is not UTF-8")
        })?;
        make(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                BackupError::new(BackupErrorKind::Exists, to, error)
            }
            _ => BackupError::new(BackupErrorKind::Unwritable, to, error),
        })?;
        let written = self.write_into(name).map_err(Box::from);
        let written = written.and_then(|()| Ok(File::open(&path)?.sync_all()?));
        written.map_err(|error: Box<dyn Error + Send + Sync>| {
            // It is ours, and half a copy is worse than none.
            drop(fs::remove_file(&path));
            BackupError::new(BackupErrorKind::Failed, to, error)
        })
    }

    /// Writes all into an empty file.
    fn write_into(&self, name: &str) -> Result<(), Cause> {
        let write = || {
            let connection = connection::writer(self.path(), self.options())?;
            connection.execute("VACUUM INTO ?1", [name])
        };
        write().map(drop).map_err(Cause::from)
    }
}

/// Makes an empty file, for its owner only. SQLite writes into one that is empty.
fn make(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What kept a copy from being made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BackupErrorKind {
    /// There is a file of this name.
    Exists,
    /// No file of this name can be made.
    Unwritable,
    /// SQLite could not write all: the disk is full, or the database is damaged.
    Failed,
}

/// A copy could not be made.
pub struct BackupError {
    kind: BackupErrorKind,
    path: PathBuf,
    source: Box<dyn Error + Send + Sync>,
}

impl BackupError {
    fn new(
        kind: BackupErrorKind,
        path: &Path,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            source: source.into(),
        }
    }

    /// What kept the copy from being made.
    pub const fn kind(&self) -> BackupErrorKind {
        self.kind
    }
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.kind {
            BackupErrorKind::Exists => write!(f, "there is a file {path} already"),
            BackupErrorKind::Unwritable => write!(f, "the file {path} cannot be made"),
            BackupErrorKind::Failed => write!(f, "the copy {path} cannot be written whole"),
        }
    }
}

impl fmt::Debug for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_core::signals::write_causes(self, f)
    }
}

impl Error for BackupError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}
