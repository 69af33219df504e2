//! What goes wrong with PostgreSQL in tests; the text says what to do.

use std::io;

/// Why a test has no PostgreSQL.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The programs are not there.
    #[error(
        "PostgreSQL is not installed: `apt-get install postgresql`, or name the folder of `initdb` in POSTGRES_BIN"
    )]
    NotInstalled,
    /// There is no server to make a database on.
    #[error(
        "DATABASE_URL is not set: run `cargo xtask test`, which starts a server, or name one on which databases may be made, as in DATABASE_URL=postgres://postgres@localhost/postgres"
    )]
    NoServer,
    /// A text that should name a server does not.
    #[error("{0} is no URL such as postgres://postgres@localhost/postgres")]
    Url(String),
    /// A program could not be run.
    #[error("{program} could not be run")]
    NotRun {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// A program failed.
    #[error("{program} failed: {said}")]
    Failed {
        /// The program.
        program: String,
        /// What it said.
        said: String,
    },
    /// A file or folder could not be used.
    #[error("a file of the server could not be used")]
    File(#[from] io::Error),
}
