//! What is measured: each way of dispatch to 1, 8 and 64 receivers that do next to nothing.

use crate::{
    measure::Case,
    receivers::{
        Plain1, Plain8, Plain64, Ready1, Ready8, Ready64, SLICE_1, SLICE_8, SLICE_64, Sync1, Sync8,
        Sync64, SyncConnected, SyncNone,
    },
};
use futures_util::FutureExt;
use phone_auth_signals::{Event, Signals, SyncEvent};
use std::hint::black_box;

/// All cases. A name ends in the number of receivers.
pub(crate) fn all() -> Vec<Case> {
    let dispatcher = Signals::linked().unwrap();
    let untimed = Signals::builder().timed(false).build().unwrap();
    let timed = Signals::builder().timed(true).build().unwrap();
    let mut cases = limits();
    cases.extend([
        sync("nobody listening, 0", &dispatcher, || SyncNone(1)),
        sync("send_sync, 1", &dispatcher, || Sync1(1)),
        sync("send_sync, 8", &dispatcher, || Sync8(1)),
        sync("send_sync, 64", &dispatcher, || Sync64(1)),
        robust_sync("send_robust_sync, 1", &dispatcher, || Sync1(1)),
        robust_sync("send_robust_sync, 8", &dispatcher, || Sync8(1)),
        robust_sync("send_robust_sync, 64", &dispatcher, || Sync64(1)),
        robust_sync("send_robust_sync timed, 8", &timed, || Sync8(1)),
        connected("send_sync to connected, 1", 1),
        connected("send_sync to connected, 8", 8),
        connected("send_sync to connected, 64", 64),
        awaited("send to sync receivers, 1", &dispatcher, || Plain1(1)),
        awaited("send to sync receivers, 8", &dispatcher, || Plain8(1)),
        awaited("send to sync receivers, 64", &dispatcher, || Plain64(1)),
        awaited("send to ready async, 1", &dispatcher, || Ready1(1)),
        awaited("send to ready async, 8", &dispatcher, || Ready8(1)),
        awaited("send to ready async, 64", &dispatcher, || Ready64(1)),
        robust("send_robust untimed, 8", &untimed, || Plain8(1)),
        robust("send_robust untimed, 64", &untimed, || Plain64(1)),
        robust("send_robust, 8", &dispatcher, || Plain8(1)),
    ]);
    cases.extend(others());
    cases
}

/// The least that calling receivers can cost.
fn limits() -> Vec<Case> {
    fn slice<E>(
        name: &'static str,
        receivers: &'static [fn(&E)],
        event: impl Fn() -> E + 'static,
    ) -> Case {
        Case::new(name, move || {
            let event = event();
            let event = black_box(&event);
            for receiver in black_box(receivers) {
                receiver(event);
            }
        })
    }
    let one: fn(&Sync1) = SLICE_1.first().copied().unwrap();
    vec![
        Case::new("one fn pointer, 1", move || {
            black_box(one)(black_box(&Sync1(1)));
        }),
        slice("slice of fn pointers, 1", SLICE_1, || Sync1(1)),
        slice("slice of fn pointers, 8", SLICE_8, || Sync8(1)),
        slice("slice of fn pointers, 64", SLICE_64, || Sync64(1)),
    ]
}

fn sync<E: SyncEvent>(
    name: &'static str,
    dispatcher: &Signals,
    event: impl Fn() -> E + 'static,
) -> Case {
    let dispatcher = dispatcher.clone();
    Case::new(name, move || {
        dispatcher.send_sync(black_box(&event())).unwrap();
    })
}

fn robust_sync<E: SyncEvent>(
    name: &'static str,
    dispatcher: &Signals,
    event: impl Fn() -> E + 'static,
) -> Case {
    let dispatcher = dispatcher.clone();
    Case::new(name, move || {
        assert!(black_box(dispatcher.send_robust_sync(black_box(&event()))).is_ok());
    })
}

fn awaited<E: Event>(
    name: &'static str,
    dispatcher: &Signals,
    event: impl Fn() -> E + 'static,
) -> Case {
    let dispatcher = dispatcher.clone();
    Case::new(name, move || {
        dispatcher
            .send(black_box(&event()))
            .now_or_never()
            .unwrap()
            .unwrap();
    })
}

fn robust<E: Event>(
    name: &'static str,
    dispatcher: &Signals,
    event: impl Fn() -> E + 'static,
) -> Case {
    let dispatcher = dispatcher.clone();
    Case::new(name, move || {
        let report = dispatcher.send_robust(black_box(&event())).now_or_never();
        assert!(black_box(report).unwrap().is_ok());
    })
}

fn connected(name: &'static str, receivers: u64) -> Case {
    let dispatcher = Signals::isolated();
    for number in 0..receivers {
        dispatcher
            .connect::<SyncConnected>(move |event| {
                black_box(event.0 ^ number);
            })
            .forever();
    }
    Case::new(name, move || {
        dispatcher.send_sync(black_box(&SyncConnected(1))).unwrap();
    })
}

/// What users use otherwise.
fn others() -> Vec<Case> {
    vec![
        signals2("signals2, 1", 1),
        signals2("signals2, 8", 8),
        signals2("signals2, 64", 64),
        broadcast("tokio broadcast, 1", 1),
        broadcast("tokio broadcast, 8", 8),
        broadcast("tokio broadcast, 64", 64),
    ]
}

fn signals2(name: &'static str, receivers: u64) -> Case {
    use signals2::{Connect1, Emit1};
    let signal: signals2::Signal<(u64,)> = signals2::Signal::new();
    for number in 0..receivers {
        signal.connect(move |event| {
            black_box(event ^ number);
        });
    }
    Case::new(name, move || {
        black_box(signal.emit(black_box(1)));
    })
}

fn broadcast(name: &'static str, receivers: u64) -> Case {
    let (sender, first) = tokio::sync::broadcast::channel::<u64>(16);
    let mut ends: Vec<_> = (1..receivers).map(|_| sender.subscribe()).collect();
    ends.push(first);
    Case::new(name, move || {
        sender.send(black_box(1)).unwrap();
        for (number, end) in (0..).zip(&mut ends) {
            black_box(end.try_recv().unwrap() ^ number);
        }
    })
}
