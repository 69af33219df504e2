//! Going through the receivers of one event, in order: one loop where they are awaited, one where they are not.
//!
//! What an outcome means is the policy's affair; a trace observes, where someone looks.

use crate::{
    Event, ReceiverInfo, SyncEvent,
    answer::Answer,
    report::Outcome,
    roster::Roster,
    step::{Bound, Detail, Started},
    trace::Watched,
    wait,
};
use futures_util::{FutureExt, future::BoxFuture};
use std::{
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
};
use tracing::Instrument;

/// What becomes of a dispatch when a receiver has ended.
pub(crate) trait Policy {
    /// Whether the panic of a receiver is an outcome like any other; else it is the sender's.
    const CATCHES: bool;

    /// Whether a receiver is called at all.
    fn wants(&self, _receiver: &ReceiverInfo) -> bool {
        true
    }

    /// Takes note of how the receiver at `index` ended, and says whether the next one is called.
    fn ended(&mut self, index: usize, outcome: Outcome, detail: &Detail) -> ControlFlow<()>;
}

/// Calls the receivers one after the other and awaits those that await.
pub(crate) async fn run<E: Event, P: Policy>(
    roster: &Roster<E>,
    event: &E,
    policy: &mut P,
    dispatch: Option<&Watched>,
) {
    for (index, (bound, detail)) in roster.steps().enumerate() {
        let outcome = if !policy.wants(&detail.about) {
            Outcome::Skipped
        } else if dispatch.is_some() {
            Box::pin(step::<E, P>(bound, detail, event, dispatch)).await
        } else {
            // Not by way of a future that serves both kinds: robustly, 8 receivers that do not await cost 235 ns so, and 130
            // without.
            match begin::<E, P>(bound, detail, event) {
                Started::Ended(outcome) => outcome,
                Started::Waiting(waiting) => finish::<P>(waiting, detail).await,
            }
        };
        if policy.ended(index, outcome, detail).is_break() {
            return;
        }
    }
}

/// Calls the receivers of a signal that is declared `sync`, from `first` on.
pub(crate) fn run_sync<E: SyncEvent, P: Policy>(
    roster: &Roster<E>,
    first: usize,
    event: &E,
    policy: &mut P,
    dispatch: Option<&Watched>,
) {
    for (index, (bound, detail)) in roster.steps().enumerate().skip(first) {
        let outcome = if !policy.wants(&detail.about) {
            Outcome::Skipped
        } else if let Some(dispatch) = dispatch {
            let span = dispatch.receiver(&detail.about);
            let outcome = span.span().in_scope(|| step_sync::<E, P>(bound, event));
            span.ended(outcome.name());
            outcome
        } else {
            step_sync::<E, P>(bound, event)
        };
        if policy.ended(index, outcome, detail).is_break() {
            return;
        }
    }
}

/// Runs one receiver to its end, observed or not.
pub(crate) async fn step<E: Event, P: Policy>(
    bound: &Bound<E>,
    detail: &Detail,
    event: &E,
    dispatch: Option<&Watched>,
) -> Outcome {
    let run = async {
        match begin::<E, P>(bound, detail, event) {
            Started::Ended(outcome) => outcome,
            Started::Waiting(waiting) => finish::<P>(waiting, detail).await,
        }
    };
    let Some(dispatch) = dispatch else {
        return run.await;
    };
    let span = dispatch.receiver(&detail.about);
    let outcome = run.instrument(span.span().clone()).await;
    span.ended(outcome.name());
    outcome
}

/// Calls a receiver; one that awaits has yet to be awaited.
#[inline]
fn begin<'a, E: Event, P: Policy>(
    bound: &'a Bound<E>,
    detail: &Detail,
    event: &'a E,
) -> Started<'a> {
    match caught::<P, _>(|| bound.start(event, detail.timeout)) {
        Ok(started) => started,
        Err(panicked) => Started::Ended(panicked),
    }
}

/// Awaits a receiver, for no longer than it may take.
async fn finish<P: Policy>(waiting: BoxFuture<'_, Answer>, detail: &Detail) -> Outcome {
    let waiting = wait::within(waiting, detail.timeout);
    if !P::CATCHES {
        return waiting.await;
    }
    let ended = AssertUnwindSafe(waiting).catch_unwind().await;
    ended.unwrap_or_else(|payload| Outcome::panicked(&*payload))
}

#[inline]
fn step_sync<E: SyncEvent, P: Policy>(bound: &Bound<E>, event: &E) -> Outcome {
    match caught::<P, _>(|| bound.call_sync(event)) {
        Ok(answer) => answer.into(),
        Err(panicked) => panicked,
    }
}

/// Does what a receiver is called for, and makes an outcome of its panic if the policy says so. What it may have left
/// half done is behind its own `&`, and it is not called again in this dispatch.
#[inline]
fn caught<P: Policy, T>(call: impl FnOnce() -> T) -> Result<T, Outcome> {
    if !P::CATCHES {
        return Ok(call());
    }
    catch_unwind(AssertUnwindSafe(call)).map_err(|payload| Outcome::panicked(&*payload))
}
