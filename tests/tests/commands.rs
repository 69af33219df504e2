//! What the commands of the program do to a database that is not ready for them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::Path;

use phone_auth_tests::{Fixture, Kind, OwnDatabase, Ran, Site, run, secret_file};

/// Every command that looks into a database and does not bring it to the newest schema.
const LOOKING: &[&[&str]] = &[
    &["user", "list"],
    &["user", "list", "--json"],
    &["user", "show", "ann"],
    &["user", "rename", "ann", "bea"],
    &["user", "set-name", "ann", "--first-name", "Ann"],
    &["user", "add-address", "ann", "ann@example.com"],
    &["user", "change-address", "ann@example.org", "a@example.org"],
    &["user", "remove-address", "ann@example.org"],
    &["user", "make-primary", "ann@example.org"],
    &["user", "verify", "ann@example.org"],
    &["user", "unverify", "ann@example.org"],
    &["user", "delete", "ann"],
    &["user", "export", "ann"],
    &["user", "sessions", "ann"],
    &["user", "end-sessions", "ann"],
    &["user", "disable", "ann"],
    &["user", "enable", "ann"],
    &["user", "set-password", "ann"],
    &["outbox", "list"],
    &["outbox", "list", "--json"],
    &["outbox", "retry", "1"],
    &["outbox", "retry", "--all"],
    &["outbox", "purge", "--older-than", "30d"],
    &["sessions", "prune"],
    &["limits"],
    &["limits", "--json"],
    &["limits", "list"],
    &["limits", "show", "ann"],
    &["limits", "clear", "ann"],
    &["key", "replace"],
    &["worker"],
];

/// Those that bring it there.
const MIGRATING: &[&[&str]] = &[&["migrate"], &["user", "create", "ann"], &["serve"]];

/// Those that need no database, and one that takes it as it is; the file that it would write is there already.
const APART: &[&[&str]] = &[
    &["check"],
    &["signals"],
    &["settings"],
    &["backup", "site.key"],
    &["key", "generate", "site.key"],
];

const KEY: &str = "7d0f6a3b9c1e48528a4d6e0b3f2c5a9714e8b06d93c7f1a25e4b8d0c6a7f3912\n";
const PASSWORD: &str = "plum-Orchard-71!\n";

fn command(database: &OwnDatabase, arguments: &[&str]) -> Ran {
    let (url, key) = (database.url(), database.folder().join("site.key"));
    let key = key.to_str().unwrap();
    let all = [arguments, &["--database", &url, "--secret-key-file", key]].concat();
    // A worker assumes no mode.
    let variables = [("PHONE_AUTH_DEVELOPMENT", "true")];
    run(database.folder(), &all, &variables, PASSWORD)
}

fn files(database: &OwnDatabase) -> Vec<String> {
    let entries = fs::read_dir(database.folder()).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A database with a table of another application's.
fn of_another_application(kind: Kind) -> OwnDatabase {
    let database = OwnDatabase::new(kind);
    database.execute("CREATE TABLE notes (text text); INSERT INTO notes VALUES ('milk');");
    secret_file(&database.folder().join("site.key"), KEY);
    database
}

/// A database that an earlier version made.
fn of_earlier_version(kind: Kind) -> OwnDatabase {
    let database = OwnDatabase::new(kind);
    let name = match kind {
        Kind::Sqlite => "own.sqlite",
        Kind::Postgres => "own.postgres",
    };
    let fixture = Fixture::read("first", name);
    fixture.load("first", name, &database);
    secret_file(&database.folder().join("site.key"), &fixture.key);
    database
}

#[test]
fn every_command_is_in_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let all = commands_under(folder.path(), &[]);
    for some in ["serve", "user export", "limits clear"] {
        assert!(all.iter().any(|it| it == some), "{some}: {all:?}");
    }
    for command in all {
        let mut known = LOOKING.iter().chain(MIGRATING).chain(APART);
        let is_known = known.any(|row| row.join(" ").starts_with(&command));
        assert!(is_known, "{command}");
    }
}

/// The commands that the program lists in its help, and those under them, by their words.
fn commands_under(folder: &Path, command: &[&str]) -> Vec<String> {
    let help = run(folder, &[command, &["--help"]].concat(), &[], "").stdout;
    let listed = help
        .lines()
        .skip_while(|line| !line.starts_with("Commands:"))
        .skip(1)
        .map_while(|line| line.strip_prefix("  "))
        // What begins further in goes on with a sentence.
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help");
    let mut all = Vec::new();
    for name in listed {
        let path = [command, &[name]].concat();
        let under = commands_under(folder, &path);
        if under.is_empty() {
            all.push(path.join(" "));
        }
        all.extend(under);
    }
    all
}

#[test]
fn looking_commands_make_no_tables() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        for database in [of_another_application(kind), of_earlier_version(kind)] {
            let before = (database.tables(), files(&database));
            for arguments in LOOKING {
                let ran = command(&database, arguments);
                assert!(!ran.success, "{arguments:?}: {}", ran.said());
                let says = ran.stderr.contains("`phone-auth migrate`");
                assert!(says, "{arguments:?}: {}", ran.said());
                let after = (database.tables(), files(&database));
                assert_eq!(after, before, "{arguments:?}");
            }
            for arguments in APART {
                command(&database, arguments);
                let after = (database.tables(), files(&database));
                assert_eq!(after, before, "{arguments:?}");
            }
        }
    }
}

