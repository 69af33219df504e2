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
        refused(&folder.run(&["serve", argument, value]), said);
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
            "\" \" is not one or more of phone, email, username",
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
            "SWITCHED_OFF_RECEIVERS",
            "nobody",
            "`nobody` is switched off, but no linked receiver has that id",
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

#[test]
fn readme_lists_every_setting() {
    let folder = Folder::new();
    let ran = folder.run(&["settings"]);
    assert_eq!(ran.code, Some(0));
    let readme = include_str!("../README.md");
    let names = ran
        .stdout
        .lines()
        .skip(1)
        .map_while(|line| line.split_whitespace().next());
    let mut count = 0;
    for name in names {
        assert!(
            readme.contains(&format!("| `{name}` |")),
            "{name} is not in the README"
        );
        count += 1;
    }
    assert_eq!(
        count,
        readme.matches("\n| `").count() - readme.matches("\n| `phone-auth").count()
    );
}
