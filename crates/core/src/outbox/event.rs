//! The event of a message, and telling it to the receivers of its signal.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_events::{
    AccountChange, Channel, Envelope, LoginEmail, LoginPhone, Message as _, OneTimeCode,
    ReceiverInfo, RelativeUrl, Report, ResetPasswordEmail, ResetPasswordPhone, SecurityNoticeEmail,
    SecurityNoticePhone, Sender, Signals, VerifyEmail, VerifyPhone,
};

use super::{MessageSignal, Notice, Purpose, Recipient};
use crate::address::{AddressKind, AddressRecord};
use crate::challenge::NewChallenge;
use crate::language::Language;
use crate::link::Links;
use crate::user::User;

/// Who gets a message, and where.
#[derive(Clone, Copy)]
pub(crate) struct To<'a> {
    pub(crate) user: &'a User,
    pub(crate) address: &'a AddressRecord,
}

/// Whom a message is for.
#[derive(Clone, Copy)]
pub(crate) enum Addressee<'a> {
    /// A user, at one of their addresses.
    User(To<'a>),
    /// Nobody: no user has the name that was given.
    Nobody {
        /// By which kind of address the message would go.
        kind: AddressKind,
        /// What was typed, in its canonical form: a store has who names the same nobody wait for each other as those do
        /// who name the same user.
        name: &'a str,
    },
}

impl Addressee<'_> {
    /// By which kind of address the message goes.
    pub(crate) const fn kind(&self) -> AddressKind {
        match self {
            Self::User(to) => to.address.kind,
            Self::Nobody { kind, .. } => *kind,
        }
    }

    /// Who is to get it, if anyone.
    pub(crate) fn recipient(&self) -> Option<Recipient> {
        match self {
            Self::User(to) => Some(Recipient {
                user: to.user.id,
                address: to.address.id,
            }),
            Self::Nobody { .. } => None,
        }
    }
}

/// What a message has for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    /// A link.
    Link,
    /// A link, and a code for the one who asked; and the challenge that begins with it, where it does not begin by itself.
    LinkAndCode(Option<NewChallenge>),
}

/// How a message goes, and what it has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner<'a> {
    pub(crate) language: Option<&'a Language>,
    pub(crate) channel: Channel,
    pub(crate) carries: Carries,
}

impl Carries {
    /// For how long the same code is sent again.
    pub(crate) fn code_half_life(self, links: &Links) -> Option<TimeDelta> {
        match self {
            Self::Link => None,
            Self::LinkAndCode(_) => Some(links.code_half_life()),
        }
    }

    /// The challenge that begins with it.
    pub(crate) const fn challenge(self) -> Option<NewChallenge> {
        match self {
            Self::Link => None,
            Self::LinkAndCode(challenge) => challenge,
        }
    }
}

/// The event of a message, whichever it is.
pub(crate) enum MessageEvent {
    ResetPasswordEmail(ResetPasswordEmail),
    ResetPasswordPhone(ResetPasswordPhone),
    VerifyEmail(VerifyEmail),
    VerifyPhone(VerifyPhone),
    LoginEmail(LoginEmail),
    LoginPhone(LoginPhone),
    SecurityNoticeEmail(SecurityNoticeEmail),
    SecurityNoticePhone(SecurityNoticePhone),
}

/// Does the same with the event, whichever it is.
macro_rules! with_event {
    ($message:expr, $event:ident => $act:expr) => {
        match $message {
            MessageEvent::ResetPasswordEmail($event) => $act,
            MessageEvent::ResetPasswordPhone($event) => $act,
            MessageEvent::VerifyEmail($event) => $act,
            MessageEvent::VerifyPhone($event) => $act,
            MessageEvent::LoginEmail($event) => $act,
            MessageEvent::LoginPhone($event) => $act,
            MessageEvent::SecurityNoticeEmail($event) => $act,
            MessageEvent::SecurityNoticePhone($event) => $act,
        }
    };
}

