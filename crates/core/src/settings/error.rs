//! Why settings are refused.

/// A setting that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the setting {setting} must be {expected}")]
pub struct SettingsError {
    setting: &'static str,
    expected: &'static str,
}

impl std::fmt::Debug for SettingsError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

impl SettingsError {
    pub(crate) const fn new(setting: &'static str, expected: &'static str) -> Self {
        Self { setting, expected }
    }

    /// The name of the setting, as the field of [`Settings`](super::Settings) is called.
    pub const fn setting(&self) -> &'static str {
        self.setting
    }

    /// What would be right.
    pub const fn expected(&self) -> &'static str {
        self.expected
    }
}
