//! An event that is kept for durable receivers: what a row of the outbox holds of one.

use std::borrow::Cow;

use phone_auth_events::{
    AccountClosed, DurableSignal, EmailAdded, EmailRemoved, EmailVerified, PasswordChanged,
    PasswordWasReset, PhoneAdded, PhoneRemoved, PhoneVerified, ReceiverInfo, Report, Sender,
    Signals, User as EventUser, UserSignedUp,
};
use serde::{Deserialize, Serialize};

use crate::address::AddressKind;
use crate::user::UserId;

/// The flows whose events are kept. A row holds the name, and the event has a [`Sender`], which is a constant.
const SENDERS: [&str; 16] = [
    "sign_up",
    "begin_sign_up",
    "create_user",
    "change_password",
    "set_password",
    "reset_password",
    "add_address",
    "add_address_for",
    "remove_address",
    "remove_address_of",
    "verify_address",
    "replace_address",
    "close",
    "close_due",
    "log_in_by_code",
    "log_in_by_link",
];

/// What a row says of who sent it that no flow of this version is called.
const OTHER_SENDER: Sender = Sender::new("another_version");

/// An event that waits for durable receivers, as a row of the outbox holds it. Of the user it has the number alone: who they
/// are is read when a receiver is called, and the row goes with them. Of a user whose account was closed nothing can be read
/// any more: their row is nobody's, says who they were, as the event does, and goes when it is delivered.
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
///     closed: None,
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
    /// The email address that it tells of, if it tells of one.
    pub email: Option<String>,
    /// The phone number that it tells of, if it tells of one.
    pub phone: Option<String>,
    /// Who the user was, if it tells that their account is closed.
    pub closed: Option<EventUser>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    closed: Option<ClosedUser<'a>>,
}

/// Who a user was.
#[derive(Serialize, Deserialize)]
struct ClosedUser<'a> {
    id: i64,
    username: Cow<'a, str>,
    first_name: Cow<'a, str>,
    last_name: Cow<'a, str>,
}

impl PendingEvent {
    /// The text that a store keeps, beside whom it is about.
    pub fn to_text(&self) -> String {
        let text = Text {
            signal: self.signal.name().into(),
            sender: self.sender.as_str().into(),
            email: self.email.as_deref().map(Cow::from),
            phone: self.phone.as_deref().map(Cow::from),
            closed: self.closed.as_ref().map(|user| ClosedUser {
                id: user.id,
                username: user.username.as_str().into(),
                first_name: user.first_name.as_str().into(),
                last_name: user.last_name.as_str().into(),
            }),
        };
        // Strings become JSON always.
        serde_json::to_string(&text).unwrap_or_default()
    }

    /// What [`to_text`](Self::to_text) gave; `None` for another text, such as one of a later version.
    pub fn from_text(user: UserId, text: &str) -> Option<Self> {
        let text: Text<'_> = serde_json::from_str(text).ok()?;
        let sender = SENDERS.into_iter().find(|name| *name == text.sender);
        let closed = text.closed.map(|user| {
            let ClosedUser {
                id,
                username,
                first_name,
                last_name,
            } = user;
            EventUser::new(id, username, first_name, last_name)
        });
        Some(Self {
            user: closed.as_ref().map_or(user, |it| UserId::new(it.id)),
            signal: DurableSignal::named(&text.signal)?,
            sender: sender.map_or(OTHER_SENDER, Sender::new),
            email: text.email.map(Cow::into_owned),
            phone: text.phone.map(Cow::into_owned),
            closed,
        })
    }

    /// The kind of the address that it tells of. One that tells of none counts as one by email.
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
    AccountClosed(AccountClosed),
}

impl DurableEvent {
    /// The event with this key, about this user. `None` where the address is missing that it tells of.
    pub(super) fn new(pending: &PendingEvent, user: EventUser, key: &str) -> Option<Self> {
        let sender = pending.sender;
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
            DurableSignal::AccountClosed => {
                Self::AccountClosed(AccountClosed::new(sender, user).with_key(key))
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
            Self::AccountClosed(_) => DurableSignal::AccountClosed,
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
            Self::AccountClosed(event) => signals.send_durable_to(event, wanted).await,
        }
    }
}
