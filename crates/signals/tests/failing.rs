//! What errors, panics, time-outs and dropped futures do, and what a detached dispatch survives.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(
    clippy::panic,
    reason = "receivers panic so that it can be seen what comes of it"
)]

use futures_util::FutureExt;
use phone_auth_signals::{ConnectOptions, Outcome, SendErrorKind, Signals, receiver, signal};
use std::{
    error::Error,
    future::pending,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::sync::{Barrier, Notify, oneshot};

signal! {
    /// Something awaited.
    awaited: Awaited;
    /// Something quick.
    sync quick: Quick;
    /// Has a linked receiver that never ends.
    endless: Endless;
    /// Has a linked receiver with a time-out and a filter.
    picky: Picky;
}

#[derive(Clone)]
struct Awaited;
struct Quick;
struct Endless;
struct Picky(bool);

#[receiver(endless, timeout = "10ms")]
async fn never_ends(_event: &Endless) {
    pending::<()>().await;
}

#[receiver(picky, timeout = "10ms", when = |event| event.0)]
async fn picks(_event: &Picky) {
    tokio::task::yield_now().await;
}

type Log = Arc<Mutex<Vec<&'static str>>>;

fn noting<E>(log: &Log, text: &'static str) -> impl Fn(&E) + Send + Sync + use<E> {
    let log = Arc::clone(log);
    move |_| log.lock().unwrap().push(text)
}

fn taken(log: &Log) -> Vec<&'static str> {
    std::mem::take(&mut log.lock().unwrap())
}

fn fails<E>(_event: &E) -> Result<(), std::io::Error> {
    Err(std::io::Error::other("the disk is full"))
}

fn panics<E>(_event: &E) {
    panic!("out of order");
}

async fn panics_later(_event: Awaited) {
    tokio::task::yield_now().await;
    panic!("later");
}

/// Notes when it is dropped.
struct Dropped(Log);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.lock().unwrap().push("dropped");
    }
}

#[tokio::test]
async fn send_stops_at_the_failure() {
    let (signals, log) = (Signals::isolated(), Log::default());
    let _before = signals.connect::<Awaited>(noting(&log, "before"));
    let _fails = signals.connect::<Awaited>(fails);
    let _after = signals.connect::<Awaited>(noting(&log, "after"));
    let error = signals.send(&Awaited).await.unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Failed);
    assert!(error.to_string().ends_with("failed"), "{error}");
    assert_eq!(error.source().unwrap().to_string(), "the disk is full");
    assert!(error.receiver().place().file.ends_with("failing.rs"));
    assert_eq!(taken(&log), ["before"]);
}

/// A panic has no name to be found by, so what is told of it says where its receiver was connected.
#[tokio::test]
async fn panic_names_where_it_was_connected() {
    let signals = Signals::isolated();
    let options = ConnectOptions::new().priority(1);
    let first = line!() + 2;
    let _guards = [
        signals.connect(panics::<Awaited>),
        signals.connect(|event: &Awaited| panics(event)),
        signals.connect_async(panics_later),
        signals.connect_with(options, panics::<Awaited>).unwrap(),
    ];
    let sequential = signals.send_robust(&Awaited).await;
    let concurrent = signals.send_concurrent(&Awaited).await;
    for report in [sequential, concurrent] {
        let mut lines = Vec::new();
        for receiver in report.receivers() {
            let place = receiver.receiver().place();
            assert!(matches!(receiver.outcome(), Outcome::Panicked(_)));
            assert!(place.file.ends_with("failing.rs"), "{place:?}");
            lines.push(place.line);
        }
        lines.sort_unstable();
        assert_eq!(lines, [first, first + 1, first + 2, first + 3]);
        let error = report.into_result().unwrap_err();
        let shown = error.to_string();
        assert!(shown.contains("failing.rs:"), "{shown}");
    }
}

#[test]
fn send_sync_stops_at_the_failure() {
    let (signals, log) = (Signals::isolated(), Log::default());
    let _fails = signals.connect::<Quick>(fails);
    let _after = signals.connect::<Quick>(noting(&log, "after"));
    assert_eq!(
        signals.send_sync(&Quick).unwrap_err().kind(),
        SendErrorKind::Failed
    );
    assert_eq!(taken(&log), [""; 0]);
}

