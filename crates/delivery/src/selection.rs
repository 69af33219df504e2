//! Which of the signals that ask for messages a receiver takes.

use phone_auth_events::MessageSignal;

use crate::{BuildError, BuildErrorKind};

/// Some of the signals that ask for messages; else all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selection(Option<Vec<String>>);

impl Selection {
    pub(crate) fn only<S: Into<String>>(names: impl IntoIterator<Item = S>) -> Self {
        Self(Some(names.into_iter().map(Into::into).collect()))
    }

    /// # Errors
    /// `Signal` when one of them asks for no message, or there is none.
    pub(crate) fn check(&self) -> Result<(), BuildError> {
        let Some(names) = &self.0 else {
            return Ok(());
        };
        let is_known = |name: &String| MessageSignal::named(name).is_some();
        if names.is_empty() || !names.iter().all(is_known) {
            return Err(BuildError::new(BuildErrorKind::Signal));
        }
        Ok(())
    }

    pub(crate) fn takes(&self, signal: &str) -> bool {
        let names = self.0.as_deref();
        names.is_none_or(|names| names.iter().any(|name| name == signal))
    }
}
