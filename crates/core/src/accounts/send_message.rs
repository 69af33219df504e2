//! Sending a message: through the outbox, or, without one, by telling the receivers.

use chrono::{DateTime, Utc};
use phone_auth_events::{Channel, OneTimeCode};

use super::texts::Guarded;
use super::{Accounts, Failure, FailureKind};
use crate::address::AddressKind;
use crate::language::Language;
use crate::limits::TextCount;
use crate::link::{LinkRequest, LinkTarget};
use crate::outbox::{Addressee, Carries, Manner, MessageEvent, MessageSignal, Purpose, envelope};
use crate::user::AccountName;

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

    /// These flows for someone who wants a message by this channel: to a phone it goes so if the site
    /// [offers](crate::settings::Settings::phone_channels) that, else by the first channel that it offers. By
    /// [`Email`](Channel::Email) a reset or a code to log in that is asked for by a phone number goes to a verified email address
    /// of its user, if there is one, and else to nobody; the answer is the same. Cheap, and shares everything else.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::{Channel, ResetPasswordPhone};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let mut texts = signals.capture::<ResetPasswordPhone>();
    /// // Ann has no verified email address.
    /// let by_mail = accounts.with_channel(Some(Channel::Email));
    /// by_mail.request_password_reset("+919876543210").await?;
    /// assert_eq!(texts.take().len(), 0);
    ///
    /// // This site offers no calls.
    /// let by_voice = accounts.with_channel(Some(Channel::Voice));
    /// by_voice.request_password_reset("+919876543210").await?;
    /// assert_eq!(texts.take()[0].channel(), Channel::Sms);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_channel(&self, channel: Option<Channel>) -> Self {
        Self {
            channel,
            ..self.clone()
        }
    }

    /// By which channels a reset, or a code to log in, may be asked for with this name, the usual one first: by what was typed
    /// alone, so it tells nothing of who has it.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::outbox::Purpose;
    /// use phone_auth_events::Channel;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let reset = Purpose::ResetPassword;
    /// assert_eq!(accounts.channels(reset, "+12125550100"), [Channel::Sms, Channel::Email]);
    /// assert_eq!(accounts.channels(reset, "eve@example.org"), [Channel::Email]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn channels(&self, purpose: Purpose, login: &str) -> Vec<Channel> {
        let settings = self.settings();
        if AccountName::read(login, settings).phone.is_none() {
            return vec![Channel::Email];
        }
        let mut channels = settings.phone_channels.clone();
        if self.offers(purpose, AddressKind::Email) {
            channels.push(Channel::Email);
        }
        channels
    }

    /// By which channel a message goes to an address of this kind.
    pub(super) fn channel_to(&self, kind: AddressKind) -> Channel {
        let offered = &self.settings().phone_channels;
        match kind {
            AddressKind::Email => Channel::Email,
            AddressKind::Phone => {
                let asked = self.channel.filter(|channel| offered.contains(channel));
                let usual = offered.first().copied();
                asked.or(usual).unwrap_or(Channel::usual(kind))
            }
        }
    }

    /// Whether a message goes by email that was asked for by a phone number.
    pub(super) fn goes_by_email(&self, purpose: Purpose, name: &AccountName) -> bool {
        name.phone.is_some()
            && self.channel == Some(Channel::Email)
            && self.offers(purpose, AddressKind::Email)
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
        self.settings().has_addresses(kind) && !self.nobody_sends(purpose, kind)
    }

    /// Whether nobody sends such messages, so that none may be enqueued. Those to a kind of address that this site does not
    /// have are nobody's, and are answered as any of nobody.
    pub(super) fn nobody_sends(&self, purpose: Purpose, kind: AddressKind) -> bool {
        let Some(signal) = MessageSignal::of(purpose, kind) else {
            return true;
        };
        let settings = self.settings();
        // Where nobody logs in by code, no site must have receivers of what confirms who someone is: one without goes without.
        let may_be_unheard = purpose == Purpose::Confirm && !settings.login_by_code;
        !settings.has_flow(purpose)
            || self.inner.allow_unreceived.contains(&signal.name())
            || may_be_unheard && signal.receivers(&self.inner.signals).is_empty()
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
        let guarded = self.guard_text(purpose, to).await?;
        self.send_guarded(purpose, guarded, carries).await
    }

    /// The same of a message that the guard of text messages has seen. One that could not be sent is no longer counted there,
    /// nor is one that reached nobody before this took its place.
    pub(super) async fn send_guarded(
        &self,
        purpose: Purpose,
        guarded: Guarded<'_>,
        carries: Carries,
    ) -> Result<(), Failure> {
        let guarded = self.unless_useless(purpose, guarded, carries).await?;
        match self.hand_over(purpose, guarded.to, carries).await {
            Ok(unsent) => {
                self.text_before_is_not_sent(unsent);
                Ok(())
            }
            Err(failure) => {
                self.not_sent(guarded).await;
                Err(failure)
            }
        }
    }

    /// What is to be taken back of a text message that it has superseded, if anything is.
    async fn hand_over(
        &self,
        purpose: Purpose,
        to: Addressee<'_>,
        carries: Carries,
    ) -> Result<Option<TextCount>, Failure> {
        if let Some(outbox) = &self.inner.outbox {
            return outbox.enqueue(purpose, to, self.manner(to, carries)).await;
        }
        self.tell_message(purpose, to, carries).await?;
        if let Some(challenge) = carries.challenge() {
            self.store().begin_challenge(&challenge).await?;
        }
        Ok(None)
    }

    /// How a message is enqueued.
    fn manner(&self, to: Addressee<'_>, carries: Carries) -> Manner<'_> {
        Manner {
            language: self.language.as_ref(),
            channel: self.channel_to(to.kind()),
            carries,
        }
    }

    /// Sends messages to addresses of different kinds, email first. With an outbox all of them are enqueued, or none.
    pub(super) async fn send_messages(
        &self,
        purpose: Purpose,
        messages: Vec<(Addressee<'_>, Carries)>,
    ) -> Result<(), Failure> {
        let mut guarded = Vec::new();
        let sent = self.send_all(purpose, messages, &mut guarded).await;
        if sent.is_err() {
            for (message, _) in guarded {
                self.not_sent(message).await;
            }
        }
        sent
    }

    /// The same; what is left in `guarded` is what was not sent where this fails.
    async fn send_all<'a>(
        &self,
        purpose: Purpose,
        messages: Vec<(Addressee<'a>, Carries)>,
        guarded: &mut Vec<(Guarded<'a>, Carries)>,
    ) -> Result<(), Failure> {
        for (to, carries) in messages {
            let message = self.guard_text(purpose, to).await?;
            let message = self.unless_useless(purpose, message, carries).await?;
            guarded.push((message, carries));
        }
        if let (Some(outbox), [(first, of_first), (second, of_second)]) =
            (&self.inner.outbox, &guarded[..])
        {
            let messages = [
                (first.to, self.manner(first.to, *of_first)),
                (second.to, self.manner(second.to, *of_second)),
            ];
            let unsent = outbox.enqueue_both(purpose, &messages).await?;
            self.text_before_is_not_sent(unsent);
            return Ok(());
        }
        while !guarded.is_empty() {
            let (message, carries) = guarded.remove(0);
            // Of one that is nobody's by now it is read once more: the site has an outbox, but for tests.
            self.send_guarded(purpose, message, carries).await?;
        }
        Ok(())
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
            in_session: false,
        };
        let (url, token) = links
            .mint(purpose, &target, made_at)
            .ok_or_else(|| Failure::new(FailureKind::Broken))?;
        links.announce(token.as_ref());
        let expires_at = links.expiry(purpose, request.kind, made_at);
        let left = (expires_at - now).to_std().unwrap_or_default();
        let envelope = envelope(None, self.language.as_ref(), made_at, expires_at, left)
            .by_channel(self.channel_to(request.kind));
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
