//! Why the tables could not be made.

use std::error::Error;
use std::fmt;

use phone_auth_core::store::StoreErrorKind;

use crate::failure::Failure;

/// What kept the tables from being made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MigrateErrorKind {
    /// The server is gone, full or read-only, or others held the tables for too long. Trying again may
    /// work.
    Unavailable,
    /// The tables were made by a later version of this crate.
    TooNew,
    /// There is a table of this name, and it lacks a column that it has in the model.
    Incompatible {
        /// The table.
        table: &'static str,
        /// The column that it lacks.
        column: &'static str,
    },
    /// PostgreSQL refused a statement it should accept, as when this user may make no tables.
    Broken,
}

/// The tables could not be made. Nothing was changed.
#[derive(Debug)]
pub struct MigrateError {
    kind: MigrateErrorKind,
    source: Option<Failure>,
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

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind == MigrateErrorKind::Unavailable
    }
}

impl From<Failure> for MigrateError {
    fn from(failure: Failure) -> Self {
        let kind = match failure.kind() {
            StoreErrorKind::Unavailable => MigrateErrorKind::Unavailable,
            _ => MigrateErrorKind::Broken,
        };
        Self {
            kind,
            source: Some(failure),
        }
    }
}

impl From<sqlx::Error> for MigrateError {
    fn from(error: sqlx::Error) -> Self {
        Failure::from(error).into()
    }
}

impl fmt::Display for MigrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            MigrateErrorKind::Unavailable => {
                f.write_str("the database is gone, full, read-only or in use by others")
            }
            MigrateErrorKind::TooNew => {
                f.write_str("the tables were made by a later version of phone-auth")
            }
            MigrateErrorKind::Incompatible { table, column } => {
                write!(f, "the table {table} has no column {column}")
            }
            MigrateErrorKind::Broken => f.write_str("PostgreSQL refused to make the tables"),
        }
    }
}

impl Error for MigrateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref()?.cause()
    }
}
