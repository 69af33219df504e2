//! The program on a database of PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test, and a test that cannot begin has failed"
)]

mod common;

use common::{Folder, Ran};
use phone_auth_test_postgres::Database;

/// A database of this test alone, by a URL with a password, which the server does not ask for.
struct Site {
    folder: Folder,
    database: Database,
    url: String,
}

impl Site {
    fn new() -> Self {
        let database = Database::new().unwrap_or_else(|error| panic!("{error}"));
        let url = with_password(database.url());
        Self {
            folder: Folder::new(),
            database,
            url,
        }
    }

    fn run(&self, arguments: &[&str], input: &str) -> Ran {
        let arguments = [&["--database", &self.url], arguments].concat();
        let ran = self.folder.run_with_input(&arguments, input);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!said.contains("s3cret"), "{said}");
        ran
    }
}

/// The same URL with a password, unless it has one.
fn with_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (user, place) = rest.split_once('@').unwrap();
    if user.contains(':') {
        return url.to_owned();
    }
    format!("{scheme}://{user}:s3cret@{place}")
}

#[test]
fn commands_work_on_postgres() {
    let site = Site::new();
    let empty = site.run(&["check"], "");
    assert_eq!((empty.code, empty.stderr.as_str()), (Some(0), ""));
    assert!(
        empty.stdout.contains("is empty; `serve`"),
        "{}",
        empty.stdout
    );

    let migrated = site.run(&["migrate"], "");
    assert_eq!((migrated.code, migrated.stderr.as_str()), (Some(0), ""));
    assert!(migrated.stdout.contains("applied sessions\n"));
    let checked = site.run(&["check"], "");
    assert_eq!((checked.code, checked.stderr.as_str()), (Some(0), ""));

    let made = site.run(&["user", "create", "ann"], "correct-horse\n");
    assert_eq!(
        (made.stdout.as_str(), made.stderr.as_str()),
        ("created ann (id 1)\n", "")
    );
    assert!(site.run(&["user", "list"], "").stdout.contains("ann"));
    assert_eq!(site.run(&["user", "disable", "ann"], "").code, Some(0));
    let row = site
        .database
        .run("SELECT username, is_active FROM auth_user");
    assert_eq!(row.unwrap(), "ann|f\n");
    let listed = site.run(&["outbox", "list"], "");
    assert_eq!((listed.code, listed.stderr.as_str()), (Some(0), ""));
}

/// A user of the database who may not do all that a site does.
#[test]
fn check_refuses_what_would_fail() {
    let site = Site::new();
    assert_eq!(site.run(&["migrate"], "").code, Some(0));
    let name = format!("{}_site", site.database.name());
    let all =
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}");
    for (granted, commands, said) in [
        (String::new(), &["check", "serve"][..], "GRANT SELECT"),
        (
            format!("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"),
            &["check"],
            "GRANT INSERT, UPDATE, DELETE ON",
        ),
        (
            format!("{all}; ALTER ROLE {name} SET default_transaction_read_only = on"),
            &["check", "serve"],
            "default_transaction_read_only",
        ),
    ] {
        let made = format!("CREATE ROLE {name} LOGIN PASSWORD 's3cret'; {granted}");
        site.database.run(&made).unwrap();
        let (_, at) = site.url.split_once('@').unwrap();
        let url = format!("postgres://{name}:s3cret@{at}");
        for command in commands {
            let addr = ["--addr", "127.0.0.1:0"];
            let ran = site
                .folder
                .run(&[&["--database", &url, command], &addr[..]].concat());
            assert_eq!(ran.code, Some(1), "{granted} {command}: {ran:?}");
            assert!(
                ran.stderr.contains(said),
                "{granted} {command}: {}",
                ran.stderr
            );
            let told = !ran.stderr.contains("to make the tables");
            assert!(told, "{granted} {command}: {}", ran.stderr);
        }
        let gone = format!("DROP OWNED BY {name}; DROP ROLE {name}");
        site.database.run(&gone).unwrap();
    }
}

#[test]
fn served_site_shows_no_password() {
    let site = Site::new();
    let made = site.run(&["user", "create", "ann"], "correct-horse\n");
    assert_eq!(made.code, Some(0));
    let mut served = site.folder.serve_with(|command| {
        command.args(["--database", &site.url]);
    });
    served.wait_for(|line| line.contains("Ctrl-C"));
    let said = served.said.join("\n");
    assert!(!said.contains("s3cret"), "{said}");
    assert!(said.contains(site.database.name()), "{said}");
    let answer = served.post("/accounts/login/", "login=ann&password=correct-horse");
    assert_eq!(answer.status, 302);
}

#[test]
fn unreachable_server_is_a_sentence() {
    let site = Site::new();
    let elsewhere = "postgres://ann:s3cret@localhost:1/site";
    for command in [&["migrate"][..], &["check"], &["serve"], &["user", "list"]] {
        let arguments = [&["--database", elsewhere][..], command].concat();
        let ran = site.folder.run(&arguments);
        assert_eq!(ran.code, Some(1), "{command:?}: {}", ran.stderr);
        assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
        assert!(
            ran.stderr
                .contains("the database server cannot be reached, or lets nobody in for now"),
            "{}",
            ran.stderr
        );
    }
    // Another user of the same server, and what is no user at all.
    let stranger = site.url.replace("://postgres", "://no_such_user");
    if stranger != site.url {
        let ran = site.folder.run(&["--database", &stranger, "migrate"]);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains("refused the login"), "{}", ran.stderr);
    }
}
