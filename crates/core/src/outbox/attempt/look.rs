//! What an attempt finds: whether there is still something to send, and the event with the link of the newest request.

use chrono::{DateTime, Utc};
use phone_auth_events::OneTimeCode;
use phone_auth_tokens::CLOCK_SKEW;

use super::{Attempt, LATE};
use crate::link::LinkTarget;
use crate::outbox::bound_state::{self, Changed};
use crate::outbox::event::{MessageEvent, To, envelope};
use crate::outbox::open_link::{Missing, is_code_alone, not_replaced, still_open, still_there};
use crate::outbox::outgoing::Outgoing;
use crate::outbox::pending_event::DurableEvent;
use crate::outbox::store_clock::later;
use crate::outbox::texts::Text;
use crate::outbox::{LeaseState, Notice, Obsolete, PendingEvent};
use crate::store::StoreError;

/// Why a message is given up whose request is not the newest, though none is newer.
const REQUEST_LOST: &str = "the record of its request is missing or older than the message";

/// Why a notice or an event is given up whose user was deleted.
const USER_GONE: &str = "the user was deleted";

/// Why a notice or an event is given up that comes too late.
const NOTICE_LATE: &str = "it could not be delivered in time";

/// Why there is nothing to send.
pub(super) enum Unsent {
    /// There is nothing left to do.
    Obsolete(Obsolete),
    /// It never will be, for this reason.
    Never(String),
    /// This program cannot tell, for this reason; another may.
    Unknown(String),
}

impl From<Changed> for Unsent {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Obsolete(why) => Self::Obsolete(why),
            Changed::Otherwise(why) => Self::Never(why),
            Changed::Unknown(why) => Self::Unknown(why),
        }
    }
}

