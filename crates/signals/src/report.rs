//! What became of each receiver in a dispatch that ran all of them.

use crate::{
    ReceiverInfo, SendError, SignalInfo,
    answer::{Answer, BoxError, Flow},
    plan::AnyRoster,
};
use std::{any::Any, fmt, sync::Arc, time::Duration};

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
    pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Self {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned());
        let message = message.or_else(|| payload.downcast_ref::<String>().cloned());
        Self::Panicked(message.unwrap_or_else(|| "a panic without a message".to_owned()))
    }
}

impl From<Answer> for Outcome {
    #[inline]
    fn from(answer: Answer) -> Self {
        match answer {
            Ok(Flow::Done) => Self::Done,
            Ok(Flow::Skipped) => Self::Skipped,
            Err(error) => Self::Failed(error),
        }
    }
}

static DONE: Outcome = Outcome::Done;

/// What became of each receiver of one dispatch, in the order of dispatch.
#[must_use = "a receiver may have failed: look at `failures`"]
pub struct Report {
    signal: &'static SignalInfo,
    roster: Option<Arc<dyn AnyRoster>>,
    /// The outcomes other than `Done`, by the receiver's index: a dispatch in which all is well allocates nothing.
    exceptions: Vec<(usize, Outcome)>,
    /// The time each receiver took; empty when times are off.
    took: Vec<Duration>,
}

/// What became of one receiver of a dispatch.
#[derive(Clone, Copy)]
pub struct ReceiverReport<'a> {
    receiver: &'a ReceiverInfo,
    outcome: &'a Outcome,
    took: Option<Duration>,
}

impl Report {
    pub(crate) fn nobody(signal: &'static SignalInfo) -> Self {
        Self {
            signal,
            roster: None,
            exceptions: Vec::new(),
            took: Vec::new(),
        }
    }

    pub(crate) fn new(
        signal: &'static SignalInfo,
        roster: Arc<dyn AnyRoster>,
        exceptions: Vec<(usize, Outcome)>,
        took: Vec<Duration>,
    ) -> Self {
        Self {
            signal,
            roster: Some(roster),
            exceptions,
            took,
        }
    }

    /// The signal that was sent.
    pub fn signal(&self) -> &'static SignalInfo {
        self.signal
    }

    /// How many receivers there were.
    pub fn len(&self) -> usize {
        self.roster.as_ref().map_or(0, |roster| roster.len())
    }

    /// Whether there was no receiver.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each receiver with its outcome, in the order of dispatch.
    pub fn receivers(&self) -> impl Iterator<Item = ReceiverReport<'_>> {
        (0..self.len()).filter_map(|index| {
            let receiver = self.roster.as_ref()?.receiver(index)?;
            let exception = self.exceptions.iter().find(|(at, _)| *at == index);
            let outcome = exception.map_or(&DONE, |(_, outcome)| outcome);
            Some(ReceiverReport {
                receiver,
                outcome,
                took: self.took.get(index).copied(),
            })
        })
    }

    /// The receivers that failed, panicked or were timed out.
    pub fn failures(&self) -> impl Iterator<Item = ReceiverReport<'_>> {
        self.receivers().filter(|report| !report.outcome.is_ok())
    }

    /// Whether no receiver failed.
    pub fn is_ok(&self) -> bool {
        self.exceptions.iter().all(|(_, outcome)| outcome.is_ok())
    }

    /// The first failure as an error, for senders to whom one is enough.
    ///
    /// # Errors
    /// When a receiver failed: see [`SendErrorKind`](crate::SendErrorKind).
    pub fn into_result(self) -> Result<(), SendError> {
        let Some(roster) = self.roster else {
            return Ok(());
        };
        for (index, outcome) in self.exceptions {
            if let Some(receiver) = roster.receiver(index)
                && let Some(error) = SendError::from_outcome(receiver, outcome)
            {
                return Err(error);
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let receivers: Vec<_> = self.receivers().collect();
        f.debug_struct("Report")
            .field("signal", &self.signal.name)
            .field("receivers", &receivers)
            .finish()
    }
}

impl<'a> ReceiverReport<'a> {
    /// The receiver.
    pub fn receiver(&self) -> &'a ReceiverInfo {
        self.receiver
    }

    /// What became of it.
    pub fn outcome(&self) -> &'a Outcome {
        self.outcome
    }

    /// How long it took, if times were taken (see [`SignalsBuilder::timed`](crate::SignalsBuilder::timed)).
    pub fn took(&self) -> Option<Duration> {
        self.took
    }
}

impl fmt::Debug for ReceiverReport<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceiverReport")
            .field("receiver", &self.receiver.id())
            .field("outcome", &self.outcome)
            .field("took", &self.took)
            .finish()
    }
}
