//! The failure that ended a `send`.

use crate::{ReceiverInfo, answer::BoxError, outcome::Outcome, write_causes};
use std::{error::Error, fmt, time::Duration};

/// The failure of the receiver at which a `send` stopped. `source` is the receiver's own error.
pub struct SendError(Box<Failure>);

struct Failure {
    receiver: ReceiverInfo,
    reason: Reason,
}

enum Reason {
    Failed(BoxError),
    Panicked(String),
    TimedOut(Duration),
    NoRuntime,
}

/// How a receiver failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendErrorKind {
    /// It returned an error.
    Failed,
    /// It panicked, and the panic was caught.
    Panicked,
    /// It took longer than its time-out and was dropped.
    TimedOut,
    /// It has a time-out, and there is no Tokio runtime to keep it; it was not called.
    NoRuntime,
}

impl SendError {
    /// The failure that `outcome` is, if it is one.
    ///
    /// # Errors
    /// When it is.
    #[cold]
    pub(crate) fn check(receiver: &ReceiverInfo, outcome: Outcome) -> Result<(), Self> {
        let reason = match outcome {
            Outcome::Done | Outcome::Skipped => return Ok(()),
            Outcome::Failed(error) => Reason::Failed(error),
            Outcome::Panicked(message) => Reason::Panicked(message),
            Outcome::TimedOut(limit) => Reason::TimedOut(limit),
            Outcome::NoRuntime => Reason::NoRuntime,
        };
        let receiver = receiver.clone();
        Err(Self(Box::new(Failure { receiver, reason })))
    }

    /// How the receiver failed.
    pub fn kind(&self) -> SendErrorKind {
        match self.0.reason {
            Reason::Failed(_) => SendErrorKind::Failed,
            Reason::Panicked(_) => SendErrorKind::Panicked,
            Reason::TimedOut(_) => SendErrorKind::TimedOut,
            Reason::NoRuntime => SendErrorKind::NoRuntime,
        }
    }

    /// The receiver that failed.
    pub fn receiver(&self) -> &ReceiverInfo {
        &self.0.receiver
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { receiver, reason } = &*self.0;
        match reason {
            Reason::Failed(_) => write!(f, "the receiver {receiver} failed"),
            Reason::Panicked(_) => write!(f, "the receiver {receiver} panicked"),
            Reason::TimedOut(limit) => {
                write!(f, "the receiver {receiver} took longer than {limit:?}")
            }
            Reason::NoRuntime => write!(
                f,
                "the receiver {receiver} has a time-out, which needs a Tokio runtime"
            ),
        }
    }
}

impl fmt::Debug for SendError {
    /// The sentence, with what the receiver said: a `main` that returns the error prints it in this way.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_causes(self, f)?;
        match &self.0.reason {
            Reason::Panicked(message) => write!(f, ": {message}"),
            _ => Ok(()),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0.reason {
            Reason::Failed(error) => Some(&**error),
            _ => None,
        }
    }
}
