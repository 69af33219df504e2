//! The dispatcher: receivers, state and what was connected, as one value that is passed around.

use crate::{
    Event, ReceiverInfo, catalogue, config::DispatcherConfig, detached::Detached,
    signal_receivers::SignalReceivers,
};
use std::{
    any::Any,
    fmt,
    sync::{Arc, OnceLock, Weak},
};

/// A dispatcher: the receivers that the linker found, the state they take, and the receivers connected at run time.
///
/// It is a value, not a global: an application makes one and hands clones of it to whatever sends. Clones share
/// everything. Two dispatchers share nothing but the linked functions, so that tests run side by side.
#[derive(Clone)]
pub struct Signals {
    pub(crate) inner: Arc<Inner>,
}

/// A handle of a [`Signals`] that does not keep it: for closures that are connected to the dispatcher they hold.
///
/// # Examples
/// ```
/// use phone_auth_signals::{Signals, signal};
/// # signal! { /** An order was placed. */ sync order_placed: OrderPlaced; }
/// # struct OrderPlaced;
///
/// let signals = Signals::isolated();
/// let itself = signals.downgrade();
/// signals.connect::<OrderPlaced>(move |_| assert!(itself.upgrade().is_some())).forever();
/// signals.send_sync(&OrderPlaced)?;
///
/// let itself = signals.downgrade();
/// drop(signals);
/// assert!(itself.upgrade().is_none());
/// # Ok::<(), phone_auth_signals::SendError>(())
/// ```
#[derive(Clone)]
pub struct WeakSignals {
    inner: Weak<Inner>,
}

impl WeakSignals {
    /// The dispatcher, while a clone of it is left.
    pub fn upgrade(&self) -> Option<Signals> {
        let inner = self.inner.upgrade()?;
        Some(Signals { inner })
    }
}

impl fmt::Debug for WeakSignals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakSignals").finish_non_exhaustive()
    }
}

pub(crate) struct Inner {
    /// The receivers of all catalogued signals, each a `SignalReceivers<E>`, at the index of its signal.
    signals: Box<[Box<dyn Any + Send + Sync>]>,
    /// The receivers of signals that the catalogue lacks, made when first asked for.
    uncatalogued: OnceLock<Box<Link>>,
    pub(crate) config: DispatcherConfig,
    pub(crate) detached: Arc<Detached>,
}

/// The receivers of a signal that the catalogue lacks. The list only grows, so that they can be borrowed from it.
struct Link {
    receivers: Box<dyn Any + Send + Sync>,
    next: OnceLock<Box<Link>>,
}

impl Signals {
    /// A dispatcher that no linked receiver belongs to: for tests, and for code whose caller wants to hear nothing.
    pub fn isolated() -> Self {
        Self::from_config(DispatcherConfig {
            is_isolated: true,
            ..DispatcherConfig::default()
        })
    }

    pub(crate) fn from_config(config: DispatcherConfig) -> Self {
        let signals = catalogue::signals()
            .iter()
            .map(|signal| signal.bind(&config))
            .collect();
        Self {
            inner: Arc::new(Inner {
                signals,
                uncatalogued: OnceLock::new(),
                config,
                detached: Arc::default(),
            }),
        }
    }

    /// A handle that does not keep the dispatcher: for what is connected to it. A closure that holds a clone keeps the
    /// dispatcher that keeps the closure, so that neither is ever dropped.
    pub fn downgrade(&self) -> WeakSignals {
        WeakSignals {
            inner: Arc::downgrade(&self.inner),
        }
    }

    /// Who receives the events `E` of this dispatcher now, in the order of dispatch.
    pub fn receivers_of<E: Event>(&self) -> Vec<ReceiverInfo> {
        let snapshot = self.inner.receivers_or_make::<E>().snapshot();
        snapshot.iter().map(|(_, info)| info.clone()).collect()
    }

    /// The durable receivers of a signal, in the order in which they are called: those that
    /// [`send_durable_to`](Self::send_durable_to) calls and no other sending.
    pub fn durable_receivers_of<E: Event>(&self) -> Vec<ReceiverInfo> {
        let receivers = self.inner.receivers_or_make::<E>().durable();
        receivers.iter().map(|(_, info)| info.clone()).collect()
    }

    /// Whether anything would receive the events `E` of this dispatcher.
    pub fn has_receiver<E: Event>(&self) -> bool {
        self.inner
            .receivers::<E>()
            .is_some_and(|receivers| receivers.snapshot().len() > 0)
    }
}

impl Inner {
    /// The receivers for the events `E`; none when nobody in the whole program listens to them.
    #[inline]
    pub(crate) fn receivers<E: Event>(&self) -> Option<&SignalReceivers<E>> {
        match self.receivers_at(E::signal().live_index()) {
            Some(receivers) => Some(receivers),
            None if E::signal().has_listener() => Some(self.receivers_if_heard()),
            None => None,
        }
    }

    /// The receivers of a signal whose index lags behind.
    #[cold]
    fn receivers_if_heard<E: Event>(&self) -> &SignalReceivers<E> {
        E::signal().refresh_live_index();
        self.receivers_or_make()
    }

    /// The receivers for the events `E`, made if need be.
    pub(crate) fn receivers_or_make<E: Event>(&self) -> &SignalReceivers<E> {
        match self.receivers_at(E::signal().index()) {
            Some(receivers) => receivers,
            None => self.make_uncatalogued(),
        }
    }

    #[inline]
    fn receivers_at<E: Event>(&self, index: usize) -> Option<&SignalReceivers<E>> {
        self.signals.get(index)?.downcast_ref()
    }

    #[cold]
    fn make_uncatalogued<E: Event>(&self) -> &SignalReceivers<E> {
        let mut place = &self.uncatalogued;
        loop {
            let link = place.get_or_init(|| {
                Box::new(Link {
                    receivers: Box::new(SignalReceivers::<E>::new(&self.config)),
                    next: OnceLock::new(),
                })
            });
            if let Some(receivers) = link.receivers.downcast_ref() {
                return receivers;
            }
            place = &link.next;
        }
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals")
            .field("signals", &self.inner.signals.len())
            .finish_non_exhaustive()
    }
}
