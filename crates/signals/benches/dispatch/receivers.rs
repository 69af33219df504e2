//! The signals and receivers that are measured: the same empty work for each, 1, 8 and 64 times.

use phone_auth_signals::{receiver, signal};
use std::hint::black_box;

/// An event of its own for each signal, as everywhere.
macro_rules! events {
    ($($event:ident)+) => {
        $(
            #[allow(dead_code, reason = "nobody reads the event of a signal without receivers")]
            pub(crate) struct $event(pub(crate) u64);
        )+
    };
}

events! { Sync1 Sync8 Sync64 SyncNone SyncConnected Ready1 Ready8 Ready64 Plain1 Plain8 Plain64 }

signal! {
    /// One receiver.
    pub(crate) sync sync_1: Sync1;
    /// Eight receivers.
    pub(crate) sync sync_8: Sync8;
    /// Sixty-four receivers.
    pub(crate) sync sync_64: Sync64;
    /// No receiver.
    pub(crate) sync sync_none: SyncNone;
    /// No receiver but those connected.
    pub(crate) sync sync_connected: SyncConnected;
    /// One `async` receiver that is ready at once.
    pub(crate) ready_1: Ready1;
    /// Eight `async` receivers that are ready at once.
    pub(crate) ready_8: Ready8;
    /// Sixty-four `async` receivers that are ready at once.
    pub(crate) ready_64: Ready64;
    /// One receiver that does not await, of a signal that does.
    pub(crate) plain_1: Plain1;
    /// Eight receivers that do not await.
    pub(crate) plain_8: Plain8;
    /// Sixty-four receivers that do not await.
    pub(crate) plain_64: Plain64;
}

/// What differs between receivers, lest the compiler make one function of all. Known when it compiles them.
#[inline]
fn distinct(name: &str) -> u64 {
    match name.as_bytes() {
        [first, .., last] => u64::from(*first) * 256 + u64::from(*last),
        _ => 1,
    }
}

macro_rules! receivers {
    ($($module:ident: $signal:ident, $event:ident, [$($name:ident)+];)+) => {
        $(
            mod $module {
                use super::*;
                $(
                    #[receiver($signal)]
                    pub(super) fn $name(event: &$event) {
                        black_box(event.0 ^ distinct(stringify!($name)));
                    }
                )+
            }
        )+
    };
}

/// The same functions as a slice of pointers.
macro_rules! slices {
    ($($slice:ident: $module:ident, $event:ident, [$($name:ident)+];)+) => {
        $(pub(crate) static $slice: &[fn(&$event)] = &[$($module::$name),+];)+
    };
}

macro_rules! async_receivers {
    ($($module:ident: $signal:ident, $event:ident, [$($name:ident)+];)+) => {
        $(
            mod $module {
                use super::*;
                $(
                    #[receiver($signal)]
                    pub(super) async fn $name(event: &$event) {
                        black_box(event.0 ^ distinct(stringify!($name)));
                    }
                )+
            }
        )+
    };
}

receivers! {
    sync_one: sync_1, Sync1, [a];
    sync_eight: sync_8, Sync8, [a b c d e f g h];
    sync_sixty_four: sync_64, Sync64, [
        a0 a1 a2 a3 a4 a5 a6 a7 b0 b1 b2 b3 b4 b5 b6 b7 c0 c1 c2 c3 c4 c5 c6 c7 d0 d1 d2 d3 d4 d5 d6 d7
        e0 e1 e2 e3 e4 e5 e6 e7 f0 f1 f2 f3 f4 f5 f6 f7 g0 g1 g2 g3 g4 g5 g6 g7 h0 h1 h2 h3 h4 h5 h6 h7
    ];
    plain_one: plain_1, Plain1, [a];
    plain_eight: plain_8, Plain8, [a b c d e f g h];
    plain_sixty_four: plain_64, Plain64, [
        a0 a1 a2 a3 a4 a5 a6 a7 b0 b1 b2 b3 b4 b5 b6 b7 c0 c1 c2 c3 c4 c5 c6 c7 d0 d1 d2 d3 d4 d5 d6 d7
        e0 e1 e2 e3 e4 e5 e6 e7 f0 f1 f2 f3 f4 f5 f6 f7 g0 g1 g2 g3 g4 g5 g6 g7 h0 h1 h2 h3 h4 h5 h6 h7
    ];
}

async_receivers! {
    ready_one: ready_1, Ready1, [a];
    ready_eight: ready_8, Ready8, [a b c d e f g h];
    ready_sixty_four: ready_64, Ready64, [
        a0 a1 a2 a3 a4 a5 a6 a7 b0 b1 b2 b3 b4 b5 b6 b7 c0 c1 c2 c3 c4 c5 c6 c7 d0 d1 d2 d3 d4 d5 d6 d7
        e0 e1 e2 e3 e4 e5 e6 e7 f0 f1 f2 f3 f4 f5 f6 f7 g0 g1 g2 g3 g4 g5 g6 g7 h0 h1 h2 h3 h4 h5 h6 h7
    ];
}

slices! {
    SLICE_1: sync_one, Sync1, [a];
    SLICE_8: sync_eight, Sync8, [a b c d e f g h];
    SLICE_64: sync_sixty_four, Sync64, [
        a0 a1 a2 a3 a4 a5 a6 a7 b0 b1 b2 b3 b4 b5 b6 b7 c0 c1 c2 c3 c4 c5 c6 c7 d0 d1 d2 d3 d4 d5 d6 d7
        e0 e1 e2 e3 e4 e5 e6 e7 f0 f1 f2 f3 f4 f5 f6 f7 g0 g1 g2 g3 g4 g5 g6 g7 h0 h1 h2 h3 h4 h5 h6 h7
    ];
}
