//! The dispatcher: receivers, state and what was connected, as one value that is passed around.

use crate::{
    Event, ReceiverInfo, SetupError, SignalsBuilder, catalogue,
    detached::Detached,
    plan::{Plan, Recipe},
};
use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock},
};

/// A dispatcher: the receivers that the linker found, the state they take, and the receivers connected at run time.
///
/// It is a value, not a global: an application makes one and hands clones of it to whatever sends. Clones share
/// everything. Two dispatchers share nothing but the linked functions, so that tests run side by side.
#[derive(Clone)]
pub struct Signals {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    /// The plans of all catalogued signals, each a `Plan<E>`, at the index of its signal.
    plans: Box<[Box<dyn Any + Send + Sync>]>,
    /// The plans of signals that the catalogue lacks, made when first asked for.
    uncatalogued: OnceLock<Box<Link>>,
    pub(crate) recipe: Recipe,
    pub(crate) detached: Arc<Detached>,
}

/// One plan of a signal that the catalogue lacks. The list only grows, so that plans can be borrowed from it.
struct Link {
    plan: Box<dyn Any + Send + Sync>,
    next: OnceLock<Box<Link>>,
}

impl Signals {
    /// A builder of a dispatcher with all linked receivers.
    pub fn builder() -> SignalsBuilder {
        SignalsBuilder::new()
    }

    /// A dispatcher with all linked receivers and no state.
    ///
    /// # Errors
    /// As [`SignalsBuilder::build`]; above all when a linked receiver takes state.
    pub fn linked() -> Result<Self, SetupError> {
        Self::builder().build()
    }

    /// A dispatcher that no linked receiver belongs to: for tests, and for code whose caller wants to hear nothing.
    pub fn isolated() -> Self {
        Self::from_recipe(Recipe {
            is_isolated: true,
            ..Recipe::default()
        })
    }

    pub(crate) fn from_recipe(recipe: Recipe) -> Self {
        let plans = catalogue::signals()
            .iter()
            .map(|signal| signal.plan(&recipe))
            .collect();
        Self {
            inner: Arc::new(Inner {
                plans,
                uncatalogued: OnceLock::new(),
                recipe,
                detached: Arc::default(),
            }),
        }
    }

    /// Who receives the events `E` of this dispatcher now, in the order of dispatch.
    pub fn receivers_of<E: Event>(&self) -> Vec<ReceiverInfo> {
        let snapshot = self.inner.plan_or_make::<E>().snapshot();
        snapshot
            .details
            .iter()
            .map(|detail| ReceiverInfo::clone(&detail.about))
            .collect()
    }

    /// Whether anything would receive the events `E` of this dispatcher.
    pub fn has_receiver<E: Event>(&self) -> bool {
        self.inner
            .plan::<E>()
            .is_some_and(|plan| !plan.snapshot().bounds.is_empty())
    }
}

impl Inner {
    /// The plan for the events `E`; none when nobody in the whole program listens to them.
    #[inline]
    pub(crate) fn plan<E: Event>(&self) -> Option<&Plan<E>> {
        match self.plan_at(E::signal().live_index()) {
            Some(plan) => Some(plan),
            None => self.plan_if_heard(),
        }
    }

    #[inline(never)]
    fn plan_if_heard<E: Event>(&self) -> Option<&Plan<E>> {
        E::signal().has_audience().then(|| self.plan_or_make())
    }

    /// The plan for the events `E`, made if need be.
    pub(crate) fn plan_or_make<E: Event>(&self) -> &Plan<E> {
        match self.plan_at(E::signal().index()) {
            Some(plan) => plan,
            None => self.uncatalogued_plan(),
        }
    }

    #[inline]
    fn plan_at<E: Event>(&self, index: usize) -> Option<&Plan<E>> {
        self.plans.get(index)?.downcast_ref()
    }

    #[cold]
    fn uncatalogued_plan<E: Event>(&self) -> &Plan<E> {
        let mut place = &self.uncatalogued;
        loop {
            let link = place.get_or_init(|| {
                Box::new(Link {
                    plan: Box::new(Plan::<E>::new(&self.recipe)),
                    next: OnceLock::new(),
                })
            });
            if let Some(plan) = link.plan.downcast_ref() {
                return plan;
            }
            place = &link.next;
        }
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals")
            .field("signals", &self.inner.plans.len())
            .finish_non_exhaustive()
    }
}
