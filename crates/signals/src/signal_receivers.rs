//! The receivers that one dispatcher has for one signal: those of the linker and those connected at run time.

use crate::{
    Event, ReceiverInfo,
    bound_receiver::BoundReceiver,
    config::DispatcherConfig,
    connected::{Connected, ConnectedReceiver},
    rank::Rank,
    receiver::{Call, Receiver},
    receivers::{ReceiverInfos, Receivers, SyncReceiver},
};
use arc_swap::ArcSwapOption;
use std::{
    ops::Deref,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// The receivers that one dispatcher has for one signal.
pub(crate) struct SignalReceivers<E: Event> {
    /// The linked receivers where none awaits, as near as can be: see [`Receivers::all_sync`].
    all_sync: Box<[SyncReceiver<E>]>,
    /// What is known of the linked receivers, at hand for the report of a dispatch to them.
    pub(crate) linked_infos: ReceiverInfos,
    has_connected: AtomicBool,
    linked: Arc<Receivers<E>>,
    /// Those of the linker that no sending calls.
    durable: Receivers<E>,
    /// The linked and the connected receivers; none from a change to the next dispatch, and while none are connected.
    merged: ArcSwapOption<Receivers<E>>,
    /// Never held while receivers run, or anything else of the user's.
    connected: Mutex<Connected<E>>,
    is_counted: AtomicBool,
    pub(crate) timed: Option<bool>,
}

/// The receivers that one dispatch goes by from its first to its last, whatever is connected meanwhile.
pub(crate) enum Snapshot<'a, E: 'static> {
    Linked(&'a Receivers<E>),
    Merged(Arc<Receivers<E>>),
}

impl<E: 'static> Deref for Snapshot<'_, E> {
    type Target = Receivers<E>;

    #[inline]
    fn deref(&self) -> &Receivers<E> {
        match self {
            Self::Linked(receivers) => receivers,
            Self::Merged(receivers) => receivers,
        }
    }
}

impl<E: Event> SignalReceivers<E> {
    pub(crate) fn new(config: &DispatcherConfig) -> Self {
        let linked = linked::<E>(config, false);
        let receivers = Self {
            all_sync: linked.all_sync(),
            linked_infos: linked.infos().clone(),
            linked: Arc::new(linked),
            durable: self::linked::<E>(config, true),
            merged: ArcSwapOption::empty(),
            has_connected: AtomicBool::new(false),
            connected: Mutex::new(Connected::new()),
            is_counted: AtomicBool::new(false),
            timed: config.timed,
        };
        if receivers.linked.len() > 0 {
            receivers.count();
        }
        receivers
    }

    /// The linked receivers, while there are no others and none awaits; otherwise nothing.
    #[inline]
    pub(crate) fn all_sync(&self) -> &[SyncReceiver<E>] {
        if self.has_connected.load(Ordering::Acquire) {
            &[]
        } else {
            &self.all_sync
        }
    }

    /// Goes through the receivers as they are now in a dispatch that ends before anything is awaited.
    #[inline]
    pub(crate) fn with_receivers<T>(&self, dispatch: impl FnOnce(&Receivers<E>) -> T) -> T {
        let made;
        let guard = self.merged.load();
        let list = if let Some(merged) = &*guard {
            merged
        } else {
            made = self.snapshot();
            &*made
        };
        dispatch(list)
    }

    /// The receivers as they are now, for dispatches that await: no guard of `merged` may be held across an `.await`.
    #[inline]
    pub(crate) fn snapshot(&self) -> Snapshot<'_, E> {
        if self.has_connected.load(Ordering::Acquire) {
            Snapshot::Merged(self.merged.load_full().unwrap_or_else(|| self.merge()))
        } else {
            self.linked()
        }
    }

    /// The linked receivers, for a dispatch that began with [`Self::all_sync`].
    #[inline]
    pub(crate) fn linked(&self) -> Snapshot<'_, E> {
        Snapshot::Linked(&self.linked)
    }

    /// Those that no sending calls.
    pub(crate) const fn durable(&self) -> &Receivers<E> {
        &self.durable
    }

    /// Adds a receiver behind those of its priority. Its automatic id is made one that no other receiver has.
    ///
    /// # Errors
    /// The receiver, when another has the id that was given to it by hand.
    pub(crate) fn connect(
        &self,
        bound: BoundReceiver<E>,
        info: ReceiverInfo,
    ) -> Result<(), BoundReceiver<E>> {
        self.count();
        let linked = self.linked.iter().map(|(_, info)| info);
        self.change(|connected| connected.insert(bound, info, linked))
    }

    /// Removes a receiver that was connected; dispatches under way keep it.
    pub(crate) fn disconnect(&self, rank: Rank) -> Option<ConnectedReceiver<E>> {
        self.change(|connected| connected.remove(rank))
    }

    /// Changes the connected receivers. Whatever is the user's, such as a closure, is handed back by `change` or kept by
    /// the list before, and so is dropped when others may connect again: its own `Drop` may do so.
    fn change<T>(&self, change: impl FnOnce(&mut Connected<E>) -> T) -> T {
        let mut connected = self
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let result = change(&mut connected);
        // Taken away first: who sees the flag must not find an older list.
        let before = self.merged.swap(None);
        self.has_connected
            .store(!connected.is_empty(), Ordering::Release);
        drop(connected);
        drop(before);
        result
    }

    /// Makes the list of linked and connected receivers, if no one else has since.
    #[cold]
    fn merge(&self) -> Arc<Receivers<E>> {
        let connected = self
            .connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if connected.is_empty() {
            return Arc::clone(&self.linked);
        }
        if let Some(merged) = self.merged.load_full() {
            return merged;
        }
        let (mut bound, mut infos) = (Vec::new(), Vec::<Arc<ReceiverInfo>>::new());
        let mut linked = self.linked.iter().peekable();
        for receiver in connected.iter() {
            let goes_before =
                |(_, info): &(_, &ReceiverInfo)| info.priority() >= receiver.info.priority();
            while let Some((linked, info)) = linked.next_if(goes_before) {
                bound.push(linked.clone());
                infos.push(Arc::new(info.clone()));
            }
            bound.push(receiver.bound.clone());
            infos.push(Arc::clone(&receiver.info));
        }
        for (linked, info) in linked {
            bound.push(linked.clone());
            infos.push(Arc::new(info.clone()));
        }
        let merged = Arc::new(Receivers::new(bound, ReceiverInfos::These(infos.into())));
        self.merged.store(Some(Arc::clone(&merged)));
        merged
    }

    /// Tells the signal that someone may be listening. Called before a receiver is there: nobody may find it missing
    /// because nobody seemed to listen.
    fn count(&self) {
        if !self.is_counted.swap(true, Ordering::Relaxed) {
            E::signal().add_listener();
        }
    }
}

