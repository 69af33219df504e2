//! Sending to everyone, whatever becomes of the others, and reporting.

use crate::{
    Event, ReceiverInfo, Report, SignalInfo, Signals, SyncEvent,
    answer::Answer,
    plan::{Plan, Snapshot},
    report::{Notes, Outcome},
    roster::{Listed, Roster},
    step::{Bound, Detail},
    trace::{self, Watched},
};
use futures_util::{FutureExt, future::join_all};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
    time::{Duration, Instant},
};
use tracing::Instrument;

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
        let is_traced = trace::is_on();
        let plan = match self.inner.plan::<E>() {
            Some(plan) => plan,
            None if is_traced => self.inner.plan_or_make(),
            None => return Report::new(E::signal().info(), Listed::Nobody, None),
        };
        if is_traced || plan.timed.unwrap_or(true) {
            return Box::pin(send_all_observed(plan, event, is_traced, |_| true)).await;
        }
        let roster = plan.snapshot();
        let mut record = Record::new(E::signal().info());
        let mut index = 0;
        loop {
            index = run_now(&roster, index, event, &mut record);
            let (Some(bound), Some(detail)) = (roster.bounds.get(index), roster.details.get(index))
            else {
                return record.report(plan.listed(&roster));
            };
            let outcome = guarded(bound, detail, event).await;
            record.end(index, outcome, None, detail);
            index += 1;
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
        let is_traced = trace::is_on();
        let plan = self.inner.plan_or_make::<E>();
        Box::pin(send_all_observed(plan, event, is_traced, wanted)).await
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
        let is_traced = trace::is_on();
        let plan = match self.inner.plan::<E>() {
            Some(plan) => plan,
            None if is_traced => self.inner.plan_or_make(),
            None => return Report::new(E::signal().info(), Listed::Nobody, None),
        };
        let roster = plan.snapshot();
        let is_timed = plan.timed.unwrap_or(true);
        let mut record = Record::new(E::signal().info());
        let span = span_if::<E>(is_traced, "send_concurrent", roster.bounds.len());
        let parent = &span;
        let runs = roster.steps().map(|(bound, detail)| async move {
            let start = is_timed.then(Instant::now);
            let outcome = if is_traced {
                traced(bound, detail, event, parent).await
            } else {
                guarded(bound, detail, event).await
            };
            (outcome, start.map(|start| start.elapsed()))
        });
        let ends = join_all(runs).await;
        for (index, ((outcome, took), detail)) in ends.into_iter().zip(&roster.details).enumerate()
        {
            record.end(index, outcome, took, detail);
        }
        record.report_in(plan.listed(&roster), span)
    }

    /// Calls every receiver of `event`, whose signal is declared `sync`, and reports what became of each.
    ///
    /// Allocates nothing while all is well. Times are not taken unless the hub was built
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
        let is_traced = trace::is_on();
        match self.inner.plan::<E>() {
            Some(plan) if is_traced || plan.timed == Some(true) => {
                send_all_observed_sync(plan, event, is_traced)
            }
            Some(plan) => send_all(plan, event),
            None if is_traced => {
                send_all_observed_sync(self.inner.plan_or_make(), event, is_traced)
            }
            None => Report::new(E::signal().info(), Listed::Nobody, None),
        }
    }
}

/// Goes through linked receivers as long as all is well, with nothing to note down.
#[inline]
fn send_all<E: SyncEvent>(plan: &Plan<E>, event: &E) -> Report {
    let quick = plan.quick();
    if quick.is_empty() {
        return send_rest(plan, &plan.snapshot(), event, None);
    }
    let mut rest = quick.iter();
    let run = catch_unwind(AssertUnwindSafe(|| {
        rest.try_for_each(|receiver| receiver.call(event))
    }));
    if let Ok(Ok(())) = run {
        return Report::new(E::signal().info(), plan.listed(&plan.linked()), None);
    }
    let stopped = quick.len() - rest.len() - 1;
    send_rest(plan, &plan.linked(), event, Some((stopped, run)))
}

/// Goes on behind the receiver that [`send_all`] stopped at, or begins where it has nothing to go through.
#[inline(never)]
fn send_rest<E: SyncEvent>(
    plan: &Plan<E>,
    roster: &Snapshot<'_, E>,
    event: &E,
    stopped: Option<(usize, thread::Result<Answer>)>,
) -> Report {
    let mut record = Record::new(E::signal().info());
    let mut first = 0;
    if let Some((index, run)) = stopped {
        let outcome = run.map_or_else(|payload| Outcome::panicked(&*payload), Outcome::from);
        record.except(index, outcome, roster.details.get(index));
        first = index + 1;
    }
    run_now(roster, first, event, &mut record);
    record.report(plan.listed(roster))
}

