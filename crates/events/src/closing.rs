//! The signals of an account's end, and of its export: an application may refuse the one and add to the other.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use serde::Serialize;
use serde_json::Value;

use crate::{Sender, User, event_struct::event_struct};

phone_auth_signals::signal! {
    /// A user is about to close their account. A receiver that fails keeps it open.
    pub account_closing: AccountClosing;

    /// A user has closed their account.
    pub durable account_closed: AccountClosed;

    /// A user wants their account closed, which will be done later.
    pub account_closing_scheduled: AccountClosingScheduled;

    /// An account that was to be closed stays.
    pub account_closing_cancelled: AccountClosingCancelled;

    /// A user wants a copy of all that is kept of them.
    pub account_exporting: AccountExporting;
}

event_struct! {
    /// A user is about to close their account. Nothing is removed yet: a receiver may look at what is theirs, and by failing
    /// with [`MayNotClose`] say why it must stay.
    pub struct AccountClosing {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
    }
}

event_struct! {
    /// A user has closed their account: they are gone from the tables, and this is who they were.
    pub struct AccountClosed of a client, durable {
        /// The flow that sent it.
        sender: Sender,
        /// The user, as they were.
        user: User,
    }
}

event_struct! {
    /// A user wants their account closed. It is at the time that is told, unless they log in before. Until then they are
    /// logged out everywhere, and all that is theirs is still there.
    pub struct AccountClosingScheduled of a client {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
        /// When the account will be closed.
        due_at: SystemTime,
    }
}

event_struct! {
    /// An account that was to be closed stays: its user has logged in again, or an operator wants to keep it.
    pub struct AccountClosingCancelled of a client {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
    }
}

event_struct! {
    /// A user wants a copy of all that is kept of them. What an application keeps it adds to the parts.
    pub struct AccountExporting {
        /// The flow that sent it.
        sender: Sender,
        /// The user.
        user: User,
        /// What is added.
        #[serde(skip)]
        parts: ExportParts,
    }
}

/// Why an account may not be closed, in words for its user.
///
/// # Examples
/// ```
/// use phone_auth_events::{AccountClosing, MayNotClose, account_closing, receiver};
///
/// #[receiver(account_closing)]
/// fn open_orders(event: &AccountClosing) -> Result<(), MayNotClose> {
///     if event.user.username == "ann" {
///         return Err(MayNotClose::new("An order is still on its way to you."));
///     }
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MayNotClose(String);

impl MayNotClose {
    /// It may not, for this reason: a sentence.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }

    /// The sentence.
    pub fn sentence(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MayNotClose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the account may not be closed")
    }
}

impl Error for MayNotClose {}

/// What receivers add to an export, each under a name of its own.
///
/// # Examples
/// ```
/// use phone_auth_events::{AccountExporting, account_exporting, receiver};
///
/// #[receiver(account_exporting)]
/// fn add_orders(event: &AccountExporting) {
///     event.parts.add("orders", vec!["Assam", "Darjeeling"]);
/// }
/// # fn main() {}
/// ```
#[derive(Clone, Default)]
pub struct ExportParts(Arc<Mutex<BTreeMap<String, Value>>>);

impl ExportParts {
    /// Adds what is kept under this name, in place of what was added under it before. What does not become JSON is added as
    /// `null`.
    pub fn add(&self, name: impl Into<String>, value: impl Serialize) {
        let value = serde_json::to_value(value).unwrap_or_default();
        let mut parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.insert(name.into(), value);
    }

    /// What was added.
    pub fn to_map(&self) -> BTreeMap<String, Value> {
        let parts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        parts.clone()
    }
}

impl fmt::Debug for ExportParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportParts(…)")
    }
}
