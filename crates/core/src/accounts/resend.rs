//! Sending a code once more: when that is possible, and for which challenge.
//!
//! What is counted here belongs to one browser, or to one user who verifies an address: it keeps them from sending without end,
//! and nobody else from anything.
//! What an address and a client network can be sent, the [limits](crate::limits) say.

use std::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth_events::Channel;
use zeroize::Zeroizing;

use super::request_reset::SentTo;
use super::request_verification::REPEAT_WITHIN;
use super::{Accounts, Failure};
use crate::address::{AddressKind, AddressRecord};
use crate::challenge::{
    ChallengeKey, ChallengeSubject, KeptChallenge, NewChallenge, REMEMBERED, Renewal,
};
use crate::outbox::Purpose;
use crate::user::{AccountName, UserId};

/// How many attempts a challenge has.
pub(super) const ATTEMPTS: u32 = 5;

/// When the second message can be sent. Each one after it waits twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_mins(32);

/// By how much a clock may be set back before a time that lies ahead of it is no longer believed.
const SET_BACK: Duration = Duration::from_mins(1);

/// A browser that asks for a code.
#[derive(Clone, Copy)]
pub(super) struct CodeRequest<'a> {
    pub(super) purpose: Purpose,
    pub(super) subject: ChallengeSubject,
    /// By which channel.
    pub(super) channel: Channel,
    /// The least wait between two messages.
    pub(super) pause: Duration,
    /// The key that the browser has.
    pub(super) previous: Option<&'a ChallengeKey>,
    /// Whether a new challenge has this key as well.
    pub(super) keeps_key: bool,
    /// How many messages were sent before, where there is no challenge that says so.
    pub(super) sends_before: u32,
}

/// What becomes of a request.
pub(super) enum Claim<'a> {
    /// It is the second of two clicks: nothing is sent, and the key stays.
    Done(ChallengeKey),
    /// Nothing is sent yet, but after this wait, and the key stays.
    TooSoon { key: ChallengeKey, wait: Duration },
    /// A message may be sent: for the challenge that the browser has, or a new one.
    Send(Option<(&'a ChallengeKey, KeptChallenge)>),
}

/// A browser that a code is sent to, and the key that it gets with a new challenge.
pub(super) struct Asked<'a> {
    request: CodeRequest<'a>,
    claim: Option<(&'a ChallengeKey, KeptChallenge)>,
    new: ChallengeKey,
}

impl Asked<'_> {
    /// The challenge that it has, if its message goes where the one before went.
    fn kept(&self, sent: SentTo) -> Option<&ChallengeKey> {
        let (key, kept) = self.claim?;
        ((kept.email, kept.phone) == (sent.email, sent.phone)).then_some(key)
    }

    /// The key of the challenge that begins with its message, if one does.
    pub(super) const fn new_key(&self) -> &ChallengeKey {
        &self.new
    }

    /// The key that it waits with.
    pub(super) fn key(&self, sent: SentTo) -> ChallengeKey {
        self.kept(sent).unwrap_or(&self.new).clone()
    }
}

/// A code that a browser waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingCode {
    /// When another message can be sent by the channel of the last one; zero for now. By a channel that was not asked for yet
    /// it can be sent at once.
    pub resend_in: Duration,
    /// How many attempts are left; none when the code is over. With none another one has to be asked for.
    pub attempts_left: u32,
    /// Whether its time is over.
    pub is_over: bool,
}

impl PendingCode {
    /// What is told of one that nothing is known of any more: that its code is over, and another can be sent.
    pub const fn over() -> Self {
        Self {
            resend_in: Duration::ZERO,
            attempts_left: 0,
            is_over: true,
        }
    }
}

