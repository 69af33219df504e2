//! The settings of the ready receivers, as `phone-auth check` sees them.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use common::{Folder, Ran};

/// What `phone-auth check` says to these settings.
fn check(folder: &Folder, toml: &str) -> Ran {
    Ran::from(checking(folder, toml).output().unwrap())
}

/// What it says to settings that leave messages without a receiver, which is not what is looked for.
fn check_one_section(folder: &Folder, toml: &str) -> Ran {
    let mut command = checking(folder, toml);
    command.env("PHONE_AUTH_DEVELOPMENT", "true");
    Ran::from(command.output().unwrap())
}

fn checking(folder: &Folder, toml: &str) -> Command {
    let path = folder.write("settings.toml", toml);
    let mut command = folder.command();
    command.args(["check", "--config"]).arg(path);
    command
}

const SMTP: &str = "[smtp]\nhost = \"mail.example\"\nfrom = \"a@b.example\"\n";
const SMS: &str = "[sms]\nurl = \"https://sms.example/?n={{ to }}&t={{ text }}\"\n";
const WEBHOOK: &str = "[webhook]\nurl = \"https://sender.example/\"\n\
                       secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n";
const NATS: &str = "[nats]\nurl = \"tls://nats.example\"\n";

#[test]
fn every_message_with_a_receiver_is_enough() {
    let folder = Folder::new();
    let public = "addr = \"0.0.0.0:0\"\nsite_url = \"https://example.org\"\n";
    for (sections, missing) in [
        (format!("{SMTP}{SMS}"), None),
        (WEBHOOK.to_owned(), None),
        (NATS.to_owned(), None),
        (
            SMTP.to_owned(),
            Some("nobody would receive reset_password_phone, verify_phone;"),
        ),
        (
            format!("{SMS}{WEBHOOK}signals = [\"verify_email\"]"),
            Some("nobody would receive reset_password_email;"),
        ),
    ] {
        let ran = check(&folder, &format!("{public}{sections}"));
        match missing {
            None => assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{sections}"),
            Some(missing) => assert!(ran.stderr.contains(missing), "{ran:?}"),
        }
    }
}

