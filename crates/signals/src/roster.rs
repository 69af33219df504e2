//! The receivers of one signal in the order of dispatch. A roster never changes: a change makes another.

use crate::{
    ReceiverInfo, SendError,
    report::Outcome,
    step::{Bound, Detail},
};
use std::{sync::Arc, time::Duration};

/// The receivers of one signal in the order of dispatch, apart from what a dispatch seldom reads.
pub(crate) struct Roster<E: 'static> {
    pub(crate) bounds: Box<[Bound<E>]>,
    /// As long as `bounds`, and in the same order.
    pub(crate) details: Box<[Detail]>,
}

impl<E: 'static> Roster<E> {
    pub(crate) fn new(steps: Vec<(Bound<E>, Detail)>) -> Self {
        let (bounds, details): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        Self {
            bounds: bounds.into(),
            details: details.into(),
        }
    }

    pub(crate) fn to_steps(&self) -> Vec<(Bound<E>, Detail)> {
        self.steps()
            .map(|(bound, detail)| (bound.clone(), detail.clone()))
            .collect()
    }

    pub(crate) fn steps(&self) -> impl Iterator<Item = (&Bound<E>, &Detail)> {
        self.bounds.iter().zip(&self.details)
    }

    pub(crate) fn timeout(&self, index: usize) -> Option<Duration> {
        self.details.get(index)?.timeout
    }

    /// The error of the receiver at `index`, if `outcome` is one.
    ///
    /// # Errors
    /// When it is.
    #[cold]
    pub(crate) fn check(&self, index: usize, outcome: Outcome) -> Result<(), SendError> {
        match self.details.get(index) {
            Some(detail) => SendError::check(&detail.about, outcome),
            None => Ok(()),
        }
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
/// usual report need not keep a hub's own roster alive.
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
