//! Sending to everyone, whatever becomes of the others, and reporting.

use crate::{
    Event, Report, Signals, SyncEvent,
    answer::Flow,
    plan::Plan,
    report::Outcome,
    step::{Called, Step},
    wait,
};
use futures_util::{FutureExt, future::join_all};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

impl Signals {
    /// Calls every receiver of `event`, one after the other, and reports what became of each. Errors, panics and
    /// time-outs of one do not keep the others from being called.
    ///
    /// # Cancel safety
    /// Dropping the future drops the receiver that is running at the point where it waits, and the rest are not called.
    pub async fn send_robust<E: Event>(&self, event: &E) -> Report {
        let signal = E::signal().info();
        let Some(plan) = self.inner.plan::<E>() else {
            return Report::nobody(signal);
        };
        let roster = plan.snapshot();
        let mut record = Record::new(plan.timed.unwrap_or(true), roster.steps.len());
        for (index, step) in roster.steps.iter().enumerate() {
            let start = record.start();
            let outcome = guarded(step, event).await;
            record.end(index, outcome, start);
        }
        Report::new(signal, roster, record.exceptions, record.took)
    }

    /// Calls every receiver of `event` and awaits those that await all at once.
    ///
    /// # Cancel safety
    /// Dropping the future drops every receiver that is still running at the point where it waits.
    pub async fn send_concurrent<E: Event>(&self, event: &E) -> Report {
        let signal = E::signal().info();
        let Some(plan) = self.inner.plan::<E>() else {
            return Report::nobody(signal);
        };
        let roster = plan.snapshot();
        let timed = plan.timed.unwrap_or(true);
        let runs = roster.steps.iter().map(|step| async move {
            let start = timed.then(Instant::now);
            (
                guarded(step, event).await,
                start.map(|start| start.elapsed()),
            )
        });
        let ends = join_all(runs).await;
        let mut record = Record::new(timed, ends.len());
        for (index, (outcome, took)) in ends.into_iter().enumerate() {
            record
                .exceptions
                .extend((!matches!(outcome, Outcome::Done)).then_some((index, outcome)));
            record.took.extend(took);
        }
        Report::new(signal, roster, record.exceptions, record.took)
    }

    /// Calls every receiver of `event`, whose signal is declared `sync`, and reports what became of each.
    ///
    /// Allocates nothing while all is well and times are off, as they are here unless the hub was built
    /// [timed](crate::SignalsBuilder::timed).
    #[inline]
    pub fn send_robust_sync<E: SyncEvent>(&self, event: &E) -> Report {
        match self.inner.plan::<E>() {
            Some(plan) => send_all(plan, event),
            None => Report::nobody(E::signal().info()),
        }
    }
}

fn send_all<E: SyncEvent>(plan: &Plan<E>, event: &E) -> Report {
    let current = plan.current();
    let mut record = Record::new(plan.timed.unwrap_or(false), current.steps.len());
    for (index, step) in current.steps.iter().enumerate() {
        let start = record.start();
        let outcome = match catch_unwind(AssertUnwindSafe(|| step.call_sync(event))) {
            Ok(Ok(Flow::Done)) => Outcome::Done,
            Ok(answer) => answer.into(),
            Err(payload) => Outcome::panicked(&*payload),
        };
        record.end(index, outcome, start);
    }
    Report::new(
        E::signal().info(),
        Arc::clone(&current) as _,
        record.exceptions,
        record.took,
    )
}

/// Runs one receiver to its end, its panic included.
async fn guarded<E: Event>(step: &Step<E>, event: &E) -> Outcome {
    let run = async {
        match step.call(event) {
            Called::Ended(outcome) => outcome,
            Called::Waiting(waiting) => wait::within(waiting, step.timeout).await,
        }
    };
    match AssertUnwindSafe(run).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(payload) => Outcome::panicked(&*payload),
    }
}

/// What a dispatch notes down while it goes on.
struct Record {
    is_timed: bool,
    exceptions: Vec<(usize, Outcome)>,
    took: Vec<Duration>,
}

impl Record {
    fn new(is_timed: bool, receivers: usize) -> Self {
        let took = if is_timed {
            Vec::with_capacity(receivers)
        } else {
            Vec::new()
        };
        Self {
            is_timed,
            exceptions: Vec::new(),
            took,
        }
    }

    #[inline]
    fn start(&self) -> Option<Instant> {
        self.is_timed.then(Instant::now)
    }

    #[inline]
    fn end(&mut self, index: usize, outcome: Outcome, start: Option<Instant>) {
        if let Some(start) = start {
            self.took.push(start.elapsed());
        }
        if !matches!(outcome, Outcome::Done) {
            self.exceptions.push((index, outcome));
        }
    }
}
