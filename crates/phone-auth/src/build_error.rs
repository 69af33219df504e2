//! Why accounts could not be put together.

use std::error::Error;
use std::fmt;

/// What stands in the way of a [`PhoneAuth`](crate::PhoneAuth).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// No site was given, or it is not an origin.
    Site,
    /// No secret key was given.
    SecretKey,
    /// No database and no store was given, or the name of the database is none.
    Database,
    /// The database cannot be opened, or brought to the newest schema.
    Store,
    /// The database belongs to another secret key.
    ForeignKey,
    /// A setting cannot be used.
    Settings,
    /// A linked receiver cannot be used as it is: above all it takes state that nobody provided.
    Signals,
    /// A flow that is switched on asks for messages that nobody receives.
    NoReceiver,
    /// Messages would be printed and kept to be looked at, on a site that is not on a loopback address.
    Development,
    /// The pages cannot be made: a template has a mistake.
    Web,
}

/// Why accounts could not be put together.
#[derive(Debug)]
pub struct BuildError {
    kind: BuildErrorKind,
    unreceived: Vec<&'static str>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl BuildError {
    pub(crate) fn new(kind: BuildErrorKind) -> Self {
        Self {
            kind,
            unreceived: Vec::new(),
            source: None,
        }
    }

    pub(crate) fn with_source(
        kind: BuildErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            source: Some(source.into()),
            ..Self::new(kind)
        }
    }

    pub(crate) fn no_receiver(unreceived: Vec<&'static str>) -> Self {
        Self {
            unreceived,
            ..Self::new(BuildErrorKind::NoReceiver)
        }
    }

    /// What stands in the way.
    pub fn kind(&self) -> BuildErrorKind {
        self.kind
    }

    /// The signals that nobody receives, if that is what stands in the way.
    pub fn unreceived(&self) -> &[&'static str] {
        &self.unreceived
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            BuildErrorKind::Site => "no site, or none that is an origin such as https://example.org",
            BuildErrorKind::SecretKey => "no secret key",
            BuildErrorKind::Database => "no database, or none such as sqlite:app.sqlite3 or postgres://user@host/database",
            BuildErrorKind::Store => "the database cannot be opened",
            BuildErrorKind::ForeignKey => {
                "the database belongs to another secret key: give that one, or, to change keys, the new one as the \
                 secret key and the old one as a fallback key"
            }
            BuildErrorKind::Settings => "a setting cannot be used",
            BuildErrorKind::Signals => "the linked receivers cannot be used",
            BuildErrorKind::NoReceiver => {
                return write!(
                    f,
                    "nobody receives {}: link a receiver for each, or say that a message may be lost \
                     with `.unreceived::<Event>()`",
                    self.unreceived.join(", ")
                );
            }
            BuildErrorKind::Development => "development mode is for a site on a loopback address, such as http://127.0.0.1:8000",
            BuildErrorKind::Web => "the pages cannot be made",
        })
    }
}

impl Error for BuildError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
