//! The section `[nats]`: messages to a stream.

use std::path::PathBuf;
use std::time::Duration;

use super::{SecretSetting, Section, path, secret, signals, text};
use crate::configuration::setting::{FILE, Setting, TIME, YES_OR_NO, put, some_time};
use crate::configuration::{Configuration, Mistake};

/// What is known of the server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NatsSettings {
    pub(crate) url: Option<String>,
    pub(crate) subject: String,
    pub(crate) signals: Vec<String>,
    pub(crate) user: Option<String>,
    pub(crate) password: SecretSetting,
    pub(crate) token: SecretSetting,
    pub(crate) credentials_file: SecretSetting,
    pub(crate) danger_plain: bool,
    pub(crate) root_certificate: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            url: None,
            subject: "phone_auth".to_owned(),
            signals: super::all_signals(),
            user: None,
            password: SecretSetting::default(),
            token: SecretSetting::default(),
            credentials_file: SecretSetting::default(),
            danger_plain: false,
            root_certificate: None,
            timeout: Duration::from_secs(10),
        }
    }
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "nats.url",
        right: "a URL such as tls://nats.example.org",
        default: "none",
        does: "the NATS server with a JetStream stream that messages are published to; of a cluster, several with commas between",
        take: |to, given| put(&mut to.delivery.nats.url, text(given).map(Some)),
    },
    Setting {
        name: "nats.subject",
        right: "words with dots between them",
        default: "phone_auth",
        does: "what stands before the name of the signal in the subject: phone_auth.verify_email",
        take: |to, given| put(&mut to.delivery.nats.subject, text(given)),
    },
    Setting {
        name: "nats.signals",
        right: super::SIGNALS,
        default: super::ALL_SIGNALS,
        does: "the signals whose messages are published",
        take: |to, given| put(&mut to.delivery.nats.signals, signals(given)),
    },
    Setting {
        name: "nats.user",
        right: "a name",
        default: "none",
        does: "the name to log in with",
        take: |to, given| put(&mut to.delivery.nats.user, text(given).map(Some)),
    },
    Setting {
        name: "nats.password",
        right: "a password",
        default: "none",
        does: "the password that goes with it; rather in a file",
        take: |to, given| put(&mut to.delivery.nats.password.text, secret(given).map(Some)),
    },
    Setting {
        name: "nats.password_file",
        right: FILE,
        default: "none",
        does: "a file with that password, which only its owner may write",
        take: |to, given| put(&mut to.delivery.nats.password.file, path(given).map(Some)),
    },
    Setting {
        name: "nats.token",
        right: "a token",
        default: "none",
        does: "the token to log in with; rather in a file",
        take: |to, given| put(&mut to.delivery.nats.token.text, secret(given).map(Some)),
    },
    Setting {
        name: "nats.token_file",
        right: FILE,
        default: "none",
        does: "a file with that token",
        take: |to, given| put(&mut to.delivery.nats.token.file, path(given).map(Some)),
    },
    Setting {
        name: "nats.credentials_file",
        right: FILE,
        default: "none",
        does: "a file of credentials (.creds) to log in with",
        take: |to, given| {
            put(
                &mut to.delivery.nats.credentials_file.file,
                path(given).map(Some),
            )
        },
    },
    Setting {
        name: "nats.danger_plain",
        right: YES_OR_NO,
        default: "false",
        does: "whether nats: is let pass to another machine, where others can read the links",
        take: |to, given| put(&mut to.delivery.nats.danger_plain, given.boolean()),
    },
    Setting {
        name: "nats.root_certificate",
        right: FILE,
        default: "none",
        does: "a file of certificates in PEM that are trusted too, of a private authority",
        take: |to, given| {
            put(
                &mut to.delivery.nats.root_certificate,
                path(given).map(Some),
            )
        },
    },
    Setting {
        name: "nats.timeout",
        right: TIME,
        default: "10 s",
        does: "how long the server may take for a message; receiver_timeout ends it too",
        take: |to, given| put(&mut to.delivery.nats.timeout, some_time(given)),
    },
];

/// What does not go together.
pub(super) fn mistakes(configuration: &Configuration) -> Vec<Mistake> {
    let mut section = Section::new(configuration);
    section.begins_with("nats.url", "the URL of the server", SETTINGS);
    section.log_in("nats.user", "nats.password", "nats.password_file");
    section.not_both("nats.token", "nats.token_file");
    let ways = [
        "nats.user",
        "nats.token",
        "nats.token_file",
        "nats.credentials_file",
    ];
    for (at, way) in ways.iter().enumerate() {
        for other in ways.iter().skip(at + 1) {
            if (*way, *other) != ("nats.token", "nats.token_file") {
                section.not_both(way, other);
            }
        }
    }
    section.mistakes
}
