//! The ready receivers: each is called only if it is given its state here.

#[cfg(feature = "nats")]
use crate::delivery::nats::Nats;
#[cfg(feature = "sms-gateway")]
use crate::delivery::sms_gateway::SmsGateway;
#[cfg(feature = "smtp")]
use crate::delivery::smtp::Smtp;
#[cfg(feature = "webhook")]
use crate::delivery::webhook::Webhook;
#[cfg(any(feature = "webhook", feature = "nats"))]
use crate::signals::MessageSignal;
use crate::signals::SignalsBuilder;
use crate::{PhoneAuthBuilder, delivery};

/// A hub that leaves out the ready receivers but these.
pub(crate) fn without_others(hub: SignalsBuilder, these: &[&str]) -> SignalsBuilder {
    let others = delivery::RECEIVERS.iter().filter(|id| !these.contains(id));
    others.fold(hub, |hub, id| hub.switch_off(*id))
}

impl PhoneAuthBuilder {
    /// Sends messages by e-mail through this mail server. The receiver for it is called only if this is.
    #[cfg(feature = "smtp")]
    pub fn smtp(self, smtp: Smtp) -> Self {
        self.with_ready(delivery::smtp::RECEIVER, smtp)
    }

    /// Sends text messages through this gateway. The receiver for it is called only if this is.
    #[cfg(feature = "sms-gateway")]
    pub fn sms_gateway(self, gateway: SmsGateway) -> Self {
        self.with_ready(delivery::sms_gateway::RECEIVER, gateway)
    }

    /// Posts messages to this service. The receiver for it is called only if this is. A signal that it was told to leave
    /// alone needs another receiver.
    #[cfg(feature = "webhook")]
    pub fn webhook(mut self, webhook: Webhook) -> Self {
        self.note_left_alone(delivery::webhook::RECEIVER, |signal| webhook.takes(signal));
        self.with_ready(delivery::webhook::RECEIVER, webhook)
    }

    /// Publishes messages to this stream. The receiver for it is called only if this is. A signal that it was told to leave
    /// alone needs another receiver.
    #[cfg(feature = "nats")]
    pub fn nats(mut self, nats: Nats) -> Self {
        self.note_left_alone(delivery::nats::RECEIVER, |signal| nats.takes(signal));
        self.with_ready(delivery::nats::RECEIVER, nats)
    }

    /// Notes which signals a receiver was told to leave alone.
    #[cfg(any(feature = "webhook", feature = "nats"))]
    fn note_left_alone(&mut self, receiver: &'static str, takes: impl Fn(&str) -> bool) {
        let left = MessageSignal::NAMES
            .into_iter()
            .filter(|signal| !takes(signal));
        self.left_alone
            .extend(left.map(|signal| (receiver, signal)));
    }

    /// A ready receiver and its state.
    #[cfg(any(
        feature = "smtp",
        feature = "sms-gateway",
        feature = "webhook",
        feature = "nats"
    ))]
    fn with_ready<T: Send + Sync + 'static>(mut self, receiver: &'static str, state: T) -> Self {
        self.ready.push(receiver);
        self.provide(state)
    }
}
