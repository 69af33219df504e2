//! Sending one after the other, and stopping at the first failure.

use crate::{
    BoxError, Event, Outcome, ReceiverInfo, SendError, Signals, SyncEvent,
    dispatch::{Policy, in_turn, run, run_sync, while_well},
    receivers::{Receivers, SyncReceiver},
    signal_receivers::SignalReceivers,
    trace::{self, Watched},
};
use std::ops::ControlFlow;

/// So many receivers are worth a function that has more to set up.
const MANY: usize = 16;

impl Signals {
    /// Calls the receivers of `event` one after the other, the highest priority first, and stops at the first failure.
    ///
    /// For events whose receivers decide with their failure that what follows must not happen. Where a broken receiver
    /// must not fail the sender, use [`send_robust`](Self::send_robust).
    ///
    /// # Errors
    /// When a receiver failed, timed out, or had a time-out outside Tokio: see [`SendErrorKind`](crate::SendErrorKind).
    /// The receivers after it were not called.
    ///
    /// # Panics
    /// When a receiver panics: its panic is the sender's.
    ///
    /// # Cancel safety
    /// Dropping the future drops the receiver that is running at the point where it waits; those after it are not
    /// called. A receiver is never stopped anywhere else. What must survive its sender goes through
    /// [`send_detached`](Self::send_detached).
    ///
    /// # Examples
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use phone_auth_signals::{Signals, signal};
    ///
    /// signal! {
    ///     /// An order was placed.
    ///     order_placed: OrderPlaced;
    /// }
    ///
    /// struct OrderPlaced {
    ///     pieces: u32,
    /// }
    ///
    /// let signals = Signals::isolated();
    /// let _stock = signals.connect::<OrderPlaced>(|order| {
    ///     if order.pieces > 10 { Err("there are only ten") } else { Ok(()) }
    /// });
    /// assert!(signals.send(&OrderPlaced { pieces: 3 }).await.is_ok());
    /// assert!(signals.send(&OrderPlaced { pieces: 30 }).await.is_err());
    /// # });
    /// ```
    pub async fn send<E: Event>(&self, event: &E) -> Result<(), SendError> {
        let Some((receivers, is_on)) = self.observed::<E>() else {
            return Ok(());
        };
        let list = receivers.snapshot();
        let span =
            is_on.then(|| Box::new(Watched::dispatch(E::signal().info(), "send", list.len())));
        let mut policy = FirstFailure::new();
        run(&list, event, &mut policy, span.as_deref()).await;
        policy.finish(span)
    }

    /// Calls the receivers of `event`, whose signal is declared `sync`, and stops at the first failure.
    ///
    /// Allocates nothing unless a receiver fails.
    ///
    /// # Errors
    /// When a receiver failed: see [`SendErrorKind`](crate::SendErrorKind). The receivers after it were not called.
    ///
    /// # Panics
    /// When a receiver panics: its panic is the sender's. [`send_robust_sync`](Self::send_robust_sync) catches it.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_signals::{Signals, signal};
    ///
    /// signal! {
    ///     /// A cell of the cache was thrown away.
    ///     sync evicted: Evicted;
    /// }
    ///
    /// struct Evicted;
    ///
    /// let signals = Signals::isolated();
    /// signals.send_sync(&Evicted)?;
    /// # Ok::<(), phone_auth_signals::SendError>(())
    /// ```
    #[inline]
    pub fn send_sync<E: SyncEvent>(&self, event: &E) -> Result<(), SendError> {
        if trace::is_on() {
            return self.send_sync_observed(event);
        }
        let Some(receivers) = self.inner.receivers::<E>() else {
            return Ok(());
        };
        // A loop of its own: 1 and 8 receivers cost 2.3 and 1.3 times what a slice of function pointers does, and may cost 2.5
        // and 1.4 times.
        let mut rest = receivers.all_sync().iter();
        if rest.len().wrapping_sub(1) >= MANY {
            return in_order(receivers, rest.as_slice(), event);
        }
        while let Some(receiver) = rest.next() {
            if let Err(error) = receiver.call(event) {
                return stopped(receivers, rest.len(), error, event);
            }
        }
        Ok(())
    }

    #[cold]
    fn send_sync_observed<E: SyncEvent>(&self, event: &E) -> Result<(), SendError> {
        let list = self.inner.receivers_or_make::<E>().snapshot();
        let span = Box::new(Watched::dispatch(
            E::signal().info(),
            "send_sync",
            list.len(),
        ));
        first_failure(&list, 0, event, Some(span))
    }

