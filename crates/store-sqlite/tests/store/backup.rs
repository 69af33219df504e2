//! A copy of a database that is in use holds all of it, and is for its owner alone.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::Path;

use phone_auth_core::outbox::Notices;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::store::UserStore;
use phone_auth_core::user::NewUser;
use phone_auth_store_sqlite::{BackupErrorKind, SqliteOptions, SqliteStore};

fn user(username: &str) -> NewUser {
    NewUser {
        username: username.to_owned(),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        password: EncodedPassword::new("argon2$sample"),
        email: None,
        phone: None,
        date_joined: "2026-01-02T03:04:05Z".parse().unwrap(),
        notices: Notices::default(),
        closes_at: None,
    }
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open_and_migrate(path, SqliteOptions::default()).unwrap()
}

async fn names(store: &SqliteStore) -> Vec<String> {
    let users = store.users_after(None, 100).await.unwrap();
    users.into_iter().map(|user| user.username).collect()
}

#[tokio::test]
async fn copy_holds_what_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("site.db"), folder.path().join("copy.db"));
    let store = open(&path);
    store.create_user(&user("ann")).await.unwrap();
    // What was just committed is in the log; the file by itself has not even tables.
    let plain = folder.path().join("plain.db");
    fs::copy(&path, &plain).unwrap();
    assert_eq!(names(&open(&plain)).await, [""; 0], "a plain copy lacks it");
    store.back_up(&copy).unwrap();
    store.create_user(&user("bob")).await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&copy).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert!(
        !folder.path().join("copy.db-wal").exists(),
        "it is one file"
    );
    assert_eq!(names(&open(&copy)).await, ["ann"]);
    assert_eq!(names(&store).await, ["ann", "bob"]);
}

#[tokio::test]
async fn copy_replaces_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.db");
    let store = open(&path);
    store.create_user(&user("ann")).await.unwrap();
    let there = folder.path().join("there");
    fs::write(&there, "mine").unwrap();
    for (to, kind) in [
        (path.clone(), BackupErrorKind::Exists),
        (there.clone(), BackupErrorKind::Exists),
        (
            folder.path().join("no/folder.db"),
            BackupErrorKind::Unwritable,
        ),
    ] {
        let refused = store.back_up(&to).unwrap_err();
        assert_eq!(refused.kind(), kind, "{refused:?}");
    }
    assert_eq!(fs::read_to_string(&there).unwrap(), "mine");
    assert_eq!(names(&store).await, ["ann"]);
}
