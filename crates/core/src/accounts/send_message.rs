//! Sending a message: through the outbox, or, without one, by telling the receivers.

use chrono::{DateTime, Utc};
use phone_auth_events::OneTimeCode;

use super::{Accounts, Failure, FailureKind};
use crate::address::AddressKind;
use crate::language::Language;
use crate::link::{LinkRequest, LinkTarget};
use crate::outbox::{Addressee, Carries, MessageEvent, MessageSignal, Purpose, envelope};

impl Accounts {
    /// These flows for someone who reads this language: the messages that they enqueue say so. Cheap, and shares
    /// everything else.
    #[must_use]
    pub fn with_language(&self, language: Option<Language>) -> Self {
        Self {
            language,
            ..self.clone()
        }
    }

    /// Whether this site sends such messages: users have addresses of the kind, and someone sends to them. A page offers
    /// nothing else.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::AddressKind;
    /// use phone_auth_core::outbox::Purpose;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// assert!(accounts.offers(Purpose::ResetPassword, AddressKind::Phone));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn offers(&self, purpose: Purpose, kind: AddressKind) -> bool {
        !self.nobody_sends(purpose, kind)
    }

    /// Whether nobody sends such messages, so that none may be enqueued.
    pub(super) fn nobody_sends(&self, purpose: Purpose, kind: AddressKind) -> bool {
        let signal = MessageSignal::of(purpose, kind);
        signal.is_none_or(|signal| {
            let is_off = !self.settings().sends(signal);
            is_off || self.inner.allow_unreceived.contains(&signal.name())
        })
    }

    /// Sends a message, to nobody if there is nobody, or if it is a text message that costs too much; then the work is the
    /// same and nothing is sent.
    ///
    /// With an outbox it is [enqueued](crate::outbox::Outbox). Without one the receivers are told, when
    /// [`Dispatch`](super::Dispatch) says.
    pub(super) async fn send_message(
        &self,
        purpose: Purpose,
        to: Addressee<'_>,
        carries: Carries,
    ) -> Result<(), Failure> {
        let language = self.language.as_ref();
        let to = self.guard_text(purpose, to).await?;
        match &self.inner.outbox {
            Some(outbox) => outbox.enqueue(purpose, to, language, carries).await,
            None => self.tell_message(purpose, to, carries).await,
        }
    }

    /// Tells the receivers of a message.
    pub(super) async fn tell_event(&self, event: MessageEvent) {
        match event {
            MessageEvent::ResetPasswordEmail(event) => self.tell(event).await,
            MessageEvent::ResetPasswordPhone(event) => self.tell(event).await,
            MessageEvent::VerifyEmail(event) => self.tell(event).await,
            MessageEvent::VerifyPhone(event) => self.tell(event).await,
            MessageEvent::LoginEmail(event) => self.tell(event).await,
            MessageEvent::LoginPhone(event) => self.tell(event).await,
            MessageEvent::SecurityNoticeEmail(event) => self.tell(event).await,
            MessageEvent::SecurityNoticePhone(event) => self.tell(event).await,
        }
    }

    /// Since when the code counts its age that this request was answered with, if it was for one.
    async fn code_asked_for(
        &self,
        request: &LinkRequest,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        let (Some(id), Some(_)) = (request.address, request.code_half_life) else {
            return Ok(None);
        };
        let (purpose, kind) = (request.purpose, request.kind);
        let target = self.store().link_target(purpose, kind, id).await?;
        Ok(target.and_then(|target| target.code_at))
    }

    async fn tell_message(
        &self,
        purpose: Purpose,
        to: Addressee<'_>,
        carries: Carries,
    ) -> Result<(), Failure> {
        let (now, links) = (self.now(), &self.inner.links);
        let request = LinkRequest {
            purpose,
            kind: to.kind(),
            address: to.recipient().map(|recipient| recipient.address),
            at: now,
            half_life: Some((links.expiry(purpose, to.kind(), now) - now) / 2),
            code_half_life: carries.code_half_life(links),
        };
        let requested_at = self.store().request_link(&request).await?;
        let (newest, made_at) = (Some(requested_at), request.made_at(requested_at));
        let Addressee::User(to) = to else {
            links.issue_nothing(now);
            return Ok(());
        };
        let target = LinkTarget {
            address: to.address.clone(),
            user: to.user.clone(),
            newest,
            code_at: self.code_asked_for(&request).await?,
        };
        let (url, token) = links
            .mint(purpose, &target, made_at)
            .ok_or_else(|| Failure::new(FailureKind::Broken))?;
        links.announce(&token);
        let expires_at = links.expiry(purpose, request.kind, made_at);
        let left = (expires_at - now).to_std().unwrap_or_default();
        let envelope = envelope(None, self.language.as_ref(), made_at, expires_at, left);
        let envelope = match links.code(purpose, &target, now) {
            Some((code, until)) => {
                envelope.with_code(OneTimeCode::new(code.as_str()), until.into())
            }
            None => envelope,
        };
        if let Some(event) = MessageEvent::new(purpose, to, url, envelope) {
            self.tell_event(event).await;
        }
        Ok(())
    }
}