/// Checks that each of these lines is refused in its section, and that this is said of it.
fn refused(cases: &[(&str, &str, &str)]) {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.join("texts/it")).unwrap();
    folder.write("texts/it/verify_email.txt", "{{ link }}");
    for (name, content, mode) in [
        ("empty", " \n", 0o600),
        ("open", "hunter2", 0o666),
        ("two-lines", "hunter2\nhunter3\n", 0o600),
    ] {
        let path = folder.write(name, content);
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }
    for (section, line, said) in cases {
        let ran = check_one_section(&folder, &format!("{section}{line}\n"));
        assert_eq!(ran.code, Some(2), "{line}: {ran:?}");
        let folder = format!("{}/", folder.path().display());
        let stderr = ran.stderr.replace(&folder, "");
        assert!(stderr.contains(said), "{said}: {stderr}");
        assert!(!stderr.contains("hunter2"), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn wrong_settings_of_mail_are_named() {
    refused(&[
        (
            SMTP,
            "security = \"none\"",
            "smtp.security (file settings.toml, line 4): it must be tls or starttls",
        ),
        (
            SMTP,
            "language = \"tlh\"",
            "smtp.language (file settings.toml, line 4): it must be a language that has texts",
        ),
        (
            SMTP,
            "root_certificate = \"empty\"",
            "smtp.root_certificate (file settings.toml, line 4): it must be a file of certificates",
        ),
        (
            SMTP,
            "templates = \"texts\"",
            "the template it/reset_password_email.html is missing",
        ),
        (
            SMTP,
            "user = \"a\"\npassword_file = \"nowhere\"",
            "smtp.password_file (file settings.toml, line 5): it must be a file",
        ),
        (
            SMTP,
            "user = \"a\"\npassword_file = \"empty\"",
            "the file empty is empty",
        ),
        (
            SMTP,
            "user = \"a\"\npassword_file = \"open\"",
            "the file open can be written by others",
        ),
        (
            "[smtp]\nhost = \"mail.example\"\nfrom = \"m\u{fc}ller@b.example\"\n",
            "",
            "smtp.from (file settings.toml, line 3): it must be an email address such as",
        ),
    ]);
}

/// A gateway is paid for each text message that a text takes.
#[test]
fn long_texts_are_warned_of() {
    for (site, is_long) in [
        ("https://accounts.example-site.org", false),
        (
            "https://a-long-name-of-a-host.accounts.example-site.org",
            true,
        ),
    ] {
        let folder = Folder::new();
        let toml = format!(
            "site_url = \"{site}\"\nallow_unreceived = [\"verify_email\", \"reset_password_email\"]\n{SMS}"
        );
        let ran = check(&folder, &toml);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let warned = ran.stderr.lines().filter(|line| {
            line.contains("more than one text message")
                && line.contains("en/verify_phone.txt")
                && line.contains("segments=2")
        });
        assert_eq!(warned.count(), usize::from(is_long), "{ran:?}");
    }
}

#[test]
fn wrong_requests_and_answers_are_named() {
    refused(&[
        (
            SMS,
            "method = \"A B\"",
            "sms.method (file settings.toml, line 3): \"A B\" is not one of GET, POST, PUT and PATCH",
        ),
        (
            SMS,
            "method = \"get\"",
            "sms.method (file settings.toml, line 3): \"get\" is not one of GET, POST, PUT and PATCH",
        ),
        (
            SMS,
            "user = \"ann:lee\"\npassword = \"x\"",
            "sms.user (file settings.toml, line 3): it must be a name without a colon",
        ),
        (
            SMS,
            "success = { pointer = \"messages\", value = \"0\" }",
            "sms.success (file settings.toml, line 3): it must be a pointer such as",
        ),
        (
            SMS,
            "success = { pointer = \"/messages\" }",
            "is not statuses such as",
        ),
        (SMS, "success = { txt = \"OK\" }", "is not statuses such as"),
        (SMS, "success = {}", "is not statuses such as"),
        (
            "[sms]\nurl = \"https://x.example/?to={{ to | urlencode }}&text={{ text }}\"\n",
            "",
            "sms.url (file settings.toml, line 2): it must be a request in which",
        ),
    ]);
}

#[test]
fn wrong_settings_of_gateways_are_named() {
    refused(&[
        (
            SMS,
            "never = \"2xx\"",
            "sms.never (file settings.toml, line 3): it must be statuses that are not",
        ),
        (
            SMS,
            "headers = { X = \"{{ x }}\" }",
            "sms.headers (file settings.toml, line 3): it must be a request whose templates (those of sms.url",
        ),
        (
            WEBHOOK,
            "old_secret = \"x\"",
            "webhook.old_secret (file settings.toml, line 4): it must be whsec_",
        ),
        (
            "[webhook]\nurl = \"https://x.example/\"\n",
            "secret = \"x\"\nold_secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"",
            "webhook.secret (file settings.toml, line 3): it must be whsec_",
        ),
        (
            "[webhook]\nurl = \"https://a:hunter2@x.example/\"\n",
            "secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"",
            "webhook.url (file settings.toml, line 2): it must be a URL without a name and a password",
        ),
        (
            "[nats]\nurl = \"tls://a:hunter2@x.example\"\n",
            "",
            "it must be a URL without a name and a password in it, which nats.user and",
        ),
        (
            "[sms]\nurl = \"https://a:hunter2@x.example/\"\n",
            "form = { t = \"{{ to }}{{ text }}\" }",
            "it must be a URL without a name and a password in it, which sms.user and",
        ),
        (
            SMS,
            "token_file = \"two-lines\"",
            "sms.token_file (file settings.toml, line 3): it must be a file that",
        ),
        (
            SMS,
            "headers = { X-Api-Key = \"{{ secret }}\" }",
            "if sms.secret_file is set, secret, and whose headers are a line each",
        ),
        (
            SMS,
            "headers = { X = \"{{ secret }}\" }\nsecret_file = \"two-lines\"",
            "two-lines has several lines",
        ),
        (
            NATS,
            "subject = \"a.>\"",
            "nats.subject (file settings.toml, line 3): it must be words",
        ),
        (
            "[sms]\nurl = \"http://sms.example/\"\n",
            "form = { t = \"{{ to }}{{ text }}\" }",
            "it must be https for a gateway that is not this machine",
        ),
        (
            "[sms]\nurl = \"https://sms.example/\"\n",
            "form = { t = \"{{ to }}\" }",
            "{{ to }} and {{ text }} in its URL, sms.form or sms.json",
        ),
        (
            "[webhook]\nurl = \"http://x/\"\n",
            "secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"",
            "webhook.url (file settings.toml, line 2): it must be https",
        ),
        (
            "[nats]\nurl = \"nats://nats.example\"\n",
            "",
            "nats.url (file settings.toml, line 2): it must be tls:",
        ),
    ]);
}

#[test]
fn template_with_unknown_value_is_named() {
    let folder = Folder::new();
    for (section, setting, file) in [
        (SMTP, "smtp.templates", "de/verify_email.txt"),
        (SMTP, "smtp.templates", "en/verify_email.subject.txt"),
        (SMS, "sms.templates", "fr/verify_phone.txt"),
    ] {
        let toml = format!("{section}templates = \"texts\"\n");
        let texts = folder.join("texts");
        let path = texts.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "{{ link }}\n{{ token }}").unwrap();
        let ran = check_one_section(&folder, &toml);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(setting), "{ran:?}");
        let said = format!("the template {file} cannot be rendered (line 2)");
        assert!(ran.stderr.contains(&said), "{ran:?}");

        // One text alone is enough of a folder.
        std::fs::write(&path, "{{ link }}").unwrap();
        let ran = check_one_section(&folder, &toml);
        assert_eq!(ran.code, Some(0), "{file}: {ran:?}");
        std::fs::remove_dir_all(texts).unwrap();
    }
}