#[test]
fn looking_commands_make_no_files() {
    let database = OwnDatabase::new(Kind::Sqlite);
    secret_file(&database.folder().join("site.key"), KEY);
    for arguments in LOOKING {
        let ran = command(&database, arguments);
        let says = ran.stderr.contains("there is no database");
        assert!(!ran.success && says, "{arguments:?}: {}", ran.said());
        assert_eq!(files(&database), ["site.key"], "{arguments:?}");
    }
}

#[tokio::test]
async fn migrating_commands_say_so() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        for arguments in [&["migrate"][..], &["user", "create", "ann"]] {
            let database = of_another_application(kind);
            let ran = command(&database, arguments);
            assert!(ran.success, "{arguments:?}: {}", ran.said());
            let says = ran.said().contains("applied") && ran.said().contains("users and addresses");
            assert!(says, "{}", ran.said());
            assert!(database.tables().contains("phone_auth_session"));
            let again = command(&database, &["migrate"]);
            assert!(!again.said().contains("applied"), "{}", again.said());
            assert_eq!(database.text("SELECT text FROM notes"), "milk");
            let listed = command(&database, &["user", "list"]);
            assert!(listed.success, "{}", listed.said());
        }
        let database = of_another_application(kind);
        let site: Site = database.site().start().await;
        site.says("migrations applied just now").await;
    }
}

#[test]
fn check_names_what_is_lost() {
    let losses = [
        (
            "DROP INDEX phone_auth_session_expires;",
            "phone_auth_session_expires",
        ),
        ("DROP INDEX phone_auth_outbox_due;", "phone_auth_outbox_due"),
        (
            "DROP INDEX phone_auth_link_request_phone;",
            "phone_auth_link_request_phone",
        ),
        (
            "DROP INDEX phone_auth_session_person; CREATE INDEX phone_auth_session_person
                ON phone_auth_session (created_at);",
            "phone_auth_session_person",
        ),
    ];
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = of_another_application(kind);
        assert!(command(&database, &["migrate"]).success);
        assert!(command(&database, &["check"]).success);
        for (loss, name) in losses {
            database.execute(loss);
            let ran = command(&database, &["check"]);
            let said = format!("lacks the index {name}; `phone-auth migrate`");
            assert!(!ran.success && ran.stderr.contains(&said), "{}", ran.said());
            // The others serve all the same.
            assert!(command(&database, &["user", "list"]).success);
            assert!(command(&database, &["migrate"]).success);
            assert!(command(&database, &["check"]).success, "{loss}");
        }
        database.execute("DROP TABLE phone_auth_link_request; DROP TABLE phone_auth_site_key;");
        for arguments in [&["check"][..], &["migrate"], &["user", "list"], &["serve"]] {
            let ran = command(&database, arguments);
            let both = [
                "phone_auth_link_request",
                "phone_auth_site_key",
                "version of 6 or more",
            ];
            let says = both.iter().all(|it| ran.stderr.contains(it));
            assert!(!ran.success && says, "{arguments:?}: {}", ran.said());
        }
        // As the sentence says.
        database.execute("DELETE FROM phone_auth_schema WHERE version >= 6;");
        assert!(command(&database, &["migrate"]).success);
        assert!(command(&database, &["check"]).success);
    }
}

/// Another program has given two users one name in letters of different case; an operator is told what names each of them.
#[test]
fn ambiguous_name_says_whom_it_may_mean() {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = OwnDatabase::new(kind);
        secret_file(&database.folder().join("site.key"), KEY);
        for name in ["ann", "bob"] {
            let email = format!("{name}@example.org");
            let made = command(&database, &["user", "create", name, "--email", &email]);
            assert!(made.success, "{made:?}");
        }
        database.execute(
            "DROP INDEX phone_auth_user_username_any_case;
            DROP INDEX phone_auth_emailaddress_any_case;
            UPDATE auth_user SET username = 'Ann' WHERE username = 'bob';
            UPDATE phone_auth_emailaddress SET email = 'Ann@example.org' WHERE email = 'bob@example.org'",
        );
        // Who claims the address under a name like theirs is not among them.
        let claims = ["user", "create", "ann_real", "--email", "mal@example.org"];
        assert!(command(&database, &claims).success);
        database.execute(
            "INSERT INTO phone_auth_claim (user_id, kind, value)
            SELECT id, 'email', 'ann@example.org' FROM auth_user WHERE username = 'ann_real'",
        );
        for login in ["ANN", "ann@example.org"] {
            let shown = command(&database, &["user", "show", login]);
            assert!(!shown.success, "{shown:?}");
            let says = "several accounts have this name: name one by its username as it is written, Ann, ann";
            assert!(shown.stderr.contains(says), "{login}: {shown:?}");
        }
        for login in ["ann", "Ann"] {
            let shown = command(&database, &["user", "show", login]);
            assert!(shown.success, "{shown:?}");
            let row = format!("username      {login}\n");
            assert!(shown.stdout.contains(&row), "{shown:?}");
        }
    }
}
