//! Dispatchers: connecting and disconnecting, disabling, isolation, captures, reports.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_signals::{ConnectOptions, Connection, SetupErrorKind, Signals, receiver, signal};
use std::{
    sync::{
        Arc, Barrier, Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

signal! {
    /// Something awaited.
    awaited: Awaited;
    /// Something quick.
    sync quick: Quick;
    /// Has linked receivers.
    sync linked: Linked;
    /// Has a linked receiver that connects others.
    sync restless: Restless;
}

#[derive(Clone, Debug, PartialEq)]
struct Awaited(u32);
#[derive(Clone, Debug, PartialEq)]
struct Quick(u32);
struct Linked;
struct Restless;

static LINKED: AtomicU32 = AtomicU32::new(0);

#[receiver(linked, id = "counts")]
fn counts(_event: &Linked) {
    LINKED.fetch_add(1, Ordering::SeqCst);
}

type Log = Arc<Mutex<Vec<&'static str>>>;

fn noting(log: &Log, text: &'static str) -> impl Fn(&Quick) + Send + Sync + use<> {
    let log = Arc::clone(log);
    move |_| log.lock().unwrap().push(text)
}

fn taken(log: &Log) -> Vec<&'static str> {
    std::mem::take(&mut log.lock().unwrap())
}

#[test]
fn dropped_connection_disconnects() {
    let (signals, log) = (Signals::isolated(), Log::default());
    let connection = signals.connect(noting(&log, "heard"));
    signals.send_sync(&Quick(1)).unwrap();
    drop(connection);
    signals.send_sync(&Quick(2)).unwrap();
    assert_eq!(taken(&log), ["heard"]);
    assert!(!signals.has_receiver::<Quick>());
}

#[test]
fn forever_outlives_its_guard() {
    let (signals, log) = (Signals::isolated(), Log::default());
    signals.connect(noting(&log, "heard")).forever();
    signals.clone().send_sync(&Quick(1)).unwrap();
    assert_eq!(taken(&log), ["heard"]);
}

#[test]
fn connected_receivers_keep_order() {
    let (signals, log) = (Signals::isolated(), Log::default());
    let with = |priority| ConnectOptions::new().priority(priority);
    let _guards = [
        signals
            .connect_with(with(0), noting(&log, "first of 0"))
            .unwrap(),
        signals.connect_with(with(-1), noting(&log, "-1")).unwrap(),
        signals.connect_with(with(5), noting(&log, "5")).unwrap(),
        signals
            .connect_with(with(0), noting(&log, "second of 0"))
            .unwrap(),
    ];
    signals.send_sync(&Quick(1)).unwrap();
    assert_eq!(taken(&log), ["5", "first of 0", "second of 0", "-1"]);
}

#[test]
fn second_id_is_refused() {
    let (signals, log) = (Signals::isolated(), Log::default());
    let named = || ConnectOptions::new().id("audit");
    let first = signals
        .connect_with(named(), noting(&log, "first"))
        .unwrap();
    let refused = signals
        .connect_with(named(), noting(&log, "second"))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the signal `quick` has a receiver with the id `audit` already"
    );
    drop(first);
    let _again = signals
        .connect_with(named(), noting(&log, "again"))
        .unwrap();
    signals.send_sync(&Quick(1)).unwrap();
    assert_eq!(taken(&log), ["again"]);
}

#[test]
fn connecting_during_dispatch_waits_for_the_next() {
    let (signals, log) = (Signals::isolated(), Log::default());
    let held: Arc<Mutex<Vec<Connection>>> = Arc::default();
    let (dispatcher, inner_log, inner_held) =
        (signals.clone(), Arc::clone(&log), Arc::clone(&held));
    let _outer = signals.connect::<Quick>(move |_| {
        inner_held
            .lock()
            .unwrap()
            .push(dispatcher.connect(noting(&inner_log, "inner")));
    });
    signals.send_sync(&Quick(1)).unwrap();
    assert_eq!(taken(&log), [""; 0]);
    signals.send_sync(&Quick(2)).unwrap();
    assert_eq!(taken(&log), ["inner"]);
    // The closure holds the dispatcher and the dispatcher the closure.
    held.lock().unwrap().clear();
}

#[test]
fn disconnecting_during_dispatch_waits_for_the_next() {
    let (signals, log) = (Signals::isolated(), Log::default());
    let held: Arc<Mutex<Option<Connection>>> = Arc::default();
    let inner = Arc::clone(&held);
    let _first = signals.connect::<Quick>(move |_| drop(inner.lock().unwrap().take()));
    *held.lock().unwrap() = Some(signals.connect(noting(&log, "second")));
    signals.send_sync(&Quick(1)).unwrap();
    assert_eq!(taken(&log), ["second"]);
    signals.send_sync(&Quick(2)).unwrap();
    assert_eq!(taken(&log), [""; 0]);
}

