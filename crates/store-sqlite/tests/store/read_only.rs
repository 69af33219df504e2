//! A file, or its log, that can only be read is told before anything depends on it, and nothing read-only is left behind.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use phone_auth_store_sqlite::{OpenError, OpenErrorKind, SqliteOptions, SqliteStore};
use rustix::process::{Uid, geteuid};

use crate::common::Scratch;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A file beside another.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Opens a file as a user who is bound by modes: root is by none.
fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| {
            if geteuid().is_root() {
                rustix::thread::set_thread_uid(Uid::from_raw(65_534)).unwrap();
            }
            SqliteStore::open(path, SqliteOptions::default())
        });
        opened.join().unwrap()
    })
}

#[test]
fn read_only_file_leaves_no_log() {
    let scratch = Scratch::new();
    let path = scratch.path();
    set_mode(path.parent().unwrap(), 0o777);
    drop(scratch.store());
    set_mode(&path, 0o444);
    let error = open(&path).unwrap_err();
    assert_eq!(error.kind(), OpenErrorKind::ReadOnly, "{error:?}");
    for end in ["-wal", "-shm"] {
        assert!(!beside(&path, end).exists(), "{end}");
    }
    set_mode(&path, 0o666);
    drop(open(&path).unwrap());
}

#[test]
fn read_only_log_is_told() {
    let running = Scratch::new();
    drop(running.store());
    // Opened in WAL mode, it has its log.
    let _store = running.store();
    for closed in [&["-wal"][..], &["-shm"], &["-wal", "-shm"]] {
        // As it is left behind: the files of a running store this process has open already.
        let scratch = Scratch::new();
        let path = scratch.path();
        set_mode(path.parent().unwrap(), 0o777);
        for end in ["", "-wal", "-shm"] {
            let copy = beside(&path, end);
            fs::copy(beside(&running.path(), end), &copy).unwrap();
            let mode = if closed.contains(&end) { 0o444 } else { 0o666 };
            set_mode(&copy, mode);
        }
        let error = open(&path).unwrap_err();
        assert_eq!(
            error.kind(),
            OpenErrorKind::ReadOnly,
            "{closed:?}: {error:?}"
        );
        let text = format!("{error:?}");
        for end in ["-wal", "-shm"] {
            let name = beside(&path, end).display().to_string();
            assert_eq!(text.contains(&name), closed.contains(&end), "{text}");
            if closed.contains(&end) {
                set_mode(&beside(&path, end), 0o666);
            }
        }
        drop(open(&path).unwrap());
    }
}