    /// What is done for a signal, and whether a trace observes it; nothing where nobody receives it and nobody observes.
    pub(crate) fn observed<E: Event>(&self) -> Option<(&SignalReceivers<E>, bool)> {
        if trace::is_on() {
            Some((self.inner.receivers_or_make(), true))
        } else {
            self.inner.receivers().map(|receivers| (receivers, false))
        }
    }
}

/// Stops at the first failure.
struct FirstFailure {
    failed: Option<(&'static str, SendError)>,
}

impl FirstFailure {
    fn new() -> Self {
        Self { failed: None }
    }

    fn finish(self, span: Option<Box<Watched>>) -> Result<(), SendError> {
        let (outcome, result) = match self.failed {
            None => ("done", Ok(())),
            Some((outcome, error)) => (outcome, Err(error)),
        };
        if let Some(span) = span {
            span.ended(outcome);
        }
        result
    }
}

impl Policy for FirstFailure {
    const CATCHES: bool = false;

    #[inline]
    fn is_plain(&self) -> bool {
        true
    }

    fn ended(&mut self, _index: usize, outcome: Outcome, info: &ReceiverInfo) -> ControlFlow<()> {
        if outcome.is_ok() {
            return ControlFlow::Continue(());
        }
        let name = outcome.name();
        self.failed = SendError::check(info, outcome)
            .err()
            .map(|error| (name, error));
        ControlFlow::Break(())
    }
}

/// Goes on where a linked receiver did not say that all is well that has `left` receivers behind it.
#[cold]
#[inline(never)]
fn stopped<E: SyncEvent>(
    receivers: &SignalReceivers<E>,
    left: usize,
    error: BoxError,
    event: &E,
) -> Result<(), SendError> {
    let list = receivers.linked();
    go_on(&list, list.len() - left, Err(error).into(), event)
}

/// Goes on at `next`, behind a receiver that did not say that all is well. Apart, so that
/// dispatch keeps nothing at hand for it while all is well.
#[cold]
#[inline(never)]
fn go_on<E: SyncEvent>(
    list: &Receivers<E>,
    next: usize,
    outcome: Outcome,
    event: &E,
) -> Result<(), SendError> {
    if let Some(info) = list.infos().get(next - 1) {
        SendError::check(info, outcome)?;
    }
    first_failure(list, next, event, None)
}

/// Goes through many receivers, or receivers of every kind that the signal can have.
#[inline(never)]
fn in_order<E: SyncEvent>(
    receivers: &SignalReceivers<E>,
    all_sync: &[SyncReceiver<E>],
    event: &E,
) -> Result<(), SendError> {
    match all_sync {
        [] => to_connected(receivers, event),
        many => to_many(receivers, many, event),
    }
}

/// Goes through receivers of every kind that the signal can have. 1, 8 and 64 that are connected cost 10, 20 and 99 ns, and
/// those of signals2 9, 22 and 135: what one costs more is the guard, which threads do not share.
#[inline]
fn to_connected<E: SyncEvent>(receivers: &SignalReceivers<E>, event: &E) -> Result<(), SendError> {
    receivers.with_receivers(|list| {
        let mut next = 0;
        match while_well::<E, FirstFailure>(list.bound(), &mut next, event) {
            None => Ok(()),
            Some(outcome) => go_on(list, next, outcome, event),
        }
    })
}

/// Goes through many receivers that are linked: 64 cost 0.4 of a slice of function pointers, and may cost 1.1.
#[inline(never)]
fn to_many<E: SyncEvent>(
    receivers: &SignalReceivers<E>,
    many: &[SyncReceiver<E>],
    event: &E,
) -> Result<(), SendError> {
    let (mut next, mut failed) = (0, None);
    in_turn(many, &mut next, |receiver| {
        let answer = receiver.call(event);
        answer.map_err(|error| failed = Some(error)).is_ok()
    });
    match failed {
        None => Ok(()),
        Some(error) => go_on(&receivers.linked(), next, Err(error).into(), event),
    }
}

fn first_failure<E: SyncEvent>(
    list: &Receivers<E>,
    first: usize,
    event: &E,
    span: Option<Box<Watched>>,
) -> Result<(), SendError> {
    let mut policy = FirstFailure::new();
    run_sync(list, first, event, &mut policy, span.as_deref());
    policy.finish(span)
}
