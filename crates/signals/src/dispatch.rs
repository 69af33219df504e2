//! Going through the receivers of one event, in order: one loop where they are awaited, one where they are not.
//!
//! What an outcome means is the policy's affair; a trace observes, where someone looks. While neither has anything to note
//! down, both loops go through the receivers by a shorter way, which stops at the first that is not ready and well.

use crate::{
    Event, ReceiverInfo, SyncEvent,
    bound_receiver::{BoundReceiver, Stopped},
    receivers::Receivers,
    report::Outcome,
    trace::Watched,
    wait,
};
use futures_util::FutureExt;
use std::{
    future::poll_fn,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    task::{Context, Poll},
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

    /// Whether every receiver is called, and nothing is noted down of those with which all is well.
    fn is_plain(&self) -> bool;

    /// Takes note of how the receiver at `index` ended, and says whether the next one is called.
    fn ended(&mut self, index: usize, outcome: Outcome, info: &ReceiverInfo) -> ControlFlow<()>;
}

/// Calls the receivers one after the other and awaits those that await.
pub(crate) async fn run<E: Event, P: Policy>(
    receivers: &Receivers<E>,
    event: &E,
    policy: &mut P,
    dispatch: Option<&Watched>,
) {
    let is_plain = dispatch.is_none() && policy.is_plain();
    let mut next = 0;
    while let Some(bound) = receivers.bound().get(next) {
        let outcome = if is_plain {
            let begun = poll_fn(|context| {
                Poll::Ready(while_ready::<E, P>(receivers, &mut next, event, context))
            });
            match begun.await {
                None => return,
                Some(stopped) => finish::<P>(stopped).await,
            }
        } else {
            next += 1;
            let Some(info) = receivers.infos().get(next - 1) else {
                return;
            };
            if policy.wants(info) {
                Box::pin(step::<E, P>(bound, info, event, dispatch)).await
            } else {
                Outcome::Skipped
            }
        };
        let index = next - 1;
        let info = receivers.infos().get(index);
        if info.is_none_or(|info| policy.ended(index, outcome, info).is_break()) {
            return;
        }
    }
}

/// Calls the receivers of a signal that is declared `sync`, from `next` on.
pub(crate) fn run_sync<E: SyncEvent, P: Policy>(
    receivers: &Receivers<E>,
    mut next: usize,
    event: &E,
    policy: &mut P,
    dispatch: Option<&Watched>,
) {
    let is_plain = dispatch.is_none() && policy.is_plain();
    while let Some(bound) = receivers.bound().get(next) {
        let outcome = if is_plain {
            match while_well::<E, P>(receivers.bound(), &mut next, event) {
                None => return,
                Some(outcome) => outcome,
            }
        } else {
            next += 1;
            let Some(info) = receivers.infos().get(next - 1) else {
                return;
            };
            if policy.wants(info) {
                step_sync::<E, P>(bound, info, event, dispatch)
            } else {
                Outcome::Skipped
            }
        };
        let index = next - 1;
        let info = receivers.infos().get(index);
        if info.is_none_or(|info| policy.ended(index, outcome, info).is_break()) {
            return;
        }
    }
}

/// Calls the receivers from `next` on for as long as each is ready at once and answers that all is well, under one guard
/// against panics for all. `next` is behind the one at which it stopped; nothing if that is behind the last.
#[inline]
fn while_ready<'a, E: Event, P: Policy>(
    receivers: &'a Receivers<E>,
    next: &mut usize,
    event: &'a E,
    context: &mut Context<'_>,
) -> Option<Stopped<'a>> {
    let run = caught::<P, _>(|| {
        while let Some(receiver) = receivers.bound().get(*next) {
            *next += 1;
            if let Err(stopped) = receiver.poll(event, context) {
                return Some(stopped);
            }
        }
        None
    });
    run.unwrap_or_else(|panicked| Some(Stopped::Ended(panicked)))
}

/// As [`while_ready`], of a signal that is declared `sync`.
#[inline]
fn while_well<E: SyncEvent, P: Policy>(
    receivers: &[BoundReceiver<E>],
    next: &mut usize,
    event: &E,
) -> Option<Outcome> {
    let run = caught::<P, _>(|| {
        while let Some(receiver) = receivers.get(*next) {
            *next += 1;
            if let Err(error) = receiver.call_sync(event) {
                return Some(Err(error).into());
            }
        }
        None
    });
    run.unwrap_or_else(Some)
}

/// Runs one receiver to its end, observed or not.
pub(crate) async fn step<E: Event, P: Policy>(
    bound: &BoundReceiver<E>,
    info: &ReceiverInfo,
    event: &E,
    dispatch: Option<&Watched>,
) -> Outcome {
    let run = async {
        let polled = poll_fn(|context| Poll::Ready(caught::<P, _>(|| bound.poll(event, context))));
        match polled.await {
            Ok(Ok(())) => Outcome::Done,
            Ok(Err(stopped)) => finish::<P>(stopped).await,
            Err(panicked) => panicked,
        }
    };
    let Some(dispatch) = dispatch else {
        return run.await;
    };
    let span = dispatch.receiver(info);
    let outcome = run.instrument(span.span().clone()).await;
    span.ended(outcome.name());
    outcome
}

fn step_sync<E: SyncEvent, P: Policy>(
    bound: &BoundReceiver<E>,
    info: &ReceiverInfo,
    event: &E,
    dispatch: Option<&Watched>,
) -> Outcome {
    let run = || match caught::<P, _>(|| bound.call_sync(event)) {
        Ok(answer) => answer.into(),
        Err(panicked) => panicked,
    };
    let Some(dispatch) = dispatch else {
        return run();
    };
    let span = dispatch.receiver(info);
    let outcome = span.span().in_scope(run);
    span.ended(outcome.name());
    outcome
}

/// Awaits a receiver that was polled once in this very turn, for no longer than it may take.
async fn finish<P: Policy>(stopped: Stopped<'_>) -> Outcome {
    let (waiting, timeout) = match stopped {
        Stopped::Ended(outcome) => return outcome,
        Stopped::Waiting(waiting, timeout) => (waiting, timeout),
    };
    let waiting = wait::within(waiting, timeout);
    if !P::CATCHES {
        return waiting.await;
    }
    let ended = AssertUnwindSafe(waiting).catch_unwind().await;
    ended.unwrap_or_else(Outcome::panicked)
}

/// Does what a receiver is called for, and makes an outcome of its panic if the policy says so. What it may have left
/// half done is behind its own `&`, and it is not called again in this dispatch.
#[inline]
fn caught<P: Policy, T>(call: impl FnOnce() -> T) -> Result<T, Outcome> {
    if !P::CATCHES {
        return Ok(call());
    }
    catch_unwind(AssertUnwindSafe(call)).map_err(Outcome::panicked)
}
