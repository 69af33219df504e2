//! An event that is kept for durable receivers: what a row of the outbox holds of one.

use std::borrow::Cow;

use phone_auth_events::{
    DurableSignal, EmailAdded, EmailRemoved, EmailVerified, PasswordChanged, PasswordWasReset,
    PhoneAdded, PhoneRemoved, PhoneVerified, ReceiverInfo, Report, Sender, Signals, UserSignedUp,
};
use serde::{Deserialize, Serialize};

use crate::address::AddressKind;
use crate::user::{User, UserId};

/// The flows whose events are kept. A row holds the name, and the event has a [`Sender`], which is a constant.
const SENDERS: [&str; 10] = [
    "sign_up",
    "create_user",
    "change_password",
    "set_password",
    "reset_password",
    "add_address",
    "add_address_for",
    "remove_address",
    "remove_address_of",
    "verify_address",
];

/// What a row says of who sent it that no flow of this version is called.
const OTHER_SENDER: Sender = Sender::new("another_version");

/// An event that waits for durable receivers, as a row of the outbox holds it. Of the user it has the number alone: who they
/// are is read when a receiver is called, and the row goes with them.
///
/// # Examples
/// ```
/// use phone_auth_core::outbox::{DurableSignal, PendingEvent};
/// use phone_auth_core::user::UserId;
///
/// let event = PendingEvent {
///     user: UserId::new(7),
///     signal: DurableSignal::EmailAdded,
///     sender: "add_address".into(),
///     email: Some("ann@example.org".to_owned()),
///     phone: None,
/// };
/// assert_eq!(PendingEvent::from_text(event.user, &event.to_text()), Some(event.clone()));
/// assert_eq!(PendingEvent::from_text(event.user, "not an event"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct PendingEvent {
    /// Whom it is about. Where a user is stored with it, the store puts the new number here.
    pub user: UserId,
    /// The signal.
    pub signal: DurableSignal,
    /// The flow that sent it.
    pub sender: Sender,
    /// The e-mail address that it tells of, if it tells of one.
    pub email: Option<String>,
    /// The phone number that it tells of, if it tells of one.
    pub phone: Option<String>,
}

/// The text that a store keeps.
#[derive(Serialize, Deserialize)]
struct Text<'a> {
    signal: Cow<'a, str>,
    sender: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    phone: Option<Cow<'a, str>>,
}

impl PendingEvent {
    /// The text that a store keeps, beside whom it is about.
    pub fn to_text(&self) -> String {
        let text = Text {
            signal: self.signal.name().into(),
            sender: self.sender.as_str().into(),
            email: self.email.as_deref().map(Cow::from),
            phone: self.phone.as_deref().map(Cow::from),
        };
        // Strings become JSON always.
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// What [`to_text`](Self::to_text) gave; `None` for another text, such as one of a later version.
    pub fn from_text(user: UserId, text: &str) -> Option<Self> {
        let text: Text<'_> = serde_json::from_str(text).ok()?;
        let sender = SENDERS.into_iter().find(|name| *name == text.sender);
        Some(Self {
            user,
            signal: DurableSignal::named(&text.signal)?,
            sender: sender.map_or(OTHER_SENDER, Sender::new),
            email: text.email.map(Cow::into_owned),
            phone: text.phone.map(Cow::into_owned),
        })
    }

    /// The kind of the address that it tells of. One that tells of none counts as one by e-mail.
    pub(crate) const fn kind(&self) -> AddressKind {
        match (&self.email, &self.phone) {
            (None, Some(_)) => AddressKind::Phone,
            _ => AddressKind::Email,
        }
    }
}

/// The event as receivers get it, whichever it is.
pub(super) enum DurableEvent {
    UserSignedUp(UserSignedUp),
    PasswordChanged(PasswordChanged),
    PasswordWasReset(PasswordWasReset),
    EmailAdded(EmailAdded),
    PhoneAdded(PhoneAdded),
    EmailRemoved(EmailRemoved),
    PhoneRemoved(PhoneRemoved),
    EmailVerified(EmailVerified),
    PhoneVerified(PhoneVerified),
}

impl DurableEvent {
    /// The event with this key, about the user as they are now. `None` where the address is missing that it tells of.
    pub(super) fn new(pending: &PendingEvent, user: &User, key: &str) -> Option<Self> {
        let (sender, user) = (pending.sender, user.to_event_user());
        let (email, phone) = (pending.email.clone(), pending.phone.clone());
        Some(match pending.signal {
            DurableSignal::UserSignedUp => {
                Self::UserSignedUp(UserSignedUp::new(sender, user, email, phone).with_key(key))
            }
            DurableSignal::PasswordChanged => {
                Self::PasswordChanged(PasswordChanged::new(sender, user).with_key(key))
            }
            DurableSignal::PasswordWasReset => {
                Self::PasswordWasReset(PasswordWasReset::new(sender, user).with_key(key))
            }
            DurableSignal::EmailAdded => {
                Self::EmailAdded(EmailAdded::new(sender, user, email?).with_key(key))
            }
            DurableSignal::PhoneAdded => {
                Self::PhoneAdded(PhoneAdded::new(sender, user, phone?).with_key(key))
            }
            DurableSignal::EmailRemoved => {
                Self::EmailRemoved(EmailRemoved::new(sender, user, email?).with_key(key))
            }
            DurableSignal::PhoneRemoved => {
                Self::PhoneRemoved(PhoneRemoved::new(sender, user, phone?).with_key(key))
            }
            DurableSignal::EmailVerified => {
                Self::EmailVerified(EmailVerified::new(sender, user, email?).with_key(key))
            }
            DurableSignal::PhoneVerified => {
                Self::PhoneVerified(PhoneVerified::new(sender, user, phone?).with_key(key))
            }
        })
    }

    /// The signal that it is sent by.
    pub(super) const fn signal(&self) -> DurableSignal {
        match self {
            Self::UserSignedUp(_) => DurableSignal::UserSignedUp,
            Self::PasswordChanged(_) => DurableSignal::PasswordChanged,
            Self::PasswordWasReset(_) => DurableSignal::PasswordWasReset,
            Self::EmailAdded(_) => DurableSignal::EmailAdded,
            Self::PhoneAdded(_) => DurableSignal::PhoneAdded,
            Self::EmailRemoved(_) => DurableSignal::EmailRemoved,
            Self::PhoneRemoved(_) => DurableSignal::PhoneRemoved,
            Self::EmailVerified(_) => DurableSignal::EmailVerified,
            Self::PhoneVerified(_) => DurableSignal::PhoneVerified,
        }
    }

    /// Calls one receiver.
    pub(super) async fn send_to(&self, signals: &Signals, receiver: &ReceiverInfo) -> Report {
        let wanted = |other: &ReceiverInfo| other.is_same(receiver);
        match self {
            Self::UserSignedUp(event) => signals.send_durable_to(event, wanted).await,
            Self::PasswordChanged(event) => signals.send_durable_to(event, wanted).await,
            Self::PasswordWasReset(event) => signals.send_durable_to(event, wanted).await,
            Self::EmailAdded(event) => signals.send_durable_to(event, wanted).await,
            Self::PhoneAdded(event) => signals.send_durable_to(event, wanted).await,
            Self::EmailRemoved(event) => signals.send_durable_to(event, wanted).await,
            Self::PhoneRemoved(event) => signals.send_durable_to(event, wanted).await,
            Self::EmailVerified(event) => signals.send_durable_to(event, wanted).await,
            Self::PhoneVerified(event) => signals.send_durable_to(event, wanted).await,
        }
    }
}
