//! Requests that are committed together.

use phone_auth_core::store::StoreErrorKind;
use rusqlite::Connection;

use super::request::Request;
use crate::failure::Failure;
use crate::place::Place;

/// Requests in the order in which they came.
pub(super) type Group = Vec<Box<dyn Request>>;

/// What became of a group.
pub(super) enum Fate {
    /// Every request was answered for itself.
    Answered,
    /// No transaction could be begun, as when the database was locked for longer than the time-out.
    /// These requests are to be told so.
    Unavailable(Failure, Group),
}

/// Runs a group and answers the requests in it, but those that are handed back.
pub(super) fn run(connection: &Connection, place: &Place, mut group: Group) -> Fate {
    // Who has stopped waiting before the work was begun wants it no more.
    group.retain(|request| request.is_wanted());
    if let Err(failure) = place.check() {
        return refuse(group, failure);
    }
    if group.len() > 1 {
        if let Err(failure) = begin(connection) {
            return refuse(group, failure);
        }
        if together(connection, &mut group).is_ok() {
            for request in group {
                request.answer();
            }
            return Fate::Answered;
        }
        roll_back(connection);
    }
    let mut waiting = group.into_iter();
    while let Some(mut request) = waiting.next() {
        if let Err(failure) = begin(connection) {
            return refuse(std::iter::once(request).chain(waiting).collect(), failure);
        }
        match alone(connection, request.as_mut()) {
            Ok(()) => request.answer(),
            Err(failure) => {
                roll_back(connection);
                request.refuse(&failure);
            }
        }
    }
    Fate::Answered
}

/// Begins a transaction that may write. `BEGIN` alone would fail in the middle instead, when another
/// process has written since.
fn begin(connection: &Connection) -> Result<(), Failure> {
    execute(connection, "BEGIN IMMEDIATE")
}

/// Runs all in the transaction that was begun, and commits it. An error says that it is lost, and
/// with it whatever the requests have answered so far.
fn together(connection: &Connection, group: &mut Group) -> Result<(), Failure> {
    for request in group {
        execute(connection, "SAVEPOINT request")?;
        let kept = request.run(connection);
        // A full disk and its like can make SQLite end the transaction by itself.
        if connection.is_autocommit() {
            return Err(StoreErrorKind::Unavailable.into());
        }
        if !kept {
            execute(connection, "ROLLBACK TO request")?;
        }
        execute(connection, "RELEASE request")?;
    }
    execute(connection, "COMMIT")
}

/// Runs one request in the transaction that was begun, and commits or ends it. An error says that
/// it could not be committed.
fn alone(connection: &Connection, request: &mut dyn Request) -> Result<(), Failure> {
    if request.run(connection) {
        execute(connection, "COMMIT")
    } else {
        roll_back(connection);
        Ok(())
    }
}

/// Nothing was done. Hands the requests back, if others that wait are to hear the same.
fn refuse(group: Group, failure: Failure) -> Fate {
    if failure.kind() == StoreErrorKind::Unavailable {
        return Fate::Unavailable(failure, group);
    }
    for request in group {
        request.refuse(&failure);
    }
    Fate::Answered
}

/// Ends the transaction, unless SQLite has by itself.
fn roll_back(connection: &Connection) {
    if !connection.is_autocommit()
        && let Err(failure) = execute(connection, "ROLLBACK")
    {
        tracing::error!(?failure, "a transaction on SQLite could not be rolled back");
    }
}

/// Runs a statement that answers no rows.
fn execute(connection: &Connection, statement: &str) -> Result<(), Failure> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
