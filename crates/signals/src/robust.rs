//! Sending to everyone, whatever becomes of the others, and reporting.

use crate::{
    Event, ReceiverInfo, Report, SignalInfo, Signals, SyncEvent,
    dispatch::{Policy, in_turn, run, run_sync, step},
    outcome::Outcome,
    receivers::{ReceiverInfos, Receivers},
    report::Notes,
    signal_receivers::SignalReceivers,
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
            Some((receivers, is_on)) => send_all(receivers, event, is_on, EVERYONE).await,
            None => Report::new(E::signal().info(), NOBODY, None),
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
        let receivers = self.inner.receivers_or_make();
        send_all(receivers, event, trace::is_on(), Some(wanted)).await
    }

    /// Calls the durable receivers of `event` that are `wanted`, as [`send_robust_to`](Self::send_robust_to) calls the others.
    /// Nothing else calls them: who keeps an event for them calls each until it has it.
    ///
    /// # Cancel safety
    /// As for [`send_robust`](Self::send_robust).
    ///
    /// # Examples
    /// ```standalone_crate
    /// use phone_auth_signals::{Signals, receiver, signal};
    ///
    /// signal! {
    ///     /// An order was placed.
    ///     durable order_placed: OrderPlaced;
    /// }
    ///
    /// struct OrderPlaced { pieces: u32 }
    ///
    /// #[receiver(order_placed, durable)]
    /// fn bill(order: &OrderPlaced) -> Result<(), std::num::TryFromIntError> {
    ///     u8::try_from(order.pieces).map(drop)
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let signals = Signals::linked()?;
    /// let order = OrderPlaced { pieces: 3000 };
    /// assert!(signals.send_robust(&order).await.is_empty());
    /// assert_eq!(signals.send_durable_to(&order, |_| true).await.failures().count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })
    /// # }
    /// ```
    pub async fn send_durable_to<E: Event>(
        &self,
        event: &E,
        wanted: impl Fn(&ReceiverInfo) -> bool + Send + Sync,
    ) -> Report {
        let receivers = self.inner.receivers_or_make();
        let list = receivers.durable();
        send_to(list, receivers.timed, event, trace::is_on(), Some(wanted)).await
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
        let Some((receivers, is_on)) = self.observed::<E>() else {
            return Report::new(E::signal().info(), NOBODY, None);
        };
        let list = receivers.snapshot();
        let info = E::signal().info();
        let span = is_on.then(|| Box::new(Watched::dispatch(info, "send_concurrent", list.len())));
        let is_timed = receivers.timed.unwrap_or(true);
        let dispatch = span.as_deref();
        let runs = list.iter().map(|(bound, info)| async move {
            let start = is_timed.then(Instant::now);
            let outcome = step::<E, Everyone<Wanted>>(bound, info, event, dispatch).await;
            (outcome, start.map(|start| start.elapsed()))
        });
        let ends = join_all(runs).await;
        let mut record = Record::new(info);
        for (index, ((outcome, took), (_, info))) in ends.into_iter().zip(list.iter()).enumerate() {
            record.end(index, outcome, took, info);
        }
        record.report(list.infos(), span)
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
        let Some((receivers, is_on)) = self.observed::<E>() else {
            return Report::new(E::signal().info(), NOBODY, None);
        };
        // By itself, with one guard against panics for all: 1, 8 and 64 receivers cost 8, 18 and 140 ns, and may cost 34, 46
        // and 243.
        let all_sync = receivers.all_sync();
        if is_on || receivers.timed == Some(true) || all_sync.is_empty() {
            let timed = receivers.timed;
            return receivers.with_receivers(|list| send_all_sync(list, timed, event, is_on, None));
        }
        let (mut next, mut failed) = (0, None);
        let run = catch_unwind(AssertUnwindSafe(|| {
            in_turn(all_sync, &mut next, |receiver| {
                let answer = receiver.call(event);
                answer.map_err(|error| failed = Some(error)).is_ok()
            });
        }));
        let stopped = match (run, failed) {
            (Ok(()), None) => {
                return Report::new(E::signal().info(), receivers.linked_infos.clone(), None);
            }
            (Ok(()), Some(error)) => Outcome::from(Err(error)),
            (Err(payload), _) => Outcome::panicked(payload),
        };
        let list = receivers.linked();
        send_all_sync(&list, receivers.timed, event, false, Some((next, stopped)))
    }
}