impl MessageEvent {
    /// A message with this link; none for a purpose that has no link.
    pub(crate) fn new(
        purpose: Purpose,
        to: To<'_>,
        url: RelativeUrl,
        envelope: Envelope,
    ) -> Option<Self> {
        let user = to.user.to_event_user();
        let value = to.address.value.clone();
        let sender = sender_of(purpose);
        let envelope = match purpose {
            Purpose::Confirm => envelope.confirming(),
            _ => envelope,
        };
        Some(match MessageSignal::of(purpose, to.address.kind)? {
            MessageSignal::ResetPasswordEmail => {
                let event = ResetPasswordEmail::new(sender, user, url, value);
                Self::ResetPasswordEmail(event.with_envelope(envelope))
            }
            MessageSignal::ResetPasswordPhone => {
                let event = ResetPasswordPhone::new(sender, user, url, value);
                Self::ResetPasswordPhone(event.with_envelope(envelope))
            }
            MessageSignal::VerifyEmail => {
                let event = VerifyEmail::new(sender, user, url, value);
                Self::VerifyEmail(event.with_envelope(envelope))
            }
            MessageSignal::VerifyPhone => {
                let event = VerifyPhone::new(sender, user, url, value);
                Self::VerifyPhone(event.with_envelope(envelope))
            }
            MessageSignal::LoginEmail => {
                let event = LoginEmail::new(sender, user, url, value);
                Self::LoginEmail(event.with_envelope(envelope))
            }
            MessageSignal::LoginPhone => {
                let event = LoginPhone::new(sender, user, url, value);
                Self::LoginPhone(event.with_envelope(envelope))
            }
            MessageSignal::SecurityNoticeEmail | MessageSignal::SecurityNoticePhone => return None,
        })
    }

    /// A security notice by this kind of address, with the page that belongs to what it tells.
    pub(crate) fn of_notice(
        kind: AddressKind,
        notice: &Notice,
        user: &User,
        page: impl FnOnce(&AccountChange) -> RelativeUrl,
        envelope: Envelope,
    ) -> Self {
        let (user, to, change) = (user.to_event_user(), &notice.to, &notice.change);
        let url = page(change);
        let sender = sender_of(Purpose::SecurityNotice);
        match kind {
            AddressKind::Email => {
                let event = SecurityNoticeEmail::new(sender, user, url, to.clone(), change.clone());
                Self::SecurityNoticeEmail(event.with_envelope(envelope))
            }
            AddressKind::Phone => {
                let event = SecurityNoticePhone::new(sender, user, url, to.clone(), change.clone());
                Self::SecurityNoticePhone(event.with_envelope(envelope))
            }
        }
    }

    /// The signal that it is sent by.
    pub(crate) fn signal(&self) -> MessageSignal {
        with_event!(self, event => event.message_signal())
    }

    /// What must not be kept of what a receiver says of it: the link, if it opens anything.
    pub(crate) fn secret(&self) -> &str {
        if self.signal().has_link() {
            self.url().as_str()
        } else {
            ""
        }
    }

    /// Its link.
    const fn url(&self) -> &RelativeUrl {
        with_event!(self, event => &event.url)
    }

    /// Its code.
    pub(crate) fn code(&self) -> Option<&str> {
        with_event!(self, event => event.envelope.code.as_ref().map(OneTimeCode::as_str))
    }

    /// Calls one receiver. The report lacks it if it has been disconnected.
    pub(crate) async fn send_to(&self, signals: &Signals, receiver: &ReceiverInfo) -> Report {
        let wanted = |other: &ReceiverInfo| other.is_same(receiver);
        with_event!(self, event => signals.send_robust_to(event, wanted).await)
    }
}

/// The flow that such messages come from.
const fn sender_of(purpose: Purpose) -> Sender {
    Sender::new(flow_of(purpose))
}

/// Its name.
pub(crate) const fn flow_of(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::ResetPassword => "request_password_reset",
        Purpose::Verify => "request_verification",
        Purpose::LogIn => "begin_log_in",
        Purpose::Confirm => "begin_reauthentication",
        Purpose::SecurityNotice => "security_notice",
        // It has one of its own.
        Purpose::Event => "event",
    }
}

/// What goes with a message that is sent now, and whose link works for so long from now.
pub(crate) fn envelope(
    key: Option<&str>,
    language: Option<&Language>,
    issued_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    left: Duration,
) -> Envelope {
    let envelope = key.map_or_else(Envelope::default, Envelope::new);
    let envelope = match language {
        Some(language) => envelope.in_language(language.as_str()),
        None => envelope,
    };
    envelope
        .enqueued_at(issued_at.into())
        .expiring_at(expires_at.into())
        .working_for(left)
}
