//! What one hub does for one signal: its receivers in order, those of the linker and those connected at run time.

use crate::{
    Event, ReceiverInfo,
    receiver::{Call, Receiver},
    state::Provided,
    step::{About, Bound, Step},
};
use arc_swap::{ArcSwap, Guard};
use std::{
    collections::HashSet,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// What a hub is made of, before it is made.
#[derive(Clone, Default)]
pub(crate) struct Recipe {
    pub(crate) provided: Provided,
    pub(crate) switched_off: HashSet<String>,
    pub(crate) is_isolated: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) timed: Option<bool>,
}

/// The receivers of one signal in the order of dispatch. It never changes: a change makes another.
pub(crate) struct Roster<E: 'static> {
    pub(crate) steps: Box<[Step<E>]>,
}

/// A roster without its event type, for reports.
pub(crate) trait AnyRoster: Send + Sync {
    fn len(&self) -> usize;
    fn receiver(&self, index: usize) -> Option<&ReceiverInfo>;
}

impl<E: 'static> AnyRoster for Roster<E> {
    fn len(&self) -> usize {
        self.steps.len()
    }

    fn receiver(&self, index: usize) -> Option<&ReceiverInfo> {
        self.steps.get(index).map(|step| &*step.about)
    }
}

/// What one hub does for one signal.
pub(crate) struct Plan<E: Event> {
    linked: Arc<Roster<E>>,
    /// The linked and the connected receivers; read only while some are connected.
    merged: ArcSwap<Roster<E>>,
    has_connected: AtomicBool,
    /// Held while the roster is rebuilt, never while receivers run.
    connecting: Mutex<()>,
    is_counted: AtomicBool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) timed: Option<bool>,
}

/// The roster that one dispatch goes by from its first receiver to its last.
pub(crate) enum Current<'a, E: 'static> {
    Linked(&'a Arc<Roster<E>>),
    Merged(Guard<Arc<Roster<E>>>),
}

impl<E: 'static> Deref for Current<'_, E> {
    type Target = Arc<Roster<E>>;

    #[inline]
    fn deref(&self) -> &Arc<Roster<E>> {
        match self {
            Self::Linked(roster) => roster,
            Self::Merged(roster) => roster,
        }
    }
}

impl<E: Event> Plan<E> {
    pub(crate) fn new(recipe: &Recipe) -> Self {
        let receivers = if recipe.is_isolated {
            &[]
        } else {
            E::signal().receivers()
        };
        let steps = receivers
            .iter()
            .filter_map(|receiver| linked_step(receiver, recipe))
            .collect();
        let linked = Arc::new(Roster { steps });
        let plan = Self {
            merged: ArcSwap::new(Arc::clone(&linked)),
            linked,
            has_connected: AtomicBool::new(false),
            connecting: Mutex::new(()),
            is_counted: AtomicBool::new(false),
            timeout: recipe.timeout,
            timed: recipe.timed,
        };
        if !plan.linked.steps.is_empty() {
            plan.count();
        }
        plan
    }

    /// The roster of a dispatch that ends before anything is awaited.
    #[inline]
    pub(crate) fn current(&self) -> Current<'_, E> {
        if self.has_connected.load(Ordering::Acquire) {
            Current::Merged(self.merged.load())
        } else {
            Current::Linked(&self.linked)
        }
    }

    /// The roster of a dispatch that awaits: no guard may be held across an `.await`.
    pub(crate) fn snapshot(&self) -> Arc<Roster<E>> {
        Arc::clone(&self.current())
    }

    /// Adds a receiver behind those of its priority and returns the number by which it is removed.
    pub(crate) fn connect(&self, bound: Bound<E>, info: ReceiverInfo) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let timeout = if info.is_async() {
            info.timeout().or(self.timeout)
        } else {
            None
        };
        let step = Step {
            bound,
            timeout,
            about: About::Connected(number, Arc::new(info)),
        };
        self.count();
        self.rebuild(|steps| {
            let place =
                steps.partition_point(|other| other.about.priority() >= step.about.priority());
            steps.insert(place, step);
        });
        number
    }

    /// Removes what [`Self::connect`] added; dispatches under way keep it.
    pub(crate) fn disconnect(&self, number: u64) {
        self.rebuild(|steps| {
            steps.retain(
                |step| !matches!(&step.about, About::Connected(other, _) if *other == number),
            )
        });
    }

    fn rebuild(&self, change: impl FnOnce(&mut Vec<Step<E>>)) {
        let _alone = self
            .connecting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut steps = self.merged.load().steps.to_vec();
        change(&mut steps);
        let has_connected = steps
            .iter()
            .any(|step| matches!(step.about, About::Connected(..)));
        // Stored first: who sees the flag must find the receivers.
        self.merged.store(Arc::new(Roster {
            steps: steps.into(),
        }));
        self.has_connected.store(has_connected, Ordering::Release);
    }

    /// Tells the signal that somebody may be listening.
    fn count(&self) {
        if !self.is_counted.swap(true, Ordering::Relaxed) {
            E::signal().audiences().fetch_add(1, Ordering::Release);
        }
    }
}

impl<E: Event> Drop for Plan<E> {
    fn drop(&mut self) {
        if self.is_counted.load(Ordering::Relaxed) {
            E::signal().audiences().fetch_sub(1, Ordering::Release);
        }
    }
}

/// A linked receiver as this hub calls it; none when it is switched off.
fn linked_step<E: Event>(receiver: &'static Receiver<E>, recipe: &Recipe) -> Option<Step<E>> {
    let info = receiver.info();
    if recipe.switched_off.contains(info.id()) {
        return None;
    }
    // The builder has refused already what cannot be selected.
    let state = recipe.provided.select(info.needs()).ok()?;
    let (bound, timeout) = match receiver.call() {
        Call::Sync(call) => (Bound::Sync(*call, state), None),
        Call::Async(call) => (
            Bound::Async(*call, state),
            info.timeout().or(recipe.timeout),
        ),
    };
    Some(Step {
        bound,
        timeout,
        about: About::Linked(info),
    })
}