/// As `send_robust` where somebody watches: each receiver by itself, in a span and with its time.
async fn send_all_observed<E: Event>(
    plan: &Plan<E>,
    event: &E,
    is_traced: bool,
    wanted: impl Fn(&ReceiverInfo) -> bool + Send + Sync,
) -> Report {
    let roster = plan.snapshot();
    let span = span_if::<E>(is_traced, "send_robust", roster.bounds.len());
    let mut watch = plan.timed.unwrap_or(true).then(Instant::now);
    let mut record = Record::new(E::signal().info());
    for (index, (bound, detail)) in roster.steps().enumerate() {
        let outcome = if !wanted(&detail.about) {
            Outcome::Skipped
        } else if is_traced {
            traced(bound, detail, event, &span).await
        } else {
            guarded(bound, detail, event).await
        };
        record.end(index, outcome, lap(&mut watch), detail);
    }
    record.report_in(plan.listed(&roster), span)
}

/// As `send_robust_sync` where somebody watches.
#[inline(never)]
fn send_all_observed_sync<E: SyncEvent>(plan: &Plan<E>, event: &E, is_traced: bool) -> Report {
    let roster = plan.snapshot();
    let span = span_if::<E>(is_traced, "send_robust_sync", roster.bounds.len());
    let mut watch = plan.timed.unwrap_or(false).then(Instant::now);
    let mut record = Record::new(E::signal().info());
    for (index, (bound, detail)) in roster.steps().enumerate() {
        let inner = if is_traced {
            span.receiver(&detail.about)
        } else {
            Watched::none()
        };
        let outcome = inner.span().in_scope(|| guarded_sync(bound, event));
        inner.ended(outcome.name());
        record.end(index, outcome, lap(&mut watch), detail);
    }
    record.report_in(plan.listed(&roster), span)
}

/// The time since the last lap, if time is taken. The end of one receiver is the beginning of the next: reading the clock
/// costs more than calling a receiver.
fn lap(watch: &mut Option<Instant>) -> Option<Duration> {
    let start = watch.as_mut()?;
    let now = Instant::now();
    Some(now - std::mem::replace(start, now))
}

fn span_if<E: Event>(is_traced: bool, how: &'static str, receivers: usize) -> Watched {
    if is_traced {
        Watched::dispatch(E::signal().info(), how, receivers)
    } else {
        Watched::none()
    }
}

/// Calls the receivers from `first` on up to one that awaits, and returns where that is.
///
/// One `catch_unwind` holds as many of them as do not panic: it costs as much as the call of a receiver.
fn run_now<E: Event>(roster: &Roster<E>, first: usize, event: &E, record: &mut Record) -> usize {
    let mut index = first;
    loop {
        // What a receiver may have left half done is behind its own `&`, and it is not called again in this dispatch.
        let run = catch_unwind(AssertUnwindSafe(|| {
            for receiver in roster.quick_from(index) {
                let answer = receiver.call(event);
                if answer.is_err() {
                    record.except(index, answer.into(), roster.details.get(index));
                }
                index += 1;
            }
            for bound in roster.bounds.get(index..).unwrap_or_default() {
                match bound.call_now(event) {
                    Some(Ok(())) => {}
                    Some(answer) => record.except(index, answer.into(), roster.details.get(index)),
                    None => break,
                }
                index += 1;
            }
        }));
        match run {
            Ok(()) => return index,
            Err(payload) => {
                record.except(
                    index,
                    Outcome::panicked(&*payload),
                    roster.details.get(index),
                );
                index += 1;
            }
        }
    }
}

/// Runs one receiver that does not await, its panic included.
fn guarded_sync<E: SyncEvent>(bound: &Bound<E>, event: &E) -> Outcome {
    match catch_unwind(AssertUnwindSafe(|| bound.call_sync(event))) {
        Ok(answer) => answer.into(),
        Err(payload) => Outcome::panicked(&*payload),
    }
}

/// Runs one receiver to its end, its panic included.
async fn guarded<E: Event>(bound: &Bound<E>, detail: &Detail, event: &E) -> Outcome {
    match AssertUnwindSafe(bound.run(event, detail.timeout))
        .catch_unwind()
        .await
    {
        Ok(outcome) => outcome,
        Err(payload) => Outcome::panicked(&*payload),
    }
}

/// As [`guarded`], in a span of its own.
async fn traced<E: Event>(
    bound: &Bound<E>,
    detail: &Detail,
    event: &E,
    dispatch: &Watched,
) -> Outcome {
    let span = dispatch.receiver(&detail.about);
    let outcome = guarded(bound, detail, event)
        .instrument(span.span().clone())
        .await;
    span.ended(outcome.name());
    outcome
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

    fn end(&mut self, index: usize, outcome: Outcome, took: Option<Duration>, detail: &Detail) {
        if let Some(took) = took {
            self.notes.get_or_insert_default().took.push(took);
        }
        if !matches!(outcome, Outcome::Done) {
            self.except(index, outcome, Some(detail));
        }
    }

    #[cold]
    fn except(&mut self, index: usize, outcome: Outcome, detail: Option<&Detail>) {
        if let Some(detail) = detail
            && !outcome.is_ok()
        {
            trace::warn(self.signal, &detail.about, &outcome);
        }
        self.notes
            .get_or_insert_default()
            .exceptions
            .push((index, outcome));
    }

    #[inline]
    fn report(self, listed: Listed) -> Report {
        Report::new(self.signal, listed, self.notes)
    }

    fn report_in(self, listed: Listed, span: Watched) -> Report {
        let report = self.report(listed);
        span.ended(if report.is_ok() { "done" } else { "failed" });
        report
    }
}
