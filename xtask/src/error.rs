//! Why a chore failed.

use std::error::Error;
use std::fmt::{self, Display};
use std::path::PathBuf;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a chore failed; its text says what to do about it.
#[derive(Debug)]
pub(crate) struct ChoreError {
    kind: ChoreErrorKind,
    source: Option<BoxError>,
}

/// The ways in which a chore fails.
#[derive(Debug)]
#[non_exhaustive]
pub(crate) enum ChoreErrorKind {
    /// A program could not be started at all.
    NotStarted {
        /// The program and its arguments.
        command: String,
    },
    /// A program ended with a status other than success.
    CommandFailed {
        /// The program and its arguments.
        command: String,
    },
    /// A program's output is not what it should be.
    OddOutput {
        /// The program and its arguments.
        command: String,
    },
    /// A file or folder cannot be read or written.
    File {
        /// Which.
        path: PathBuf,
    },
    /// Tools are missing and may not be installed from here.
    ToolsMissing {
        /// What is missing, for users.
        what: &'static str,
        /// The packages of Debian that hold it.
        packages: &'static [&'static str],
    },
    /// No PostgreSQL can be had for the tests; the source says why.
    NoPostgres,
    /// A variable of the environment names a file that is not there.
    NoSuchTool {
        /// The variable.
        variable: &'static str,
        /// What it names.
        path: PathBuf,
    },
    /// Some of several parts of a chore failed; each said why.
    PartsFailed {
        /// Their names.
        parts: Vec<&'static str>,
    },
    /// Receivers were not found where they must be.
    ReceiversLost {
        /// In how many cells of the matrix.
        cells: usize,
    },
    /// House rules are broken.
    Untidy {
        /// How often.
        findings: usize,
    },
}

impl ChoreError {
    /// An error without another behind it.
    pub(crate) fn new(kind: ChoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error with the one that brought it about.
    pub(crate) fn because(kind: ChoreErrorKind, source: impl Into<BoxError>) -> Self {
        Self {
            kind,
            source: Some(source.into()),
        }
    }

    /// A file that cannot be read or written.
    pub(crate) fn file(path: impl Into<PathBuf>, source: impl Into<BoxError>) -> Self {
        Self::because(ChoreErrorKind::File { path: path.into() }, source)
    }

    /// Which way it failed.
    #[cfg(test)]
    pub(crate) fn kind(&self) -> &ChoreErrorKind {
        &self.kind
    }
}

impl Display for ChoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ChoreErrorKind::NotStarted { command } => write!(f, "`{command}` could not be started"),
            ChoreErrorKind::CommandFailed { command } => write!(f, "`{command}` failed"),
            ChoreErrorKind::OddOutput { command } => {
                write!(f, "`{command}` did not print what was expected")
            }
            ChoreErrorKind::File { path } => write!(f, "{} cannot be used", path.display()),
            ChoreErrorKind::ToolsMissing { what, packages } => write!(
                f,
                "{what} is missing and cannot be installed from here; \
                 on Debian: apt-get install {}",
                packages.join(" ")
            ),
            ChoreErrorKind::NoPostgres => f.write_str("there is no PostgreSQL for the tests"),
            ChoreErrorKind::NoSuchTool { variable, path } => {
                write!(
                    f,
                    "{variable} names {}, which is not a program",
                    path.display()
                )
            }
            ChoreErrorKind::PartsFailed { parts } => write!(f, "failed: {}", parts.join(", ")),
            ChoreErrorKind::ReceiversLost { cells } => {
                write!(
                    f,
                    "receivers are not found as they should be in {cells} cells"
                )
            }
            ChoreErrorKind::Untidy { findings } => write!(f, "{findings} breaches of house rules"),
        }
    }
}

impl Error for ChoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
