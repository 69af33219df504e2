//! `check` says what `serve` and `worker` would do: each refuses what the others refuse, in the same words, names the
//! setting, and leaves nothing behind.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Folder, PATIENCE, Ran};

/// The commands that start something, and the one that says what they would do.
const ALL: [&str; 3] = ["check", "serve", "worker"];

/// A worker makes neither a database nor a key, and listens nowhere.
const SITE: [&str; 2] = ["check", "serve"];

/// What none of the cases is about.
const ADDR: &str = "addr = \"127.0.0.1:0\"\n";

/// A site for others.
const PUBLIC: &str = "site_url = \"https://example.org\"\n\
    allow_unreceived = [\"reset_password_email\", \"reset_password_phone\", \"verify_email\", \"verify_phone\"]\n";

const SHARED: &str = "django_sessions = true\ndjango_secret_key_file = \"django.key\"\n";
const SMTP: &str = "smtp.host = \"mail.example\"\nsmtp.from = \"a@b.example\"\n";
const SMS: &str = "sms.url = \"https://sms.example/?n={{ to }}&t={{ text }}\"\n";
const WEBHOOK: &str = "webhook.url = \"https://sender.example/\"\n\
    webhook.secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n";
const NATS: &str = "nats.url = \"tls://nats.example\"\n";

/// A folder with what some of the settings name.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("django.key", "the-secret-of-the-site-that-is-left-behind");
    folder.write("short.key", "hunter2");
    folder.write("text", "neither a database nor a certificate, but a text\n");
    for (name, text) in [
        ("broken/phone_auth/login.html", "{% if %}"),
        ("unread/phone_auth/style.css", "\u{e9}"),
        ("mails/en/reset_password_email.txt", "{% if %}"),
    ] {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    std::fs::write(folder.join("unread/phone_auth/style.css"), b"\xff\xfe").unwrap();
    folder
}

/// All files below a folder, with their sizes.
fn files(folder: &Folder) -> BTreeSet<(String, u64)> {
    let (mut found, mut folders) = (BTreeSet::new(), vec![folder.path().to_path_buf()]);
    while let Some(path) = folders.pop() {
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let size = path.metadata().unwrap().len();
                found.insert((path.display().to_string(), size));
            }
        }
    }
    found
}

