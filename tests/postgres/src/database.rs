//! A database for one test.

use std::env;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::binaries::{Binaries, run};
use crate::error::PostgresError;

/// A new database, which is removed when this is dropped.
#[derive(Debug)]
pub struct Database {
    binaries: Binaries,
    server: String,
    name: String,
    url: String,
}

impl Database {
    /// A database on the server that `DATABASE_URL` names.
    ///
    /// # Errors
    /// `NoServer` when it names none, and whatever keeps the database from being made.
    pub fn new() -> Result<Self, PostgresError> {
        let server = env::var("DATABASE_URL").map_err(|_| PostgresError::NoServer)?;
        Self::on(&Binaries::find()?, &server)
    }

    /// A database on a server, by the URL of another database there.
    ///
    /// # Errors
    /// Whatever keeps the database from being made.
    pub fn on(binaries: &Binaries, server: &str) -> Result<Self, PostgresError> {
        Self::create(binaries, server, None)
    }

    /// A copy of this database, which nobody may be connected to: a server makes one sooner than a store its tables.
    ///
    /// # Errors
    /// Whatever keeps the database from being made.
    pub fn copy(&self) -> Result<Self, PostgresError> {
        Self::create(&self.binaries, &self.server, Some(&self.name))
    }

    fn create(
        binaries: &Binaries,
        server: &str,
        template: Option<&str>,
    ) -> Result<Self, PostgresError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Names of processes come back, and a test that was killed leaves its database behind.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_or(0, |since| since.as_millis());
        let name = format!("phone_auth_test_{now}_{}_{number}", process::id());
        let url = with_database(server, &name)?;
        let mut create = binaries.client("createdb");
        if let Some(template) = template {
            create.arg("--template").arg(template);
        }
        run(create.arg("--maintenance-db").arg(server).arg(&name))?;
        Ok(Self {
            binaries: binaries.clone(),
            server: server.to_owned(),
            name,
            url,
        })
    }

    /// Keeps it until this process ends, in whatever way: then a shell that waits for that removes it.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub fn keep_to_the_end(self) -> Result<&'static Self, PostgresError> {
        let mut remove = self.binaries.client("dropdb");
        remove.args(["--force", "--if-exists", "--maintenance-db"]);
        remove.arg(&self.server).arg(&self.name);
        let mut wait = process::Command::new("sh");
        wait.args(["-c", "read -r _; exec \"$@\"", "sh"]);
        wait.arg(remove.get_program()).args(remove.get_args());
        let waiting = wait
            .stdin(process::Stdio::piped())
            .stdout(process::Stdio::null())
            .stderr(process::Stdio::null())
            .spawn();
        let waiting = waiting.map_err(|source| PostgresError::NotRun {
            program: "sh".to_owned(),
            source,
        })?;
        // What it reads from is closed by the end of this process alone.
        Box::leak(Box::new(waiting));
        Ok(Box::leak(Box::new(self)))
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its name on the server.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs statements and answers what they answered: a line for each row, `|` between columns.
    ///
    /// # Errors
    /// What the server says to the first that fails; those before it have happened.
    pub fn run(&self, statements: &str) -> Result<String, PostgresError> {
        run(psql(&self.binaries, &self.url)
            .arg("--command")
            .arg(statements))
    }

    /// Runs the statements of a file.
    ///
    /// # Errors
    /// What the server says to the first that fails; those before it have happened.
    pub fn run_file(&self, path: &Path) -> Result<String, PostgresError> {
        run(psql(&self.binaries, &self.url).arg("--file").arg(path))
    }
}

/// Runs statements in a database that someone else keeps, as [`Database::run`] does.
///
/// # Errors
/// `NotInstalled` without the programs of PostgreSQL, and what the server says to the first statement that fails.
pub fn run_at(url: &str, statements: &str) -> Result<String, PostgresError> {
    run(psql(&Binaries::find()?, url)
        .arg("--command")
        .arg(statements))
}

fn psql(binaries: &Binaries, url: &str) -> process::Command {
    let mut psql = binaries.client("psql");
    psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
    psql.args(["--set", "ON_ERROR_STOP=1", "--dbname"]).arg(url);
    psql
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut remove = self.binaries.client("dropdb");
        remove.args(["--force", "--if-exists", "--maintenance-db"]);
        // A server that is gone by now has taken it along.
        let _ = run(remove.arg(&self.server).arg(&self.name));
    }
}

/// The URL of another database on the same server.
fn with_database(server: &str, name: &str) -> Result<String, PostgresError> {
    let wrong = || PostgresError::Url(server.to_owned());
    let (scheme, rest) = server.split_once("://").ok_or_else(wrong)?;
    let (place, parameters) = match rest.split_once('?') {
        Some((place, parameters)) => (place, format!("?{parameters}")),
        None => (rest, String::new()),
    };
    let authority = place.split('/').next().unwrap_or_default();
    if !matches!(scheme, "postgres" | "postgresql") || authority.is_empty() {
        return Err(wrong());
    }
    Ok(format!("{scheme}://{authority}/{name}{parameters}"))
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn database_of_a_url_is_replaced() {
        let cases = [
            (
                "postgres://ann:x@h:1/a?host=/tmp/y",
                Some("postgres://ann:x@h:1/new?host=/tmp/y"),
            ),
            ("postgresql://ann@h", Some("postgresql://ann@h/new")),
            (
                "postgres://h?sslmode=disable",
                Some("postgres://h/new?sslmode=disable"),
            ),
            ("postgres:///a", None),
            ("sqlite:a", None),
        ];
        for (url, expected) in cases {
            assert_eq!(with_database(url, "new").ok().as_deref(), expected, "{url}");
        }
    }
}
