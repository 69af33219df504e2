//! The receivers of one signal in inventory's list, and how many each of the two registries knows.

use crate::{Receiver, receiver::AnyReceiver};
use serde::Serialize;
use std::fmt;

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
