//! Which settings were set, and where.

use std::collections::BTreeMap;

use super::error::Mistake;
use super::source::Source;

/// Where each setting that someone set was set last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sources(BTreeMap<&'static str, Source>);

impl Sources {
    /// Notes where a setting was set.
    pub(super) fn note(&mut self, setting: &'static str, at: Source) {
        self.0.insert(setting, at);
    }

    /// Whether someone set a setting.
    pub(crate) fn is_set(&self, setting: &str) -> bool {
        self.0.contains_key(setting)
    }

    /// Where a setting was set.
    pub(crate) fn of(&self, setting: &str) -> Source {
        self.0.get(setting).cloned().unwrap_or(Source::Default)
    }

    /// The first of these settings that was set; else the first.
    pub(crate) fn first_set(&self, settings: &[&'static str]) -> &'static str {
        let set = settings.iter().find(|setting| self.is_set(setting));
        set.or(settings.first()).copied().unwrap_or_default()
    }

    /// The mistake that a setting does not go with the others.
    pub(crate) fn refuse(&self, setting: &'static str, why: impl Into<String>) -> Mistake {
        Mistake::Refused {
            setting,
            at: self.of(setting),
            why: why.into(),
        }
    }
}
