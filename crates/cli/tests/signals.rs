//! `phone-auth signals` and `phone-auth check`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

mod common;

use common::{Folder, Ran};
use serde_json::Value;

#[test]
fn table_names_signals_and_receivers() {
    let folder = Folder::new();
    let ran = folder.run(&["signals"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    // Lines of code move, and what a signal is for is said better one day.
    let table = squeezed(&ran.stdout);
    insta::assert_snapshot!(table);
}

/// Without the line numbers, the words about signals, and the width of the columns.
fn squeezed(table: &str) -> String {
    let mut out = String::new();
    for line in table.lines() {
        let cells = line
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty());
        let cells: Vec<_> = cells
            .filter(|cell| !cell.ends_with('.'))
            .map(|cell| match cell.split_once(".rs:") {
                Some((file, _)) => format!("{file}.rs:N"),
                None => cell.to_owned(),
            })
            .collect();
        out.push_str(&cells.join(" | "));
        out.push('\n');
    }
    out
}

#[test]
fn json_says_who_is_disabled() {
    let folder = Folder::new();
    let off = |change: &dyn Fn(&mut std::process::Command)| {
        let mut command = folder.command();
        command.args(["signals", "--json"]);
        change(&mut command);
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let manifest: Value = serde_json::from_str(&ran.stdout).unwrap();
        let receivers = manifest["receivers"].as_array().unwrap().iter();
        let of_development = receivers.filter(|receiver| {
            let id = receiver["id"].as_str().unwrap();
            id.starts_with("phone_auth.development.")
        });
        let receivers: Vec<_> = of_development.collect();
        assert_eq!(receivers.len(), 16);
        let off = receivers
            .iter()
            .filter(|receiver| receiver["disabled"] == true);
        off.count()
    };
    assert_eq!(off(&|_| {}), 0);
    assert_eq!(
        off(&|command| {
            command.args(["--addr", "0.0.0.0:0"]);
        }),
        16
    );
    let one = "phone_auth.development.line";
    assert_eq!(
        off(&|command| {
            command.env("PHONE_AUTH_DISABLED_RECEIVERS", one);
        }),
        8
    );
}

#[test]
fn check_changes_nothing() {
    let folder = Folder::new();
    let ran = folder.run(&["check"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
    assert!(ran.stdout.starts_with("the site can start;"), "{ran:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    folder.run(&["migrate"]);
    assert_eq!(folder.run(&["check"]).code, Some(0));
}

#[test]
fn check_names_all_there_is() {
    let folder = Folder::new();
    // It lacks its tables, which the start makes.
    folder.write("phone-auth.sqlite3", "");
    folder.write("bad.key", "hunter2");
    let ran = folder.run(&[
        "check",
        "--addr",
        "0.0.0.0:80",
        "--site-url",
        "https://example.org",
        "--secret-key-file",
        "bad.key",
    ]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    for said in ["nobody would receive", "bad.key"] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    assert_eq!(ran.stderr.lines().count(), 2, "{}", ran.stderr);
}

#[test]
fn check_looks_at_everything_by_itself() {
    // With no database, with one that lacks its tables, and with one that has them.
    for (has_file, is_migrated) in [(false, false), (true, false), (true, true)] {
        let folder = Folder::new();
        if has_file {
            folder.write("phone-auth.sqlite3", "");
        }
        if is_migrated {
            assert_eq!(folder.run(&["migrate"]).code, Some(0));
        }
        std::fs::create_dir_all(folder.path().join("own/phone_auth")).unwrap();
        folder.write("own/phone_auth/login.html", "{% if %}");
        folder.write("bad.key", "hunter2");
        let refused = |django_key: &str, word: &str| {
            let settings = format!(
                "templates = \"own\"\nsecret_key_file = \"bad.key\"\ndjango_sessions = true\n\
                 django_secret_key_file = \"{django_key}\"\n"
            );
            folder.write("site.toml", &settings);
            let ran = folder.run(&["check", "--config", "site.toml"]);
            assert_eq!(ran.code, Some(2), "{ran:?}");
            for said in [
                word,
                "login.html",
                "secret_key_file (file site.toml, line 2)",
            ] {
                assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
            }
            let said = ran
                .stderr
                .lines()
                .filter(|line| line.starts_with("phone-auth: "));
            assert_eq!(said.count(), 3, "{}", ran.stderr);
        };
        refused("no.key", "no.key");
        let key = "the SECRET_KEY of the other site, long enough";
        folder.write("django.key", key);
        refused("django.key", "no table django_session");
    }
}
