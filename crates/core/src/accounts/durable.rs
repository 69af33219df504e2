//! Events for durable receivers: committed with the change that they tell of.

use phone_auth_events::{DurableSignal, Sender, Signals};

use super::build_error::{BuildError, BuildErrorKind, NoOutbox};
use super::sign_up_form::Draft;
use super::{Accounts, Failure};
use crate::address::{AddressKind, EmailAddress, PhoneNumber};
use crate::outbox::{NewMessage, Notices, PendingEvent};
use crate::user::{User, UserId};

impl Accounts {
    /// The event of a change, where a durable receiver of this process wants it. Every flow that fires one of these signals
    /// hands it to the store with the change. It is not refused where as many messages are pending as may be: what was
    /// promised to a receiver is as many as there were changes.
    pub(super) fn event_of(
        &self,
        signal: DurableSignal,
        user: UserId,
        sender: impl Into<Sender>,
        (email, phone): (Option<&str>, Option<&str>),
    ) -> Result<Option<NewMessage>, Failure> {
        if self.inner.outbox.is_none() || signal.receivers(&self.inner.signals).is_empty() {
            return Ok(None);
        }
        let event = PendingEvent {
            user,
            signal,
            sender: sender.into(),
            email: email.map(str::to_owned),
            phone: phone.map(str::to_owned),
            closed: None,
        };
        let now = self.now();
        let message = NewMessage::event(event, now, &self.inner.links, self.randomness())?;
        Ok(Some(message))
    }

    /// The event of the end of an account, which says who its user was.
    pub(super) fn event_of_closing(
        &self,
        user: &User,
        sender: Sender,
    ) -> Result<Option<NewMessage>, Failure> {
        let signal = DurableSignal::AccountClosed;
        let message = self.event_of(signal, user.id, sender, (None, None))?;
        Ok(message.map(|mut message| {
            if let Some(event) = &mut message.event {
                event.closed = Some(user.to_event_user());
            }
            message
        }))
    }

    /// The event of a change of an address.
    pub(super) fn event_of_address(
        &self,
        [of_email, of_phone]: [DurableSignal; 2],
        user: UserId,
        sender: Sender,
        (kind, value): (AddressKind, &str),
    ) -> Result<Option<NewMessage>, Failure> {
        match kind {
            AddressKind::Email => self.event_of(of_email, user, sender, (Some(value), None)),
            AddressKind::Phone => self.event_of(of_phone, user, sender, (None, Some(value))),
        }
    }

    /// What is committed with a new user for durable receivers.
    pub(super) fn event_of_sign_up(
        &self,
        draft: &Draft<'_>,
        sender: &'static str,
    ) -> Result<Notices, Failure> {
        let addresses = (
            draft.email.as_ref().map(EmailAddress::as_str),
            draft.phone.as_ref().map(PhoneNumber::as_str),
        );
        // The store knows the number of the new user.
        let nobody_yet = UserId::new(0);
        let event = self.event_of(DurableSignal::UserSignedUp, nobody_yet, sender, addresses)?;
        Ok(Notices::new(event.into_iter().collect()))
    }
}

/// Without an outbox, no event would ever come to a durable receiver.
pub(super) fn refuse_receivers(signals: &Signals) -> Result<(), BuildError> {
    let durable = (DurableSignal::ALL.iter()).flat_map(|signal| signal.receivers(signals));
    let names: Vec<String> = durable.map(|it| it.to_string()).collect();
    if names.is_empty() {
        Ok(())
    } else {
        Err(BuildError::new(BuildErrorKind::Signals, NoOutbox(names)))
    }
}
