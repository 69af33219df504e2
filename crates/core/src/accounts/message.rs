//! A message with a link: minted for a person and an address, and told to the receivers of its signal.

use std::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth_events::{
    Envelope, Message as _, ReceiverInfo, RelativeUrl, Report, ResetPasswordEmail,
    ResetPasswordPhone, Sender, Signals, VerifyEmail, VerifyPhone,
};
use phone_auth_tokens::Token;
use phone_auth_urls::ReverseError;

use super::Accounts;
use super::links::Addressed;
use crate::address::AddressRecord;
use crate::language::Language;
use crate::link::LinkTarget;
use crate::outbox::{MessageSignal, Purpose};
use crate::person::Person;

/// Who gets a message, and where.
#[derive(Clone, Copy)]
pub(super) struct To<'a> {
    pub(super) person: &'a Person,
    pub(super) address: &'a AddressRecord,
}

/// The event of a message, whichever of the four it is.
pub(super) enum MessageEvent {
    ResetPasswordEmail(ResetPasswordEmail),
    ResetPasswordPhone(ResetPasswordPhone),
    VerifyEmail(VerifyEmail),
    VerifyPhone(VerifyPhone),
}

/// Does the same with the event, whichever it is.
macro_rules! with_event {
    ($message:expr, $event:ident => $act:expr) => {
        match $message {
            MessageEvent::ResetPasswordEmail($event) => $act,
            MessageEvent::ResetPasswordPhone($event) => $act,
            MessageEvent::VerifyEmail($event) => $act,
            MessageEvent::VerifyPhone($event) => $act,
        }
    };
}

impl MessageEvent {
    /// A message with this link.
    pub(super) fn new(purpose: Purpose, to: To<'_>, url: RelativeUrl, envelope: Envelope) -> Self {
        let user = to.person.to_user();
        let value = to.address.value.clone();
        let sender = sender_of(purpose);
        match MessageSignal::of(purpose, to.address.kind) {
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
        }
    }

    /// The signal that it is sent by.
    pub(super) fn signal(&self) -> MessageSignal {
        with_event!(self, event => event.message_signal())
    }

    /// Its link.
    pub(super) const fn url(&self) -> &RelativeUrl {
        with_event!(self, event => &event.url)
    }

    /// Calls one receiver. The report lacks it if it has been disconnected.
    pub(super) async fn send_to(&self, signals: &Signals, receiver: &ReceiverInfo) -> Report {
        let wanted = |other: &ReceiverInfo| other.is_same(receiver);
        with_event!(self, event => signals.send_robust_to(event, wanted).await)
    }

    /// Tells all receivers, without an outbox.
    pub(super) async fn tell(self, accounts: &Accounts) {
        with_event!(self, event => accounts.tell(event).await);
    }
}

/// The flow that such messages come from.
const fn sender_of(purpose: Purpose) -> Sender {
    Sender::new(match purpose {
        Purpose::ResetPassword => "request_password_reset",
        Purpose::Verify => "request_verification",
    })
}

impl Accounts {
    /// The link of a message that was promised at this time, and the token in it.
    ///
    /// # Errors
    /// When the token does not fit the route, which it always does.
    pub(super) fn mint(
        &self,
        purpose: Purpose,
        target: &LinkTarget,
        promised_at: DateTime<Utc>,
    ) -> Result<(RelativeUrl, Token), ReverseError> {
        let (routes, address) = (self.routes(), &target.address);
        match purpose {
            Purpose::ResetPassword => {
                let token = self.inner.links.issue_reset(target, promised_at);
                let text = Addressed::of(address, token.as_str()).text();
                let url = routes.password_reset_confirm(target.person.id.get(), &text)?;
                Ok((url, token))
            }
            Purpose::Verify => {
                let token = self.inner.links.issue_verification(target, promised_at);
                let (id, text) = (address.id.get(), token.as_str());
                let url = routes.email_verification_confirm(address.kind, id, text)?;
                Ok((url, token))
            }
        }
    }

    /// What goes with a message that is sent now, and whose link works for so long from now.
    pub(super) fn envelope(
        key: Option<&str>,
        language: Option<&Language>,
        promised_at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
        left: Duration,
    ) -> Envelope {
        let envelope = key.map_or_else(Envelope::default, Envelope::new);
        let envelope = match language {
            Some(language) => envelope.in_language(language.as_str()),
            None => envelope,
        };
        envelope
            .promised_at(promised_at.into())
            .expiring_at(expires_at.into())
            .working_for(left)
    }
}
