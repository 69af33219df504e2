//! Traces: one span for each dispatch and one for each receiver in it, with signal, receiver and outcome.
//!
//! Never the event and never the text of an error: both may hold addresses, names and links. Spans are at debug level;
//! a receiver that fails in a dispatch that goes on is a warning, because its sender may not look at the report.

use crate::{ReceiverInfo, SignalInfo, report::Outcome};
use tracing::{
    Level, Span, debug_span,
    field::{Empty, display},
    level_filters::{LevelFilter, STATIC_MAX_LEVEL},
};

/// Whether anybody could be looking. One relaxed load: dispatch without a subscriber pays for no more.
#[inline]
pub(crate) fn is_on() -> bool {
    STATIC_MAX_LEVEL >= Level::DEBUG && LevelFilter::current() >= Level::DEBUG
}

/// The span of a dispatch.
pub(crate) fn dispatch(signal: &SignalInfo, how: &'static str, receivers: usize) -> Span {
    debug_span!(
        "signal",
        signal = signal.name,
        how,
        receivers,
        outcome = Empty
    )
}

/// The span of one receiver in a dispatch.
pub(crate) fn receiver(dispatch: &Span, receiver: &ReceiverInfo) -> Span {
    debug_span!(parent: dispatch, "receiver", receiver = receiver.id(), outcome = Empty)
}

/// Notes down how a span's receiver, or the first of its receivers that failed, ended.
pub(crate) fn ended(span: &Span, outcome: &'static str) {
    span.record("outcome", display(outcome));
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
