//! What an attempt hands to receivers: a message, or an event that was kept for the durable ones.

use phone_auth_events::{ReceiverInfo, Report, Signals};

use super::event::MessageEvent;
use super::pending_event::DurableEvent;

/// What receivers are called with.
pub(super) enum Outgoing {
    /// A message to a user.
    Message(MessageEvent),
    /// What happened.
    Event(DurableEvent),
}

impl Outgoing {
    /// The name of its signal.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Message(message) => message.signal().name(),
            Self::Event(event) => event.signal().name(),
        }
    }

    /// Who receives it, in the order of dispatch.
    pub(super) fn receivers(&self, signals: &Signals) -> Vec<ReceiverInfo> {
        match self {
            Self::Message(message) => message.signal().receivers(signals),
            Self::Event(event) => event.signal().receivers(signals),
        }
    }

    /// What must not be kept of what a receiver says of it: its link, if that opens anything.
    pub(super) fn secret(&self) -> &str {
        match self {
            Self::Message(message) => message.secret(),
            Self::Event(_) => "",
        }
    }

    /// Its code.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Message(message) => message.code(),
            Self::Event(_) => None,
        }
    }

    /// Calls one receiver. The report lacks it if it has been disconnected.
    pub(super) async fn send_to(&self, signals: &Signals, receiver: &ReceiverInfo) -> Report {
        match self {
            Self::Message(message) => message.send_to(signals, receiver).await,
            Self::Event(event) => event.send_to(signals, receiver).await,
        }
    }
}
