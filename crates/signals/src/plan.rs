//! What one dispatcher does for one signal: its receivers in order, those of the linker and those connected at run time.

use crate::{
    Event, ReceiverInfo,
    receiver::{Call, Receiver},
    roster::{AnyRoster, Listed, Quick, Roster},
    state::Provided,
    step::{About, Bound, Detail},
};
use arc_swap::ArcSwap;
use std::{
    collections::HashSet,
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What a dispatcher is made of, before it is made.
#[derive(Clone, Default)]
pub(crate) struct Recipe {
    pub(crate) provided: Provided,
    pub(crate) disabled: HashSet<String>,
    pub(crate) is_isolated: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) timed: Option<bool>,
}

/// What one dispatcher does for one signal.
pub(crate) struct Plan<E: Event> {
    /// The linked receivers where none awaits, as near as can be: see [`Roster::quick`].
    quick: Arc<[Quick<E>]>,
    has_connected: AtomicBool,
    linked: Arc<Roster<E>>,
    /// The linked and the connected receivers; read only while some are connected.
    merged: ArcSwap<Roster<E>>,
    /// The linked receivers, if none is left out.
    everyone: Option<&'static dyn AnyRoster>,
    /// Held while the roster is rebuilt, never while receivers run.
    connecting: Mutex<()>,
    is_counted: AtomicBool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) timed: Option<bool>,
}

/// The roster that one dispatch goes by from its first receiver to its last, whatever is connected meanwhile.
pub(crate) enum Snapshot<'a, E: 'static> {
    Linked(&'a Arc<Roster<E>>),
    Merged(Arc<Roster<E>>),
}

impl<E: 'static> Deref for Snapshot<'_, E> {
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
        let all: &'static dyn AnyRoster = E::signal().everyone();
        let receivers = if recipe.is_isolated {
            &[]
        } else {
            E::signal().receivers()
        };
        let steps: Vec<_> = receivers
            .iter()
            .filter_map(|receiver| linked_step(receiver, recipe))
            .collect();
        let everyone = (steps.len() == all.len()).then_some(all);
        let linked = Arc::new(Roster::new(steps));
        let plan = Self {
            quick: Arc::clone(linked.quick()),
            merged: ArcSwap::new(Arc::clone(&linked)),
            linked,
            everyone,
            has_connected: AtomicBool::new(false),
            connecting: Mutex::new(()),
            is_counted: AtomicBool::new(false),
            timeout: recipe.timeout,
            timed: recipe.timed,
        };
        if !plan.linked.bounds.is_empty() {
            plan.count();
        }
        plan
    }

    /// The linked receivers, while there are no others and none awaits; otherwise nothing.
    #[inline]
    pub(crate) fn quick(&self) -> &[Quick<E>] {
        if self.has_connected.load(Ordering::Acquire) {
            &[]
        } else {
            &self.quick
        }
    }

    /// Goes through the receivers as they are now in a dispatch that ends before anything is awaited.
    pub(crate) fn with_roster<T>(&self, dispatch: impl FnOnce(&Roster<E>) -> T) -> T {
        if self.has_connected.load(Ordering::Acquire) {
            dispatch(&self.merged.load())
        } else {
            dispatch(&self.linked)
        }
    }

