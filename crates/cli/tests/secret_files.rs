//! Files with secrets: whichever setting names one, what will not do is refused.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use common::{Folder, Ran};

/// A key that will do wherever a secret is asked for.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const DJANGO: &str =
    "django_secret_key_file = \"ours\"\naccept_django_tokens_until = \"2999-01-01T00:00:00Z\"\n";
const SMTP: &str = "[smtp]\nhost = \"localhost\"\nfrom = \"a@b.example\"\nuser = \"a\"\n";
const SMS: &str = "[sms]\nurl = \"https://localhost/?n={{ to }}&t={{ text }}\"\n";
const TWILIO: &str = "[sms]\ntwilio_account_sid = \"AC1\"\ntwilio_from = \"+15005550006\"\n";
const WEBHOOK: &str = "[webhook]\nurl = \"https://localhost/\"\n";
const NATS: &str = "[nats]\nurl = \"tls://localhost\"\n";

/// Every setting that names files with secrets, after what it needs to be read.
const FILES: &[(&str, &str)] = &[
    ("", "secret_key_file"),
    ("secret_key_file = \"ours\"\n", "secret_key_fallback_files"),
    (
        "accept_django_tokens_until = \"2999-01-01T00:00:00Z\"\n",
        "django_secret_key_file",
    ),
    (DJANGO, "django_secret_key_fallback_files"),
    (SMTP, "smtp.password_file"),
    (SMS, "sms.password_file"),
    (SMS, "sms.token_file"),
    (SMS, "sms.secret_file"),
    (TWILIO, "sms.twilio_auth_token_file"),
    (WEBHOOK, "webhook.secret_file"),
    (WEBHOOK, "webhook.old_secret_file"),
    (NATS, "nats.password_file"),
    (NATS, "nats.token_file"),
    (NATS, "nats.credentials_file"),
];

/// What `phone-auth check` says when this setting names the file `secret`.
fn check(folder: &Folder, before: &str, setting: &str) -> String {
    let name = setting.rsplit('.').next().unwrap();
    let value = if name.ends_with("_files") {
        "[\"secret\"]"
    } else {
        "\"secret\""
    };
    let beside = match setting {
        "sms.password_file" | "nats.password_file" => "user = \"a\"\n",
        "webhook.old_secret_file" => "secret_file = \"ours\"\n",
        _ => "",
    };
    let toml = format!("{before}{beside}{name} = {value}\n");
    let path = folder.write("settings.toml", &toml);
    let mut command = folder.command();
    command.args(["check", "--config"]).arg(path);
    // One section leaves messages without a receiver, which is not what is looked for.
    command.env("PHONE_AUTH_DEVELOPMENT", "true");
    Ran::from(command.output().unwrap()).stderr
}

/// A folder with a secret of ours, and one with this content to be looked at.
fn folder(content: &[u8]) -> Folder {
    let folder = Folder::new();
    for (name, content) in [("ours", SECRET.as_bytes()), ("secret", content)] {
        fs::write(folder.join(name), content).unwrap();
        fs::set_permissions(folder.join(name), PermissionsExt::from_mode(0o600)).unwrap();
    }
    folder
}

#[test]
fn every_secret_file_is_known() {
    let listed = Folder::new().command().arg("settings").output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let names = listed
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let mut files: Vec<_> = names
        .filter(|name| name.ends_with("_file") || name.ends_with("_files"))
        .collect();
    let mut known: Vec<_> = FILES.iter().map(|(_, setting)| *setting).collect();
    files.sort_unstable();
    known.sort_unstable();
    assert_eq!(known, files);
}

#[test]
fn secret_of_another_user_is_refused() {
    let folder = folder(SECRET.as_bytes());
    // Only root can give a file away. Anyone else has none of another user that could be read: there the
    // test of the function that decides says it.
    if chown(folder.join("secret"), Some(65_534), None).is_err() {
        return;
    }
    for (before, setting) in FILES {
        let said = check(&folder, before, setting);
        assert!(
            said.contains(setting)
                && said.contains("secret belongs to another user (number 65534)"),
            "{setting}: {said}"
        );
    }
    chown(folder.join("secret"), Some(0), None).unwrap();
    for (before, setting) in FILES {
        let said = check(&folder, before, setting);
        assert!(!said.contains("another user"), "{setting}: {said}");
    }
}

#[test]
fn secret_in_an_open_folder_is_refused() {
    let folder = folder(SECRET.as_bytes());
    let open = folder.join("open");
    fs::create_dir(&open).unwrap();
    fs::rename(folder.join("secret"), open.join("secret")).unwrap();
    symlink("open/secret", folder.join("secret")).unwrap();
    for (mode, is_taken) in [(0o777, false), (0o1777, true), (0o755, true)] {
        fs::set_permissions(&open, PermissionsExt::from_mode(mode)).unwrap();
        for (before, setting) in FILES {
            let said = check(&folder, before, setting);
            let is_refused = said.contains(setting)
                && said.contains("open, which others can write (mode 777)")
                && said.contains("run chmod go-w");
            assert_eq!(!is_refused, is_taken, "{setting} {mode:o}: {said}");
        }
    }
}

