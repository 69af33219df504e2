//! What is kept of an error of the driver: enough to find out what happened, and nothing of what is stored.
//!
//! The words of a server hold rows (`Failing row contains (…)`), addresses and hashes among them, and errors end in
//! logs. So the words are dropped here, before anything can show them.

use std::error::Error;
use std::{fmt, io};

/// An error of the driver without the server's words.
#[derive(Debug)]
pub(crate) enum Cause {
    /// The server refused.
    Refused {
        /// The SQLSTATE.
        code: Option<String>,
        /// The constraint that would have been broken.
        constraint: Option<String>,
    },
    /// The connection failed.
    Io(io::Error),
    /// Something else, in words of our own.
    Other(&'static str),
}

impl Cause {
    /// The SQLSTATE that the server told.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => code.as_deref(),
            Self::Io(_) | Self::Other(_) => None,
        }
    }
}

impl From<sqlx::Error> for Cause {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refusal) => Self::Refused {
                code: refusal.code().map(Into::into),
                constraint: refusal.constraint().map(Into::into),
            },
            sqlx::Error::Io(error) => Self::Io(error),
            sqlx::Error::Configuration(_) => Self::Other("the driver cannot use the URL"),
            sqlx::Error::Tls(_) => Self::Other("TLS could not be begun"),
            sqlx::Error::Protocol(_) => {
                Self::Other("what answered does not speak PostgreSQL's protocol")
            }
            sqlx::Error::PoolTimedOut => Self::Other("no connection was free in time"),
            sqlx::Error::PoolClosed => Self::Other("the connections are closed"),
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                Self::Other("a stored value cannot be read as what it should be")
            }
            sqlx::Error::Encode(_) | sqlx::Error::InvalidArgument(_) => {
                Self::Other("a value cannot be stored")
            }
            sqlx::Error::RowNotFound
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnNotFound(_) => {
                Self::Other("the answer has not the columns or rows asked for")
            }
            sqlx::Error::BeginFailed | sqlx::Error::InvalidSavePointStatement => {
                Self::Other("no transaction could be begun")
            }
            _ => Self::Other("the driver failed"),
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, constraint } => {
                let code = code.as_deref().unwrap_or("unknown");
                write!(f, "the server refused with SQLSTATE {code}")?;
                if let Some(constraint) = constraint {
                    write!(f, ", constraint {constraint:?}")?;
                }
                match meaning(code) {
                    Some(meaning) => write!(f, ": {meaning}"),
                    None => Ok(()),
                }
            }
            Self::Io(_) => f.write_str("the connection to the server failed"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

/// What a SQLSTATE means that an operator can do something about, in words of our own.
fn meaning(code: &str) -> Option<&'static str> {
    Some(match code {
        "25006" => {
            "nothing can be written; the server is a standby, or default_transaction_read_only is on for this user or \
             database"
        }
        "3F000" => {
            "there is no schema to make tables in; the search_path of this user names none that is there and that they may \
             use (GRANT USAGE, CREATE ON SCHEMA … TO …)"
        }
        "42501" => {
            "this user of the database lacks a right (as the owner: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN \
             SCHEMA … TO …, GRANT USAGE ON ALL SEQUENCES IN SCHEMA … TO …; and, to make tables, GRANT CREATE ON SCHEMA … \
             TO …)"
        }
        "53100" => "its disk is full",
        "53200" => "it has no memory left",
        "53300" => {
            "too many connections; close others, ask for fewer, or raise max_connections or the CONNECTION LIMIT of this \
             user or database"
        }
        "55000" => {
            "the database takes no connections (ALTER DATABASE … ALLOW_CONNECTIONS true), or not for this"
        }
        "57P03" => "it is starting up or shutting down",
        _ => return None,
    })
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Refused { .. } | Self::Other(_) => None,
        }
    }
}
