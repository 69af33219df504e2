//! A declared signal: what is known of it, and how its linked receivers are reached.

use crate::{
    Place, Receiver, ReceiverInfo,
    registry::{RegistryCheck, registered_receivers},
};
use serde::Serialize;
use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// What is known of a signal.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct SignalInfo {
    /// The name it is declared under.
    pub name: &'static str,
    /// The text of its documentation comment.
    pub doc: &'static str,
    /// The event type, as the declaration writes it.
    pub event: &'static str,
    /// Whether it is declared `sync`.
    pub is_sync: bool,
    /// Where it is declared.
    pub place: Place,
    /// The version of the package that declares it.
    pub version: &'static str,
}

impl SignalInfo {
    #[doc(hidden)]
    pub const fn new(
        name: &'static str,
        doc: &'static str,
        event: &'static str,
        is_sync: bool,
        place: Place,
        version: &'static str,
    ) -> Self {
        Self {
            name,
            doc,
            event,
            is_sync,
            place,
            version,
        }
    }
}

/// A declared signal. [`signal!`](crate::signal) makes it, as the static `SIGNAL` in the signal's module.
pub struct Signal<E: 'static> {
    info: SignalInfo,
    section: fn() -> &'static [&'static Receiver<E>],
    linked: OnceLock<Linked<E>>,
    /// Where dispatchers keep this signal's receivers; `UNPLACED` until the catalogue has been read.
    index: AtomicUsize,
    /// How many dispatchers have had a receiver of it.
    listeners: AtomicUsize,
    /// `index` while there is a listener, otherwise `UNPLACED`: one load tells a sender both. It may lag behind, so
    /// that `UNPLACED` is a reason to look at the other two, never an answer.
    live: AtomicUsize,
}

/// The union of the two registries, in the order of dispatch.
struct Linked<E: 'static> {
    receivers: Vec<&'static Receiver<E>>,
    /// What is known of each.
    infos: Vec<&'static ReceiverInfo>,
    registries: RegistryCheck,
}

const UNPLACED: usize = usize::MAX;

impl<E: 'static> Signal<E> {
    #[doc(hidden)]
    pub const fn new(info: SignalInfo, section: fn() -> &'static [&'static Receiver<E>]) -> Self {
        Self {
            info,
            section,
            linked: OnceLock::new(),
            index: AtomicUsize::new(UNPLACED),
            listeners: AtomicUsize::new(0),
            live: AtomicUsize::new(UNPLACED),
        }
    }

    /// What is known of the signal.
    pub const fn info(&self) -> &SignalInfo {
        &self.info
    }

    #[inline]
    pub(crate) fn index(&self) -> usize {
        self.index.load(Ordering::Relaxed)
    }

    /// Says at which index dispatchers keep its receivers.
    pub(crate) fn place_at(&self, index: usize) {
        self.index.store(index, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn live_index(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether any dispatcher has had a receiver.
    #[inline]
    pub(crate) fn has_listener(&self) -> bool {
        self.listeners.load(Ordering::Acquire) > 0
    }

    /// Brings [`Self::live_index`] up to date where there are listeners.
    pub(crate) fn refresh_live_index(&self) {
        self.live.store(self.index(), Ordering::Relaxed);
    }

    pub(crate) fn add_listener(&self) {
        self.listeners.fetch_add(1, Ordering::Release);
        self.live.store(self.index(), Ordering::Relaxed);
    }

    pub(crate) fn remove_listener(&self) {
        if self.listeners.fetch_sub(1, Ordering::Release) == 1 {
            self.live.store(UNPLACED, Ordering::Relaxed);
        }
    }

    /// Everything either registry knows, each receiver once, highest priority first, then by module path and line.
    fn linked(&'static self) -> &'static Linked<E> {
        self.linked.get_or_init(|| {
            let section = (self.section)();
            let inventory = registered_receivers::<E>();
            let mut receivers = section.to_vec();
            for receiver in &inventory {
                if !receivers
                    .iter()
                    .any(|known| std::ptr::eq(*known, *receiver))
                {
                    receivers.push(receiver);
                }
            }
            let registries = RegistryCheck {
                signal: self.info.name,
                in_section: section.len(),
                in_inventory: inventory.len(),
                union: receivers.len(),
            };
            receivers.sort_by(|left, right| left.info().order().cmp(&right.info().order()));
            Linked {
                infos: receivers.iter().map(|receiver| receiver.info()).collect(),
                receivers,
                registries,
            }
        })
    }

    pub(crate) fn registries(&'static self) -> RegistryCheck {
        self.linked().registries
    }

    pub(crate) fn receivers(&'static self) -> &'static [&'static Receiver<E>] {
        &self.linked().receivers
    }

    pub(crate) fn receiver_infos(&'static self) -> &'static [&'static ReceiverInfo] {
        &self.linked().infos
    }
}

impl<E: 'static> fmt::Debug for Signal<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signal").field(&self.info.name).finish()
    }
}