#[test]
fn key_of_tls_in_an_open_folder_is_refused() {
    let folder = Folder::new();
    fs::create_dir(folder.join("open")).unwrap();
    let key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let key = folder.write("open/client.key", key);
    let url = format!("postgres://ann@127.0.0.1:9/site?sslkey={}", key.display());
    for (mode, is_taken) in [(0o777, false), (0o755, true)] {
        fs::set_permissions(folder.join("open"), PermissionsExt::from_mode(mode)).unwrap();
        for is_in_url in [true, false] {
            let mut command = folder.command();
            command.args(["check", "--database"]);
            if is_in_url {
                command.arg(&url);
            } else {
                command
                    .arg("postgres://ann@127.0.0.1:9/site")
                    .env("PGSSLKEY", &key);
            }
            let said = Ran::from(command.output().unwrap()).stderr;
            let is_refused = said.contains("open, which others can write (mode 777)");
            assert_eq!(!is_refused, is_taken, "{is_in_url} {mode:o}: {said}");
        }
    }
}

#[test]
fn no_key_is_made_in_an_open_folder() {
    let folder = Folder::new();
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
    for arguments in [&["check"][..], &["serve", "--addr", "127.0.0.1:0"]] {
        let ran = folder.run(arguments);
        assert!(
            ran.stderr.contains("which others can write (mode 777)"),
            "{arguments:?}: {ran:?}"
        );
        assert!(!folder.join("phone-auth.sqlite3.key").exists());
    }
}

#[test]
fn marked_secret_is_read_alike() {
    let utf16: Vec<u8> = "\u{feff}{SECRET}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (content, refusal) in [
        (SECRET.as_bytes().to_vec(), None),
        (format!("\u{feff}{SECRET}\r\n").into_bytes(), None),
        ("\u{feff}\n".into(), Some("secret ")),
        (utf16, Some("secret is a text in UTF-16")),
    ] {
        let folder = folder(&content);
        for (before, setting) in FILES {
            let said = check(&folder, before, setting);
            match refusal {
                Some(why) => assert!(said.contains(setting) && said.contains(why), "{said}"),
                // Any text will do but for credentials of NATS, which were read, and are none.
                None if *setting == "nats.credentials_file" => {
                    assert!(said.contains("not of the form"), "{said}");
                }
                None => assert!(!said.contains(setting), "{said}"),
            }
        }
    }
}

#[test]
fn secret_that_is_not_alone_is_refused() {
    for (content, why) in [
        (format!("\"{SECRET}\"\n"), "secret has quotes around"),
        (format!("'{SECRET}'"), "secret has quotes around"),
        (
            format!("# the secret\n{SECRET}\n"),
            "secret has several lines",
        ),
        (format!("{SECRET}\n{SECRET}\n"), "secret has several lines"),
    ] {
        let folder = folder(content.as_bytes());
        // Credentials of NATS have lines.
        for (before, setting) in FILES.iter().filter(|it| it.1 != "nats.credentials_file") {
            let said = check(&folder, before, setting);
            assert!(
                said.contains(setting) && said.contains(why),
                "{setting}: {said}"
            );
            assert!(!said.contains(SECRET), "{setting}: {said}");
        }
    }
}

#[test]
fn marked_key_is_the_same_key() {
    let folder = Folder::new();
    folder.serve().stop();
    let path = folder.join("phone-auth.sqlite3.key");
    let key = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("\u{feff}{key}")).unwrap();
    let mut site = folder.serve();
    let said = site.wait_for(|line| line.contains("key file"));
    assert!(!said.contains('('), "it is no other key: {said}");
    site.stop();
}

#[test]
fn settings_with_secrets_are_kept_from_others() {
    let smtp = format!("{SMTP}password = \"walnut\"\n");
    let headers = format!("{SMS}headers = {{ Authorization = \"Bearer walnut\" }}\n");
    let template = format!("{SMS}json = {{ token = \"{{{{ secret }}}}\" }}\n");
    let url = "database = \"postgres://ann:walnut@127.0.0.1:9/site\"\n".to_owned();
    for (settings, setting) in [
        (smtp, Some("smtp.password")),
        (headers, Some("sms.headers")),
        (url, Some("database")),
        (template, None),
        (SMTP.to_owned(), None),
    ] {
        for (mode, refused, warned) in [
            (0o666, true, false),
            (0o660, true, false),
            (0o602, true, false),
            (0o644, false, true),
            (0o640, false, true),
            (0o600, false, false),
            (0o400, false, false),
        ] {
            let folder = Folder::new();
            let path = folder.write("settings.toml", &settings);
            fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let said = folder.run(&["signals", "--config", "settings.toml"]);
            let why = "this is a secret, and the file that it stands in can be written by others";
            let is_refused = said.stderr.contains(why);
            assert_eq!(
                is_refused,
                refused && setting.is_some(),
                "{mode:o}: {said:?}"
            );
            let is_warned = said.stderr.contains("can be read by others");
            assert_eq!(is_warned, warned && setting.is_some(), "{mode:o}: {said:?}");
            let start = format!(
                "phone-auth: {} (file settings.toml, line",
                setting.unwrap_or("-")
            );
            assert_eq!(said.stderr.starts_with(&start), is_refused, "{said:?}");
            assert!(!said.stderr.contains("walnut"), "{said:?}");
        }
        let folder = Folder::new();
        folder.write("settings.toml", &settings);
        fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o777)).unwrap();
        let said = folder.run(&["signals", "--config", "settings.toml"]);
        let is_refused = said.stderr.contains("which others can write (mode 777)");
        assert_eq!(is_refused, setting.is_some(), "{said:?}");
    }
}
