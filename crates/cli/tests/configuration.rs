//! Mistakes in settings end the program with code 2 and a sentence that names the setting.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::os::unix::fs::PermissionsExt as _;

use common::{Folder, Ran};

/// Runs the program and expects one sentence and code 2.
fn refused(ran: &Ran, said: &str) {
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert_eq!(ran.stdout, "");
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("phone-auth: "), "{}", ran.stderr);
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

#[test]
fn wrong_arguments_are_refused() {
    for (argument, value, said) in [
        (
            "--addr",
            "localhost",
            "addr (argument --addr): \"localhost\" is not an IP address and a port",
        ),
        (
            "--addr",
            "0.0.0.0:0",
            "site_url (default): it must be set when listening on 0.0.0.0:0",
        ),
        (
            "--database",
            "postgres://x",
            "database (argument --database): \"postgres://x\" is not a database",
        ),
        (
            "--site-url",
            "https://x.org/y",
            "site_url (argument --site-url): \"https://x.org/y\" is not an origin",
        ),
        (
            "--site-url",
            "ftp://x.org",
            "is not an origin such as https://example.org",
        ),
        (
            "--secret-key-file",
            "nowhere",
            "the key file nowhere does not exist",
        ),
        (
            "--config",
            "nowhere.toml",
            "config (argument --config): cannot read nowhere.toml",
        ),
    ] {
        let folder = Folder::new();
        // Anyone who runs the tests may have a site at the usual address.
        let address: &[&str] = match argument {
            "--addr" => &[],
            _ => &["--addr", "127.0.0.1:0"],
        };
        let arguments = [&["serve"], address, &[argument, value]].concat();
        refused(&folder.run(&arguments), said);
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 0, "{argument} {value} leaves something behind");
    }
}

#[test]
fn wrong_variables_are_refused() {
    for (name, value, said) in [
        (
            "AUTHENTICATION_METHODS",
            " ",
            "\" \" is not a list such as [\"phone\"], of phone, email, username",
        ),
        (
            "LOGIN_REDIRECT_URL",
            "https://evil.example/",
            "is not a path on this site",
        ),
        (
            "LOGOUT_REDIRECT_URL",
            "//evil.example/",
            "is not a path on this site",
        ),
        (
            "REGISTER_EMAIL_REQUIRED",
            "maybe",
            "\"maybe\" is not true or false",
        ),
        ("SESSION_LIFETIME", "-1", "\"-1\" is not a time such as"),
        (
            "LOGIN_REDIRECT_URI",
            "/",
            "did you mean PHONE_AUTH_LOGIN_REDIRECT_URL?",
        ),
        (
            "DISABLED_RECEIVERS",
            "nobody",
            "`nobody` is disabled, but no linked receiver has that id",
        ),
    ] {
        let folder = Folder::new();
        let variable = format!("PHONE_AUTH_{name}");
        let mut command = folder.command();
        command
            .env(&variable, value)
            .args(["--addr", "127.0.0.1:0"]);
        let ran = Ran::from(command.output().unwrap());
        refused(&ran, said);
        let setting = name.to_lowercase();
        assert!(ran.stderr.contains(&setting), "{}", ran.stderr);
    }
}

#[test]
fn wrong_file_is_refused() {
    let folder = Folder::new();
    for (text, said) in [
        (
            "login_redirect_url = \"/\"\nloginn = 1",
            "loginn (file x.toml, line 2): there is no such setting",
        ),
        (
            "verify_by_click = \"yes\"",
            "verify_by_click (file x.toml, line 1): \"yes\" is not true or false",
        ),
        ("addr = \"x", "config (x.toml, line 1): not TOML"),
    ] {
        folder.write("x.toml", text);
        refused(&folder.run(&["--config", "x.toml"]), said);
    }
}

#[test]
fn wrong_log_filter_is_refused() {
    let folder = Folder::new();
    let mut command = folder.command();
    command.env("RUST_LOG", "phone_auth=loud").arg("check");
    refused(
        &Ran::from(command.output().unwrap()),
        "RUST_LOG (environment): not a list of filters",
    );
}

