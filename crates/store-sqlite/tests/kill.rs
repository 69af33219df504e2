//! A process that is killed leaves whole accounts, and all that it had acknowledged.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "store/common/mod.rs"]
mod common;

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use phone_auth_core::store::{AddressStore, UserStore};
use phone_auth_store_sqlite::{SqliteOptions, SqliteStore};

use crate::common::{Scratch, run, user};

/// Names the database to the child.
const CHILD: &str = "PHONE_AUTH_TEST_KILLED_CHILD";

/// Before each name that the child was told is stored.
const STORED: &str = "stored ";

/// How many names are awaited before the child is killed, in each round.
const ROUNDS: [usize; 6] = [1, 2, 5, 20, 60, 150];

#[test]
fn killed_process_leaves_whole_accounts() {
    if let Some(path) = std::env::var_os(CHILD) {
        run(sign_up_for_ever(Path::new(&path)));
        return;
    }
    let scratch = Scratch::new();
    let mut acknowledged = HashSet::new();
    for names in ROUNDS {
        acknowledged.extend(killed_after(names, &scratch.path()));
        run(check(&scratch, &acknowledged));
    }
    assert!(acknowledged.len() >= ROUNDS.iter().sum());
}

/// Starts this test as another process, kills it once it has told so many names, and collects all
/// that it has told.
fn killed_after(names: usize, path: &Path) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "killed_process_leaves_whole_accounts",
            "--nocapture",
        ])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut told = Vec::new();
    for line in lines {
        // The last line may be cut off; a name that was cut off was not told.
        let Ok(line) = line else { break };
        if let Some(name) = line
            .strip_prefix(STORED)
            .and_then(|it| it.strip_suffix('.'))
        {
            told.push(name.to_owned());
        }
        if told.len() == names {
            child.kill().unwrap();
        }
    }
    let ended = child.wait().unwrap();
    assert!(!ended.success(), "the child was not killed: {ended}");
    told
}

/// Signs users up from several tasks, and tells each who was stored, until it is killed.
async fn sign_up_for_ever(path: &Path) {
    let store = Arc::new(SqliteStore::open_and_migrate(path, SqliteOptions::default()).unwrap());
    let before = store.users_after(None, u32::MAX).await.unwrap().len();
    let before = u32::try_from(before).unwrap() + 1000;
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                for number in (before + task..).step_by(8) {
                    let name = format!("ann{number}");
                    match store.create_user(&user(&name, number)).await {
                        Ok(_) => {}
                        // An earlier child got as far as this one.
                        Err(error) if !error.is_retryable() => continue,
                        Err(error) => std::panic::resume_unwind(Box::new(error.to_string())),
                    }
                    let mut line = format!("{STORED}{name}.\n").into_bytes();
                    if std::io::stdout().write_all(line.as_mut_slice()).is_err() {
                        return;
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

/// Checks that the file is sound, that who was told is there, and that everybody is whole.
async fn check(scratch: &Scratch, acknowledged: &HashSet<String>) {
    let store = scratch.store();
    let sound: String = scratch
        .connect()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(sound, "ok");
    let users = store.users_after(None, u32::MAX).await.unwrap();
    for user in &users {
        let addresses = store.addresses_of(user.id, 100).await.unwrap();
        assert_eq!(addresses.len(), 2, "{}", user.username);
    }
    let names: HashSet<_> = users.into_iter().map(|it| it.username).collect();
    let lost: Vec<_> = acknowledged.difference(&names).collect();
    assert!(lost.is_empty(), "{lost:?}");
}
