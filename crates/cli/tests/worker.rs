//! `phone-auth worker` and `phone-auth outbox`, without a site beside them.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::io::BufRead as _;

use common::{Folder, Ran};

/// What a worker says in a folder, with these further settings.
fn worker(folder: &Folder, settings: &[(&str, &str)]) -> Ran {
    let mut command = folder.command();
    command.args(["worker", "--database", "sqlite:site.sqlite3"]);
    command.envs(settings.iter().copied());
    Ran::from(command.output().unwrap())
}

const ASKED: [(&str, &str); 1] = [("PHONE_AUTH_DEVELOPMENT", "true")];

const SENDER: [(&str, &str); 2] = [
    ("PHONE_AUTH_WEBHOOK_URL", "https://sender.example/"),
    (
        "PHONE_AUTH_WEBHOOK_SECRET",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ),
];

/// A site that is to be seen by others, with a reset that is not sent yet.
fn pending() -> Folder {
    let folder = Folder::new();
    let create = ["user", "create", "ann", "--email", "ann@example.org"];
    let database = ["--database", "sqlite:site.sqlite3"];
    let made = folder.run_with_input(&[&create[..], &database].concat(), "correct-horse\n");
    assert_eq!(made.code, Some(0), "{made:?}");
    let mut site = folder.serve_with(|command| {
        command.args(database);
        command.env("PHONE_AUTH_OUTBOX_WORKER", "false");
    });
    let answer = site.post("/accounts/password_reset/", "login=ann%40example.org");
    assert_eq!(answer.status, 302, "{}", answer.body);
    site.stop();
    assert_eq!(count(&folder), 1);
    folder
}

/// How many messages are pending.
fn count(folder: &Folder) -> usize {
    let ran = folder.run(&["outbox", "list", "--database", "sqlite:site.sqlite3"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
        .lines()
        .filter(|line| line.contains("reset_password by email"))
        .count()
}

#[test]
fn pending_messages_are_not_swallowed() {
    let folder = pending();
    let serve = ["serve", "--addr", "127.0.0.1:0"];
    for (arguments, settings, says) in [
        (&["worker"][..], &[][..], "nobody would receive"),
        (
            &["worker"],
            &[("PHONE_AUTH_DEVELOPMENT", "false")],
            "nobody would receive",
        ),
        (
            &["worker"],
            &[("PHONE_AUTH_SITE_URL", "http://localhost")],
            "nobody would receive",
        ),
        (
            &["worker"],
            &[("PHONE_AUTH_SITE_URL", "https://example.org")],
            "nobody would receive",
        ),
        (&serve, &[], "pending messages (1)"),
        (
            &serve,
            &[("PHONE_AUTH_SITE_URL", "http://localhost")],
            "pending messages (1)",
        ),
        (&["check"], &[], "pending messages (1)"),
    ] {
        let mut command = folder.command();
        command
            .args(arguments)
            .args(["--database", "sqlite:site.sqlite3"]);
        command.envs(settings.iter().copied());
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(2), "{arguments:?} {settings:?}: {ran:?}");
        assert!(ran.stderr.contains(says), "{arguments:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{arguments:?} {settings:?}");
        assert_eq!(count(&folder), 1, "{arguments:?} {settings:?}");
    }
    // What is asked for is done.
    let mut site = folder.serve_with(|command| {
        command
            .args(["--database", "sqlite:site.sqlite3"])
            .envs(ASKED);
    });
    site.wait_for(|line| line.starts_with("reset_password_email "));
    site.stop();
    assert_eq!(count(&folder), 0);
}

#[test]
fn worker_sends_no_links_to_this_machine() {
    let folder = pending();
    let ran = worker(&folder, &SENDER);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "{ran:?}");
    let says = "phone-auth: site_url (default): it must be set for a worker";
    assert!(ran.stderr.starts_with(says), "{ran:?}");
    assert_eq!(count(&folder), 1);
}