#[test]
fn all_mistakes_have_a_line() {
    let folder = Folder::new();
    folder.write("x.toml", "hashing_queue = 0\nsite_url = 3\n");
    let ran = folder.run(&["--config", "x.toml", "--addr", "x"]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(ran.stderr.lines().count(), 3, "{}", ran.stderr);
}

#[test]
fn zones_that_django_refuses_are_named() {
    let folder = Folder::new();
    let key = folder.write("django.key", "the-secret-of-the-site-that-is-left-behind");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).unwrap();
    folder.write(
        "x.toml",
        "django_secret_key_file = \"django.key\"
        accept_django_tokens_until = 2999-01-01T00:00:00Z
        django_use_tz = false
        django_database_time_zone = \"Asia/Tokyo\"",
    );
    refused(
        &folder.run(&["--config", "x.toml", "--addr", "127.0.0.1:0"]),
        "django_database_time_zone (file x.toml, line 4): Django allows it only where USE_TZ is true",
    );
}

#[test]
fn wrong_template_is_refused() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.join("pages/phone_auth")).unwrap();
    folder.write("pages/phone_auth/login.html", "{% if %}");
    let mut command = folder.command();
    command
        .env("PHONE_AUTH_TEMPLATES", "pages")
        .args(["--addr", "127.0.0.1:0"]);
    refused(&Ran::from(command.output().unwrap()), "login.html");
}

#[test]
fn usage_mistakes_are_code_two() {
    let folder = Folder::new();
    for arguments in [
        &["fly"][..],
        &["--port", "1"],
        &["user"],
        &["user", "create"],
    ] {
        let ran = folder.run(arguments);
        assert_eq!(
            (ran.code, ran.stdout.as_str()),
            (Some(2), ""),
            "{arguments:?}"
        );
    }
    for arguments in [["--help"], ["--version"]] {
        assert_eq!(folder.run(&arguments).code, Some(0));
    }
}

#[test]
fn argument_goes_before_environment_and_file() {
    let folder = Folder::new();
    folder.write(
        "x.toml",
        "addr = \"127.0.0.1:1\"\nlogin_redirect_url = \"/home/\"",
    );
    let site = folder.serve_with(|command| {
        command
            .args(["--config", "x.toml"])
            .env("PHONE_AUTH_ADDR", "127.0.0.1:2");
    });
    assert!(!["127.0.0.1:1", "127.0.0.1:2"].contains(&site.host.as_str()));
}

/// `caf?`, where the last byte is that of é in Latin-1.
#[cfg(unix)]
fn cafe(prefix: &str, end: &str) -> std::ffi::OsString {
    use std::os::unix::ffi::OsStringExt;

    std::ffi::OsString::from_vec([prefix.as_bytes(), b"caf\xe9", end.as_bytes()].concat())
}

