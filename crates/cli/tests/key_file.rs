//! The secret key: made once, kept secret, refused when it is none.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{Folder, Ran};
use phone_auth::core::site_key;
use phone_auth::sqlite::{SqliteOptions, SqliteStore};
use phone_auth::tokens::{Keyring, SecretKey};

const KEY: &str = "phone-auth.sqlite3.key";

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Starts the site, which is to refuse the key.
fn refusal(folder: &Folder, arguments: &[&str]) -> String {
    let mut command = folder.command();
    command.args(["--addr", "127.0.0.1:0"]).args(arguments);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(ran.code, Some(2), "{ran:?}");
    ran.stderr
}

#[test]
fn key_is_made_once() {
    let folder = Folder::new();
    let mut first = folder.serve();
    let said = first.wait_for(|line| line.contains("key file"));
    assert!(
        said.contains("made just now") && said.contains(KEY),
        "{said}"
    );
    first.stop();
    let mode = fs::metadata(folder.join(KEY)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = fs::read_to_string(folder.join(KEY)).unwrap();
    let mut second = folder.serve();
    let said = second.wait_for(|line| line.contains("key file"));
    assert!(!said.contains("made"), "{said}");
    assert_eq!(fs::read_to_string(folder.join(KEY)).unwrap(), key);
    second.stop();
    let all = [first.said.join("\n"), second.said.join("\n")].concat();
    assert!(!all.contains(key.trim()), "the key is said");
}

#[test]
fn generated_key_is_taken() {
    let folder = Folder::new();
    let generated = folder.run(&["key", "generate", "new.key"]);
    assert_eq!(generated.code, Some(0), "{generated:?}");
    let mode = fs::metadata(folder.join("new.key")).unwrap().permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    let key = fs::read_to_string(folder.join("new.key")).unwrap();
    assert!(!generated.stdout.contains(key.trim()), "the key is said");
    assert!(!folder.join("phone-auth.sqlite3").exists());

    let other = folder.run(&["key", "generate", "other.key", "--json"]);
    let said: serde_json::Value = serde_json::from_str(&other.stdout).unwrap();
    assert_eq!(said, serde_json::json!({ "file": "other.key" }));

    let again = folder.run(&["key", "generate", "new.key"]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("is there already"), "{again:?}");
    assert_eq!(fs::read_to_string(folder.join("new.key")).unwrap(), key);
    let named = ["--secret-key-file", "new.key", "user", "create", "ann"];
    let created = folder.run_with_input(&named, "correct-horse\n");
    assert_eq!(created.code, Some(0), "{created:?}");
}

#[test]
fn writable_key_is_refused() {
    let folder = Folder::new();
    folder.serve().stop();
    for mode in [0o622, 0o660, 0o666] {
        chmod(&folder.join(KEY), mode);
        let said = refusal(&folder, &[]);
        assert!(said.contains("can be written by others"), "{said}");
        assert!(said.contains("chmod 600"), "{said}");
    }
}

#[test]
fn readable_key_is_warned_of() {
    let folder = Folder::new();
    folder.serve().stop();
    chmod(&folder.join(KEY), 0o644);
    let (code, logs) = folder.serve().stop();
    assert_eq!(code, Some(0));
    assert!(logs.contains("can be read by others (mode 644)"), "{logs}");
}

#[test]
fn unfit_keys_are_refused() {
    let folder = Folder::new();
    let insecure = "django-insecure-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJ";
    for (key, why) in [
        ("hunter2", "too short"),
        ("", "too short"),
        (insecure, "published"),
        (
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "too uniform",
        ),
    ] {
        let path = folder.write("key", key);
        chmod(&path, 0o600);
        let said = refusal(&folder, &["--secret-key-file", "key"]);
        assert!(said.contains(why), "{said}");
        assert!(
            key.is_empty() || !said.contains(key),
            "the key is said: {said}"
        );
    }
    assert!(!folder.join("phone-auth.sqlite3").exists());
}

/// What earlier versions took for a key, and refuses as the key of a new database.
const ODD: [(&str, &str); 7] = [
    (
        "v8Kq2mZt5Rw9Yb3Ld7Nf\n1Hc6Jg4Xp0SaUe2Ti8Ko\n",
        "several lines",
    ),
    (
        "v8Kq2mZt5Rw9Yb3Ld7Nf\r\n1Hc6Jg4Xp0SaUe2Ti8Ko\r\n",
        "several lines",
    ),
    (
        "# the key\nv8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0Sa\n",
        "several lines",
    ),
    ("\"v8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0Sa\"\n", "quotes around"),
    ("'v8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0Sa'", "quotes around"),
    ("v8Kq2mZt5Rw9Yb3L\u{200b}d7Nf1Hc6Jg4Xp0Sa", "nobody sees"),
    ("v8Kq2mZt5Rw9Yb3L\x1bd7Nf1Hc6Jg4Xp0Sa", "nobody sees"),
];

/// Has the database of a folder, which is made if it is not there, belong to this key.
fn belong_to(folder: &Folder, key: &str) {
    let path = folder.join("phone-auth.sqlite3");
    let store = SqliteStore::open_and_migrate(path, SqliteOptions::default()).unwrap();
    let keys = Keyring::new(SecretKey::new(key).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(site_key::replace(&store, &keys)).unwrap();
}

/// A folder with this in the file of the key.
fn with_key(content: &str) -> Folder {
    let folder = Folder::new();
    folder.write(KEY, content);
    folder
}

#[test]
fn key_of_an_earlier_version_is_taken() {
    for (content, why) in ODD {
        let folder = with_key(content);
        belong_to(&folder, content.trim());
        let checked = folder.run(&["check"]);
        assert_eq!(checked.code, Some(0), "{content:?}: {checked:?}");
        let (code, logs) = folder.serve().stop();
        assert_eq!(code, Some(0), "{content:?}: {logs}");
        assert!(logs.contains(why), "{content:?}: {logs}");
        assert!(logs.contains("change to a new key"), "{content:?}: {logs}");
        assert!(!logs.contains("Kq2mZt"), "the key is said: {logs}");

        // As it says: the next key, with this one among the fallbacks.
        fs::rename(folder.join(KEY), folder.join("old.key")).unwrap();
        let rotated = |command: &mut std::process::Command| {
            command.env("PHONE_AUTH_SECRET_KEY_FALLBACK_FILES", "old.key");
        };
        let (code, logs) = folder.serve_with(rotated).stop();
        assert_eq!(code, Some(0), "{content:?}: {logs}");
        assert!(!logs.contains(why), "{content:?}: {logs}");
    }
    // A mark that Windows' editors write was once a part of the key.
    let key = "v8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0Sa";
    for of_database in [format!("\u{feff}{key}"), key.to_owned()] {
        let folder = with_key(&format!("\u{feff}{key}\r\n"));
        belong_to(&folder, &of_database);
        let (code, logs) = folder.serve().stop();
        assert_eq!(code, Some(0), "{of_database:?}: {logs}");
    }
}

#[test]
fn odd_key_is_none_of_a_new_database() {
    for (content, why) in ODD {
        let folder = with_key(content);
        let said = refusal(&folder, &[]);
        assert!(said.contains(why), "{content:?}: {said}");
        assert_eq!(folder.run(&["check"]).code, Some(2), "{content:?}");
        assert!(!folder.join("phone-auth.sqlite3").exists(), "{content:?}");
        // Nor of an empty one, and of one with another key it never was.
        fs::write(folder.join("phone-auth.sqlite3"), "").unwrap();
        assert!(refusal(&folder, &[]).contains(why), "{content:?}");
        assert_eq!(folder.run(&["check"]).code, Some(2), "{content:?}");
        let length = fs::metadata(folder.join("phone-auth.sqlite3"))
            .unwrap()
            .len();
        assert_eq!(length, 0, "{content:?}");
        belong_to(&folder, "v8Kq2mZt5Rw9Yb3Ld7Nf1Hc6Jg4Xp0Sa");
        assert!(refusal(&folder, &[]).contains(why), "{content:?}");
        let replaced = folder.run(&["key", "replace"]);
        assert_eq!(replaced.code, Some(2), "{content:?}: {replaced:?}");
    }
}

#[test]
fn fallback_keys_are_checked() {
    let folder = Folder::new();
    let path = folder.write("x.toml", "secret_key_fallback_files = [\"old\"]");
    let said = refusal(&folder, &["--config", &path.to_string_lossy()]);
    assert!(said.contains("the key file old does not exist"), "{said}");
}

#[test]
fn links_survive_rotation() {
    let folder = Folder::new();
    let ran = folder.run_with_input(
        &["user", "create", "ann", "--email", "ann@example.org"],
        "correct-horse",
    );
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut site = folder.serve();
    site.post("/accounts/password_reset/", "login=ann%40example.org");
    let line = site.wait_for(|line| line.starts_with("reset_password_email "));
    let url = line
        .split("\"url\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    site.stop();
    fs::rename(folder.join(KEY), folder.join("old.key")).unwrap();

    let mut command = folder.command();
    command.args(["--addr", "127.0.0.1:0"]);
    let ran = Ran::from(command.output().unwrap());
    assert_eq!(
        ran.code,
        Some(1),
        "no other key is made in its place: {ran:?}"
    );
    // The new key is made beside the database, because the old one is declared.
    let rotated = folder.serve_with(|command| {
        command.env("PHONE_AUTH_SECRET_KEY_FALLBACK_FILES", "old.key");
    });
    assert_eq!(rotated.get(&url).status, 302);
}
