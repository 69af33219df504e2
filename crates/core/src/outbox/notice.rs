//! Security notices: what a row of the outbox holds of one, and those that are committed with a change.

use std::borrow::Cow;

use phone_auth_events::AccountChange;
use serde::{Deserialize, Serialize};

use super::NewMessage;
use crate::user::UserId;

/// A notice of a change, as a row of the outbox holds it. It goes where the user was reached when the change was made,
/// whatever has become of that address since: anyone who takes over an account would remove it first.
///
/// # Examples
/// ```
/// use phone_auth_core::outbox::Notice;
/// use phone_auth_core::user::UserId;
/// use phone_auth_events::AccountChange;
///
/// let user = UserId::new(7);
/// let notice = Notice { user, to: "ann@example.org".to_owned(), change: AccountChange::PasswordChanged };
/// assert_eq!(Notice::from_text(user, &notice.to_text()), Some(notice));
/// assert_eq!(Notice::from_text(user, "not a notice"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct Notice {
    /// Whose account was changed.
    pub user: UserId,
    /// The address that it goes to.
    pub to: String,
    /// What was changed.
    pub change: AccountChange,
}

/// The text that a store keeps.
#[derive(Serialize, Deserialize)]
struct Text<'a> {
    to: Cow<'a, str>,
    change: Cow<'a, AccountChange>,
}

impl Notice {
    /// The text that a store keeps, beside whose account it is about.
    pub fn to_text(&self) -> String {
        let text = Text {
            to: self.to.as_str().into(),
            change: Cow::Borrowed(&self.change),
        };
        // Strings and words become JSON always.
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// What [`to_text`](Self::to_text) gave; `None` for another text, such as one of a later version.
    pub fn from_text(user: UserId, text: &str) -> Option<Self> {
        let text: Text<'_> = serde_json::from_str(text).ok()?;
        Some(Self {
            user,
            to: text.to.into_owned(),
            change: text.change.into_owned(),
        })
    }
}

/// The notices that a store enqueues in the transaction of a change, if it makes the change; else none of them. Beside those
/// to the user, the event for durable receivers. All are about the user whose account the store changes.
///
/// # Examples
/// ```
/// use phone_auth_core::outbox::Notices;
///
/// assert_eq!(Notices::default().iter().count(), 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notices(Vec<NewMessage>);

impl Notices {
    /// These messages, of which each is a [notice](NewMessage::notice) or an [event](NewMessage::event).
    pub const fn new(messages: Vec<NewMessage>) -> Self {
        Self(messages)
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, NewMessage> {
        self.0.iter()
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> IntoIterator for &'a Notices {
    type Item = &'a NewMessage;
    type IntoIter = std::slice::Iter<'a, NewMessage>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
