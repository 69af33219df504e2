//! The settings of the ready receivers, a section for each.

mod smtp;

pub(crate) use smtp::SmtpSettings;

use std::path::{Path, PathBuf};

use super::setting::Setting;
use super::{Configuration, Mistake};

/// What the ready receivers are told.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DeliverySettings {
    pub(crate) smtp: SmtpSettings,
}

/// A secret, or the file that holds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SecretSetting {
    pub(crate) text: Option<phone_auth::delivery::Secret>,
    pub(crate) file: Option<PathBuf>,
}

impl SecretSetting {
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}

/// All settings of the ready receivers.
pub(super) fn settings() -> impl Iterator<Item = &'static Setting> {
    smtp::SETTINGS.iter()
}

/// What of these settings does not go together.
pub(super) fn mistakes(configuration: &Configuration) -> Vec<Mistake> {
    smtp::mistakes(configuration)
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
        let names: Vec<_> = settings.iter().map(|setting| setting.name).collect();
        self.needs(needed, right, &names);
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
