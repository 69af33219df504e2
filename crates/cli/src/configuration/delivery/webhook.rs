//! The section `[webhook]`: messages to a service that sends them.

use std::path::PathBuf;
use std::time::Duration;

use super::{SecretSetting, Section, path, secret, signals, text};
use crate::configuration::setting::{FILE, Setting, TIME, YES_OR_NO, put, some_time};
use crate::configuration::{Configuration, Mistake};

const SECRET: &str = "a secret such as whsec_ and base64 of 24 bytes or more";

/// What is known of the service.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WebhookSettings {
    pub(crate) url: Option<String>,
    pub(crate) secret: SecretSetting,
    pub(crate) old_secret: SecretSetting,
    pub(crate) signals: Vec<String>,
    pub(crate) danger_plain: bool,
    pub(crate) root_certificate: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            url: None,
            secret: SecretSetting::default(),
            old_secret: SecretSetting::default(),
            signals: super::all_signals(),
            danger_plain: false,
            root_certificate: None,
            timeout: Duration::from_secs(20),
        }
    }
}

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        name: "webhook.url",
        right: "a URL with https",
        default: "none",
        does: "the service that messages are posted to, signed as Standard Webhooks has it",
        take: |to, given| put(&mut to.delivery.webhook.url, text(given).map(Some)),
    },
    Setting {
        name: "webhook.secret",
        right: SECRET,
        default: "none",
        does: "the secret that is shared with it; rather in a file",
        take: |to, given| {
            put(
                &mut to.delivery.webhook.secret.text,
                secret(given).map(Some),
            )
        },
    },
    Setting {
        name: "webhook.secret_file",
        right: FILE,
        default: "none",
        does: "a file with that secret, which only its owner may write",
        take: |to, given| put(&mut to.delivery.webhook.secret.file, path(given).map(Some)),
    },
    Setting {
        name: "webhook.old_secret",
        right: SECRET,
        default: "none",
        does: "the secret of before, signed with as well while the service changes to the new one",
        take: |to, given| {
            put(
                &mut to.delivery.webhook.old_secret.text,
                secret(given).map(Some),
            )
        },
    },
    Setting {
        name: "webhook.old_secret_file",
        right: FILE,
        default: "none",
        does: "a file with that one",
        take: |to, given| {
            put(
                &mut to.delivery.webhook.old_secret.file,
                path(given).map(Some),
            )
        },
    },
    Setting {
        name: "webhook.signals",
        right: super::SIGNALS,
        default: super::ALL_SIGNALS,
        does: "the signals whose messages are posted",
        take: |to, given| put(&mut to.delivery.webhook.signals, signals(given)),
    },
    Setting {
        name: "webhook.danger_plain",
        right: YES_OR_NO,
        default: "false",
        does: "whether http is let pass to another machine, where others can read the links",
        take: |to, given| put(&mut to.delivery.webhook.danger_plain, given.boolean()),
    },
    Setting {
        name: "webhook.root_certificate",
        right: FILE,
        default: "none",
        does: "a file of certificates in PEM that are trusted too, of a private authority",
        take: |to, given| {
            put(
                &mut to.delivery.webhook.root_certificate,
                path(given).map(Some),
            )
        },
    },
    Setting {
        name: "webhook.timeout",
        right: TIME,
        default: "20 s",
        does: "how long the service may take for a message; receiver_timeout ends it too",
        take: |to, given| put(&mut to.delivery.webhook.timeout, some_time(given)),
    },
];

/// What does not go together.
pub(super) fn mistakes(configuration: &Configuration) -> Vec<Mistake> {
    let mut section = Section::new(configuration);
    section.begins_with("webhook.url", "the URL of the service", SETTINGS);
    let (url, secret, file) = ("webhook.url", "webhook.secret", "webhook.secret_file");
    section.not_both(secret, file);
    if section.is_set(url) && !section.is_set(secret) && !section.is_set(file) {
        let why =
            format!("it must be set when {url} is, or {file}: what is shared with the service");
        section.refuse(secret, why);
    }
    section.not_both("webhook.old_secret", "webhook.old_secret_file");
    section.mistakes
}
