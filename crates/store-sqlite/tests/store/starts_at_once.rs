//! Programs that start at once on one file: one of them makes the tables, and the others wait for it.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use phone_auth_store_sqlite::{MigrateError, MigrateErrorKind, SqliteOptions, SqliteStore};

use crate::common::Scratch;

/// How many start at once.
const STARTS: usize = 10;

/// As a program starts, with the options that ship: whether it found no tables, and how many steps it applied.
fn start(scratch: &Scratch) -> (bool, usize) {
    let store = SqliteStore::open(scratch.path(), SqliteOptions::default()).unwrap();
    let is_new = store.has_no_tables().unwrap();
    (is_new, store.migrate().unwrap().len())
}

#[test]
fn parallel_migrations_have_one_winner() {
    for _ in 0..20 {
        let scratch = Arc::new(Scratch::new());
        let all_are_there = Arc::new(Barrier::new(STARTS));
        let starts = (0..STARTS).map(|_| {
            let (scratch, all_are_there) = (Arc::clone(&scratch), Arc::clone(&all_are_there));
            thread::spawn(move || {
                all_are_there.wait();
                start(&scratch)
            })
        });
        let starts: Vec<_> = starts.collect();
        let started: Vec<_> = starts.into_iter().map(|it| it.join().unwrap()).collect();
        let winners: Vec<_> = started.iter().filter(|(_, steps)| *steps > 0).collect();
        assert!(matches!(winners[..], [(true, _)]), "{started:?}");
    }
}

/// What a start asks of a file that others hold is answered late, not at once, in each mode of the file.
#[test]
fn held_file_is_waited_for() {
    type Ask = fn(&SqliteStore) -> Result<usize, MigrateError>;
    let migrate: Ask = |store| store.migrate().map(|steps| steps.len());
    let pending: Ask = |store| store.pending_migrations().map(|steps| steps.len());
    let lost: Ask = |store| store.lost_indexes().map(|lost| lost.len());
    let tables: Ask = |store| store.has_no_tables().map(usize::from);
    // More than a reader waits who serves others as well.
    let patience = Duration::from_millis(400);
    let options = SqliteOptions::default().with_busy_timeout(patience);
    let lose_an_index = "DROP INDEX phone_auth_session_expires";
    for (before, hold, what, ask) in [
        ("", "BEGIN IMMEDIATE", "migrate", migrate),
        ("", "BEGIN EXCLUSIVE", "migrate", migrate),
        ("", "BEGIN EXCLUSIVE", "pending", pending),
        ("", "BEGIN EXCLUSIVE", "lost", lost),
        ("", "BEGIN EXCLUSIVE", "tables", tables),
        (lose_an_index, "BEGIN IMMEDIATE", "migrate", migrate),
    ] {
        let scratch = Scratch::new();
        if !before.is_empty() {
            drop(scratch.store());
        }
        let other = scratch.connect();
        other.execute_batch(before).unwrap();
        let store = SqliteStore::open(scratch.path(), options.clone()).unwrap();
        other.execute_batch(hold).unwrap();
        let begun = Instant::now();
        let error = ask(&store).unwrap_err();
        assert_eq!(*error.kind(), MigrateErrorKind::Unavailable, "{what}");
        let waited = begun.elapsed();
        assert!(waited >= patience, "{hold}, {what}: {waited:?}");
        other.execute_batch("ROLLBACK").unwrap();
        ask(&store).unwrap();
    }
}

/// A start on tables that are there waits for nobody who writes.
#[test]
fn applied_steps_take_no_lock() {
    let scratch = Scratch::new();
    let store = scratch.store_with(SqliteOptions::default().with_busy_timeout(Duration::ZERO));
    let other = scratch.connect();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    assert_eq!(store.migrate().unwrap(), [""; 0]);
    drop(SqliteStore::open_and_migrate(scratch.path(), SqliteOptions::default()).unwrap());
}
