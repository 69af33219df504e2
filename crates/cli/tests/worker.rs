//! `phone-auth worker` and `phone-auth outbox`, without a site beside them.

mod common;

use common::Folder;

#[test]
fn worker_makes_neither_database_nor_key() {
    let folder = Folder::new();
    let ran = folder.run(&["worker", "--database", "sqlite:site.sqlite3"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("there is no database"), "{ran:?}");

    let ran = folder.run(&["migrate", "--database", "sqlite:site.sqlite3"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = folder.run(&["worker", "--database", "sqlite:site.sqlite3"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("there is no secret key at") && ran.stderr.contains("secret_key_file"),
        "{ran:?}"
    );
    assert!(!folder.join("site.sqlite3.key").exists() && !folder.join("site.key").exists());
}

#[test]
fn outbox_is_listed_whatever_receivers_need() {
    let folder = Folder::new();
    let database = "sqlite:site.sqlite3";
    let ran = folder.run(&["migrate", "--database", database]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // A password that the service may read, and who looks may not.
    folder.write(
        "settings.toml",
        "[smtp]\nhost = \"mail.example\"\nfrom = \"a@b.example\"\nuser = \"a\"\npassword_file = \"nowhere\"\n",
    );
    for command in [
        &["outbox", "list"][..],
        &["outbox", "retry", "--all"],
        &["outbox", "purge", "--older-than", "1 d"],
    ] {
        let mut arguments = command.to_vec();
        arguments.extend(["--database", database, "--config", "settings.toml"]);
        let ran = folder.run(&arguments);
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
    }
}
