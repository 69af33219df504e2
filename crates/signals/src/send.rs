//! Sending one after the other, and stopping at the first failure.

use crate::{
    BoxError, Event, Outcome, SendError, Signals, SyncEvent,
    plan::Plan,
    roster::{Quick, Roster},
    step::Started,
    trace::{self, Watched},
    wait,
};
use tracing::Instrument;

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
        if trace::is_on() {
            return Box::pin(self.send_traced(event)).await;
        }
        let Some(plan) = self.inner.plan::<E>() else {
            return Ok(());
        };
        let snapshot = plan.snapshot();
        for (index, bound) in snapshot.bounds.iter().enumerate() {
            let outcome = match bound.call_now(event) {
                Some(Ok(())) => continue,
                Some(answer) => answer.into(),
                None => {
                    let timeout = snapshot.timeout(index);
                    match (bound.start(event, timeout), timeout) {
                        (Started::Ended(outcome), _) => outcome,
                        (Started::Waiting(waiting), None) => waiting.await.into(),
                        (Started::Waiting(waiting), Some(_)) => {
                            wait::within(waiting, timeout).await
                        }
                    }
                }
            };
            if !outcome.is_ok() {
                return snapshot.check(index, outcome);
            }
        }
        Ok(())
    }

    async fn send_traced<E: Event>(&self, event: &E) -> Result<(), SendError> {
        let snapshot = self.inner.plan_or_make::<E>().snapshot();
        let span = Watched::dispatch(E::signal().info(), "send", snapshot.bounds.len());
        for (bound, detail) in snapshot.steps() {
            let inner = span.receiver(&detail.about);
            let outcome = bound
                .run(event, detail.timeout)
                .instrument(inner.span().clone())
                .await;
            inner.ended(outcome.name());
            if !outcome.is_ok() {
                span.ended(outcome.name());
                return SendError::check(&detail.about, outcome);
            }
        }
        span.ended("done");
        Ok(())
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
            return self.send_sync_traced(event);
        }
        let Some(plan) = self.inner.plan::<E>() else {
            return Ok(());
        };
        let mut rest = plan.quick().iter();
        if rest.len() == 0 {
            return plan.with_roster(|roster| in_order(roster, 0, event));
        }
        while let Some(receiver) = rest.next() {
            if let Err(error) = receiver.call(event) {
                return go_on(plan, rest.len(), error, event);
            }
        }
        Ok(())
    }

    #[cold]
    fn send_sync_traced<E: SyncEvent>(&self, event: &E) -> Result<(), SendError> {
        let snapshot = self.inner.plan_or_make::<E>().snapshot();
        let span = Watched::dispatch(E::signal().info(), "send_sync", snapshot.bounds.len());
        for (bound, detail) in snapshot.steps() {
            let inner = span.receiver(&detail.about);
            let outcome: Outcome = inner.span().in_scope(|| bound.call_sync(event)).into();
            inner.ended(outcome.name());
            if !outcome.is_ok() {
                span.ended(outcome.name());
                return SendError::check(&detail.about, outcome);
            }
        }
        span.ended("done");
        Ok(())
    }
}

/// Calls receivers up to the first that does not say that all is well: its index, and what it says.
///
/// Each of eight is called by an instruction of its own: the processor foretells where one of them goes better than
/// where one and the same goes next.
#[inline]
fn first_failure<E>(receivers: &[Quick<E>], event: &E) -> Option<(usize, BoxError)> {
    let (eights, rest) = receivers.as_chunks::<8>();
    for (number, eight) in eights.iter().enumerate() {
        for (index, receiver) in eight.iter().enumerate() {
            if let Err(error) = receiver.call(event) {
                return Some((8 * number + index, error));
            }
        }
    }
    for (index, receiver) in rest.iter().enumerate() {
        if let Err(error) = receiver.call(event) {
            return Some((8 * eights.len() + index, error));
        }
    }
    None
}

/// Goes on behind a receiver that did not say that all is well and has `left` receivers behind it. Apart, so that
/// dispatch keeps nothing at hand for it while all is well.
#[cold]
#[inline(never)]
fn go_on<E: SyncEvent>(
    plan: &Plan<E>,
    left: usize,
    error: BoxError,
    event: &E,
) -> Result<(), SendError> {
    let roster = plan.linked();
    let next = roster.bounds.len() - left;
    roster.check(next - 1, Err(error).into())?;
    in_order(&roster, next, event)
}

/// Goes through many receivers, or receivers of every kind that the signal can have, from `first` on.
#[inline(never)]
fn in_order<E: SyncEvent>(roster: &Roster<E>, first: usize, event: &E) -> Result<(), SendError> {
    let mut next = first;
    let mut rest = roster.quick_from(first);
    while let Some((index, error)) = first_failure(rest, event) {
        roster.check(next + index, Err(error).into())?;
        next += index + 1;
        rest = roster.quick_from(next);
    }
    let others = roster.bounds.iter().enumerate().skip(next + rest.len());
    for (index, bound) in others {
        let answer = bound.call_sync(event);
        if answer.is_err() {
            roster.check(index, answer.into())?;
        }
    }
    Ok(())
}
