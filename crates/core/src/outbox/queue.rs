//! The queues of an outbox: one for each signal that asks for a message.

use super::{MessagePurpose, NewMessage};
use crate::address::AddressKind;

/// The messages of one signal: of one purpose, by one kind of address. A worker has places for each queue, so that none
/// waits for the receivers of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain pair with names; stores of other crates take it apart"
)]
pub struct Queue {
    /// What the links are for.
    pub purpose: MessagePurpose,
    /// By which kind of address they go.
    pub kind: AddressKind,
}

impl Queue {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::of(MessagePurpose::ResetPassword, AddressKind::Email),
        Self::of(MessagePurpose::ResetPassword, AddressKind::Phone),
        Self::of(MessagePurpose::Verify, AddressKind::Email),
        Self::of(MessagePurpose::Verify, AddressKind::Phone),
    ];

    const fn of(purpose: MessagePurpose, kind: AddressKind) -> Self {
        Self { purpose, kind }
    }

    /// That of a message.
    pub const fn of_message(message: &NewMessage) -> Self {
        Self::of(message.purpose, message.kind)
    }

    /// Its place in [`ALL`](Self::ALL).
    pub(crate) const fn index(self) -> usize {
        match (self.purpose, self.kind) {
            (MessagePurpose::ResetPassword, AddressKind::Email) => 0,
            (MessagePurpose::ResetPassword, AddressKind::Phone) => 1,
            (MessagePurpose::Verify, AddressKind::Email) => 2,
            (MessagePurpose::Verify, AddressKind::Phone) => 3,
        }
    }
}

/// Some of the queues.
///
/// # Examples
/// ```
/// use phone_auth_core::outbox::{Queue, Queues};
///
/// let [first, second, ..] = Queue::ALL;
/// let queues = Queues::default().with(first);
/// assert!(queues.contains(first) && !queues.contains(second));
/// assert_eq!(queues.to_text(), ",reset_password/email,");
/// assert_eq!(Queues::default().to_text(), ",");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues([bool; Queue::ALL.len()]);

impl Queues {
    /// These and one more.
    #[must_use]
    pub fn with(mut self, queue: Queue) -> Self {
        if let Some(is_in) = self.0.get_mut(queue.index()) {
            *is_in = true;
        }
        self
    }

    /// Whether a queue is one of them.
    pub fn contains(self, queue: Queue) -> bool {
        self.0.get(queue.index()).is_some_and(|is_in| *is_in)
    }

    /// Their names with a comma before and behind each, `,verify/phone,`: of the words that a store has for the purpose
    /// and the kind, so that a store can look a row up in it.
    pub fn to_text(self) -> String {
        let mut text = ",".to_owned();
        for queue in Queue::ALL.into_iter().filter(|queue| self.contains(*queue)) {
            text += queue.purpose.as_str();
            text += "/";
            text += queue.kind.as_str();
            text += ",";
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_queue_has_its_index() {
        for (index, queue) in Queue::ALL.into_iter().enumerate() {
            assert_eq!(queue.index(), index);
        }
    }
}