impl Attempt<'_> {
    /// What is to be sent, as things are now.
    pub(super) async fn look(&mut self) -> Result<Result<Outgoing, Unsent>, StoreError> {
        if let Some(event) = self.message.message.event.clone() {
            return self.look_at_event(&event).await;
        }
        if let Some(notice) = self.message.message.notice.clone() {
            return self.look_at_notice(&notice).await;
        }
        // Before its expiry: what is obsolete is no dead letter, however late it is.
        let target = match self.recipient().await? {
            Ok(found) => found,
            Err(why) => return Ok(Err(Unsent::Never(why.text().to_owned()))),
        };
        match self.is_changed(&target) {
            Ok(()) => {}
            // The newer message has the place of this one, and waits for this attempt to end. Where a user is asked for
            // again and again, each message would give way to the next and none be sent, so this one goes on. Its link is
            // that of the newest request.
            Err(Changed::Obsolete(Obsolete::NewerRequest))
                if self.is_bound(&target).is_ok() && self.has_given_its_place().await => {}
            Err(why) => return Ok(Err(why.into())),
        }
        if self.is_late() {
            return Ok(Err(Unsent::Never(LATE.to_owned())));
        }
        Ok(self.event(&target).map(Outgoing::Message))
    }

    /// A notice is sent as it is, to a user who was disabled since as well: what was changed may be why.
    async fn look_at_notice(
        &self,
        notice: &Notice,
    ) -> Result<Result<Outgoing, Unsent>, StoreError> {
        let Some(user) = self.outbox.users.user(notice.user).await? else {
            return Ok(Err(Unsent::Never(USER_GONE.to_owned())));
        };
        if self.is_late() {
            return Ok(Err(Unsent::Never(NOTICE_LATE.to_owned())));
        }
        let message = &self.message.message;
        let now = self.clock.now();
        let left = (self.message.deadline() - now).to_std().unwrap_or_default();
        let (key, language) = (Some(message.key.as_str()), message.language.as_ref());
        let envelope = envelope(key, language, message.created_at, message.expires_at, left)
            .by_channel(message.channel);
        let page = self.outbox.links.page_of_notices();
        let event = MessageEvent::of_notice(message.kind, notice, &user, page, envelope);
        Ok(Ok(Outgoing::Message(event)))
    }

    /// An event is told about the user as they are now, disabled ones too: it says what happened. Of one whose account was
    /// closed it says who they were.
    async fn look_at_event(
        &self,
        event: &PendingEvent,
    ) -> Result<Result<Outgoing, Unsent>, StoreError> {
        let user = match &event.closed {
            Some(user) => user.clone(),
            None => match self.outbox.users.user(event.user).await? {
                Some(user) => user.to_event_user(),
                None => return Ok(Err(Unsent::Never(USER_GONE.to_owned()))),
            },
        };
        if self.is_late() {
            return Ok(Err(Unsent::Never(NOTICE_LATE.to_owned())));
        }
        let event = DurableEvent::new(event, user, &self.message.message.key);
        let event = event.map(Outgoing::Event);
        Ok(event.ok_or_else(|| Unsent::Never("it does not say which address".to_owned())))
    }

    /// Whether a newer message has taken the place of this one; it stays so until the attempt ends.
    async fn has_given_its_place(&mut self) -> bool {
        self.is_superseded = self.is_superseded || self.extend().await == LeaseState::Superseded;
        self.is_superseded
    }

    /// The user and the address, or why there is nobody to send it to.
    async fn recipient(&mut self) -> Result<Result<LinkTarget, Missing>, StoreError> {
        let message = &self.message.message;
        let Some(recipient) = message.recipient else {
            return Ok(Err(Missing::Gone));
        };
        let found = self
            .outbox
            .users
            .link_target(message.purpose, message.kind, recipient.address)
            .await?;
        if let Some(target) = &found
            && target.user.id == recipient.user
            && bound_state::is_same_address(&message.binding, message.purpose, &target.address)
        {
            self.text = Text::of(message, &target.address);
        }
        Ok(still_there(found, recipient))
    }

    /// Whether there is still something for the link to do, no other was asked for since, and what it depends on is as it
    /// was.
    fn is_changed(&self, target: &LinkTarget) -> Result<(), Changed> {
        still_open(self.message.message.purpose, target).map_err(Changed::Obsolete)?;
        not_replaced(&self.message, target).map_err(Changed::Obsolete)?;
        self.is_bound(target)?;
        // The version before did not keep for which request a message is.
        let requested_at = self.message.requested_at;
        if requested_at.is_some() && requested_at != target.newest {
            return Err(Changed::Otherwise(REQUEST_LOST.to_owned()));
        }
        Ok(())
    }

    /// Whether the state that its link depends on is as it was when the message was enqueued.
    fn is_bound(&self, target: &LinkTarget) -> Result<(), Changed> {
        let message = &self.message.message;
        bound_state::compare(
            &message.binding,
            message.purpose,
            &target.user,
            &target.address,
        )
    }

    /// Whether its link has stopped working, by the clock of the store.
    pub(super) fn is_late(&self) -> bool {
        self.clock.now() >= self.message.deadline()
    }

    fn event(&self, target: &LinkTarget) -> Result<MessageEvent, Unsent> {
        let linkless = || Unsent::Never("its link cannot be made".to_owned());
        let message = &self.message.message;
        let is_first = self.message.ready_attempt.saturating_add(1) == self.message.attempts;
        let now = self.clock.now();
        let issued_at = self.issued_at(now);
        let minted = self.outbox.links.mint(message.purpose, target, issued_at);
        let (url, token) = minted.ok_or_else(linkless)?;
        // For another attempt the same token is made once more, unless a newer request has come.
        if is_first || self.is_superseded {
            self.outbox.links.announce(token.as_ref());
        }
        let lifetime = message.expires_at - message.created_at;
        let left = lifetime.min(self.message.deadline() - now);
        let envelope = envelope(
            Some(&message.key),
            message.language.as_ref(),
            issued_at,
            later(issued_at, lifetime.to_std().unwrap_or_default()),
            left.to_std().unwrap_or_default(),
        )
        .by_channel(message.channel);
        let envelope = match self.outbox.links.code(message.purpose, target, now) {
            Some((code, until)) => {
                envelope.with_code(OneTimeCode::new(code.as_str()), until.into())
            }
            None if is_code_alone(message.purpose) => {
                return Err(Unsent::Obsolete(Obsolete::Over));
            }
            None => envelope,
        };
        let to = To {
            user: &target.user,
            address: &target.address,
        };
        MessageEvent::new(message.purpose, to, url, envelope).ok_or_else(linkless)
    }

    /// When the link begins to count its age: when the message was enqueued, by the clock of the flow. A clock that was
    /// set back since, by more than servers may differ, takes that along: else the link would not work for as long.
    fn issued_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let ahead = self.message.enqueued_at - now;
        let created_at = self.message.message.created_at;
        if ahead.to_std().is_ok_and(|ahead| ahead > CLOCK_SKEW) {
            created_at.checked_sub_signed(ahead).unwrap_or(now)
        } else {
            created_at
        }
    }
}
