//! What became of one receiver of a dispatch.

use crate::answer::{Answer, BoxError, is_skipped};
use std::{
    any::Any,
    mem,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

/// What became of one receiver.
#[derive(Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// It ran to its end.
    Done,
    /// Its filter refused the event; it was not called.
    Skipped,
    /// It returned an error.
    Failed(BoxError),
    /// It panicked, with this message.
    Panicked(String),
    /// It took longer than this and was dropped at the point where it was waiting.
    TimedOut(Duration),
    /// It has a time-out, and there is no Tokio runtime to keep it; it was not called.
    NoRuntime,
}

impl Outcome {
    /// Whether the receiver did what it was asked to, or had nothing to do.
    pub fn is_ok(&self) -> bool {
        matches!(self, Self::Done | Self::Skipped)
    }

    /// The outcome in one word, as traces have it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed(_) => "error",
            Self::Panicked(_) => "panic",
            Self::TimedOut(_) => "timed out",
            Self::NoRuntime => "no runtime",
        }
    }

    /// The outcome of a receiver whose panic was caught.
    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned());
        let message = message.or_else(|| payload.downcast_ref::<String>().cloned());
        // It is the user's, and may panic when it is dropped; what it panics with then may do so again.
        if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            mem::forget(again);
        }
        Self::Panicked(message.unwrap_or_else(|| "a panic without a message".to_owned()))
    }
}

impl From<Answer> for Outcome {
    #[inline]
    fn from(answer: Answer) -> Self {
        match answer {
            Ok(()) => Self::Done,
            Err(error) if is_skipped(&error) => Self::Skipped,
            Err(error) => Self::Failed(error),
        }
    }
}