impl Accounts {
    /// What the browser that has this key waits for; none if it waits for nothing with this purpose, as its code was right.
    /// For a name that nobody has it is the same.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use phone_auth_core::accounts::{FlowError, ResetRequestRefusal};
    /// use phone_auth_core::outbox::Purpose;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let key = accounts.begin_reset("ann@example.org", None).await?;
    /// let pending = accounts.pending_code(&key, Purpose::ResetPassword).await?.ok_or("none")?;
    /// assert_eq!(pending.attempts_left, 5);
    /// assert!(pending.resend_in > Duration::from_secs(25));
    /// assert_eq!(accounts.pending_code(&key, Purpose::Verify).await?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn pending_code(
        &self,
        key: &ChallengeKey,
        purpose: Purpose,
    ) -> Result<Option<PendingCode>, Failure> {
        let kept = self.store().challenge(&key.id(), purpose).await?;
        let now = self.now();
        let kept = kept.filter(|kept| kept.proven_at.is_none());
        Ok(kept.map(|kept| {
            let is_over = kept.expires_at <= now;
            PendingCode {
                resend_in: self.wait(&kept, None, now),
                attempts_left: if is_over { 0 } else { kept.attempts_left },
                is_over,
            }
        }))
    }

    /// The key for the code that a new user was sent at [sign-up](crate::settings::Settings::verify_at_sign_up), and the address
    /// that it was sent to; none if no code was sent. One page has a field for one code: it is that of the phone number, and the
    /// email address was sent a link; without a phone number it is that of the email address. Once more, as by a double click,
    /// it is the same key, and no attempts come back.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store or the source of
    /// randomness.
    ///
    /// # Cancel safety
    /// The key may be lost; the link in the message works.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?.user;
    /// let (address, _key) = accounts.sign_up_code(ann.id).await?.ok_or("none")?;
    /// assert_eq!(address.value, "+919876543210");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn sign_up_code(
        &self,
        user: UserId,
    ) -> Result<Option<(AddressRecord, ChallengeKey)>, Failure> {
        let addresses = self.some_addresses_of(user).await?;
        let Some(address) = self.address_with_code(&addresses) else {
            return Ok(None);
        };
        let key = self.verification_key(address, user);
        let request = self.own_code(Purpose::Verify, address, user, &key);
        if self.begun_challenge(request).await?.is_none() {
            let sent = SentTo::at(address.kind, address.id);
            self.keep_challenge(request, None, sent).await?;
        }
        Ok(Some((address.clone(), key)))
    }

    /// Which address of a new user is sent a code.
    pub(super) fn address_with_code<'a>(
        &self,
        addresses: &'a [AddressRecord],
    ) -> Option<&'a AddressRecord> {
        let mut sent = addresses
            .iter()
            .filter(|it| !it.is_verified && self.offers(Purpose::Verify, it.kind));
        let first = sent.next()?;
        let mut all = std::iter::once(first).chain(sent);
        Some(
            all.find(|it| it.kind == AddressKind::Phone)
                .unwrap_or(first),
        )
    }

    /// The request for a code to an address of the one who asks.
    pub(super) fn own_code<'a>(
        &self,
        purpose: Purpose,
        address: &AddressRecord,
        user: UserId,
        key: &'a ChallengeKey,
    ) -> CodeRequest<'a> {
        let channel = self.channel_to(address.kind);
        let (id, user) = (address.id.get().to_be_bytes(), user.get().to_be_bytes());
        let about = [address.kind.as_str().as_bytes(), &id, &user];
        CodeRequest {
            purpose,
            subject: self.challenge_subject(purpose, &about, channel),
            channel,
            pause: self.verification_pause(address.kind),
            previous: Some(key),
            keeps_key: true,
            sends_before: 0,
        }
    }

    /// The request for a code to who is named.
    pub(super) fn code_for<'a>(
        &self,
        purpose: Purpose,
        name: &AccountName,
        previous: Option<&'a ChallengeKey>,
    ) -> CodeRequest<'a> {
        // By another kind of address it is another challenge, for a name that nobody has as well.
        let by: &[u8] = if self.goes_by_email(purpose, name) {
            b"email"
        } else {
            b""
        };
        let channel = self.channel_to(self.kind_to(purpose, name));
        let canonical = name.canonical();
        let about = [canonical.as_bytes(), by];
        CodeRequest {
            purpose,
            subject: self.challenge_subject(purpose, &about, channel),
            channel,
            pause: Duration::ZERO,
            previous,
            keeps_key: false,
            sends_before: 0,
        }
    }

    /// What a challenge is about: the keyed digest of these, and by which channel.
    pub(super) fn challenge_subject(
        &self,
        purpose: Purpose,
        about: &[&[u8]],
        channel: Channel,
    ) -> ChallengeSubject {
        let about = [&[purpose.as_str().as_bytes()], about].concat();
        self.inner.limiter.challenge_subject(&about, channel)
    }

    /// Whether another message can be sent to a browser, as far as can be read: nothing is claimed yet. A browser without a key,
    /// or with the key of something else, has a challenge begun. To ask by another channel is no second click, and waits for
    /// nothing the first time.
    ///
    /// Only a challenge of nobody goes while its key is kept, at whose place another has begun. So that nobody sees by it that it
    /// was nobody's, it goes on as one that is there: under its key, and as the second message of a code that is over.
    pub(super) async fn may_send<'a>(
        &self,
        request: &mut CodeRequest<'a>,
    ) -> Result<Claim<'a>, Failure> {
        let kept = self.previous_challenge(*request).await?;
        if let (Some(key), None) = (request.previous, &kept)
            && self.was_made_lately(key, *request)
        {
            (request.keeps_key, request.sends_before) = (true, 1);
        }
        let Some((key, kept)) = kept.and_then(|it| self.is_begun(*request, it)) else {
            return Ok(Claim::Send(None));
        };
        let now = self.now();
        let sent_at = kept
            .resend_at
            .map(|at| at - self.pause(kept.sends, request.pause));
        let is_repeat = sent_at.is_some_and(|at| at <= now && now < at + REPEAT_WITHIN)
            && kept.subject.is_none_or(|it| it.was_last(request.channel));
        if is_repeat && !self.settings().limits.danger_off {
            return Ok(Claim::Done(key.clone()));
        }
        let wait = self.wait(&kept, Some(request.channel), now);
        if !wait.is_zero() {
            let key = key.clone();
            return Ok(Claim::TooSoon { key, wait });
        }
        Ok(Claim::Send(Some((key, kept))))
    }

    /// Claims that another message is sent: of many requests at once one sends it, and the others are second clicks.
    pub(super) async fn claim_send(
        &self,
        request: CodeRequest<'_>,
        claim: Option<(&ChallengeKey, KeptChallenge)>,
    ) -> Result<bool, Failure> {
        let Some((key, kept)) = claim else {
            return Ok(true);
        };
        let now = self.now();
        let sends_then = kept.sends.saturating_add(1);
        let renewal = Renewal {
            id: key.id(),
            sends: kept.sends,
            sends_then,
            subject: kept
                .subject
                .map_or(request.subject, |it| it.then(request.subject)),
            resend_at: now + self.pause(sends_then, request.pause),
            expires_at: self.challenge_expiry(now),
            attempts: ATTEMPTS,
            now,
        };
        Ok(self.store().renew_challenge(&renewal).await?)
    }

    /// The challenge that was begun by such a request before, and whose code was not typed.
    pub(super) async fn begun_challenge<'a>(
        &self,
        request: CodeRequest<'a>,
    ) -> Result<Option<(&'a ChallengeKey, KeptChallenge)>, Failure> {
        let kept = self.previous_challenge(request).await?;
        Ok(kept.and_then(|kept| self.is_begun(request, kept)))
    }

    /// The challenge of the key that a browser has, whatever it is about.
    async fn previous_challenge(
        &self,
        request: CodeRequest<'_>,
    ) -> Result<Option<KeptChallenge>, Failure> {
        let Some(key) = request.previous else {
            return Ok(None);
        };
        Ok(self.store().challenge(&key.id(), request.purpose).await?)
    }

    /// The same if such a request has begun it, and its code was not typed.
    fn is_begun<'a>(
        &self,
        request: CodeRequest<'a>,
        kept: KeptChallenge,
    ) -> Option<(&'a ChallengeKey, KeptChallenge)> {
        let is_same = kept.subject.is_some_and(|it| it.is_about(request.subject))
            && kept.proven_at.is_none()
            && kept.expires_at + REMEMBERED > self.now();
        let key = request.previous.filter(|_| is_same)?;
        Some((key, kept))
    }

    /// A browser that a code is to be sent to.
    pub(super) fn asked<'a>(
        &self,
        request: CodeRequest<'a>,
        claim: Option<(&'a ChallengeKey, KeptChallenge)>,
    ) -> Result<Asked<'a>, Failure> {
        let new = match request.previous {
            Some(key) if request.keeps_key => key.clone(),
            _ => {
                let mut random = Zeroizing::new([0; ChallengeKey::RANDOM]);
                self.inner.randomness.fill(random.as_mut())?;
                let period = self.period_of_keys();
                ChallengeKey::made_for(&random, |random| self.shown_by_key(request, random, period))
            }
        };
        Ok(Asked {
            request,
            claim,
            new,
        })
    }

    /// Keeps the challenge of a message that was sent.
    pub(super) async fn keep_challenge(
        &self,
        request: CodeRequest<'_>,
        claim: Option<(&ChallengeKey, KeptChallenge)>,
        sent: SentTo,
    ) -> Result<ChallengeKey, Failure> {
        let asked = self.asked(request, claim)?;
        if let Some(new) = self.new_challenge(&asked, sent) {
            self.store().begin_challenge(&new).await?;
        }
        Ok(asked.key(sent))
    }

    /// The challenge to begin with a message: none where the browser has one, unless the message goes elsewhere than the one
    /// before.
    pub(super) fn new_challenge(&self, asked: &Asked<'_>, sent: SentTo) -> Option<NewChallenge> {
        if asked.kept(sent).is_some() {
            return None;
        }
        let request = &asked.request;
        let before = asked.claim.map(|(_, kept)| kept);
        let now = self.now();
        let sends = before.map_or(request.sends_before, |kept| kept.sends);
        let sends = sends.saturating_add(1);
        let alive = before.filter(|kept| kept.expires_at > now);
        Some(NewChallenge {
            id: asked.new.id(),
            // One about something else is waited for in another tab.
            previous: asked
                .claim
                .filter(|_| !request.keeps_key)
                .map(|(key, _)| key.id()),
            purpose: request.purpose,
            subject: before
                .and_then(|kept| kept.subject)
                .map_or(request.subject, |it| it.then(request.subject)),
            email: sent.email,
            phone: sent.phone,
            attempts: alive.map_or(ATTEMPTS, |kept| kept.attempts_left),
            created_at: now,
            expires_at: self.challenge_expiry(now),
            sends,
            resend_at: now + self.pause(sends, request.pause),
        })
    }

    /// Gives back that a message could be sent, as none was: the next request is no second click, and waits no longer.
    pub(super) async fn release_send(&self, claim: Option<(&ChallengeKey, KeptChallenge)>) {
        let Some((key, kept, subject)) = claim.and_then(|(key, it)| Some((key, it, it.subject?)))
        else {
            return;
        };
        let now = self.now();
        let renewal = Renewal {
            id: key.id(),
            sends: kept.sends.saturating_add(1),
            sends_then: kept.sends,
            subject,
            resend_at: kept.resend_at.unwrap_or(now),
            expires_at: kept.expires_at,
            attempts: kept.attempts_left,
            now,
        };
        if let Err(error) = self.store().renew_challenge(&renewal).await {
            tracing::warn!(%error, "a message that was not sent is counted");
        }
    }

    pub(super) fn challenge_expiry(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.inner.links.code_half_life() * 2
    }

    /// How long to wait before another message by this channel, or by that of the last. When no attempts are left, until the
    /// code is over: what was asked for again would have none either.
    fn wait(&self, kept: &KeptChallenge, channel: Option<Channel>, now: DateTime<Utc>) -> Duration {
        if self.settings().limits.danger_off {
            return Duration::ZERO;
        }
        let until = |at: DateTime<Utc>| (at - now).to_std().unwrap_or_default();
        let wait = kept.resend_at.map(until).unwrap_or_default();
        let pauses =
            [AddressKind::Email, AddressKind::Phone].map(|kind| self.verification_pause(kind));
        let most = pauses.into_iter().fold(LONGEST_WAIT, Duration::max) + SET_BACK;
        let has_used = |channel| kept.subject.is_none_or(|it| it.has_used(channel));
        let is_free = wait > most || !channel.is_none_or(has_used);
        let wait = if is_free { Duration::ZERO } else { wait };
        if kept.attempts_left == 0 {
            wait.max(until(kept.expires_at))
        } else {
            wait
        }
    }

    /// How long to wait after so many messages.
    fn pause(&self, sends: u32, least: Duration) -> Duration {
        if self.settings().limits.danger_off {
            return Duration::ZERO;
        }
        let doubled = FIRST_WAIT * (1 << sends.saturating_sub(1).min(6));
        doubled.min(LONGEST_WAIT).max(least)
    }
}