#[tokio::test]
async fn robust_dispatch_runs_everyone() {
    let signals = Signals::builder()
        .isolated()
        .timeout(Duration::from_millis(10))
        .build()
        .unwrap();
    let log = Log::default();
    let _guards = [
        signals.connect::<Awaited>(fails),
        signals.connect::<Awaited>(panics),
        signals.connect_async::<Awaited>(|_| pending::<()>()),
        signals.connect_async(panics_later),
        signals.connect::<Awaited>(noting(&log, "after all")),
    ];
    let sequential = signals.send_robust(&Awaited).await;
    let concurrent = signals.send_concurrent(&Awaited).await;
    for report in [sequential, concurrent] {
        let [error, panic, timed_out, panic_later, done] =
            report.receivers().collect::<Vec<_>>().try_into().unwrap();
        assert!(
            matches!(error.outcome(), Outcome::Failed(error) if error.to_string() == "the disk is full")
        );
        assert!(matches!(panic.outcome(), Outcome::Panicked(message) if message == "out of order"));
        assert!(
            matches!(timed_out.outcome(), Outcome::TimedOut(limit) if *limit == Duration::from_millis(10))
        );
        assert!(matches!(panic_later.outcome(), Outcome::Panicked(message) if message == "later"));
        assert!(done.outcome().is_ok());
        assert_eq!(report.failures().count(), 4);
        assert_eq!(
            report.into_result().unwrap_err().kind(),
            SendErrorKind::Failed
        );
    }
    assert_eq!(taken(&log), ["after all", "after all"]);
}

#[test]
fn robust_sync_dispatch_runs_everyone() {
    for timed in [false, true] {
        let (signals, log) = (
            Signals::builder().isolated().timed(timed).build().unwrap(),
            Log::default(),
        );
        let _guards = [
            signals.connect::<Quick>(panics),
            signals.connect::<Quick>(noting(&log, "between")),
            signals.connect::<Quick>(panics),
            signals.connect::<Quick>(fails),
            signals.connect::<Quick>(noting(&log, "after all")),
        ];
        let report = signals.send_robust_sync(&Quick);
        let outcomes: Vec<_> = report
            .receivers()
            .map(|receiver| receiver.outcome().name())
            .collect();
        assert_eq!(outcomes, ["panic", "done", "panic", "error", "done"]);
        assert_eq!(taken(&log), ["between", "after all"]);
        assert_eq!(
            report.into_result().unwrap_err().kind(),
            SendErrorKind::Panicked
        );
    }
}

#[tokio::test]
async fn untimed_robust_dispatch_mixes_kinds() {
    let (signals, log) = (
        Signals::builder().isolated().timed(false).build().unwrap(),
        Log::default(),
    );
    let later = Arc::clone(&log);
    let _guards = [
        signals.connect::<Awaited>(noting(&log, "one")),
        signals.connect::<Awaited>(panics),
        signals.connect_async::<Awaited>(move |_| {
            let later = Arc::clone(&later);
            async move { later.lock().unwrap().push("two") }
        }),
        signals.connect::<Awaited>(noting(&log, "three")),
    ];
    let report = signals.send_robust(&Awaited).await;
    let outcomes: Vec<_> = report
        .receivers()
        .map(|receiver| receiver.outcome().name())
        .collect();
    assert_eq!(outcomes, ["done", "panic", "done", "done"]);
    assert_eq!(taken(&log), ["one", "two", "three"]);
}

#[tokio::test]
async fn panic_goes_through_send() {
    let (signals, log) = (Signals::isolated(), Log::default());
    let _panics = signals.connect::<Awaited>(panics);
    let _after = signals.connect::<Awaited>(noting(&log, "after"));
    let payload = AssertUnwindSafe(signals.send(&Awaited))
        .catch_unwind()
        .await
        .unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&"out of order"));
    assert_eq!(taken(&log), [""; 0]);
}

#[test]
fn panic_goes_through_send_sync() {
    let signals = Signals::isolated();
    let panicking = signals.connect::<Quick>(panics);
    catch_unwind(AssertUnwindSafe(|| signals.send_sync(&Quick))).unwrap_err();
    drop(panicking);
    signals.send_sync(&Quick).unwrap();
}

#[tokio::test]
async fn own_timeout_beats_the_dispatchers() {
    let signals = Signals::builder()
        .timeout(Duration::from_hours(1))
        .build()
        .unwrap();
    let error = signals.send(&Endless).await.unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::TimedOut);
    assert!(
        error.to_string().ends_with("took longer than 10ms"),
        "{error}"
    );
}

#[tokio::test]
async fn timeout_drops_at_the_await() {
    let (signals, log) = (Signals::isolated(), Log::default());
    let noted = Arc::clone(&log);
    let options = ConnectOptions::new().timeout(Duration::from_millis(5));
    let _waits = signals.connect_async_with::<Awaited>(options, move |_| {
        let noted = Arc::clone(&noted);
        async move {
            let _dropped = Dropped(Arc::clone(&noted));
            noted.lock().unwrap().push("started");
            pending::<()>().await;
            noted.lock().unwrap().push("never");
        }
    });
    assert_eq!(
        signals.send(&Awaited).await.unwrap_err().kind(),
        SendErrorKind::TimedOut
    );
    assert_eq!(taken(&log), ["started", "dropped"]);
}

