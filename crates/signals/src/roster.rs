//! The receivers of one signal in the order of dispatch. A roster never changes: a change makes another.

use crate::{
    ReceiverInfo,
    answer::Answer,
    receiver::SyncCall,
    state::State,
    step::{Bound, Detail},
};
use std::sync::Arc;

/// The receivers of one signal in the order of dispatch, apart from what a dispatch seldom reads.
pub(crate) struct Roster<E: 'static> {
    pub(crate) bounds: Box<[Bound<E>]>,
    /// As long as `bounds`, and in the same order.
    pub(crate) details: Box<[Detail]>,
    /// The same as `bounds` where all are linked and none awaits, as of most signals; otherwise empty. Dispatch goes
    /// through it without asking each time which kind comes next.
    quick: Arc<[Quick<E>]>,
}

/// A linked receiver that does not await.
pub(crate) struct Quick<E: 'static> {
    call: SyncCall<E>,
    state: State,
}

impl<E: 'static> Quick<E> {
    #[inline]
    pub(crate) fn call(&self, event: &E) -> Answer {
        (self.call)(event, &self.state)
    }
}

impl<E: 'static> Roster<E> {
    pub(crate) fn new(steps: Vec<(Bound<E>, Detail)>) -> Self {
        let (bounds, details): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        let quick: Option<Vec<_>> = bounds.iter().map(quick).collect();
        Self {
            bounds: bounds.into(),
            details: details.into(),
            quick: quick.unwrap_or_default().into(),
        }
    }

    /// All receivers, if all are linked and none awaits.
    pub(crate) fn quick(&self) -> &Arc<[Quick<E>]> {
        &self.quick
    }

    pub(crate) fn to_steps(&self) -> Vec<(Bound<E>, Detail)> {
        self.steps()
            .map(|(bound, detail)| (bound.clone(), detail.clone()))
            .collect()
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = (&Bound<E>, &Detail)> {
        self.bounds.iter().zip(&self.details)
    }
}

fn quick<E>(bound: &Bound<E>) -> Option<Quick<E>> {
    match bound {
        Bound::Sync(call, state) => Some(Quick {
            call: *call,
            state: state.clone(),
        }),
        _ => None,
    }
}

/// A roster without its event type, for reports.
pub(crate) trait AnyRoster: Send + Sync {
    fn len(&self) -> usize;
    fn receiver(&self, index: usize) -> Option<&ReceiverInfo>;
}

impl<E: 'static> AnyRoster for Roster<E> {
    fn len(&self) -> usize {
        self.details.len()
    }

    fn receiver(&self, index: usize) -> Option<&ReceiverInfo> {
        self.details.get(index).map(|detail| &*detail.about)
    }
}

/// The roster a report speaks of. All linked receivers of a signal are known for the life of the program, so that the
/// usual report need not keep a dispatcher's own roster alive.
#[derive(Clone)]
pub(crate) enum Listed {
    Nobody,
    Everyone(&'static dyn AnyRoster),
    These(Arc<dyn AnyRoster>),
}

impl Listed {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Nobody => 0,
            Self::Everyone(roster) => roster.len(),
            Self::These(roster) => roster.len(),
        }
    }

    pub(crate) fn receiver(&self, index: usize) -> Option<&ReceiverInfo> {
        match self {
            Self::Nobody => None,
            Self::Everyone(roster) => roster.receiver(index),
            Self::These(roster) => roster.receiver(index),
        }
    }
}
