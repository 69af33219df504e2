//! What is kept of an error of the driver: enough to find out what happened, and nothing of what is stored.
//!
//! The words of an error may be those of another user's trigger, and a conversion that fails shows the value. Errors
//! end in logs, so such words are dropped here, before anything can show them.

use std::error::Error;
use std::fmt;

use rusqlite::ffi;

/// An error of the driver without what is stored.
#[derive(Debug)]
pub(crate) enum Cause {
    /// SQLite refused.
    Refused {
        /// Its extended code.
        code: i32,
        /// What a table, a column or a constraint is called, as SQLite says it.
        name: Option<String>,
    },
    /// Something else, in words of our own.
    Other(&'static str),
}

/// What SQLite says before the names of a schema. Nothing else of its words is kept.
const BEFORE_NAMES: [&str; 7] = [
    "no such table: ",
    "no such column: ",
    "UNIQUE constraint failed: ",
    "NOT NULL constraint failed: ",
    "CHECK constraint failed: ",
    "file is not a database",
    "the file was ",
];

impl From<rusqlite::Error> for Cause {
    fn from(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::SqliteFailure(code, words) => Self::Refused {
                code: code.extended_code,
                // Words of a trigger may begin like these.
                name: words.filter(|words| {
                    code.extended_code != ffi::SQLITE_CONSTRAINT_TRIGGER
                        && BEFORE_NAMES.iter().any(|it| words.starts_with(it))
                }),
            },
            rusqlite::Error::SqlInputError { error, .. } => Self::Refused {
                code: error.extended_code,
                name: None,
            },
            rusqlite::Error::QueryReturnedNoRows => Self::Other("a row is missing"),
            _ => Self::Other("a stored value cannot be read as what it should be"),
        }
    }
}

impl Cause {
    /// Whether others hold the file.
    pub(crate) fn is_busy(&self) -> bool {
        // The lowest byte of an extended code is the code that it extends.
        matches!(self, Self::Refused { code, .. } if code & 0xff == ffi::SQLITE_BUSY)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, name } => {
                write!(f, "SQLite's code {code}: ")?;
                match name {
                    Some(name) => f.write_str(name),
                    None => f.write_str(ffi::code_to_str(*code)),
                }
            }
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl Error for Cause {}
