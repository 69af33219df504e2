//! Traces: one span for each dispatch and one for each receiver in it, with signal, receiver and outcome.
//!
//! Never the event and never the text of an error: both may hold addresses, names and links. Spans are at debug level;
//! a receiver that fails in a dispatch that goes on is a warning, because its sender may not look at the report. What is
//! idle is said once, when a dispatcher is built.

use crate::{ReceiverInfo, SignalInfo, outcome::Outcome};
use std::thread;
use tracing::{
    Level, Span, debug_span,
    field::{Empty, display},
    level_filters::{LevelFilter, STATIC_MAX_LEVEL},
};

/// Whether anyone could be looking. One relaxed load: dispatch without a subscriber pays for no more.
#[inline]
pub(crate) fn is_on() -> bool {
    STATIC_MAX_LEVEL >= Level::DEBUG && LevelFilter::current() >= Level::DEBUG
}

/// A span of a dispatch or of one receiver in it. It notes down how that ended, also when a panic or the sender who drops
/// the future ends it. That of a dispatch is kept in a box: the future of every dispatch has room for it, and few are
/// observed.
pub(crate) struct Watched {
    span: Span,
    outcome: Option<&'static str>,
}

impl Watched {
    /// The span of a dispatch.
    #[cold]
    pub(crate) fn dispatch(signal: &SignalInfo, how: &'static str, receivers: usize) -> Self {
        Self::new(debug_span!(
            "signal",
            signal = signal.name,
            how,
            receivers,
            outcome = Empty
        ))
    }

    /// The span of one receiver in this dispatch.
    pub(crate) fn receiver(&self, receiver: &ReceiverInfo) -> Self {
        Self::new(
            debug_span!(parent: &self.span, "receiver", receiver = receiver.id(), outcome = Empty),
        )
    }

    fn new(span: Span) -> Self {
        Self {
            span,
            outcome: None,
        }
    }

    /// The span, to run in.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// Ends it: how its receiver, or the first of its receivers that failed, ended.
    pub(crate) fn ended(mut self, outcome: &'static str) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let outcome = self.outcome.unwrap_or(if thread::panicking() {
            "panic"
        } else {
            "dropped"
        });
        self.span.record("outcome", display(outcome));
    }
}

/// Warns of a receiver that failed while the others go on.
#[cold]
pub(crate) fn warn(signal: &SignalInfo, receiver: &ReceiverInfo, outcome: &Outcome) {
    tracing::warn!(
        signal = signal.name,
        receiver = receiver.id(),
        file = receiver.place().file,
        line = receiver.place().line,
        outcome = outcome.name(),
        "a signal's receiver failed"
    );
}

/// Says that an optional receiver is not called, because nobody has provided what it takes.
#[cold]
pub(crate) fn idle(receiver: &ReceiverInfo, lacks: &[&str]) {
    let (id, lacks) = (receiver.id(), lacks.join(", "));
    tracing::info!("receiver {id} is idle: {lacks} is not provided");
}

/// Warns of a detached dispatch that its runtime dropped while it was under way.
#[cold]
pub(crate) fn dropped(signal: &SignalInfo) {
    tracing::warn!(
        signal = signal.name,
        "a detached signal was dropped with its runtime"
    );
}
