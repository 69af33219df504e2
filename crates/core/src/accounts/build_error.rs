//! Why the flows could not be put together.

use std::error::Error;
use std::fmt;

use crate::settings::SettingsError;

/// What the flows could not be built with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// A setting.
    Settings,
    /// The linked receivers.
    Signals,
    /// The routes.
    Routes,
}

/// Why the flows could not be put together.
pub struct BuildError {
    kind: BuildErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

impl BuildError {
    pub(super) fn new(kind: BuildErrorKind, source: impl Error + Send + Sync + 'static) -> Self {
        Self {
            kind,
            source: Box::new(source),
        }
    }

    /// What was wrong.
    pub const fn kind(&self) -> BuildErrorKind {
        self.kind
    }

    /// The setting that was wrong, if it was one.
    pub fn setting(&self) -> Option<&SettingsError> {
        self.source.downcast_ref()
    }
}

/// Durable receivers were found, and nothing keeps the events for them.
#[derive(Debug, thiserror::Error)]
#[error(
    "without an outbox nothing keeps events for durable receivers, and there are: {}",
    .0.join(", ")
)]
pub(super) struct NoOutbox(pub(super) Vec<String>);

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            BuildErrorKind::Settings => "a setting cannot be used",
            BuildErrorKind::Signals => "the linked receivers cannot be used",
            BuildErrorKind::Routes => "the routes cannot be made",
        })
    }
}

impl fmt::Debug for BuildError {
    /// The sentence: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        phone_auth_events::write_causes(self, f)
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.source.as_ref())
    }
}
