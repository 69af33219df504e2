//! Who receives the messages of the flows, and which nobody does.

use crate::PhoneAuthBuilder;
use crate::signals::{AddressKind, MessageSignal, Purpose, ReceiverInfo, Signals};

impl PhoneAuthBuilder {
    /// The signals that flows which are switched on send and nobody receives.
    pub(crate) fn missing_receivers(&self, hub: &Signals) -> Vec<&'static str> {
        let methods = self.settings.authentication_methods;
        let is_sent = |signal: &MessageSignal| match (signal.purpose(), signal.kind()) {
            (Purpose::ResetPassword, AddressKind::Email) => methods.email,
            (Purpose::ResetPassword, AddressKind::Phone) => methods.phone,
            // Addresses can be verified whatever people log in by.
            (Purpose::Verify, _) => true,
        };
        let is_missing = |signal: &MessageSignal| {
            self.receivers_of(*signal, hub).is_empty() && !self.unreceived.contains(&signal.name())
        };
        let sent = MessageSignal::ALL.into_iter().filter(is_sent);
        sent.filter(is_missing).map(MessageSignal::name).collect()
    }

    /// The signals that nobody receives, on purpose. Those of the development mode do not count: they show a site as
    /// it will be.
    pub(crate) fn unsent(&self, hub: &Signals) -> Vec<&'static str> {
        let is_unsent = |signal: &MessageSignal| {
            let mut receivers = self.receivers_of(*signal, hub).into_iter();
            receivers.all(|receiver| is_of_development(receiver.id()))
                && self.unreceived.contains(&signal.name())
        };
        let unsent = MessageSignal::ALL.into_iter().filter(is_unsent);
        unsent.map(MessageSignal::name).collect()
    }

    /// Who receives a signal. A ready receiver that was told to leave it alone does not.
    fn receivers_of(&self, signal: MessageSignal, hub: &Signals) -> Vec<ReceiverInfo> {
        let mut receivers = signal.receivers(hub);
        receivers.retain(|receiver| {
            let is_left =
                |(id, name): &(&str, &str)| *id == receiver.id() && *name == signal.name();
            !self.left_alone.iter().any(is_left)
        });
        receivers
    }
}

/// Whether a receiver is one of the development mode, which sends nothing.
#[cfg(feature = "development")]
fn is_of_development(id: &str) -> bool {
    crate::delivery::development::RECEIVERS.contains(&id)
}

/// Whether a receiver is one of the development mode, of which there is none without the feature.
#[cfg(not(feature = "development"))]
const fn is_of_development(_id: &str) -> bool {
    false
}