    /// The receivers as they are now, for dispatches that await: no guard of `merged` may be held across an `.await`.
    #[inline]
    pub(crate) fn snapshot(&self) -> Snapshot<'_, E> {
        if self.has_connected.load(Ordering::Acquire) {
            Snapshot::Merged(self.merged.load_full())
        } else {
            Snapshot::Linked(&self.linked)
        }
    }

    /// The linked receivers, for a dispatch that began with [`Self::quick`].
    #[inline]
    pub(crate) fn linked(&self) -> Snapshot<'_, E> {
        Snapshot::Linked(&self.linked)
    }

    /// The receivers of `snapshot` for its report.
    #[inline]
    pub(crate) fn listed(&self, snapshot: &Snapshot<'_, E>) -> Listed {
        match (snapshot, self.everyone) {
            (Snapshot::Linked(_), Some(everyone)) => Listed::Everyone(everyone),
            (Snapshot::Linked(roster), None) => Listed::These(Arc::clone(roster) as _),
            (Snapshot::Merged(roster), _) => Listed::These(Arc::clone(roster) as _),
        }
    }

    /// Adds a receiver behind those of its priority. Its automatic id is made one that no other receiver has.
    pub(crate) fn connect(&self, bound: Bound<E>, info: ReceiverInfo) {
        self.count();
        self.rebuild(|steps| {
            let taken: HashSet<_> = steps.iter().map(|(_, detail)| detail.about.id()).collect();
            let info = info.with_free_id(|id| taken.contains(id));
            insert(steps, bound, self.detail(info));
        });
    }

    /// As [`Self::connect`] for an id that was given by hand.
    ///
    /// # Errors
    /// The receiver, when another has its id.
    pub(crate) fn connect_once(&self, bound: Bound<E>, info: ReceiverInfo) -> Result<(), Bound<E>> {
        self.count();
        self.rebuild(|steps| {
            if steps.iter().any(|(_, other)| other.about.id() == info.id()) {
                return Err(bound);
            }
            insert(steps, bound, self.detail(info));
            Ok(())
        })
    }

    fn detail(&self, info: ReceiverInfo) -> Detail {
        let timeout = if info.is_async() {
            info.timeout().or(self.timeout)
        } else {
            None
        };
        Detail {
            timeout,
            about: About::Connected(Arc::new(info)),
        }
    }

    /// Removes the receiver of the connection with this number; dispatches under way keep it.
    pub(crate) fn disconnect(&self, number: u64) {
        self.rebuild(|steps| {
            steps.retain(|(_, detail)| detail.about.connection() != Some(number));
        });
    }

    /// Changes the receivers. Whatever is the user's, such as a closure, is handed back by `change` or kept by the old
    /// roster, and so is dropped when others may connect again: its own `Drop` may do so.
    fn rebuild<T>(&self, change: impl FnOnce(&mut Vec<(Bound<E>, Detail)>) -> T) -> T {
        let alone = self
            .connecting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let before = self.merged.load_full();
        let mut steps = before.to_steps();
        let result = change(&mut steps);
        let has_connected = steps
            .iter()
            .any(|(_, detail)| detail.about.connection().is_some());
        // Stored first: who sees the flag must find the receivers.
        self.merged.store(Arc::new(Roster::new(steps)));
        self.has_connected.store(has_connected, Ordering::Release);
        drop(alone);
        drop(before);
        result
    }

    /// Tells the signal that someone may be listening. Called before a receiver is there: nobody may find it missing
    /// because nobody seemed to listen.
    fn count(&self) {
        if !self.is_counted.swap(true, Ordering::Relaxed) {
            E::signal().join_audience();
        }
    }
}

impl<E: Event> Drop for Plan<E> {
    fn drop(&mut self) {
        if self.is_counted.load(Ordering::Relaxed) {
            E::signal().leave_audience();
        }
    }
}

/// Behind those of the same priority.
fn insert<E>(steps: &mut Vec<(Bound<E>, Detail)>, bound: Bound<E>, detail: Detail) {
    let place =
        steps.partition_point(|(_, other)| other.about.priority() >= detail.about.priority());
    steps.insert(place, (bound, detail));
}

/// A linked receiver as this dispatcher calls it; none when it is switched off.
fn linked_step<E: Event>(
    receiver: &'static Receiver<E>,
    recipe: &Recipe,
) -> Option<(Bound<E>, Detail)> {
    let info = receiver.info();
    if recipe.disabled.contains(info.id()) {
        return None;
    }
    // The builder has refused already what cannot be selected.
    let state = recipe.provided.select(info.needs())?;
    let (bound, timeout) = match receiver.call() {
        Call::Sync(call) => (Bound::Sync(*call, state), None),
        Call::Async(call) => (
            Bound::Async(*call, state),
            info.timeout().or(recipe.timeout),
        ),
    };
    Some((
        bound,
        Detail {
            timeout,
            about: About::Linked(info),
        },
    ))
}
