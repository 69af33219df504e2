//! What became of each receiver in a dispatch that ran all of them.

use crate::{ReceiverInfo, SendError, SignalInfo, outcome::Outcome, receivers::ReceiverInfos};
use std::{fmt, time::Duration};

static DONE: Outcome = Outcome::Done;

/// What there is to say beyond "done".
#[derive(Default)]
pub(crate) struct Notes {
    /// The outcomes other than `Done`, by the receiver's index, in the order of dispatch.
    pub(crate) exceptions: Vec<(usize, Outcome)>,
    /// The time each receiver took; empty when times are off.
    pub(crate) took: Vec<Duration>,
}

/// What became of each receiver of one dispatch, in the order of dispatch.
#[must_use = "a receiver may have failed: look at `failures`"]
pub struct Report {
    signal: &'static SignalInfo,
    infos: ReceiverInfos,
    /// Nothing while all is well and times are off: such a report allocates nothing.
    notes: Option<Box<Notes>>,
}

/// What became of one receiver of a dispatch.
#[derive(Clone, Copy)]
pub struct ReceiverReport<'a> {
    receiver: &'a ReceiverInfo,
    outcome: &'a Outcome,
    took: Option<Duration>,
}

impl Report {
    #[inline]
    pub(crate) fn new(
        signal: &'static SignalInfo,
        infos: ReceiverInfos,
        notes: Option<Box<Notes>>,
    ) -> Self {
        Self {
            signal,
            infos,
            notes,
        }
    }

    fn exceptions(&self) -> &[(usize, Outcome)] {
        self.notes.as_ref().map_or(&[], |notes| &notes.exceptions)
    }

    /// The signal that was sent.
    pub fn signal(&self) -> &'static SignalInfo {
        self.signal
    }

    /// How many receivers there were.
    pub fn len(&self) -> usize {
        self.infos.len()
    }

    /// Whether there was no receiver.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each receiver with its outcome, in the order of dispatch.
    pub fn receivers(&self) -> impl Iterator<Item = ReceiverReport<'_>> {
        (0..self.len()).filter_map(|index| {
            let receiver = self.infos.get(index)?;
            let exception = self.exceptions().iter().find(|(at, _)| *at == index);
            let outcome = exception.map_or(&DONE, |(_, outcome)| outcome);
            Some(ReceiverReport {
                receiver,
                outcome,
                took: self
                    .notes
                    .as_ref()
                    .and_then(|notes| notes.took.get(index).copied()),
            })
        })
    }

    /// The receivers that failed, panicked or were timed out.
    pub fn failures(&self) -> impl Iterator<Item = ReceiverReport<'_>> {
        self.receivers().filter(|report| !report.outcome.is_ok())
    }

    /// Whether no receiver failed.
    pub fn is_ok(&self) -> bool {
        self.exceptions().iter().all(|(_, outcome)| outcome.is_ok())
    }

    /// The first failure as an error, for senders to whom one is enough.
    ///
    /// # Errors
    /// When a receiver failed: see [`SendErrorKind`](crate::SendErrorKind).
    pub fn into_result(self) -> Result<(), SendError> {
        for (index, outcome) in self.notes.into_iter().flat_map(|notes| notes.exceptions) {
            if let Some(receiver) = self.infos.get(index) {
                SendError::check(receiver, outcome)?;
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
            .finish_non_exhaustive()
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