#[receiver(restless, priority = 1)]
fn connects_another(_event: &Restless, dispatcher: &OnceLock<Signals>) {
    dispatcher
        .get()
        .unwrap()
        .connect::<Restless>(|_| ())
        .forever();
}

#[receiver(restless)]
fn fails(_event: &Restless) -> Result<(), &'static str> {
    Err("after another was connected")
}

#[test]
fn linked_dispatch_keeps_its_receivers() {
    let own = Arc::new(OnceLock::new());
    let signals = Signals::builder()
        .provide_arc(Arc::clone(&own))
        .build()
        .unwrap();
    own.set(signals.clone()).unwrap();
    for receivers in 2..5 {
        let report = signals.send_robust_sync(&Restless);
        assert_eq!((report.len(), report.failures().count()), (receivers, 1));
    }
}

#[tokio::test]
async fn awaiting_dispatch_keeps_its_receivers() {
    let (signals, log) = (Signals::isolated(), Log::default());
    let gate = Arc::new(tokio::sync::Notify::new());
    let opened = Arc::clone(&gate);
    let _waits = signals.connect_async::<Awaited>(move |_| {
        let opened = Arc::clone(&opened);
        async move { opened.notified().await }
    });
    let heard = Arc::clone(&log);
    let leaving =
        signals.connect::<Awaited>(move |_| heard.lock().unwrap().push("was there at the start"));
    let dispatcher = signals.clone();
    let dispatch = tokio::spawn(async move { dispatcher.send_robust(&Awaited(1)).await.len() });
    tokio::task::yield_now().await;
    drop(leaving);
    let heard = Arc::clone(&log);
    let _late = signals.connect::<Awaited>(move |_| heard.lock().unwrap().push("came too late"));
    gate.notify_one();
    assert_eq!(dispatch.await.unwrap(), 2);
    assert_eq!(taken(&log), ["was there at the start"]);
}

#[test]
fn connecting_from_many_threads_loses_nobody() {
    let signals = Signals::isolated();
    let count = Arc::new(AtomicU32::new(0));
    let start = Arc::new(Barrier::new(9));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let (signals, count, start) = (signals.clone(), Arc::clone(&count), Arc::clone(&start));
            thread::spawn(move || {
                start.wait();
                for _ in 0..50 {
                    let heard = Arc::clone(&count);
                    let connect = |dispatcher: &Signals| {
                        dispatcher.connect::<Quick>(move |_| {
                            heard.fetch_add(1, Ordering::SeqCst);
                        })
                    };
                    connect(&signals).forever();
                    drop(signals.connect::<Quick>(|_| ()));
                }
            })
        })
        .collect();
    start.wait();
    for _ in 0..100 {
        signals.send_sync(&Quick(1)).unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    count.store(0, Ordering::SeqCst);
    signals.send_sync(&Quick(2)).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 400);
}

#[test]
fn disabled_receiver_is_left_out() {
    let signals = Signals::builder()
        .provide(OnceLock::<Signals>::new())
        .disable_receiver("counts")
        .build()
        .unwrap();
    assert!(!signals.has_receiver::<Linked>());
    let receiver = signals
        .manifest()
        .receivers
        .into_iter()
        .find(|receiver| receiver.id == "counts")
        .unwrap();
    assert!(receiver.disabled);
    let whole = Signals::builder()
        .provide(OnceLock::<Signals>::new())
        .build()
        .unwrap();
    assert!(whole.has_receiver::<Linked>());
    assert!(
        !whole
            .manifest()
            .receivers
            .iter()
            .any(|receiver| receiver.disabled)
    );
}

#[test]
fn switching_off_nobody_is_refused() {
    let error = Signals::builder()
        .provide(OnceLock::<Signals>::new())
        .disable_receiver("count")
        .build()
        .unwrap_err();
    assert_eq!(error.kind(), SetupErrorKind::UnknownId);
    assert_eq!(
        error.to_string(),
        "`count` is disabled, but no linked receiver has that id"
    );
}

#[test]
fn isolated_dispatchers_share_nothing() {
    let (one, other) = (Signals::isolated(), Signals::isolated());
    let _connection = one.connect::<Linked>(|_| ());
    assert!(one.has_receiver::<Linked>());
    assert!(!other.has_receiver::<Linked>());
    let before = LINKED.load(Ordering::SeqCst);
    other.send_sync(&Linked).unwrap();
    one.send_sync(&Linked).unwrap();
    assert_eq!(LINKED.load(Ordering::SeqCst), before);
}

