//! The receivers of one signal that were connected at run time, and the ids that are taken.
//!
//! Connecting and disconnecting cost the logarithm of how many there are: the list that a dispatch goes by is made by the
//! first dispatch that needs it.

use crate::{Place, ReceiverInfo, bound_receiver::BoundReceiver, rank::Rank};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

/// The receivers of one signal that were connected at run time.
pub(crate) struct Connected<E: 'static> {
    receivers: BTreeMap<Rank, ConnectedReceiver<E>>,
    /// The ids of linked and connected receivers; those of linked ones from the first connection on.
    ids: Option<HashSet<String>>,
    /// The numbers of automatic ids, by the place of the call that connects.
    numbers: BTreeMap<Place, Numbers>,
}

pub(crate) struct ConnectedReceiver<E: 'static> {
    pub(crate) bound: BoundReceiver<E>,
    pub(crate) info: Arc<ReceiverInfo>,
    /// The number of its automatic id.
    number: Option<u64>,
}

/// The numbers of one place: 1 to `last` without those that are `free` again.
#[derive(Default)]
struct Numbers {
    last: u64,
    free: BTreeSet<u64>,
}

impl<E: 'static> Connected<E> {
    pub(crate) fn new() -> Self {
        Self {
            receivers: BTreeMap::new(),
            ids: None,
            numbers: BTreeMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.receivers.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &ConnectedReceiver<E>> {
        self.receivers.values()
    }

    /// Adds a receiver, and numbers its automatic id if another has it.
    ///
    /// # Errors
    /// The receiver, when another has the id that was given to it by hand.
    pub(crate) fn insert<'a>(
        &mut self,
        bound: BoundReceiver<E>,
        mut info: ReceiverInfo,
        linked: impl Iterator<Item = &'a ReceiverInfo>,
    ) -> Result<(), BoundReceiver<E>> {
        let ids = self
            .ids
            .get_or_insert_with(|| linked.map(|info| info.id().to_owned()).collect());
        let number = if info.has_own_id() {
            if ids.contains(info.id()) {
                return Err(bound);
            }
            None
        } else {
            let numbers = self.numbers.entry(*info.place()).or_default();
            let number;
            (number, info) = numbers.take(&info, ids);
            Some(number)
        };
        ids.insert(info.id().to_owned());
        let receiver = ConnectedReceiver {
            bound,
            number,
            info: Arc::new(info),
        };
        self.receivers.insert(receiver.info.rank(), receiver);
        Ok(())
    }

    /// Removes a receiver, and gives it back: what is the user's in it is not to be dropped here.
    pub(crate) fn remove(&mut self, rank: Rank) -> Option<ConnectedReceiver<E>> {
        let receiver = self.receivers.remove(&rank)?;
        let (id, place) = (receiver.info.id(), receiver.info.place());
        if let Some(ids) = &mut self.ids {
            ids.remove(id);
        }
        if let (Some(number), Some(numbers)) = (receiver.number, self.numbers.get_mut(place)) {
            numbers.free.insert(number);
            if u64::try_from(numbers.free.len()) == Ok(numbers.last) {
                self.numbers.remove(place);
            }
        }
        Some(receiver)
    }
}

impl Numbers {
    /// The first number whose id nobody has, and the receiver with it.
    fn take(&mut self, info: &ReceiverInfo, ids: &HashSet<String>) -> (u64, ReceiverInfo) {
        // Those that another receiver was given by hand are free for later.
        let mut others = Vec::new();
        loop {
            let number = self.free.pop_first().unwrap_or_else(|| {
                self.last += 1;
                self.last
            });
            let numbered = info.numbered(number);
            if !ids.contains(numbered.id()) {
                self.free.extend(others);
                return (number, numbered);
            }
            others.push(number);
        }
    }
}