/// Runs a command that should end by itself; one that does not is stopped.
fn run(folder: &Folder, command: &str) -> Ran {
    let mut child = folder
        .command()
        .args([command, "--config", "x.toml"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            drop(child.kill());
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ran::from(child.wait_with_output().unwrap())
}

/// What these commands say to these settings, which each refuses: of the setting, which is named first, they say the same.
#[track_caller]
fn check(folder: &Folder, commands: &[&str], settings: &str, setting: &str, code: i32) {
    folder.write("x.toml", &format!("{ADDR}{settings}"));
    let before = files(folder);
    let mut said = None;
    for command in commands {
        let ran = run(folder, command);
        assert_eq!(ran.code, Some(code), "{command} {settings}: {ran:?}");
        assert_eq!(ran.stdout, "", "{command} {settings}");
        let start = format!("phone-auth: {setting}");
        let named = ran.stderr.lines().find(|line| line.starts_with(&start));
        let named = named.map(str::to_owned);
        assert!(named.is_some(), "{command} {settings}: {}", ran.stderr);
        assert_eq!(
            files(folder),
            before,
            "{command} {settings} leaves something"
        );
        let first = said.get_or_insert_with(|| named.clone());
        assert_eq!(*first, named, "{command} {settings}");
    }
}

#[test]
fn unfit_settings_are_refused_alike() {
    let folder = folder();
    let with = |before: &str, setting: &str| format!("{before}{setting}\n");
    let cases = vec![
        (
            "host_cookies = true".to_owned(),
            "host_cookies (file x.toml, line 2): it must be left out or false",
        ),
        (
            with(PUBLIC, &format!("{SHARED}host_cookies = true")),
            "host_cookies",
        ),
        (
            with(SHARED, "django_session_cookie_name = \"a b\""),
            "django_session_cookie_name",
        ),
        (
            with(SHARED, "django_session_cookie_name = \"reset_token\""),
            "django_session_cookie_name",
        ),
        (
            with(SHARED, "session_cookie_name = \"__Secure-x\""),
            "session_cookie_name",
        ),
        (
            with(SHARED, "django_session_cookie_domain = \"other.example\""),
            "django_session_cookie_domain",
        ),
        ("templates = \"broken\"".to_owned(), "templates"),
        ("templates = \"unread\"".to_owned(), "templates"),
        ("templates = \"missing\"".to_owned(), "templates"),
        (
            "templates = \"~/pages\"".to_owned(),
            "templates (file x.toml, line 2): \"~/pages\", where ~ is not replaced",
        ),
        ("django_sessions = true".to_owned(), "django_sessions"),
        (
            "accept_django_tokens_until = 2999-01-01T00:00:00Z".to_owned(),
            "accept_django_tokens_until",
        ),
        (
            "django_secret_key_file = \"missing\"".to_owned(),
            "django_secret_key_file",
        ),
        (
            with(
                "django_secret_key_file = \"django.key\"\n",
                "django_secret_key_fallback_files = [\"missing\"]",
            ),
            "django_secret_key_fallback_files",
        ),
        (
            with(
                "django_use_tz = false\n",
                "django_database_time_zone = \"Asia/Tokyo\"",
            ),
            "django_database_time_zone",
        ),
        (
            "database = \"sqlite:~/site.sqlite3\"".to_owned(),
            "database (file x.toml, line 2): \"sqlite:~/site.sqlite3\", where ~ is not replaced",
        ),
        (
            "database = \"sqlite:~ann/site.sqlite3\"".to_owned(),
            "database",
        ),
        (
            "secret_key_file = \"missing\"".to_owned(),
            "secret_key_file",
        ),
        ("secret_key_file = \"~/key\"".to_owned(), "secret_key_file"),
        (
            "secret_key_file = \"short.key\"".to_owned(),
            "secret_key_file",
        ),
        (
            "secret_key_fallback_files = [\"short.key\"]".to_owned(),
            "secret_key_fallback_files",
        ),
        (
            "secret_key_fallback_files = [\"~/key\"]".to_owned(),
            "secret_key_fallback_files",
        ),
        (
            "disabled_receivers = [\"nobody\"]".to_owned(),
            "disabled_receivers",
        ),
        (
            "allow_unreceived = [\"verify_email\"]\nsite_url = \"https://example.org\"".to_owned(),
            "site_url",
        ),
        (with(PUBLIC, "development = true"), "development"),
    ];
    for (settings, setting) in &cases {
        check(&folder, &ALL, settings, setting, 2);
    }
    // A worker has another remedy for it.
    check(&folder, &SITE, "development = false", "development", 2);
}

#[test]
fn unfit_cookie_names_are_refused_alike() {
    let folder = folder();
    for name in [
        "csrftoken",
        "phone_auth_csrftoken",
        "reset_token",
        "phone_auth_device",
        "a;b",
        "a b",
        "é",
        "__Host-x",
        "__Secure-x",
    ] {
        let settings = format!("session_cookie_name = \"{name}\"");
        let said = "session_cookie_name (file x.toml, line 2): it must be the name of a cookie";
        check(&folder, &ALL, &settings, said, 2);
    }
}

#[test]
fn unfit_senders_are_refused_alike() {
    let folder = folder();
    let public = "site_url = \"https://example.org\"\n";
    let calls = "phone_channels = [\"sms\", \"voice\"]\n";
    let senders = format!("{public}{SMTP}{SMS}{calls}");
    check(&folder, &ALL, &senders, "phone_channels", 2);
    for (section, settings) in [
        (
            SMTP,
            &[
                "smtp.hello = \"x y\"",
                "smtp.root_certificate = \"missing\"",
                "smtp.root_certificate = \"text\"",
                "smtp.templates = \"missing\"",
                "smtp.templates = \"mails\"",
                "smtp.language = \"xx\"",
                "smtp.password_file = \"missing\"\nsmtp.user = \"a\"",
                "smtp.security = \"none\"",
            ][..],
        ),
        (
            SMS,
            &[
                "sms.method = \"a b\"",
                "sms.root_certificate = \"text\"",
                "sms.language = \"xx\"",
                "sms.templates = \"missing\"",
                "sms.token_file = \"missing\"",
                "sms.secret_file = \"missing\"",
                "sms.headers = { a = \"{{ b }\" }",
                "sms.never = \"200\"",
            ],
        ),
        (
            WEBHOOK,
            &[
                "webhook.root_certificate = \"missing\"",
                "webhook.old_secret = \"x\"",
                "webhook.old_secret_file = \"missing\"",
            ],
        ),
        (
            NATS,
            &[
                "nats.root_certificate = \"missing\"",
                "nats.subject = \"a b\"",
                "nats.credentials_file = \"missing\"",
                "nats.token_file = \"missing\"",
            ],
        ),
    ] {
        for setting in settings {
            let (name, _) = setting.split_once(' ').unwrap();
            let settings = format!("development = true\n{section}{setting}\n");
            check(&folder, &ALL, &settings, name, 2);
        }
    }
}

#[test]
fn database_and_address_are_looked_at_alike() {
    let folder = folder();
    for (settings, setting, code) in [
        (
            "database = \"sqlite:missing/site.sqlite3\"",
            "database (file x.toml, line 2): it must be a SQLite file",
            2,
        ),
        ("database = \"sqlite:/proc/site.sqlite3\"", "database", 2),
        ("database = \"sqlite:text/site.sqlite3\"", "database", 2),
        ("database = \"sqlite:broken\"", "database", 2),
        ("database = \"sqlite:text\"", "database", 2),
        (
            "database = \"postgres://ann@127.0.0.1:1/site?sslmode=verify-ca\"",
            "database",
            2,
        ),
        // On a new database as on one of ours.
        (
            SHARED,
            "django_sessions (file x.toml, line 2): the database has no table django_session",
            2,
        ),
    ] {
        check(&folder, &SITE, settings, setting, code);
    }
    assert_eq!(folder.run(&["migrate"]).code, Some(0));
    check(&folder, &SITE, SHARED, "django_sessions", 2);
    // A file that is there and holds nothing yet is left as it is.
    folder.write("empty", "");
    let empty = format!("database = \"sqlite:empty\"\n{SHARED}");
    check(&folder, &SITE, &empty, "django_sessions", 2);
    for addr in ["192.0.2.1:0", "192.0.2.1:80"] {
        folder.write("x.toml", &format!("addr = \"{addr}\"\n{PUBLIC}"));
        for command in SITE {
            let ran = run(&folder, command);
            assert_eq!(ran.code, Some(1), "{command} {ran:?}");
            let said = format!("cannot listen on {addr}: this machine has no such address");
            assert!(ran.stderr.contains(&said), "{command} {ran:?}");
        }
    }
}

/// Whatever the type of a setting is, this is no value of it.
#[test]
fn every_setting_is_refused_alike() {
    let folder = folder();
    let listed = folder.run(&["settings"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let is_name = |word: &&str| {
        word.chars()
            .all(|it| it.is_ascii_lowercase() || "._0123456789".contains(it))
    };
    let words = listed
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let names: Vec<_> = words.filter(is_name).collect();
    assert!(names.len() > 80, "{names:?}");
    for name in names.into_iter().filter(|name| *name != "addr") {
        check(
            &folder,
            &ALL,
            &format!("{name} = [[1]]\n"),
            &format!("{name} (file x.toml, line 2)"),
            2,
        );
    }
}

#[test]
fn folder_that_takes_no_file_is_refused() {
    let folder = folder();
    let closed = folder.join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o555)).unwrap();
    // Root may write anywhere; `/proc` takes no file of anyone's.
    let is_root = std::fs::write(closed.join("probe"), "").is_ok();
    let closed = if is_root { "/proc" } else { "closed" };
    let database = format!("database = \"sqlite:{closed}/site.sqlite3\"\n");
    check(&folder, &SITE, &database, "database", 2);
    folder.write("x.toml", &format!("{ADDR}{database}"));
    let said = run(&folder, "check").stderr;
    let why = "site.sqlite3 cannot be made, for nothing can be made in its folder";
    assert!(said.contains(why), "{said}");
}

#[test]
fn check_leaves_nothing() {
    let folder = folder();
    folder.write("x.toml", ADDR);
    let before = files(&folder);
    let ran = run(&folder, "check");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(files(&folder), before);
}

#[test]
fn check_takes_an_empty_database() {
    let folder = folder();
    folder.write("x.toml", ADDR);
    folder.write("phone-auth.sqlite3", "");
    let ran = run(&folder, "check");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stdout
            .contains("is empty; `serve` or `migrate` makes the tables"),
        "{ran:?}"
    );
    assert_eq!(
        std::fs::read(folder.join("phone-auth.sqlite3"))
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn several_mistakes_are_said_at_once() {
    let folder = folder();
    let settings = "host_cookies = true\ntemplates = \"broken\"\nsecret_key_file = \"missing\"\n";
    check(&folder, &ALL, settings, "host_cookies", 2);
    check(&folder, &ALL, settings, "templates", 2);
    check(&folder, &ALL, settings, "secret_key_file", 2);
}

#[test]
fn mistyped_templates_are_told() {
    let folder = folder();
    for name in [
        "pages/phone_auth/logn.html",
        "pages/phone_auth/login.html",
        "pages/dev/mailbox.html",
    ] {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "{{ titel }}").unwrap();
    }
    std::fs::rename(
        folder.join("pages/dev/mailbox.html"),
        folder.join("pages/phone_auth/error.html"),
    )
    .unwrap();
    let settings = format!("{ADDR}templates = \"pages\"\n");
    folder.write("x.toml", &settings);
    let ran = run(&folder, "check");
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut site = folder.serve_with(|command| {
        command.args(["--config", "x.toml"]);
    });
    site.wait_for(|line| line.starts_with("Ctrl-C"));
    let started = site.said.join("\n");
    for note in [
        "templates (file x.toml, line 2): the file phone_auth/logn.html is shown by no page",
        "templates (file x.toml, line 2): the template phone_auth/login.html uses titel",
    ] {
        assert!(
            ran.stdout.contains(&format!("note: {note}")),
            "{note}: {ran:?}"
        );
        assert!(
            started.contains(&format!("WARNING    {note}")),
            "{note}: {started}"
        );
    }
}

#[test]
fn who_sends_the_messages_is_told() {
    let folder = folder();
    let senders = format!("{SMTP}{SMS}site_url = \"https://example.org\"\n");
    for (settings, said) in [
        ("", "printed and shown"),
        (senders.as_str(), "sent by "),
        ("outbox_worker = false\n", "left to `phone-auth worker`"),
        (
            &format!("outbox_worker = false\n{senders}"),
            "left to `phone-auth worker`",
        ),
    ] {
        folder.write("x.toml", &format!("{ADDR}{settings}"));
        let ran = run(&folder, "check");
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stdout.contains(said), "{settings}: {ran:?}");
        assert_eq!(
            ran.stdout.contains("outbox_worker is false"),
            settings.contains("outbox_worker")
        );
    }
}

#[test]
fn missing_key_has_a_remedy() {
    let folder = folder();
    for (settings, remedy) in [
        ("secret_key_file = \"missing\"\n", "openssl rand -hex 32"),
        ("secret_key_file = \"missing\"\n", "leave the setting out"),
        (
            "secret_key_fallback_files = [\"missing\"]\n",
            "leave it out of the list",
        ),
    ] {
        folder.write("x.toml", &format!("{ADDR}{settings}"));
        for command in ALL {
            let ran = run(&folder, command);
            assert!(ran.stderr.contains(remedy), "{command} {settings}: {ran:?}");
        }
    }
}
