//! Why accounts could not be put together.

use std::error::Error;
use std::fmt;

use crate::core::accounts;
use crate::receivers::UnsentChannel;
use crate::signals::Channel;

/// What stands in the way of a [`PhoneAuth`](crate::PhoneAuth).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// The name of a database is none.
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
    /// The settings offer a channel to phones by which nobody sends.
    NoChannel,
    /// Messages would be printed and kept to be looked at, on a site that is not on a loopback address.
    Development,
    /// A dispatcher was given, and receivers were described for another.
    TwoDispatchers,
    /// It was said how a worker works, and there is none.
    Worker,
    /// The pages cannot be made, such as when a template has a mistake.
    Web,
}

/// Why accounts could not be put together. Its `Debug` is the sentence and its causes: a `main` that returns the error
/// prints it in this way.
pub struct BuildError {
    kind: BuildErrorKind,
    missing: Vec<&'static str>,
    channel: Option<Channel>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl BuildError {
    pub(crate) fn new(kind: BuildErrorKind) -> Self {
        Self {
            kind,
            missing: Vec::new(),
            channel: None,
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

    pub(crate) fn no_receiver(missing: Vec<&'static str>) -> Self {
        Self {
            missing,
            ..Self::new(BuildErrorKind::NoReceiver)
        }
    }

    pub(crate) fn no_channel(unsent: UnsentChannel) -> Self {
        Self {
            missing: unsent.signals,
            channel: Some(unsent.channel),
            ..Self::new(BuildErrorKind::NoChannel)
        }
    }

    /// What stands in the way.
    pub fn kind(&self) -> BuildErrorKind {
        self.kind
    }

    /// The signals that nobody receives, or whose messages nobody sends by a channel, if that is what stands in the way.
    pub fn without_receiver(&self) -> &[&'static str] {
        &self.missing
    }
}

/// What the name of a database is, and which feature another one needs.
const NO_DATABASE: &str = match (cfg!(feature = "sqlite"), cfg!(feature = "postgres")) {
    (true, true) => {
        "no name of a database such as sqlite:app.sqlite3, whose path begins with no // (sqlite:/srv/app.sqlite3, not sqlite:///srv/app.sqlite3) and has no ?, or \
         postgres://user@host/database"
    }
    (true, false) => {
        "no name of a database such as sqlite:app.sqlite3, whose path begins with no // (sqlite:/srv/app.sqlite3, not sqlite:///srv/app.sqlite3) and has no ?; \
         postgres://user@host/database needs the feature `postgres` of phone-auth"
    }
    (false, _) => {
        "no name of a database such as postgres://user@host/database; sqlite:app.sqlite3 needs the feature `sqlite` of \
         phone-auth"
    }
};

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            BuildErrorKind::Database => NO_DATABASE,
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
                     with `.allow_unreceived::<Event>()`",
                    self.missing.join(", ")
                );
            }
            BuildErrorKind::NoChannel => {
                let channel = self.channel.map_or("a channel", Channel::as_str);
                return write!(
                    f,
                    "phone_channels offers {channel}, by which nobody sends {}: the SMS gateway sends text messages alone; link a \
                     receiver that sends by {channel}, have a service do it with `.webhook(…)` or `.nats(…)`, or leave {channel} out",
                    self.missing.join(", ")
                );
            }
            BuildErrorKind::Development => "development mode is for a site on a loopback address, such as http://127.0.0.1:8000",
            BuildErrorKind::TwoDispatchers => {
                "a dispatcher was given with `.signals(…)`, so nothing that `.receivers(…)` or a method for ready receivers \
                 says would have an effect: leave out one of the two"
            }
            BuildErrorKind::Worker => {
                "`.worker(…)` says how a worker works, and there is none, because of `.without_worker()` or because no \
                 outbox keeps messages: leave out one of the two"
            }
            BuildErrorKind::Web => "the pages cannot be made",
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
        let source = self.source.as_deref()?;
        // Flows that cannot be built say the same sentence as this.
        match source.downcast_ref::<accounts::BuildError>() {
            Some(same) => same.source(),
            None => Some(source),
        }
    }
}