/// Who is called.
type Wanted = fn(&ReceiverInfo) -> bool;
/// No receiver is left out.
const EVERYONE: Option<Wanted> = None;
/// The receivers of a signal that has none.
const NOBODY: ReceiverInfos = ReceiverInfos::AllLinked(&[]);

/// Sends to everyone who is wanted, one after the other.
async fn send_all<E: Event>(
    receivers: &SignalReceivers<E>,
    event: &E,
    is_on: bool,
    wanted: Option<impl Fn(&ReceiverInfo) -> bool + Send + Sync>,
) -> Report {
    let list = receivers.snapshot();
    send_to(&list, receivers.timed, event, is_on, wanted).await
}

async fn send_to<E: Event>(
    list: &Receivers<E>,
    timed: Option<bool>,
    event: &E,
    is_on: bool,
    wanted: Option<impl Fn(&ReceiverInfo) -> bool + Send + Sync>,
) -> Report {
    let info = E::signal().info();
    let span = is_on.then(|| Box::new(Watched::dispatch(info, "send_robust", list.len())));
    let mut policy = Everyone::new(Record::new(info), wanted, timed.unwrap_or(true));
    run(list, event, &mut policy, span.as_deref()).await;
    policy.record.report(list.infos(), span)
}

/// Sends to everyone; `stopped` is where a dispatch is that went on without a record until it had something to note
/// down: the next receiver, and what became of the one before.
#[inline(never)]
fn send_all_sync<E: SyncEvent>(
    list: &Receivers<E>,
    timed: Option<bool>,
    event: &E,
    is_on: bool,
    stopped: Option<(usize, Outcome)>,
) -> Report {
    let info = E::signal().info();
    let span = is_on.then(|| Box::new(Watched::dispatch(info, "send_robust_sync", list.len())));
    let mut policy = Everyone::new(Record::new(info), EVERYONE, timed.unwrap_or(false));
    let mut first = 0;
    if let Some((next, outcome)) = stopped {
        first = next;
        if let Some(info) = list.infos().get(next - 1) {
            policy.record.end(next - 1, outcome, None, info);
        }
    }
    run_sync(list, first, event, &mut policy, span.as_deref());
    policy.record.report(list.infos(), span)
}

/// Calls everyone who is wanted, whatever becomes of the others.
struct Everyone<W> {
    record: Record,
    /// Who is called; everyone if there is none.
    wanted: Option<W>,
    /// When the receiver before ended, if times are taken. The end of one is the beginning of the next: reading the clock
    /// costs more than calling a receiver.
    lap: Option<Instant>,
}

impl<W> Everyone<W> {
    fn new(record: Record, wanted: Option<W>, is_timed: bool) -> Self {
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
        self.wanted.as_ref().is_none_or(|wanted| wanted(receiver))
    }

    #[inline]
    fn is_plain(&self) -> bool {
        self.wanted.is_none() && self.lap.is_none()
    }

    #[inline]
    fn ended(&mut self, index: usize, outcome: Outcome, info: &ReceiverInfo) -> ControlFlow<()> {
        let took = self.lap.as_mut().map(|lap| {
            let now = Instant::now();
            now - mem::replace(lap, now)
        });
        self.record.end(index, outcome, took, info);
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
    fn end(&mut self, index: usize, outcome: Outcome, took: Option<Duration>, info: &ReceiverInfo) {
        if let Some(took) = took {
            self.notes.get_or_insert_default().took.push(took);
        }
        if !matches!(outcome, Outcome::Done) {
            self.except(index, outcome, info);
        }
    }

    #[cold]
    fn except(&mut self, index: usize, outcome: Outcome, info: &ReceiverInfo) {
        if !outcome.is_ok() {
            trace::warn(self.signal, info, &outcome);
        }
        self.notes
            .get_or_insert_default()
            .exceptions
            .push((index, outcome));
    }

    fn report(self, infos: &ReceiverInfos, span: Option<Box<Watched>>) -> Report {
        let report = Report::new(self.signal, infos.clone(), self.notes);
        if let Some(span) = span {
            span.ended(if report.is_ok() { "done" } else { "failed" });
        }
        report
    }
}
