//! The path of a signal that is declared `sync` allocates nothing, as a counting allocator sees it.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    reason = "receivers that are as small as can be"
)]

use phone_auth_signals::{Signals, receiver, signal};
use std::hint::black_box;

signal! {
    /// Has receivers of every kind that a `sync` signal can have.
    sync heard: Heard;
    /// Has none.
    sync unheard: Unheard;
}

struct Heard(u64);
struct Unheard;

#[receiver(heard)]
fn plain(event: &Heard) {
    black_box(event.0);
}

#[receiver(heard)]
fn with_state(event: &Heard, state: &u64) {
    black_box(event.0 + state);
}

#[receiver(heard)]
fn with_result(event: &Heard) -> Result<(), String> {
    black_box(event.0);
    Ok(())
}

#[receiver(heard, when = |event| event.0 == 0)]
fn skipped(_event: &Heard) {}

fn allocations(run: impl FnOnce()) -> u64 {
    allocation_counter::measure(run).count_total
}

#[test]
fn counter_counts_a_box() {
    assert_eq!(allocations(|| drop(black_box(Box::new(1_u8)))), 1);
}

#[test]
fn sync_send_allocates_nothing() {
    let signals = Signals::builder().provide(1_u64).build().unwrap();
    let send = || {
        signals.send_sync(black_box(&Heard(1))).unwrap();
        signals.send_sync(black_box(&Unheard)).unwrap();
    };
    assert_eq!(allocations(send), 0);
}

#[test]
fn sync_send_to_connected_allocates_nothing() {
    let signals = Signals::builder().provide(1_u64).build().unwrap();
    let _connection = signals.connect::<Heard>(|event| {
        black_box(event.0);
    });
    // The first use on a thread sets up what arc-swap keeps for it.
    signals.send_sync(&Heard(1)).unwrap();
    assert_eq!(
        allocations(|| signals.send_sync(black_box(&Heard(1))).unwrap()),
        0
    );
}

#[test]
fn sound_robust_send_allocates_nothing() {
    let signals = Signals::builder().provide(1_u64).build().unwrap();
    let send = || {
        let report = signals.send_robust_sync(black_box(&Heard(0)));
        assert_eq!((report.len(), report.is_ok()), (4, true));
    };
    assert_eq!(allocations(send), 0);
}

#[test]
fn sync_send_builds_no_future() {
    let signals = Signals::builder().provide(1_u64).build().unwrap();
    let send = || {
        let sent = futures_util::FutureExt::now_or_never(signals.send(black_box(&Heard(1))));
        sent.unwrap().unwrap();
    };
    assert_eq!(allocations(send), 0);
}
