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
/// assert_eq!(queues.to_text(), ",reset_password/email,");
/// assert_eq!(Queues::default().to_text(), ",");
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

    /// Their names with a comma before and behind each, `,verify/phone,`: of the words that a store has for the purpose
    /// and the kind, so that a store can look a row up in it.
    pub fn to_text(self) -> String {
        let mut text = ",".to_owned();
        for queue in MessageSignal::ALL
            .into_iter()
            .filter(|queue| self.contains(*queue))
        {
            text += queue.purpose().as_str();
            text += "/";
            text += queue.kind().as_str();
            text += ",";
        }
        text
    }
}
