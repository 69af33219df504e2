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
    /// There is a table of this name, and it lacks a column that it has in django-phone-auth.
    Incompatible {
        /// The table.
        table: &'static str,
        /// The column that it lacks.
        column: &'static str,
    },
    /// Another user's transaction has kept a table in use for too long. What was done so far is kept; trying again goes
    /// on from there.
    InUse {
        /// The table.
        table: &'static str,
        /// The server process whose transaction it is, if it is known.
        process: Option<i32>,
    },
    /// Rows that should differ are alike, so that an index that was lost and that keeps them apart cannot be made
    /// again. Everything else was done.
    Duplicates {
        /// The index.
        index: &'static str,
        /// Its table.
        table: &'static str,
        /// The columns in which no two rows may be alike.
        columns: &'static str,
    },
    /// Tables that a step has made are gone.
    TablesGone {
        /// The tables.
        tables: Vec<&'static str>,
        /// The number of the first step that made one of them.
        since: usize,
    },
    /// This user of the database may not look at or make what is needed; the source says which rights to grant.
    Denied,
    /// There is no schema to make tables in: the `search_path` of this user names none that is there.
    NoSchema,
    /// PostgreSQL refused a statement it should accept.
    Broken,
}

/// The tables could not be made. Each part of a step was made whole or not at all, and the next run goes on from there.
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
        matches!(
            self.kind,
            MigrateErrorKind::Unavailable | MigrateErrorKind::InUse { .. }
        )
    }

    /// The SQLSTATE that the server told.
    pub(crate) fn code(&self) -> Option<&str> {
        self.source.as_ref()?.code()
    }
}

impl From<Failure> for MigrateError {
    fn from(failure: Failure) -> Self {
        let kind = match (failure.kind(), failure.code()) {
            (StoreErrorKind::Unavailable, _) => MigrateErrorKind::Unavailable,
            (_, Some("42501")) => MigrateErrorKind::Denied,
            (_, Some("3F000")) => MigrateErrorKind::NoSchema,
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
        match &self.kind {
            MigrateErrorKind::Unavailable => {
                f.write_str("the database is gone, full, read-only or in use by others")
            }
            MigrateErrorKind::TooNew => {
                f.write_str("the tables were made by a later version of phone-auth")
            }
            MigrateErrorKind::Incompatible { table, column } => {
                write!(f, "the table {table} has no column {column}")
            }
            MigrateErrorKind::InUse { table, process } => {
                write!(
                    f,
                    "the table {table} is kept in use by a transaction that does not end"
                )?;
                if let Some(process) = process {
                    write!(f, " (server process {process})")?;
                }
                f.write_str("; once it has ended, run this again: what was done so far is kept")
            }
            MigrateErrorKind::Duplicates {
                index,
                table,
                columns,
            } => write!(
                f,
                "several rows of {table} have the same {columns}, so the index {index}, which was lost, cannot be made \
                 again; change or delete all of them but one, and run this again"
            ),
            MigrateErrorKind::TablesGone { tables, since } => write!(
                f,
                "the database has lost {}; put it back from a copy, or delete the rows of phone_auth_schema with a \
                 version of {since} or more to have it made anew without its rows",
                tables.join(", ")
            ),
            MigrateErrorKind::Denied => {
                f.write_str("this user of the database may not use its tables or make them")
            }
            MigrateErrorKind::NoSchema => f.write_str("there is no schema to make the tables in"),
            MigrateErrorKind::Broken => {
                f.write_str("PostgreSQL refused to look at or make the tables")
            }
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
        self.source.as_ref()?.cause()
    }
}
