//! Why the tables could not be made.

use std::error::Error;
use std::fmt;

use crate::cause::Cause;

/// What kept the tables from being made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MigrateErrorKind {
    /// The database is locked by another process, or the disk is full. Trying again may work.
    Unavailable,
    /// The database, or a file of its log beside it, can be read and not written.
    ReadOnly,
    /// The tables were made by a later version of this crate.
    TooNew,
    /// There is a table of this name, and it lacks a column that it has in django-phone-auth.
    Incompatible {
        /// The table.
        table: &'static str,
        /// The column that it lacks.
        column: &'static str,
    },
    /// Tables that a step has made are gone.
    TablesGone {
        /// The tables.
        tables: Vec<&'static str>,
        /// The number of the first step that made one of them.
        since: usize,
    },
    /// The file cannot be put into WAL mode: it is on a file system without shared memory.
    NoWal,
    /// SQLite refused a statement it should accept.
    Broken,
}

/// The tables could not be made. Nothing was changed.
pub struct MigrateError {
    kind: MigrateErrorKind,
    source: Option<Cause>,
}

impl MigrateError {
    /// An error without a source.
    pub(crate) fn new(kind: MigrateErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// What kept the tables from being made.
    pub fn kind(&self) -> &MigrateErrorKind {
        &self.kind
    }

    /// Whether others hold the file.
    pub(crate) fn is_busy(&self) -> bool {
        self.source.as_ref().is_some_and(Cause::is_busy)
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind == MigrateErrorKind::Unavailable
    }
}

impl From<rusqlite::Error> for MigrateError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let kind = match error.sqlite_error_code() {
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::FileLockingProtocolFailed,
            ) => MigrateErrorKind::Unavailable,
            Some(ErrorCode::ReadOnly) => MigrateErrorKind::ReadOnly,
            _ => MigrateErrorKind::Broken,
        };
        Self {
            kind,
            source: Some(error.into()),
        }
    }
}

impl fmt::Display for MigrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            MigrateErrorKind::Unavailable => f.write_str("the database is locked or full"),
            MigrateErrorKind::ReadOnly => f.write_str(
                "the database, or the file -wal or -shm beside it, can be read and not written",
            ),
            MigrateErrorKind::TooNew => {
                f.write_str("the tables were made by a later version of phone-auth")
            }
            MigrateErrorKind::Incompatible { table, column } => {
                write!(f, "the table {table} has no column {column}")
            }
            MigrateErrorKind::TablesGone { tables, since } => write!(
                f,
                "the database has lost {}; put it back from a copy, or delete the rows of phone_auth_schema with a \
                 version of {since} or more to have it made anew without its rows",
                tables.join(", ")
            ),
            MigrateErrorKind::NoWal => f.write_str("the database cannot be put into WAL mode"),
            MigrateErrorKind::Broken => f.write_str("SQLite refused to make the tables"),
        }
    }
}

impl fmt::Debug for MigrateError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_core::signals::write_causes(self, f)
    }
}

impl Error for MigrateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
