//! The queues of an outbox: one for each signal that asks for a message. A worker has places for each, so that no message
//! waits for the receivers of another signal.

use phone_auth_events::MessageSignal;

/// Some of the queues.
///
/// # Examples
/// ```
/// use phone_auth_core::outbox::{MessageSignal, Queues};
///
/// let [first, second, ..] = MessageSignal::ALL;
/// let queues = Queues::default().with(first);
/// assert!(queues.contains(first) && !queues.contains(second));
/// let others: Vec<String> = queues.names_of_others().collect();
/// assert_eq!(others[..3], ["reset_password/phone", "verify/email", "verify/phone"]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues([bool; MessageSignal::ALL.len()]);

impl Queues {
    /// These and one more.
    #[must_use]
    pub fn with(mut self, queue: MessageSignal) -> Self {
        if let Some(is_in) = self.0.get_mut(queue as usize) {
            *is_in = true;
        }
        self
    }

    /// Whether a queue is one of them.
    pub fn contains(self, queue: MessageSignal) -> bool {
        self.0.get(queue as usize).is_some_and(|is_in| *is_in)
    }

    /// The names of all other queues, `verify/phone`: of the words that a store has for the purpose and the kind, so that a
    /// store can look rows up by them.
    pub fn names_of_others(self) -> impl Iterator<Item = String> {
        let all = MessageSignal::ALL.into_iter();
        let others = all.filter(move |queue| !self.contains(*queue));
        others.map(|queue| format!("{}/{}", queue.purpose().as_str(), queue.kind().as_str()))
    }
}
