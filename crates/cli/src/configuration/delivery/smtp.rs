//! The section `[smtp]`: mail through a mail server.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use phone_auth::delivery::smtp::Security;

use super::{SecretSetting, Section, path, secret, text};
use crate::configuration::setting::{
    FILE, Setting, TIME, YES_OR_NO, folder, number, put, some_time,
};
use crate::configuration::value::Given;
use crate::configuration::{Configuration, Mistake};

/// What is known of the mail server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SmtpSettings {
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) security: Security,
    pub(crate) danger_plain: bool,
    pub(crate) user: Option<String>,
    pub(crate) password: SecretSetting,
    pub(crate) from: Option<String>,
    pub(crate) hello: Option<String>,
    pub(crate) root_certificate: Option<PathBuf>,
    pub(crate) timeout: Duration,
    pub(crate) connections: NonZeroUsize,
    pub(crate) templates: Option<PathBuf>,
    pub(crate) language: String,
}

impl Default for SmtpSettings {
    fn default() -> Self {
        Self {
            host: None,
            port: None,
            security: Security::Implicit,
            danger_plain: false,
            user: None,
            password: SecretSetting::default(),
            from: None,
            hello: None,
            root_certificate: None,
            timeout: Duration::from_secs(20),
            connections: NonZeroUsize::MIN.saturating_add(3),
            templates: None,
            language: "en".to_owned(),
        }
    }
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "smtp.host",
        right: "the name of a mail server",
        default: "none",
        does: "the mail server that sends messages by e-mail; without it nobody does",
        take: |to, given| put(&mut to.delivery.smtp.host, text(given).map(Some)),
    },
    Setting {
        name: "smtp.port",
        right: "a port from 1 to 65535",
        default: "the usual one: 465 with tls, 587 with starttls, 25 with none",
        does: "its port",
        take: |to, given| put(&mut to.delivery.smtp.port, port(given).map(Some)),
    },
    Setting {
        name: "smtp.security",
        right: "one of tls, starttls and none",
        default: "tls",
        does: "how the connection is encrypted: from its beginning, by STARTTLS, or not at all",
        take: |to, given| put(&mut to.delivery.smtp.security, security(given)),
    },
    Setting {
        name: "smtp.danger_plain",
        right: YES_OR_NO,
        default: "false",
        does: "whether security = \"none\" is let pass to another machine, where others can read the links",
        take: |to, given| put(&mut to.delivery.smtp.danger_plain, given.boolean()),
    },
    Setting {
        name: "smtp.user",
        right: "a name",
        default: "none",
        does: "the name to log in to the mail server with",
        take: |to, given| put(&mut to.delivery.smtp.user, text(given).map(Some)),
    },
    Setting {
        name: "smtp.password",
        right: "a password",
        default: "none",
        does: "the password that goes with it; rather in a file",
        take: |to, given| put(&mut to.delivery.smtp.password.text, secret(given).map(Some)),
    },
    Setting {
        name: "smtp.password_file",
        right: FILE,
        default: "none",
        does: "a file with that password, which only its owner may write",
        take: |to, given| put(&mut to.delivery.smtp.password.file, path(given).map(Some)),
    },
    Setting {
        name: "smtp.from",
        right: "an e-mail address such as \"Example <accounts@example.org>\"",
        default: "none",
        does: "who the mail comes from",
        take: |to, given| put(&mut to.delivery.smtp.from, text(given).map(Some)),
    },
    Setting {
        name: "smtp.hello",
        right: "a full domain name such as www.example.org, or an address such as [192.0.2.1]",
        default: "the domain of site_url, or of smtp.from where that has none",
        does: "what the mail server is greeted with (EHLO)",
        take: |to, given| put(&mut to.delivery.smtp.hello, text(given).map(Some)),
    },
    Setting {
        name: "smtp.root_certificate",
        right: FILE,
        default: "none",
        does: "a file of certificates in PEM that are trusted too, of a private authority",
        take: |to, given| {
            put(
                &mut to.delivery.smtp.root_certificate,
                path(given).map(Some),
            )
        },
    },
    Setting {
        name: "smtp.timeout",
        right: TIME,
        default: "20 s",
        does: "how long the mail server may take for a message; receiver_timeout ends it too",
        take: |to, given| put(&mut to.delivery.smtp.timeout, some_time(given)),
    },
    Setting {
        name: "smtp.connections",
        right: "a number from 1 to 100",
        default: "4",
        does: "how many connections to the mail server there may be at once",
        take: |to, given| {
            let most = number(given, 1..=100).and_then(NonZeroUsize::new);
            put(&mut to.delivery.smtp.connections, most)
        },
    },
    Setting {
        name: "smtp.templates",
        right: "the path of a folder that exists",
        default: "none",
        does: "a folder whose texts replace ours one by one, or add languages: de/verify_email.txt",
        take: |to, given| put(&mut to.delivery.smtp.templates, folder(given).map(Some)),
    },
    Setting {
        name: "smtp.language",
        right: "a tag of a language such as en or pt-BR",
        default: "en",
        does: "the language of mail to people whose own has no texts",
        take: |to, given| put(&mut to.delivery.smtp.language, text(given)),
    },
];

/// What does not go together.
pub(super) fn mistakes(configuration: &Configuration) -> Vec<Mistake> {
    let mut section = Section::new(configuration);
    section.begins_with("smtp.host", "the name of the mail server", SETTINGS);
    let right = "who the mail comes from, such as \"Example <accounts@example.org>\"";
    section.needs("smtp.from", right, &["smtp.host"]);
    section.log_in("smtp.user", "smtp.password", "smtp.password_file");
    section.mistakes
}

fn port(given: &Given<'_>) -> Option<u16> {
    u16::try_from(number(given, 1..=65_535)?).ok()
}

fn security(given: &Given<'_>) -> Option<Security> {
    Some(match given.text()? {
        "tls" => Security::Implicit,
        "starttls" => Security::StartTls,
        "none" => Security::None,
        _ => return None,
    })
}
