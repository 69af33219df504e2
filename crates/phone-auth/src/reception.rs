//! Who receives the messages of the flows, and which nobody does.

use std::any::TypeId;

use crate::PhoneAuthBuilder;
use crate::signals::{
    Event, ReceiverInfo, ResetPasswordEmail, ResetPasswordPhone, Signals, VerifyEmail, VerifyPhone,
};

impl PhoneAuthBuilder {
    /// The signals that flows which are switched on send and nobody receives.
    pub(crate) fn missing_receivers(&self, hub: &Signals) -> Vec<&'static str> {
        let methods = self.settings.authentication_methods;
        let missing = [
            (methods.email && !self.is_received::<ResetPasswordEmail>(hub))
                .then_some("reset_password_email"),
            (methods.phone && !self.is_received::<ResetPasswordPhone>(hub))
                .then_some("reset_password_phone"),
            // Addresses can be verified whatever people log in by.
            (!self.is_received::<VerifyEmail>(hub)).then_some("verify_email"),
            (!self.is_received::<VerifyPhone>(hub)).then_some("verify_phone"),
        ];
        missing.into_iter().flatten().collect()
    }

    /// The signals that nobody receives, on purpose. Those of the development mode do not count: they show a site as
    /// it will be.
    pub(crate) fn unsent(&self, hub: &Signals) -> Vec<&'static str> {
        let unsent = [
            self.is_unsent::<ResetPasswordEmail>(hub),
            self.is_unsent::<ResetPasswordPhone>(hub),
            self.is_unsent::<VerifyEmail>(hub),
            self.is_unsent::<VerifyPhone>(hub),
        ];
        unsent.into_iter().flatten().collect()
    }

    /// The name of a signal that nobody receives, on purpose.
    fn is_unsent<E: Event>(&self, hub: &Signals) -> Option<&'static str> {
        let mut senders = self.receivers_of::<E>(hub);
        senders.retain(|receiver| !is_of_development(receiver.id()));
        let is_unsent = senders.is_empty() && self.unreceived.contains(&TypeId::of::<E>());
        is_unsent.then_some(E::signal().info().name)
    }

    /// Whether somebody receives a signal, or nobody does on purpose.
    fn is_received<E: Event>(&self, hub: &Signals) -> bool {
        !self.receivers_of::<E>(hub).is_empty() || self.unreceived.contains(&TypeId::of::<E>())
    }

    /// Who receives a signal. A ready receiver that was told to leave it alone does not.
    fn receivers_of<E: Event>(&self, hub: &Signals) -> Vec<ReceiverInfo> {
        let signal = E::signal().info().name;
        let mut receivers = hub.receivers_of::<E>();
        receivers.retain(|receiver| {
            let is_left = |(id, name): &(&str, &str)| *id == receiver.id() && *name == signal;
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
