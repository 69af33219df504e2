//! The receivers of one signal in the order of dispatch. A list never changes: a change makes another.

use crate::{
    ReceiverInfo, answer::Answer, bound_receiver::BoundReceiver, receiver::SyncCall, state::State,
};
use std::{borrow::Borrow, sync::Arc};

/// The receivers of one signal in the order of dispatch, apart from what a dispatch seldom reads.
pub(crate) struct Receivers<E: 'static> {
    bound: Box<[BoundReceiver<E>]>,
    /// As long as `bound`, and in the same order.
    infos: ReceiverInfos,
}

/// What is known of each receiver of a list, in its order. A report keeps it, and so keeps no closure of the user's.
///
/// All linked receivers of a signal are known for the life of the program, so that the usual report counts no references.
#[derive(Clone)]
pub(crate) enum ReceiverInfos {
    AllLinked(&'static [&'static ReceiverInfo]),
    These(Arc<[Arc<ReceiverInfo>]>),
}

impl ReceiverInfos {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::AllLinked(infos) => infos.len(),
            Self::These(infos) => infos.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<&ReceiverInfo> {
        match self {
            Self::AllLinked(infos) => infos.get(index).copied(),
            Self::These(infos) => infos.get(index).map(Borrow::borrow),
        }
    }
}

impl<E: 'static> Receivers<E> {
    pub(crate) fn new(bound: Vec<BoundReceiver<E>>, infos: ReceiverInfos) -> Self {
        Self {
            bound: bound.into(),
            infos,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.bound.len()
    }

    #[inline]
    pub(crate) fn bound(&self) -> &[BoundReceiver<E>] {
        &self.bound
    }

    #[inline]
    pub(crate) fn infos(&self) -> &ReceiverInfos {
        &self.infos
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&BoundReceiver<E>, &ReceiverInfo)> {
        let infos = (0..self.len()).filter_map(|index| self.infos.get(index));
        self.bound.iter().zip(infos)
    }

    /// All receivers, if all are linked and none awaits; otherwise nothing.
    pub(crate) fn all_sync(&self) -> Box<[SyncReceiver<E>]> {
        let all = self.bound.iter().map(SyncReceiver::of);
        all.collect::<Option<Vec<_>>>().unwrap_or_default().into()
    }
}

/// A linked receiver that does not await.
pub(crate) struct SyncReceiver<E: 'static> {
    call: SyncCall<E>,
    state: State,
}

impl<E: 'static> SyncReceiver<E> {
    fn of(bound: &BoundReceiver<E>) -> Option<Self> {
        match bound {
            BoundReceiver::Sync(call, state) => Some(Self {
                call: *call,
                state: state.clone(),
            }),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn call(&self, event: &E) -> Answer {
        (self.call)(event, &self.state)
    }
}