impl<E: Event> Drop for SignalReceivers<E> {
    fn drop(&mut self) {
        if self.is_counted.load(Ordering::Relaxed) {
            E::signal().remove_listener();
        }
    }
}

/// The linked receivers of a dispatcher, as it calls them: the durable ones, or the others.
fn linked<E: Event>(config: &DispatcherConfig, durable: bool) -> Receivers<E> {
    let all = E::signal().receivers();
    let wanted = if config.is_isolated { &[] } else { all };
    let (bound, infos): (Vec<_>, Vec<_>) = wanted
        .iter()
        .filter(|receiver| receiver.info().is_durable() == durable)
        .filter_map(|receiver| Some((bind(receiver, config)?, receiver.info())))
        .unzip();
    let infos = if bound.len() == all.len() {
        ReceiverInfos::AllLinked(E::signal().receiver_infos())
    } else {
        ReceiverInfos::These(infos.into_iter().cloned().map(Arc::new).collect())
    };
    Receivers::new(bound, infos)
}

/// A linked receiver as this dispatcher calls it; none when it is disabled.
fn bind<E: Event>(
    receiver: &'static Receiver<E>,
    config: &DispatcherConfig,
) -> Option<BoundReceiver<E>> {
    let info = receiver.info();
    if config.disabled.contains(info.id()) {
        return None;
    }
    // The builder has refused already what cannot be selected; what is optional is left out.
    let state = config.provided.select(info.needs())?;
    Some(match receiver.call() {
        Call::Sync(call) => BoundReceiver::Sync(*call, state),
        Call::Async(call) => BoundReceiver::Async(
            *call,
            state,
            info.timeout().or(config.timeout).map(Box::new),
        ),
    })
}
