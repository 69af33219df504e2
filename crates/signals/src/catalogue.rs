//! The catalogue: every signal and every receiver of the program, without their types, collected by inventory.
//!
//! It is the second registry beside the linker's section of each signal, and what reads all signals at once.

use crate::{Event, Signal, SignalInfo, any_signal::AnySignal};
use std::{fmt, sync::OnceLock};

/// One signal in inventory's list.
#[doc(hidden)]
pub struct SignalEntry(&'static dyn AnySignal);

impl SignalEntry {
    pub const fn new<E: Event>(signal: &'static Signal<E>) -> Self {
        Self(signal)
    }
}

impl fmt::Debug for SignalEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SignalEntry")
            .field(&self.0.info().name)
            .finish()
    }
}

inventory::collect!(SignalEntry);

/// The signals of one package that stand in this program in two versions of it. Receivers of the one hear nothing of the
/// other.
pub(crate) fn versions() -> Vec<[&'static SignalInfo; 2]> {
    let mut infos: Vec<_> = signals().iter().map(|signal| signal.info()).collect();
    let key = |info: &SignalInfo| (info.place.package, info.place.module, info.name);
    infos.sort_by_key(|info| (key(info), info.version));
    let pairs = infos.windows(2).filter_map(|pair| match pair {
        [first, second] if key(first) == key(second) && first.version != second.version => {
            Some([*first, *second])
        }
        _ => None,
    });
    pairs.collect()
}

/// All signals, by name and place. Reading it for the first time gives each signal its index.
pub(crate) fn signals() -> &'static [&'static dyn AnySignal] {
    static SIGNALS: OnceLock<Vec<&'static dyn AnySignal>> = OnceLock::new();
    SIGNALS.get_or_init(|| {
        let mut signals: Vec<_> = inventory::iter::<SignalEntry>()
            .map(|entry| entry.0)
            .collect();
        signals.sort_by_key(|signal| (signal.info().name, signal.info().place));
        for (index, signal) in signals.iter().enumerate() {
            signal.place_at(index);
        }
        signals
    })
}