#[cfg(unix)]
#[test]
fn path_keeps_its_bytes() {
    let folder = Folder::new();
    let database = cafe("sqlite:", ".db");
    for (in_environment, folder) in [(false, Folder::new()), (true, folder)] {
        let mut command = folder.command();
        command.arg("migrate");
        if in_environment {
            command.env("PHONE_AUTH_DATABASE", &database);
        } else {
            command.arg("--database").arg(&database);
        }
        let ran = Ran::from(command.output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{ran:?}");
        assert!(ran.stdout.contains("caf\\xE9.db"), "{ran:?}");
        assert!(folder.path().join(cafe("", ".db")).is_file());
        assert!(folder.path().read_dir().unwrap().all(|entry| {
            let name = entry.unwrap().file_name();
            name.as_encoded_bytes().starts_with(b"caf\xe9.db")
        }));
    }
}

#[cfg(unix)]
#[test]
fn site_runs_in_a_folder_of_any_name() {
    let folder = Folder::new();
    let inner = folder.path().join(cafe("", ""));
    std::fs::create_dir(&inner).unwrap();
    let mut site = folder.serve_with(|command| {
        command.current_dir(&inner);
    });
    site.wait_for(|line| line.contains("caf\\xE9/phone-auth.sqlite3.key"));
    assert_eq!(site.get("/accounts/login/").status, 200);
    assert!(inner.join("phone-auth.sqlite3").is_file());
    assert_eq!(folder.path().read_dir().unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn other_bytes_are_named() {
    let folder = Folder::new();
    std::fs::write(
        folder.join("x.toml"),
        b"site_name = \"a\"\n# caf\xe9\nhashing_queue = 1\n",
    )
    .unwrap();
    let refused_with = |change: &dyn Fn(&mut std::process::Command), said: &str| {
        let mut command = folder.command();
        change(&mut command);
        let ran = Ran::from(command.output().unwrap());
        refused(&ran, said);
        assert!(!ran.stderr.contains('\u{fffd}'), "{}", ran.stderr);
    };
    refused_with(
        &|command| {
            command.args(["check", "--config", "x.toml"]);
        },
        "config (x.toml, line 2): not TOML: a byte that is not UTF-8",
    );
    refused_with(
        &|command| {
            command
                .arg("check")
                .env("PHONE_AUTH_SITE_NAME", cafe("", ""));
        },
        "site_name (environment PHONE_AUTH_SITE_NAME): \"caf\\xE9\", which is not UTF-8, is not a name",
    );
    refused_with(
        &|command| {
            command.arg("check").arg("--addr").arg(cafe("", ""));
        },
        "addr (argument --addr): \"caf\\xE9\", which is not UTF-8, is not an IP address",
    );
    refused_with(
        &|command| {
            command.arg("check").arg("--database");
            command.arg(cafe("postgres://ann:s3cret@db/", ""));
        },
        "database (argument --database): what was given, which is not UTF-8, is not a database",
    );
    refused_with(
        &|command| {
            command.arg("check").env("RUST_LOG", cafe("", ""));
        },
        "RUST_LOG (environment): not a list of filters",
    );
    refused_with(
        &|command| {
            command.arg("check").env("PGPASSWORD", cafe("", ""));
            command.args(["--database", "postgres://ann@127.0.0.1:1/site"]);
        },
        "PGPASSWORD (environment) is not UTF-8",
    );
    refused_with(
        &|command| {
            let parameter = "postgres://ann@127.0.0.1:1/site?application_name=caf%E9";
            command.args(["check", "--database", parameter]);
        },
        "database (argument --database): what was given is not a database",
    );
    for before in [
        &["user", "create"][..],
        &["user", "create", "ann", "--email"],
    ] {
        refused_with(
            &|command| {
                command.args(before).arg(cafe("", ""));
            },
            &format!("argument {} is not UTF-8: caf\\xE9", before.len() + 1),
        );
    }
}

#[test]
fn no_complaint_shows_a_secret() {
    let folder = Folder::new();
    let url = "postgres://ann:s3cret@127.0.0.1:1/site";
    let with_equals = format!("--databse={url}");
    let mistyped = format!("--database=postgres:/{}", "ann:s3cret@db/site");
    for arguments in [
        &["serve", "--databse", url][..],
        &["serve", &with_equals],
        &["serve", &mistyped],
        &["serve", url],
        &[url],
        &["user", "create", "ann", url],
        &["outbox", "retry", url],
        &["outbox", "purge", "--older-than", url],
        &["serve", "--addr", url],
        &["serve", "--site-url", url],
        &["serve", "--database", "ann:s3cret@db"],
        &[
            "serve",
            "--database",
            "postgres://db/site?user=ann&password=s3cret",
        ],
        &[
            "serve",
            "--database",
            "postgres://ann:s3cret@127.0.0.1:1/site?passwrod=s3cret",
        ],
        &["check", "--database", url],
        &["user", "create", "ann", "--password=s3cret"],
        &["user", "create", "ann", "--password", "s3cret"],
    ] {
        let ran = folder.run(arguments);
        assert!(matches!(ran.code, Some(1 | 2)), "{arguments:?}: {ran:?}");
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!said.contains("s3cret"), "{arguments:?}: {said}");
    }
    for toml in [
        "database = \"postgres:/ann:s3cret@db\"",
        "database = postgres://ann:s3cret@db/site",
        "site_url = \"https://ann:s3cret@example.org\"",
        "[sms]\nurl = \"https://sms.example/?key=s3cret\u{7}\"",
        "[sms]\nheaders = \"s3cret\"",
        "[smtp]\nhost = \"smtp://ann:s3cret@mail.example\"\nfrom = \"a@b.example\"",
        "[smtp]\npassword = [\"s3cret\"]",
        "[webhook]\nurl = [\"https://ann:s3cret@x.example/\"]",
        "[nats]\nurl = \"nats://ann:s3cret@\u{7}\"",
    ] {
        folder.write("x.toml", &format!("development = true\n{toml}\n"));
        let ran = folder.run(&["check", "--config", "x.toml"]);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!said.contains("s3cret"), "{toml}: {said}");
        assert_eq!(ran.code, Some(2), "{toml}: {said}");
    }
}

#[test]
fn empty_filter_hides_no_warning() {
    for filter in ["", " "] {
        let folder = Folder::new();
        let mut command = folder.command();
        command
            .env("RUST_LOG", filter)
            .env("PHONE_AUTH_SMTP_PORT", "tcp://10.0.0.1:25")
            .args(["check"]);
        let ran = Ran::from(command.output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let said =
            "WARN phone_auth_cli::configuration: environment PHONE_AUTH_SMTP_PORT is the address";
        assert!(ran.stderr.contains(said), "{filter:?}: {ran:?}");
    }
}
