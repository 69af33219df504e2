//! PostgreSQL for the tests: a server, its programs, and a proxy before it.
//!
//! Tests make their own databases, on the server that `DATABASE_URL` names. Those that stop a server
//! start one of their own. None looks for anything, and each fails without, so that none is ever
//! skipped unseen.

use std::env;
use std::path::PathBuf;

use phone_auth_test_postgres::{Binaries, Server};

use crate::console::Console;
use crate::debian::Tools;
use crate::error::{ChoreError, ChoreErrorKind};
use crate::process::Process;
use crate::search_path::SearchPath;

const TOOLS: Tools = Tools {
    what: "PostgreSQL with PgBouncer, which the tests of its store need,",
    packages: &["postgresql", "pgbouncer"],
};

/// A server and what belongs to it.
#[derive(Debug)]
pub(crate) struct Postgres {
    tools: Found,
    url: String,
    // Stopped when this is dropped.
    started: Option<Server>,
}

/// The programs.
#[derive(Debug)]
struct Found {
    binaries: Binaries,
    pgbouncer: PathBuf,
}

impl Postgres {
    /// The programs that are installed, else those of Debian; the server that `DATABASE_URL` names, else
    /// one that is started in a temporary folder.
    ///
    /// # Errors
    /// `ToolsMissing` or those of apt-get when programs are missing and cannot be installed,
    /// `NoPostgres` when the server does not start.
    pub(crate) fn bring(console: &Console) -> Result<Self, ChoreError> {
        Self::bring_with(console, &[])
    }

    /// As [`Self::bring`], for measuring: a server that is started here flushes each commit to the disk, as that of a
    /// site does.
    ///
    /// # Errors
    /// As for [`Self::bring`].
    pub(crate) fn bring_to_measure(console: &Console) -> Result<Self, ChoreError> {
        Self::bring_with(console, &["fsync=on"])
    }

    fn bring_with(console: &Console, settings: &[&str]) -> Result<Self, ChoreError> {
        let path = SearchPath::of_environment();
        let tools = if let Some(tools) = Found::on(&path) {
            tools
        } else {
            TOOLS.install(console, &path)?;
            Found::on(&path).ok_or_else(|| TOOLS.missing())?
        };
        if let Ok(url) = env::var("DATABASE_URL") {
            return Ok(Self {
                tools,
                url,
                started: None,
            });
        }
        let server = Server::start_with(&tools.binaries, settings)
            .map_err(|error| ChoreError::because(ChoreErrorKind::NoPostgres, error))?;
        Ok(Self {
            tools,
            url: server.url(),
            started: Some(server),
        })
    }

    /// Hands the server and the programs on to `process`.
    pub(crate) fn hand_to(&self, process: Process) -> Process {
        process
            .env("DATABASE_URL", &self.url)
            .env("POSTGRES_BIN", self.tools.binaries.folder())
            .env("PGBOUNCER", &self.tools.pgbouncer)
    }

    /// Runs benchmarks on the server, to their end.
    ///
    /// # Errors
    /// Those of [`Process::run`].
    pub(crate) fn bench(&self, process: Process) -> Result<(), ChoreError> {
        self.hand_to(process).run()
    }

    /// One line that says what is used; not the URL, which may hold a password.
    pub(crate) fn describe(&self) -> String {
        let folder = self.tools.binaries.folder().display();
        match self.started {
            Some(_) => format!("a server of {folder}, in a temporary folder"),
            None => format!("the server of DATABASE_URL, programs of {folder}"),
        }
    }
}

impl Found {
    /// What is installed, if all is.
    fn on(path: &SearchPath) -> Option<Self> {
        let named = env::var_os("PGBOUNCER").map(PathBuf::from);
        Some(Self {
            binaries: Binaries::find().ok()?,
            pgbouncer: named.or_else(|| path.find(&["pgbouncer"]))?,
        })
    }
}