#[test]
fn worker_tells_its_mode() {
    let development = "mode       development: messages are not sent";
    let at_home = ("PHONE_AUTH_SITE_URL", "http://localhost:3000");
    let public = [
        ("PHONE_AUTH_SITE_URL", "https://example.org"),
        SENDER[0],
        SENDER[1],
    ];
    for (served, settings, says) in [
        (&[][..], &ASKED[..], development),
        (
            &[],
            &public,
            "  verify_phone         to webhook (sender.example)",
        ),
        // A copy of the database of a site: what it is called is no address of this machine.
        (&public, &ASKED, development),
        (&public, &[ASKED[0], at_home], development),
        (
            &public,
            &[ASKED[0], ("PHONE_AUTH_MOUNT", "/konto/")],
            development,
        ),
    ] {
        let folder = Folder::new();
        folder
            .serve_with(|command| {
                command.args(["--database", "sqlite:site.sqlite3"]);
                command.envs(served.iter().copied());
            })
            .stop();
        let mut command = folder.command();
        command
            .args(["worker", "--database", "sqlite:site.sqlite3"])
            .envs(settings.iter().copied());
        command.stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let said: Vec<_> = lines
            .map(Result::unwrap)
            .take_while(|line| !line.starts_with("Ctrl-C"))
            .collect();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(said.iter().any(|line| line.contains(says)), "{said:#?}");
    }
}

#[test]
fn worker_makes_neither_database_nor_key() {
    let folder = Folder::new();
    let ran = worker(&folder, &ASKED);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("there is no database"), "{ran:?}");

    let ran = folder.run(&["migrate", "--database", "sqlite:site.sqlite3"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = worker(&folder, &ASKED);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("there is no secret key at") && ran.stderr.contains("secret_key_file"),
        "{ran:?}"
    );
    assert!(!folder.join("site.sqlite3.key").exists() && !folder.join("site.key").exists());
}

#[test]
fn operators_need_no_senders() {
    let folder = Folder::new();
    let database = "sqlite:site.sqlite3";
    let create = ["user", "create", "ann", "--database", database];
    let ran = folder.run_with_input(&create, "correct-horse\n");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    // A password that the service may read, and who looks may not.
    folder.write(
        "settings.toml",
        "[smtp]\nhost = \"mail.example\"\nfrom = \"a@b.example\"\nuser = \"a\"\npassword_file = \"nowhere\"\n",
    );
    for command in OPERATORS {
        let mut arguments = command.to_vec();
        arguments.extend(["--database", database, "--config", "settings.toml"]);
        let ran = folder.run_with_input(&arguments, "plum-Orchard-71\n");
        let said = (ran.code, ran.stderr.as_str());
        assert_eq!(said, (Some(0), ""), "{command:?}: {ran:?}");
    }
    // A command without a row is one of those that send, or that look into who sends.
    let rows = OPERATORS.iter().chain(&SERVICES);
    let rows: Vec<_> = rows.map(|row| row.join(" ")).collect();
    for command in commands_under(&folder, &[]) {
        let is_known = rows.iter().any(|row| row.starts_with(&command));
        assert!(is_known, "{command}");
    }
}

/// What operators do, in an order in which each finds what it needs.
const OPERATORS: [&[&str]; 32] = [
    &["outbox", "list"],
    &["outbox", "retry", "--all"],
    &["outbox", "purge", "--older-than", "1 d"],
    &["sessions", "prune"],
    &["sessions", "prune", "--json"],
    &["user", "list"],
    &["user", "show", "ann"],
    &["user", "set-name", "ann", "--first-name", "Ann"],
    &["user", "add-address", "ann", "ann@example.org"],
    &["user", "verify", "ann@example.org"],
    &["user", "make-primary", "ann@example.org"],
    &["user", "unverify", "ann@example.org"],
    &[
        "user",
        "change-address",
        "ann@example.org",
        "ann@example.com",
    ],
    &["user", "remove-address", "ann@example.com"],
    &["user", "sessions", "ann"],
    &["user", "end-sessions", "ann"],
    &["user", "export", "ann"],
    &["user", "disable", "ann"],
    &["user", "enable", "ann"],
    &["user", "set-password", "ann"],
    &["user", "create", "bob"],
    &["user", "rename", "bob", "rob"],
    &["key", "generate", "site.sqlite3.key"],
    &["key", "replace"],
    &["limits"],
    &["limits", "list"],
    &["limits", "show", "ann"],
    &["limits", "clear", "ann"],
    &["backup", "copy.sqlite3"],
    &["migrate"],
    &["signals"],
    &["settings"],
];

