//! The catalogue: every signal and every receiver of the program, without their types, collected by inventory.
//!
//! It is the second registry beside the linker's section of each signal, and what reads all signals at once.

use crate::{Event, Receiver, Signal, SignalInfo, receiver::AnyReceiver, signal::AnySignal};
use serde::Serialize;
use std::{fmt, sync::OnceLock};

/// One receiver in inventory's list.
#[doc(hidden)]
pub struct RegisteredReceiver(&'static dyn AnyReceiver);

impl RegisteredReceiver {
    pub const fn new<E: 'static>(receiver: &'static Receiver<E>) -> Self {
        Self(receiver)
    }
}

inventory::collect!(RegisteredReceiver);

impl fmt::Debug for RegisteredReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredReceiver").finish_non_exhaustive()
    }
}

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

/// How many receivers of a signal each registry knows. The three numbers are equal, or the linker dropped something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RegistryCheck {
    /// The signal.
    pub signal: &'static str,
    /// Receivers in linkme's section. None on WebAssembly and under Miri, where there are no sections.
    pub in_section: usize,
    /// Receivers in inventory's list.
    pub in_inventory: usize,
    /// Receivers in either: those that are called.
    pub union: usize,
}

impl RegistryCheck {
    /// Whether both registries know the same receivers, so far as the platform has both.
    pub fn is_whole(&self) -> bool {
        let no_sections = cfg!(any(miri, target_family = "wasm"));
        self.in_inventory == self.union && (no_sections || self.in_section == self.union)
    }
}

/// The receivers of the events `E` in inventory's list.
pub(crate) fn registered_receivers<E: 'static>() -> Vec<&'static Receiver<E>> {
    inventory::iter::<RegisteredReceiver>()
        .filter_map(|registered| registered.0.as_any().downcast_ref())
        .collect()
}

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
