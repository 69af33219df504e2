//! The secret key: made once, kept secret, refused when it is none.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::{Folder, Ran};

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
