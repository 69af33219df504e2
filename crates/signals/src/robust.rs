//! Sending to everyone, whatever becomes of the others, and reporting.

use crate::{
    Event, ReceiverInfo, Report, SignalInfo, Signals, SyncEvent,
    dispatch::{Policy, run, run_sync, step},
    plan::{Plan, Snapshot},
    report::{Notes, Outcome},
    roster::Listed,
    step::Detail,
    trace::{self, Watched},
};
use futures_util::future::join_all;
use std::{
    mem,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

impl Signals {
    /// Calls every receiver of `event`, one after the other, and reports what became of each. Errors, panics and
    /// time-outs of one do not keep the others from being called.
    ///
    /// A panic is caught only where panics unwind; under `panic = "abort"` it ends the program. A receiver with a
    /// time-out is not called outside Tokio, and reported as [`NoRuntime`](Outcome::NoRuntime).
    ///
    /// # Cancel safety
    /// Dropping the future drops the receiver that is running at the point where it waits; those after it are not
    /// called.
    ///
    /// # Examples
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use phone_auth_signals::{Signals, signal};
    /// # signal! { /** An order was placed. */ order_placed: OrderPlaced; }
    /// # #[derive(Clone)]
    /// # struct OrderPlaced { pieces: u32 }
    ///
    /// let signals = Signals::isolated();
    /// let _broken = signals.connect::<OrderPlaced>(|_| Err("the stock is unknown"));
    /// let mut seen = signals.capture::<OrderPlaced>();
    ///
    /// let event = OrderPlaced { pieces: 3 };
    /// let report = signals.send_robust(&event).await;
    /// assert_eq!(report.failures().count(), 1);
    /// assert_eq!(seen.take().len(), 1);
    /// # });
    /// ```
    pub async fn send_robust<E: Event>(&self, event: &E) -> Report {
        match self.observed::<E>() {
            Some((plan, is_on)) => send_all(plan, event, is_on, |_| true).await,
            None => Report::new(E::signal().info(), Listed::Nobody, None),
        }
    }

    /// As [`send_robust`](Self::send_robust), but calls only the receivers that are `wanted`; the others are reported as
    /// [`Skipped`](Outcome::Skipped). With it one sends again to those that failed, and spares those that did not.
    ///
    /// # Cancel safety
    /// As for [`send_robust`](Self::send_robust).
    ///
    /// # Examples
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use phone_auth_signals::{Signals, signal};
    /// # signal! { /** An order was placed. */ order_placed: OrderPlaced; }
    /// # #[derive(Clone)]
    /// # struct OrderPlaced { pieces: u32 }
    ///
    /// let signals = Signals::isolated();
    /// let _broken = signals.connect::<OrderPlaced>(|_| Err("the stock is unknown"));
    /// let mut seen = signals.capture::<OrderPlaced>();
    ///
    /// let event = OrderPlaced { pieces: 3 };
    /// let report = signals.send_robust(&event).await;
    /// let failed: Vec<_> = report.failures().map(|report| report.receiver().id()).collect();
    /// let again = signals.send_robust_to(&event, |receiver| failed.contains(&receiver.id())).await;
    /// assert_eq!(again.failures().count(), 1);
    /// assert_eq!(seen.take().len(), 1, "not twice");
    /// # });
    /// ```
    pub async fn send_robust_to<E: Event>(
        &self,
        event: &E,
        wanted: impl Fn(&ReceiverInfo) -> bool + Send + Sync,
    ) -> Report {
        send_all(self.inner.plan_or_make(), event, trace::is_on(), wanted).await
    }

    /// Calls every receiver of `event` and awaits those that await all at once, in one task: they take turns wherever
    /// they wait. The report has them in the order of dispatch.
    ///
    /// # Cancel safety
    /// Dropping the future drops every receiver that is still running at the point where it waits.
    ///
    /// # Examples
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// use phone_auth_signals::{Signals, signal};
    /// # signal! { /** An order was placed. */ order_placed: OrderPlaced; }
    /// # #[derive(Clone)]
    /// # struct OrderPlaced { pieces: u32 }
    ///
    /// let event = OrderPlaced { pieces: 3 };
    /// let report = Signals::isolated().send_concurrent(&event).await;
    /// assert!(report.is_ok() && report.is_empty());
    /// # });
    /// ```
    pub async fn send_concurrent<E: Event>(&self, event: &E) -> Report {
        let Some((plan, is_on)) = self.observed::<E>() else {
            return Report::new(E::signal().info(), Listed::Nobody, None);
        };
        let roster = plan.snapshot();
        let info = E::signal().info();
        let span = is_on.then(|| Watched::dispatch(info, "send_concurrent", roster.bounds.len()));
        let is_timed = plan.timed.unwrap_or(true);
        let dispatch = span.as_ref();
        let runs = roster.steps().map(|(bound, detail)| async move {
            let start = is_timed.then(Instant::now);
            let outcome =
                step::<E, Everyone<fn(&ReceiverInfo) -> bool>>(bound, detail, event, dispatch)
                    .await;
            (outcome, start.map(|start| start.elapsed()))
        });
        let ends = join_all(runs).await;
        let mut record = Record::new(info);
        for (index, ((outcome, took), detail)) in ends.into_iter().zip(&roster.details).enumerate()
        {
            record.end(index, outcome, took, detail);
        }
        record.report(plan.listed(&roster), span)
    }

    /// Calls every receiver of `event`, whose signal is declared `sync`, and reports what became of each.
    ///
    /// Allocates nothing while all is well. Times are not taken unless the dispatcher was built
    /// [timed](crate::SignalsBuilder::timed): reading the clock costs several times what calling a receiver does.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_signals::{Signals, signal};
    /// # signal! { /** An order was placed. */ sync order_placed: OrderPlaced; }
    /// # #[derive(Clone)]
    /// # struct OrderPlaced { pieces: u32 }
    ///
    /// let signals = Signals::isolated();
    /// let _broken = signals.connect::<OrderPlaced>(|_| Err("out of order"));
    /// let event = OrderPlaced { pieces: 3 };
    /// let report = signals.send_robust_sync(&event);
    /// assert_eq!(report.failures().count(), 1);
    /// ```
    #[inline]
    pub fn send_robust_sync<E: SyncEvent>(&self, event: &E) -> Report {
        let Some((plan, is_on)) = self.observed::<E>() else {
            return Report::new(E::signal().info(), Listed::Nobody, None);
        };
        // A loop of its own, with one guard against panics for all: 1 and 8 receivers cost 9 and 21 ns, and may cost 34 and 46.
        let quick = plan.quick();
        let mut rest = quick.iter();
        if is_on || plan.timed == Some(true) || rest.len() == 0 {
            return send_all_sync(plan, &plan.snapshot(), event, is_on, None);
        }
        let run = catch_unwind(AssertUnwindSafe(|| {
            rest.try_for_each(|receiver| receiver.call(event))
        }));
        if let Ok(Ok(())) = run {
            return Report::new(E::signal().info(), plan.listed(&plan.linked()), None);
        }
        let stopped = run.map_or_else(|payload| Outcome::panicked(&*payload), Outcome::from);
        let next = quick.len() - rest.len();
        send_all_sync(plan, &plan.linked(), event, false, Some((next, stopped)))
    }
}

/// Sends to everyone who is wanted, one after the other.
async fn send_all<E: Event>(
    plan: &Plan<E>,
    event: &E,
    is_on: bool,
    wanted: impl Fn(&ReceiverInfo) -> bool + Send + Sync,
) -> Report {
    let roster = plan.snapshot();
    let info = E::signal().info();
    let span = is_on.then(|| Watched::dispatch(info, "send_robust", roster.bounds.len()));
    let mut policy = Everyone::new(Record::new(info), wanted, plan.timed.unwrap_or(true));
    run(&roster, event, &mut policy, span.as_ref()).await;
    policy.record.report(plan.listed(&roster), span)
}

/// Sends to everyone; `stopped` is where a dispatch is that went on without a record until it had something to note
/// down: the next receiver, and what became of the one before.
#[inline(never)]
fn send_all_sync<E: SyncEvent>(
    plan: &Plan<E>,
    roster: &Snapshot<'_, E>,
    event: &E,
    is_on: bool,
    stopped: Option<(usize, Outcome)>,
) -> Report {
    let info = E::signal().info();
    let span = is_on.then(|| Watched::dispatch(info, "send_robust_sync", roster.bounds.len()));
    let mut policy = Everyone::new(
        Record::new(info),
        |_: &ReceiverInfo| true,
        plan.timed.unwrap_or(false),
    );
    let mut first = 0;
    if let Some((next, outcome)) = stopped {
        first = next;
        if let Some(detail) = roster.details.get(next - 1) {
            policy.record.end(next - 1, outcome, None, detail);
        }
    }
    run_sync(roster, first, event, &mut policy, span.as_ref());
    policy.record.report(plan.listed(roster), span)
}

/// Calls everyone who is wanted, whatever becomes of the others.
struct Everyone<W> {
    record: Record,
    wanted: W,
    /// When the receiver before ended, if times are taken. The end of one is the beginning of the next: reading the clock
    /// costs more than calling a receiver.
    lap: Option<Instant>,
}

impl<W> Everyone<W> {
    fn new(record: Record, wanted: W, is_timed: bool) -> Self {
        Self {
            record,
            wanted,
            lap: is_timed.then(Instant::now),
        }
    }
}

impl<W: Fn(&ReceiverInfo) -> bool> Policy for Everyone<W> {
    const CATCHES: bool = true;

    fn wants(&self, receiver: &ReceiverInfo) -> bool {
        (self.wanted)(receiver)
    }

    #[inline]
    fn ended(&mut self, index: usize, outcome: Outcome, detail: &Detail) -> ControlFlow<()> {
        let took = self.lap.as_mut().map(|lap| {
            let now = Instant::now();
            now - mem::replace(lap, now)
        });
        self.record.end(index, outcome, took, detail);
        ControlFlow::Continue(())
    }
}

/// What a dispatch notes down while it goes on.
struct Record {
    signal: &'static SignalInfo,
    notes: Option<Box<Notes>>,
}

impl Record {
    #[inline]
    fn new(signal: &'static SignalInfo) -> Self {
        Self {
            signal,
            notes: None,
        }
    }

    #[inline]
    fn end(&mut self, index: usize, outcome: Outcome, took: Option<Duration>, detail: &Detail) {
        if let Some(took) = took {
            self.notes.get_or_insert_default().took.push(took);
        }
        if !matches!(outcome, Outcome::Done) {
            self.except(index, outcome, detail);
        }
    }

    #[cold]
    fn except(&mut self, index: usize, outcome: Outcome, detail: &Detail) {
        if !outcome.is_ok() {
            trace::warn(self.signal, &detail.about, &outcome);
        }
        self.notes
            .get_or_insert_default()
            .exceptions
            .push((index, outcome));
    }

    fn report(self, listed: Listed, span: Option<Watched>) -> Report {
        let report = Report::new(self.signal, listed, self.notes);
        if let Some(span) = span {
            span.ended(if report.is_ok() { "done" } else { "failed" });
        }
        report
    }
}