#[test]
fn timeout_outside_tokio_is_reported() {
    let (signals, log) = (Signals::linked().unwrap(), Log::default());
    let _others = signals.connect::<Endless>(noting(&log, "the others run"));
    let sequential = signals.send_robust(&Endless).now_or_never().unwrap();
    let concurrent = signals.send_concurrent(&Endless).now_or_never().unwrap();
    for report in [sequential, concurrent] {
        let outcomes: Vec<_> = report
            .receivers()
            .map(|receiver| receiver.outcome().name())
            .collect();
        assert_eq!(outcomes, ["no runtime", "done"]);
    }
    assert_eq!(taken(&log), ["the others run", "the others run"]);
    let error = signals.send(&Endless).now_or_never().unwrap().unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::NoRuntime);
}

#[test]
fn timeout_without_timer_is_a_panic() {
    let signals = Signals::linked().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let report = runtime.block_on(signals.send_robust(&Endless));
    let failure = report.failures().next().unwrap();
    assert!(
        matches!(failure.outcome(), Outcome::Panicked(message) if message.contains("enable_time")),
        "{failure:?}"
    );
}

#[test]
fn filter_comes_before_the_timeout() {
    let signals = Signals::linked().unwrap();
    for (wanted, expected) in [(false, "skipped"), (true, "no runtime")] {
        let report = signals.send_robust(&Picky(wanted)).now_or_never().unwrap();
        let names: Vec<_> = report
            .receivers()
            .map(|receiver| receiver.outcome().name())
            .collect();
        assert_eq!(names, [expected]);
    }
}

#[tokio::test]
async fn dropped_sender_drops_the_receiver() {
    let (signals, log) = (Signals::isolated(), Log::default());
    let noted = Arc::clone(&log);
    let _waits = signals.connect_async::<Awaited>(move |_| {
        let noted = Arc::clone(&noted);
        async move {
            let _dropped = Dropped(Arc::clone(&noted));
            noted.lock().unwrap().push("started");
            pending::<()>().await;
        }
    });
    let _after = signals.connect::<Awaited>(noting(&log, "after"));
    assert!(signals.send(&Awaited).now_or_never().is_none());
    assert_eq!(taken(&log), ["started", "dropped"]);
    assert!(signals.send_robust(&Awaited).now_or_never().is_none());
    assert_eq!(taken(&log), ["started", "dropped"]);
    // At once means that the other has been called already.
    let concurrent = signals.send_concurrent(&Awaited).now_or_never();
    assert!(concurrent.is_none());
    assert_eq!(taken(&log), ["started", "after", "dropped"]);
}

#[tokio::test]
async fn concurrent_receivers_wait_together() {
    let signals = Signals::isolated();
    let barrier = Arc::new(Barrier::new(2));
    let meets = |barrier: &Arc<Barrier>| {
        let barrier = Arc::clone(barrier);
        move |_: Awaited| {
            let barrier = Arc::clone(&barrier);
            async move {
                barrier.wait().await;
            }
        }
    };
    let _guards = [
        signals.connect_async(meets(&barrier)),
        signals.connect_async(meets(&barrier)),
    ];
    let report = signals.send_concurrent(&Awaited).await;
    assert_eq!((report.len(), report.is_ok()), (2, true));
}

#[tokio::test]
async fn detached_dispatch_survives_its_sender() {
    let signals = Signals::isolated();
    let (open, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (ended, end) = oneshot::channel();
    let (opened, passed, ended) = (
        Arc::clone(&open),
        Arc::clone(&gate),
        Mutex::new(Some(ended)),
    );
    let _waits = signals.connect_async::<Awaited>(move |_| {
        let (opened, passed, ended) = (
            Arc::clone(&opened),
            Arc::clone(&passed),
            ended.lock().unwrap().take(),
        );
        async move {
            opened.notify_one();
            passed.notified().await;
            ended.unwrap().send(()).unwrap();
        }
    });
    let _panics = signals.connect::<Awaited>(panics);
    let dispatcher = signals.clone();
    tokio::spawn(async move { dispatcher.send_detached(Awaited).unwrap() })
        .await
        .unwrap();
    open.notified().await;
    assert!(!signals.drain(Duration::from_millis(1)).await);
    gate.notify_one();
    end.await.unwrap();
    assert!(signals.drain(Duration::from_mins(1)).await);
}

#[test]
fn detached_dispatch_needs_tokio() {
    let signals = Signals::isolated();
    let error = signals.send_detached(Awaited).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a detached signal needs a Tokio runtime that does not shut down"
    );
    assert_eq!(signals.drain(Duration::ZERO).now_or_never(), Some(true));
}

#[test]
fn runtime_shut_down_ends_detached() {
    let signals = Signals::isolated();
    let _waits = signals.connect_async::<Awaited>(|_| pending::<()>());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime
        .block_on(async { signals.send_detached(Awaited) })
        .unwrap();
    drop(runtime);
    assert_eq!(signals.drain(Duration::ZERO).now_or_never(), Some(true));
}