#[tokio::test]
async fn capture_takes_and_awaits() {
    let signals = Signals::isolated();
    let mut captured = signals.capture::<Awaited>();
    signals.send(&Awaited(1)).await.unwrap();
    signals.send(&Awaited(2)).await.unwrap();
    assert_eq!(captured.take(), [Awaited(1), Awaited(2)]);
    let dispatcher = signals.clone();
    let sender = tokio::spawn(async move { dispatcher.send(&Awaited(3)).await });
    assert_eq!(captured.next().await, Some(Awaited(3)));
    sender.await.unwrap().unwrap();
    drop(signals);
    assert_eq!(captured.next().await, None);
}

#[tokio::test]
async fn capture_has_what_fails() {
    let signals = Signals::isolated();
    let first = ConnectOptions::new().priority(5);
    let _fails = signals.connect_with::<Awaited>(first, |_| Err("out of order"));
    let mut captured = signals.capture::<Awaited>();
    signals.send(&Awaited(1)).await.unwrap_err();
    assert_eq!(captured.take(), [Awaited(1)]);
}

#[tokio::test]
async fn report_names_each_receiver() {
    let signals = Signals::isolated();
    let options = ConnectOptions::new().id("slow").priority(1);
    let _slow = signals
        .connect_async_with::<Awaited>(options, |_| tokio::time::sleep(Duration::from_millis(5)))
        .unwrap();
    let _quick = signals.connect::<Awaited>(|_| ());
    let report = signals.send_robust(&Awaited(1)).await;
    assert_eq!(report.signal().name, "awaited");
    let [slow, quick] = report.receivers().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(slow.receiver().id(), "slow");
    assert!(slow.took().unwrap() >= Duration::from_millis(5));
    assert!(
        quick
            .receiver()
            .id()
            .starts_with("connected at crates/signals/tests/dispatcher.rs:"),
        "{quick:?}"
    );
    assert!(quick.took().is_some());
    assert!(quick.receiver().is_connected());
    report.into_result().unwrap();
}

#[tokio::test]
async fn times_add_up() {
    let signals = Signals::builder().isolated().timed(true).build().unwrap();
    let pause = || thread::sleep(Duration::from_millis(2));
    let _awaited = [
        signals.connect::<Awaited>(move |_| pause()),
        signals.connect::<Awaited>(|_| ()),
    ];
    let _quick = [
        signals.connect::<Quick>(move |_| pause()),
        signals.connect::<Quick>(|_| ()),
    ];
    let start = Instant::now();
    let awaited = signals.send_robust(&Awaited(1)).await;
    let quick = signals.send_robust_sync(&Quick(1));
    let whole = start.elapsed();
    let times = awaited.receivers().chain(quick.receivers());
    let times = times.map(|receiver| receiver.took().unwrap());
    let sum: Duration = times.sum();
    assert!(
        sum >= Duration::from_millis(4) && sum <= whole,
        "{sum:?} of {whole:?}"
    );
}

#[test]
fn sync_report_is_timed_on_request() {
    let untimed = Signals::isolated();
    let _one = untimed.connect::<Quick>(|_| ());
    assert!(
        untimed
            .send_robust_sync(&Quick(1))
            .receivers()
            .all(|receiver| receiver.took().is_none())
    );
    let timed = Signals::builder().isolated().timed(true).build().unwrap();
    let _two = timed.connect::<Quick>(|_| thread::sleep(Duration::from_millis(2)));
    let report = timed.send_robust_sync(&Quick(1));
    assert!(
        report
            .receivers()
            .all(|receiver| receiver.took() >= Some(Duration::from_millis(2)))
    );
}

#[test]
fn manifest_prints_as_tables() {
    let signals = Signals::builder()
        .provide(OnceLock::<Signals>::new())
        .disable_receiver("counts")
        .build()
        .unwrap();
    let text = signals.manifest().to_string();
    let find = |start: &str| {
        text.lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_default()
    };
    let words = |line: &str| {
        line.split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let signal: Vec<String> = words(find("quick (sync)"));
    let expected = [
        "quick (sync)",
        "Quick",
        "0",
        &place("sync quick: Quick;"),
        "Something quick.",
    ];
    assert_eq!(signal, expected);
    let receiver: Vec<String> = words(find("linked  "));
    let expected = [
        "linked",
        "counts (off)",
        "0",
        "-",
        "phone-auth-signals",
        &place("fn counts("),
    ];
    assert_eq!(receiver, expected);
}

/// Where a line of this file stands.
fn place(start: &str) -> String {
    let lines: Vec<_> = include_str!("dispatcher.rs")
        .lines()
        .map(str::trim_start)
        .collect();
    let index = lines
        .iter()
        .position(|line| line.starts_with(start))
        .unwrap();
    format!("crates/signals/tests/dispatcher.rs:{}", index + 1)
}
