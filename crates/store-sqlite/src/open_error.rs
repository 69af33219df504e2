//! Why a database file could not be opened.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::cause::Cause;

/// What kept a file from being opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OpenErrorKind {
    /// The file cannot be made or opened: its folder is missing, or may not be used by this user.
    Unreachable,
    /// The file is not a database of SQLite, or is damaged.
    NotADatabase,
    /// The database is locked by another process, or the disk is full. Trying again may work.
    Unavailable,
    /// The file, or one of its log beside it, can be read and not written; the source names those of the log that no one can
    /// write.
    ReadOnly,
    /// The file cannot be put into WAL mode: it is on a file system without shared memory.
    NoWal,
    /// The tables were made by a later version of this crate.
    TooNew,
    /// The tables could not be made; the source is a [`MigrateError`](crate::MigrateError).
    Migration,
    /// SQLite or the system refused something else.
    Broken,
}

/// A database file could not be opened.
pub struct OpenError {
    kind: OpenErrorKind,
    path: PathBuf,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl OpenError {
    /// An error without a source.
    pub(crate) fn new(kind: OpenErrorKind, path: &Path) -> Self {
        Self {
            kind,
            path: path.to_owned(),
            source: None,
        }
    }

    /// An error with a source.
    pub(crate) fn with_source(
        kind: OpenErrorKind,
        path: &Path,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(kind, path)
        }
    }

    /// An error of the driver.
    pub(crate) fn from_sqlite(path: &Path, error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => OpenErrorKind::Unreachable,
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                OpenErrorKind::NotADatabase
            }
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::FileLockingProtocolFailed,
            ) => OpenErrorKind::Unavailable,
            Some(ErrorCode::ReadOnly) => return Self::read_only(path, Cause::from(error)),
            _ => OpenErrorKind::Broken,
        };
        Self::with_source(kind, path, Cause::from(error))
    }

    /// The error of a file that can only be read, which tells the files of its log that nobody can write.
    pub(crate) fn read_only(path: &Path, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let beside = ["-wal", "-shm"].into_iter().map(|end| {
            let mut name = path.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        });
        let closed: Vec<_> = beside.filter(|path| is_closed(path)).collect();
        if closed.is_empty() {
            return Self::with_source(OpenErrorKind::ReadOnly, path, error);
        }
        Self::with_source(OpenErrorKind::ReadOnly, path, ClosedLog(closed))
    }

    /// What kept the file from being opened.
    pub fn kind(&self) -> OpenErrorKind {
        self.kind
    }

    /// The file, as an absolute path where it could be made one.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind == OpenErrorKind::Unavailable
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.kind {
            OpenErrorKind::Unreachable => write!(f, "the file {path} cannot be made or opened"),
            OpenErrorKind::NotADatabase => write!(f, "the file {path} is not a SQLite database"),
            OpenErrorKind::Unavailable => write!(f, "the database {path} is locked or full"),
            OpenErrorKind::ReadOnly => write!(f, "the database {path} cannot be written"),
            OpenErrorKind::NoWal => write!(f, "the database {path} cannot be put into WAL mode"),
            OpenErrorKind::TooNew => {
                write!(
                    f,
                    "the tables of {path} were made by a later version of phone-auth"
                )
            }
            OpenErrorKind::Migration => write!(f, "the tables of {path} could not be made"),
            OpenErrorKind::Broken => write!(f, "the database {path} cannot be used"),
        }
    }
}

impl fmt::Debug for OpenError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_core::signals::write_causes(self, f)
    }
}

/// Whether a file is there and no one may write it.
fn is_closed(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.permissions().readonly())
}

/// Files of the log that cannot be written.
#[derive(Debug)]
struct ClosedLog(Vec<PathBuf>);

impl fmt::Display for ClosedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, path) in self.0.iter().enumerate() {
            let before = if place == 0 { "" } else { " and " };
            write!(f, "{before}{}", path.display())?;
        }
        f.write_str(" can only be read; give it the owner and mode of the database (what is in the log is part of it)")
    }
}

impl Error for ClosedLog {}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
