//! Opening the file: once to write, a few times to read.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags, ffi};

use crate::options::SqliteOptions;

/// The longest that a reader waits. A reader waits in place, on a thread that serves others as well,
/// and in WAL mode it only has to while another process recovers the log or holds the file alone.
const READER_PATIENCE: Duration = Duration::from_millis(100);

/// How long is slept before what others kept from being done is tried again.
const BREATH: Duration = Duration::from_millis(10);

/// More statements than the store has, so that each is compiled once for a connection.
const STATEMENTS: usize = 256;

/// Makes the file if there is none, for its owner only: it holds what nobody else should read.
/// SQLite gives the files beside it the same mode.
pub(crate) fn make_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        // An existing file must not be opened by other means than SQLite's: closing it again would
        // drop the locks that this process has on it (POSIX advisory locks go by process and file).
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

/// A connection that writes.
pub(crate) fn writer(path: &Path, options: &SqliteOptions) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = prepare(Connection::open_with_flags(path, flags)?)?;
    // SQLite opens what it may not write as if it had been asked to read. This is asked before anything is read: to read,
    // SQLite makes the files of the log with the mode of this one, and they would stay read-only when it is not any more.
    if connection.is_readonly(MAIN_DB)? {
        return Err(read_only());
    }
    connection.busy_timeout(options.busy_timeout)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Beyond NORMAL, FULL keeps what was acknowledged when the power fails. One flush serves all
    // requests that are committed together.
    connection.pragma_update(None, "synchronous", "FULL")?;
    // A log that one burst has made long is cut again.
    connection.pragma_update(None, "journal_size_limit", 16_i64 << 20)?;
    if let Some(pages) = options.max_pages {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    Ok(connection)
}

/// Puts the file into WAL mode, which it stays in. Whether that was possible.
///
/// Of two that do so at once SQLite answers one as busy without waiting: each has read what the other is about to change.
pub(crate) fn enter_wal(
    connection: &Connection,
    options: &SqliteOptions,
) -> rusqlite::Result<bool> {
    let mode: String = patiently(options, is_busy, || {
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))
    })?;
    Ok(mode == "wal")
}

/// Tries again for as long as others hold the file, up to the busy time-out.
pub(crate) fn patiently<T, E>(
    options: &SqliteOptions,
    is_busy: impl Fn(&E) -> bool,
    mut attempt: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let begun = Instant::now();
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && begun.elapsed() < options.busy_timeout => {
                thread::sleep(BREATH);
            }
            done => return done,
        }
    }
}

/// Whether others hold the file.
fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// Looks whether the files of the log can be written too: who cannot write them reads all the same, and would find out with
/// the first write.
pub(crate) fn check_log(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let begun = connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK");
    connection.busy_timeout(options.busy_timeout)?;
    match begun {
        // Someone else writes: that is asked after.
        Err(error) if is_busy(&error) => Ok(()),
        begun => begun,
    }
}

/// What SQLite says when it may only read.
fn read_only() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_READONLY), None)
}

/// A connection that can only read, and waits for the file as one that writes does: for looks at a file that others may be
/// putting into WAL mode.
pub(crate) fn onlooker(path: &Path, options: &SqliteOptions) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = prepare(Connection::open_with_flags(path, flags)?)?;
    connection.busy_timeout(options.busy_timeout)?;
    Ok(connection)
}

/// A connection that can only read, for threads that serve others as well.
pub(crate) fn reader(path: &Path, options: &SqliteOptions) -> rusqlite::Result<Connection> {
    let connection = onlooker(path, options)?;
    connection.busy_timeout(options.busy_timeout.min(READER_PATIENCE))?;
    Ok(connection)
}

/// What both kinds have in common.
fn prepare(connection: Connection) -> rusqlite::Result<Connection> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // The file may come from elsewhere: what its schema says must not run with our rights
    // (https://sqlite.org/security.html).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // A misspelt column must be an error, not a text.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
    Ok(connection)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use std::time::Duration;

    use rusqlite::Connection;

    use super::{enter_wal, make_file, reader, writer};
    use crate::options::SqliteOptions;

    fn pragma(connection: &Connection, name: &str) -> i64 {
        connection
            .pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn writer_flushes_every_commit() {
        // A power cut cannot be made here; what SQLite promises for FULL is taken on trust.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.sqlite3");
        make_file(&path).unwrap();
        let options = SqliteOptions::default();
        let connection = writer(&path, &options).unwrap();
        assert!(enter_wal(&connection, &options).unwrap());
        let full = 2;
        assert_eq!(pragma(&connection, "synchronous"), full);
        assert_eq!(pragma(&connection, "foreign_keys"), 1);
    }

    #[test]
    fn longest_time_out_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.sqlite3");
        make_file(&path).unwrap();
        let options = SqliteOptions::default().with_busy_timeout(Duration::MAX);
        let connection = writer(&path, &options).unwrap();
        assert!(pragma(&connection, "busy_timeout") > 0);
    }

    #[test]
    fn reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.sqlite3");
        make_file(&path).unwrap();
        let options = SqliteOptions::default();
        let connection = writer(&path, &options).unwrap();
        assert!(enter_wal(&connection, &options).unwrap());
        connection.execute_batch("CREATE TABLE t (x)").unwrap();
        let reader = reader(&path, &options).unwrap();
        let error = reader.execute("INSERT INTO t VALUES (1)", []).unwrap_err();
        let code = error.sqlite_error_code();
        assert_eq!(code, Some(rusqlite::ErrorCode::ReadOnly));
    }
}
