//! The settings of the ready receivers, a section for each.

mod nats;
mod sms;
mod smtp;
mod webhook;

#[cfg(test)]
pub(super) mod tests;

pub(crate) use nats::NatsSettings;
pub(crate) use sms::SmsSettings;
pub(crate) use smtp::SmtpSettings;
pub(crate) use webhook::WebhookSettings;

use std::path::{Path, PathBuf};

use phone_auth::delivery::Secret;

use super::setting::{SIGNALS, Setting, messages};
use super::value::Given;
use super::{Configuration, Mistake};
use crate::mode::MESSAGES;

/// What the ready receivers are told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DeliverySettings {
    pub(crate) smtp: SmtpSettings,
    pub(crate) sms: SmsSettings,
    pub(crate) webhook: WebhookSettings,
    pub(crate) nats: NatsSettings,
}

/// A secret, or the file that holds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SecretSetting {
    pub(crate) text: Option<Secret>,
    pub(crate) file: Option<PathBuf>,
}

impl SecretSetting {
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}

/// All settings of the ready receivers.
pub(super) fn settings() -> impl Iterator<Item = &'static Setting> {
    let sections = [
        smtp::SETTINGS,
        sms::SETTINGS,
        webhook::SETTINGS,
        nats::SETTINGS,
    ];
    sections.into_iter().flatten()
}

/// What of these settings does not go together.
pub(super) fn mistakes(configuration: &Configuration) -> Vec<Mistake> {
    [
        smtp::mistakes,
        sms::mistakes,
        webhook::mistakes,
        nats::mistakes,
    ]
    .iter()
    .flat_map(|mistakes| mistakes(configuration))
    .collect()
}

/// The mistakes of a section: settings of it while the one that turns it on is missing, and pairs of which
/// one is missing or one too many.
struct Section<'a> {
    configuration: &'a Configuration,
    mistakes: Vec<Mistake>,
}

impl<'a> Section<'a> {
    fn new(configuration: &'a Configuration) -> Self {
        Self {
            configuration,
            mistakes: Vec::new(),
        }
    }

    fn is_set(&self, name: &str) -> bool {
        self.configuration.is_set(name)
    }

    /// Notes that a setting is wrong beside the others.
    fn refuse(&mut self, name: &'static str, why: String) {
        self.mistakes.push(self.configuration.refuse(name, why));
    }

    /// Demands `needed` when any of `those` is set.
    fn needs(&mut self, needed: &'static str, right: &str, those: &[&'static str]) {
        let those = those.iter().find(|name| self.is_set(name));
        if let Some(set) = those
            && !self.is_set(needed)
        {
            self.refuse(needed, format!("it must be set when {set} is: {right}"));
        }
    }

    /// Demands `needed` when anything in its section is set.
    fn begins_with(&mut self, needed: &'static str, right: &str, settings: &'static [Setting]) {
        let others = settings.iter().map(|setting| setting.name);
        let others: Vec<_> = others.filter(|name| *name != needed).collect();
        self.needs(needed, right, &others);
    }

    /// Refuses both of two settings that say the same.
    fn not_both(&mut self, one: &'static str, other: &'static str) {
        if self.is_set(one) && self.is_set(other) {
            let why = format!("it says the same as {one}, which is set too; leave one of them out");
            self.refuse(other, why);
        }
    }

    /// Demands that both or none of a name and its secret are set.
    fn log_in(&mut self, user: &'static str, secret: &'static str, file: &'static str) {
        self.not_both(secret, file);
        self.needs(user, "the name to log in with", &[secret, file]);
        if self.is_set(user) && !self.is_set(secret) && !self.is_set(file) {
            let why =
                format!("it must be set when {user} is, or {file}: the password that goes with it");
            self.refuse(secret, why);
        }
    }
}

fn text(given: &Given<'_>) -> Option<String> {
    given.text().map(str::to_owned)
}

fn secret(given: &Given<'_>) -> Option<Secret> {
    given.text().map(Secret::new)
}

fn path(given: &Given<'_>) -> Option<PathBuf> {
    given.path()
}

const ALL_SIGNALS: &str = "reset_password_email, reset_password_phone, verify_email, verify_phone";

fn all_signals() -> Vec<String> {
    MESSAGES.map(str::to_owned).to_vec()
}

/// Some of the four signals.
fn signals(given: &Given<'_>) -> Option<Vec<String>> {
    let signals = messages(given)?;
    let signals: Vec<_> = signals.into_iter().map(str::to_owned).collect();
    (!signals.is_empty()).then_some(signals)
}
