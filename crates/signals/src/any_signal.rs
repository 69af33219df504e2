//! A signal without its event type.

use crate::{
    Event, ReceiverInfo, Signal, SignalInfo, config::DispatcherConfig, registry::RegistryCheck,
    signal_receivers::SignalReceivers,
};
use std::any::Any;

/// A signal without its event type, for what reads all of them: the start-up check and the manifest.
pub(crate) trait AnySignal: Send + Sync {
    fn info(&self) -> &SignalInfo;
    fn place_at(&self, index: usize);
    fn registries(&'static self) -> RegistryCheck;
    fn receiver_infos(&'static self) -> &'static [&'static ReceiverInfo];
    fn bind(&'static self, config: &DispatcherConfig) -> Box<dyn Any + Send + Sync>;
}

impl<E: Event> AnySignal for Signal<E> {
    fn info(&self) -> &SignalInfo {
        self.info()
    }

    fn place_at(&self, index: usize) {
        self.place_at(index);
    }

    fn registries(&'static self) -> RegistryCheck {
        self.registries()
    }

    fn receiver_infos(&'static self) -> &'static [&'static ReceiverInfo] {
        self.receiver_infos()
    }

    fn bind(&'static self, config: &DispatcherConfig) -> Box<dyn Any + Send + Sync> {
        Box::new(SignalReceivers::<E>::new(config))
    }
}
