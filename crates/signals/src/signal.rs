//! A declared signal: what is known of it, and how its linked receivers are reached.

use crate::{
    Event, Place, Receiver, ReceiverInfo,
    catalogue::{self, Integrity},
    plan::{Plan, Recipe},
    roster::AnyRoster,
};
use serde::Serialize;
use std::{
    any::Any,
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
}

impl SignalInfo {
    #[doc(hidden)]
    pub const fn new(
        name: &'static str,
        doc: &'static str,
        event: &'static str,
        is_sync: bool,
        place: Place,
    ) -> Self {
        Self {
            name,
            doc,
            event,
            is_sync,
            place,
        }
    }
}

/// A declared signal. [`signal!`](crate::signal) makes it, as the static `SIGNAL` in the signal's module.
pub struct Signal<E: 'static> {
    info: SignalInfo,
    section: fn() -> &'static [&'static Receiver<E>],
    linked: OnceLock<Linked<E>>,
    /// Where dispatchers keep this signal's plan; `UNPLACED` until the catalogue has been read.
    index: AtomicUsize,
    /// How many dispatchers have had a receiver of it.
    audiences: AtomicUsize,
    /// `index` while there is an audience, otherwise `UNPLACED`: one load tells a sender both. It may lag behind, so
    /// that `UNPLACED` is a reason to look at the other two, never an answer.
    live: AtomicUsize,
}

/// The union of the two registries, in the order of dispatch.
struct Linked<E: 'static> {
    receivers: Vec<&'static Receiver<E>>,
    integrity: Integrity,
}

impl<E: 'static> AnyRoster for Linked<E> {
    fn len(&self) -> usize {
        self.receivers.len()
    }

    fn receiver(&self, index: usize) -> Option<&ReceiverInfo> {
        self.receivers.get(index).map(|receiver| receiver.info())
    }
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
            audiences: AtomicUsize::new(0),
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

    #[inline]
    pub(crate) fn live_index(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Whether any dispatcher has had a receiver; brings [`Self::live_index`] up to date.
    pub(crate) fn has_audience(&self) -> bool {
        let has_audience = self.audiences.load(Ordering::Acquire) > 0;
        if has_audience {
            self.live.store(self.index(), Ordering::Relaxed);
        }
        has_audience
    }

    pub(crate) fn join_audience(&self) {
        self.audiences.fetch_add(1, Ordering::Release);
        self.live.store(self.index(), Ordering::Relaxed);
    }

    pub(crate) fn leave_audience(&self) {
        if self.audiences.fetch_sub(1, Ordering::Release) == 1 {
            self.live.store(UNPLACED, Ordering::Relaxed);
        }
    }

    /// Everything either registry knows, each receiver once, highest priority first, then by module path and line.
    fn linked(&'static self) -> &'static Linked<E> {
        self.linked.get_or_init(|| {
            let section = (self.section)();
            let listed = catalogue::witnesses::<E>();
            let mut receivers = section.to_vec();
            for receiver in &listed {
                if !receivers
                    .iter()
                    .any(|known| std::ptr::eq(*known, *receiver))
                {
                    receivers.push(receiver);
                }
            }
            let integrity = Integrity {
                signal: self.info.name,
                in_section: section.len(),
                in_inventory: listed.len(),
                union: receivers.len(),
            };
            receivers.sort_by(|left, right| left.info().order().cmp(&right.info().order()));
            Linked {
                receivers,
                integrity,
            }
        })
    }

    pub(crate) fn everyone(&'static self) -> &'static dyn AnyRoster {
        self.linked()
    }

    pub(crate) fn receivers(&'static self) -> &'static [&'static Receiver<E>] {
        &self.linked().receivers
    }
}

impl<E: 'static> fmt::Debug for Signal<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signal").field(&self.info.name).finish()
    }
}

/// A signal without its event type, for what reads all of them: the start-up check and the manifest.
pub(crate) trait AnySignal: Send + Sync {
    fn info(&self) -> &SignalInfo;
    fn place_at(&self, index: usize);
    fn integrity(&'static self) -> Integrity;
    fn receiver_infos(&'static self) -> Vec<&'static ReceiverInfo>;
    fn plan(&'static self, recipe: &Recipe) -> Box<dyn Any + Send + Sync>;
}

impl<E: Event> AnySignal for Signal<E> {
    fn info(&self) -> &SignalInfo {
        &self.info
    }

    fn place_at(&self, index: usize) {
        self.index.store(index, Ordering::Relaxed);
    }

    fn integrity(&'static self) -> Integrity {
        self.linked().integrity
    }

    fn receiver_infos(&'static self) -> Vec<&'static ReceiverInfo> {
        self.receivers()
            .iter()
            .map(|receiver| receiver.info())
            .collect()
    }

    fn plan(&'static self, recipe: &Recipe) -> Box<dyn Any + Send + Sync> {
        Box::new(Plan::<E>::new(recipe))
    }
}