/// Those that need a sender, or say that there is none. Of a user who is deleted, receivers are told in the same process.
const SERVICES: [&[&str]; 4] = [
    &["serve"],
    &["worker"],
    &["check"],
    &["user", "delete", "ann"],
];

/// The commands that the program lists in its help, and those under them, by their words.
fn commands_under(folder: &Folder, command: &[&str]) -> Vec<String> {
    let help = folder.run(&[command, &["--help"]].concat()).stdout;
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
fn selection_is_required() {
    let folder = pending();
    for (arguments, code, says) in [
        (&["retry"][..], 2, "<IDS|--all>"),
        (&["retry", "1", "--all"], 2, "cannot be used with"),
        (&["retry", "one"], 2, "invalid value 'one'"),
        (&["purge"], 2, "--older-than <TIME>|--all"),
        (
            &["purge", "--all", "--older-than", "1 d"],
            2,
            "cannot be used with",
        ),
        (&["purge", "--older-than", "long"], 2, "no time such as 30d"),
        (&["purge", "--all"], 0, "dead letters removed: 0"),
        (
            &["purge", "--older-than", "0"],
            0,
            "dead letters removed: 0",
        ),
        (&["retry", "--all"], 0, "re-queued: 0"),
    ] {
        let database = ["--database", "sqlite:site.sqlite3"];
        let ran = folder.run(&[&["outbox"], arguments, &database].concat());
        assert_eq!(ran.code, Some(code), "{arguments:?}: {ran:?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains(says), "{arguments:?}: {said}");
    }
}

#[test]
fn each_refused_retry_has_a_line() {
    let folder = pending();
    let database = ["--database", "sqlite:site.sqlite3"];
    let ran = folder.run(&[&["outbox", "retry", "999", "3", "999"], &database[..]].concat());
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{ran:?}");
    for (line, id) in lines.iter().zip([3, 999]) {
        let begins = format!("phone-auth: message {id}: ");
        assert!(line.starts_with(&begins), "{line}");
    }
}

/// A worker of another site would send links that nobody answers, and tokens to another host.
#[test]
fn worker_of_another_site_is_refused() {
    let folder = Folder::new();
    let served_at = |site: &str| {
        let mut served = folder.serve_with(|command| {
            command.args(["--database", "sqlite:site.sqlite3"]);
            command.envs(SENDER).env("PHONE_AUTH_SITE_URL", site);
        });
        served.stop();
    };
    served_at("https://example.org");
    for site in [
        "https://staging.example.org",
        "http://example.org",
        "https://example.org:8443",
    ] {
        let at = ("PHONE_AUTH_SITE_URL", site);
        let ran = worker(&folder, &[SENDER[0], SENDER[1], at]);
        assert_eq!(ran.code, Some(2), "{site}: {ran:?}");
        let says = format!(
            "the site of this database is https://example.org, and its links would lead to {site};"
        );
        assert!(ran.stderr.contains(&says), "{site}: {ran:?}");
    }
    // So would one with another mount of its pages.
    for mount in ["/", "/konto/", "/en/accounts/"] {
        let settings = [
            ("PHONE_AUTH_SITE_URL", "https://example.org"),
            ("PHONE_AUTH_MOUNT", mount),
        ];
        let ran = worker(&folder, &[&SENDER[..], &settings[..]].concat());
        assert_eq!(ran.code, Some(2), "{mount}: {ran:?}");
        let says = format!(
            "the site of this database has its pages under /accounts/, and links would lead to {mount};"
        );
        assert!(ran.stderr.contains(&says), "{mount}: {ran:?}");
    }
    // The site has moved: its worker has to move along.
    served_at("https://www.example.org");
    let at = ("PHONE_AUTH_SITE_URL", "https://example.org");
    let ran = worker(&folder, &[SENDER[0], SENDER[1], at]);
    assert_eq!(ran.code, Some(2), "{ran:?}");
}
