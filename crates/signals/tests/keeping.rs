//! Who keeps what: closures, dispatchers, reports. And panics that come back when they are dropped.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "what fails here is a failed test"
)]

use phone_auth_signals::{NoRuntimeError, Outcome, Signals, receiver, signal};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    thread,
    time::Duration,
};

signal! {
    /// Not awaited.
    sync rung: Rung;
    /// Awaited.
    heard: Heard;
}

#[derive(Clone)]
struct Rung;
#[derive(Clone)]
struct Heard;

#[receiver(rung, id = "linked")]
fn linked(_event: &Rung) {}

#[test]
fn kept_report_keeps_no_closure() {
    let signals = Signals::isolated();
    let held = Arc::new(());
    let inner = Arc::clone(&held);
    let connection = signals.connect::<Rung>(move |_| drop(Arc::clone(&inner)));
    let report = signals.send_robust_sync(&Rung);
    drop(connection);
    assert_eq!((report.len(), Arc::strong_count(&held)), (1, 1));
}

#[test]
fn weak_handle_frees_the_dispatcher() {
    let held = Arc::new(());
    let (signals, inner) = (Signals::isolated(), Arc::clone(&held));
    let itself = signals.downgrade();
    signals
        .connect::<Rung>(move |_| {
            let _ = &inner;
            assert!(itself.upgrade().is_some());
        })
        .forever();
    signals.send_sync(&Rung).unwrap();
    drop(signals);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn many_connect_and_go() {
    // Each connection that looked at all others would make this take hours.
    const MANY: usize = 100_000;
    let signals = Signals::linked().unwrap();
    let connections: Vec<_> = (0..MANY).map(|_| signals.connect::<Rung>(|_| ())).collect();
    let report = signals.send_robust_sync(&Rung);
    assert_eq!(report.len(), MANY + 1);
    drop(connections);
    assert_eq!(signals.receivers_of::<Rung>().len(), 1);
}

/// Panics when it is dropped, so often.
struct Bomb(Arc<AtomicUsize>, usize);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
        if self.1 > 0 {
            panic_any(Bomb(Arc::clone(&self.0), self.1 - 1));
        }
    }
}

fn blow(drops: &Arc<AtomicUsize>) {
    panic_any(Bomb(Arc::clone(drops), 3));
}

/// What `run` comes to. A payload that escaped is not dropped: that would hang the harness instead of failing the test.
fn held<T>(run: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        std::mem::forget(payload);
        panic!("a panic escaped");
    })
}

#[test]
fn payload_that_panics_is_caught() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let signals = Signals::isolated();
    let drops = Arc::new(AtomicUsize::new(0));
    for _ in 0..2 {
        let inner = Arc::clone(&drops);
        signals.connect::<Rung>(move |_| blow(&inner)).forever();
        let inner = Arc::clone(&drops);
        signals.connect::<Heard>(move |_| blow(&inner)).forever();
        let inner = Arc::clone(&drops);
        let waits = move |_| {
            let inner = Arc::clone(&inner);
            async move {
                tokio::task::yield_now().await;
                blow(&inner);
            }
        };
        signals.connect_async::<Heard>(waits).forever();
    }
    let reports = [
        held(|| signals.send_robust_sync(&Rung)),
        held(|| runtime.block_on(signals.send_robust(&Heard))),
        held(|| runtime.block_on(signals.send_concurrent(&Heard))),
    ];
    for (report, count) in reports.iter().zip([2, 4, 4]) {
        assert_eq!(report.failures().count(), count);
        for failure in report.failures() {
            assert!(
                matches!(failure.outcome(), Outcome::Panicked(_)),
                "{failure:?}"
            );
        }
    }
    assert_eq!(drops.load(Ordering::Relaxed), 10);
}

#[tokio::test]
async fn one_that_yields_is_polled_once_a_turn() {
    let signals = Signals::isolated();
    let polls = Arc::new(AtomicUsize::new(0));
    let inner = Arc::clone(&polls);
    let yields = move |_| {
        let (inner, mut is_first) = (Arc::clone(&inner), true);
        std::future::poll_fn(move |context| {
            inner.fetch_add(1, Ordering::Relaxed);
            if std::mem::take(&mut is_first) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
    };
    let _connection = signals.connect_async::<Heard>(yields);
    let mut send = Box::pin(signals.send(&Heard));
    let is_pending =
        std::future::poll_fn(|context| Poll::Ready(send.as_mut().poll(context).is_pending()));
    assert!(is_pending.await);
    assert_eq!(polls.load(Ordering::Relaxed), 1);
    send.await.unwrap();
    assert_eq!(polls.load(Ordering::Relaxed), 2);
}

#[test]
fn shutting_down_runtime_is_told() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    runtime.shutdown_timeout(Duration::from_secs(30));
    let signals = Signals::isolated();
    let sent = thread::spawn(move || {
        let _entered = handle.enter();
        signals.send_detached(Heard)
    });
    assert!(matches!(sent.join().unwrap(), Err(NoRuntimeError { .. })));
}
