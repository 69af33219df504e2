//! The queues of an outbox: one for each signal that asks for a message, and one for the events of durable receivers. A worker
//! has places for each, so that no message waits for the receivers of another signal.

use phone_auth_events::{AddressKind, MessageSignal, Purpose};

/// Which queue a row waits in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a worker that did not know one would have no places for it"
)]
pub enum Queue {
    /// That of the messages of this signal.
    Message(MessageSignal),
    /// That of the events for durable receivers.
    Event,
}

impl From<MessageSignal> for Queue {
    fn from(signal: MessageSignal) -> Self {
        Self::Message(signal)
    }
}

/// Some of the queues.
///
/// # Examples
/// ```
/// use phone_auth_core::outbox::{MessageSignal, Queue, Queues};
///
/// let [first, second, ..] = MessageSignal::ALL;
/// let queues = Queues::default().with(first);
/// assert!(queues.contains(first) && !queues.contains(second));
/// let others: Vec<String> = queues.names_of_others().collect();
/// assert_eq!(others[..3], ["reset_password/phone", "verify/email", "verify/phone"]);
/// assert!(!queues.with(Queue::Event).names_of_others().any(|name| name == "event/email"));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    messages: [bool; MessageSignal::ALL.len()],
    events: bool,
}

impl Queues {
    /// These and one more.
    #[must_use]
    pub fn with(mut self, queue: impl Into<Queue>) -> Self {
        match queue.into() {
            Queue::Message(signal) => {
                if let Some(is_in) = self.messages.get_mut(signal as usize) {
                    *is_in = true;
                }
            }
            Queue::Event => self.events = true,
        }
        self
    }

    /// Whether a queue is one of them.
    pub fn contains(self, queue: impl Into<Queue>) -> bool {
        match queue.into() {
            Queue::Message(signal) => {
                let is_in = self.messages.get(signal as usize);
                is_in.is_some_and(|is_in| *is_in)
            }
            Queue::Event => self.events,
        }
    }

    /// The names of all other queues, `verify/phone`: of the words that a store has for the purpose and the kind, so that a
    /// store can look rows up by them.
    pub fn names_of_others(self) -> impl Iterator<Item = String> {
        let all = MessageSignal::ALL.into_iter();
        let others = all.filter(move |queue| !self.contains(*queue));
        let messages = others.map(|queue| (queue.purpose(), queue.kind()));
        let kinds = [AddressKind::Email, AddressKind::Phone].into_iter();
        let events = kinds.filter(move |_| !self.events);
        let events = events.map(|kind| (Purpose::Event, kind));
        let names = messages.chain(events);
        names.map(|(purpose, kind)| format!("{}/{}", purpose.as_str(), kind.as_str()))
    }
}
