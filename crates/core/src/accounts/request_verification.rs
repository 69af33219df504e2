//! Asking for a link that verifies an address.

use std::time::Duration;

use phone_auth_events::{AccountChange, Channel, Limit, MessageRefusal};

use super::limits::{Asking, Counted};
use super::{Accounts, CurrentUser, Failure, FailureKind, FlowError};
use crate::address::{AddressId, AddressKind, AddressRecord, PhoneNumber};
use crate::gate::{GateNames, GatedFlow};
use crate::limits::{Counters, RateLimit};
use crate::outbox::{Addressee, Carries, Purpose, To, flow_of};
use crate::user::User;

/// How soon a request for another link is taken for a second click.
pub(super) const REPEAT_WITHIN: Duration = Duration::from_secs(10);

/// When a message was sent that was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Requested {
    /// By this request.
    Now,
    /// A moment ago: this is the second of two clicks.
    Before,
}

/// What became of a request for a verification link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a page has one sentence for each, and must not forget one"
)]
pub enum VerificationRequest {
    /// The message was handed to anyone who sends messages, now or a moment ago.
    Sent,
    /// The address is verified already; nothing was sent.
    AlreadyVerified,
}

impl Accounts {
    /// Has a link sent to an address of a user, by which it is verified. Fires `verify_email` or
    /// `verify_phone`, unless the address is verified already.
    ///
    /// # Errors
    /// - [`NoSuchAddress`](VerificationRequestRefusal::NoSuchAddress): the user has no such
    ///   address; another user's is no other case.
    /// - [`NoSender`](VerificationRequestRefusal::NoSender):
    ///   [nobody sends](super::AccountsBuilder::allow_unreceived) such messages.
    /// - [`RefusedNumber`](VerificationRequestRefusal::RefusedNumber): messages to numbers of its type cost too much.
    /// - [`Failed`](FlowError::Failed): [`Limited`](super::FailureKind::Limited), there were too many requests at this
    ///   address; [`OutboxFull`](super::FailureKind::OutboxFull), too many messages are
    ///   pending; [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the
    ///   store or the source of randomness.
    ///
    /// # Cancel safety
    /// The message is enqueued or not; without an outbox it may not be sent.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, VerificationRequest, VerificationRequestRefusal};
    /// use phone_auth_core::address::AddressId;
    /// use phone_auth_events::VerifyEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// let email = &accounts.addresses(&current_user).await?[0];
    ///
    /// let mut sent = signals.capture::<VerifyEmail>();
    /// let outcome = accounts.request_verification(&current_user, email.kind, email.id).await?;
    /// assert_eq!(outcome, VerificationRequest::Sent);
    /// assert_eq!(sent.take()[0].email, "ann@example.org");
    ///
    /// let nobodys = VerificationRequestRefusal::NoSuchAddress;
    /// let refused = accounts.request_verification(&current_user, email.kind, AddressId::new(99)).await;
    /// assert!(matches!(refused, Err(FlowError::Refused(refusal)) if refusal == nobodys));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn request_verification(
        &self,
        current_user: &CurrentUser,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<VerificationRequest, FlowError<VerificationRequestRefusal>> {
        let Some((address, user)) = self.read_verification(current_user, kind, id).await? else {
            return Ok(VerificationRequest::AlreadyVerified);
        };
        let purpose = Purpose::Verify;
        if self.ask_gate_to_prove(purpose, &user, &address).await? == Requested::Now {
            self.send_own(purpose, (&user, &address), Carries::Link)
                .await?;
        }
        Ok(VerificationRequest::Sent)
    }

    /// The address in a request for a verification, after what refuses it; none if it is verified already.
    pub(super) async fn read_verification(
        &self,
        current_user: &CurrentUser,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<(AddressRecord, User)>, FlowError<VerificationRequestRefusal>> {
        let found = self.store().address(kind, id).await?;
        let own = found.filter(|(_, user)| user.id == current_user.user().id && user.is_active);
        let Some((address, user)) = own else {
            return Err(FlowError::Refused(
                VerificationRequestRefusal::NoSuchAddress,
            ));
        };
        if address.is_verified {
            return Ok(None);
        }
        if self.is_refused_number(&address) {
            let (flow, reason) = ("request_verification", MessageRefusal::NumberType);
            let number = PhoneNumber::parse(&address.value).ok();
            self.tell_refused(flow, reason, true, &user, number.as_ref())
                .await;
            return Err(FlowError::Refused(
                VerificationRequestRefusal::RefusedNumber,
            ));
        }
        if !self.offers(Purpose::Verify, kind) {
            return Err(FlowError::Refused(VerificationRequestRefusal::NoSender));
        }
        Ok(Some((address, user)))
    }

    /// Asks the gate about a message by which a user proves an address, or who they are: not where the limits refuse it, nor about
    /// the second click, for which nothing is sent.
    pub(super) async fn ask_gate_to_prove(
        &self,
        purpose: Purpose,
        user: &User,
        address: &AddressRecord,
    ) -> Result<Requested, Failure> {
        let (asking, counters) = self.own_message_counters(purpose, user, address);
        match self.refuse_full(&asking, counters).await {
            Err(failure) if self.is_repeat(&failure) => return Ok(Requested::Before),
            known => known?,
        }
        let (flow, names) = (GatedFlow::RequestVerification, GateNames::default());
        self.ask_gate(flow, names).await?;
        Ok(Requested::Now)
    }

    /// Has a message sent to an address of the user who asks; unless that was done a moment ago.
    pub(super) async fn send_own(
        &self,
        purpose: Purpose,
        (user, address): (&User, &AddressRecord),
        carries: Carries,
    ) -> Result<Requested, Failure> {
        let (accounts, user, address) = (self.clone(), user.clone(), address.clone());
        // Where the browser goes away once it is counted, the second click is told that it was sent.
        let sends = async move {
            let sent = accounts.send_own_now(purpose, (&user, &address), carries);
            sent.await
        };
        self.to_the_end(sends).await
    }

    async fn send_own_now(
        &self,
        purpose: Purpose,
        (user, address): (&User, &AddressRecord),
        carries: Carries,
    ) -> Result<Requested, Failure> {
        let (asking, counters) = self.own_message_counters(purpose, user, address);
        let counted = match self.count(&asking, counters).await {
            Err(failure) if self.is_repeat(&failure) => return Ok(Requested::Before),
            counted => counted?,
        };
        let mut all = vec![counted];
        let sent = match purpose {
            Purpose::Verify => {
                let sent = self.send_counted(&asking, (user, address), carries, &mut all);
                sent.await
            }
            _ => {
                let to = Addressee::User(To { user, address });
                self.send_message(purpose, to, carries).await
            }
        };
        if let Err(failure) = sent {
            // Nothing was sent, so the next click is not the second.
            for counted in &all {
                self.give_all_back(counted).await;
            }
            return Err(failure);
        }
        Ok(Requested::Now)
    }

    /// Has a link sent that verifies an address, and perhaps a code, after what is counted by who asks; with what else is counted.
    async fn send_counted(
        &self,
        asking: &Asking<'_>,
        (user, address): (&User, &AddressRecord),
        carries: Carries,
        counted: &mut Vec<Counted>,
    ) -> Result<(), Failure> {
        // However many have added an address that is not theirs, each with a count of their own.
        if address.id.is_claim() {
            let address = (address.kind, address.value.as_str());
            counted.extend(self.count_proof_again(asking, address).await?);
        }
        let tried = AccountChange::AddingTried;
        self.send_proof(user, address, carries, tried).await
    }

    /// Whether a link was sent a moment ago: then this is the second of two clicks, and is answered as the first.
    fn is_repeat(&self, failure: &Failure) -> bool {
        let FailureKind::Limited { limit, wait } = failure.kind() else {
            return false;
        };
        let limits = &self.settings().limits;
        let rate = match limit {
            Limit::EmailVerifications => limits.email_verifications,
            Limit::PhoneVerificationPause => limits.phone_verification_pause,
            _ => return false,
        };
        matches!(rate, RateLimit::At(rate) if rate.count() == 1 && wait + REPEAT_WITHIN > rate.per())
    }

    /// How long the limits have everyone wait between two messages to an address of this kind.
    pub(super) fn verification_pause(&self, kind: AddressKind) -> Duration {
        let limits = &self.settings().limits;
        let rate = match kind {
            AddressKind::Email => limits.email_verifications,
            AddressKind::Phone => limits.phone_verification_pause,
        };
        match rate {
            RateLimit::At(rate) if rate.count() == 1 => rate.per(),
            RateLimit::At(_) | RateLimit::Off => Duration::ZERO,
        }
    }

    /// What a message to an address is counted by: only its owner can ask for one, so by what is stored. Of a claim each user has
    /// a count of their own: no other may use up what its owner needs to prove it. And so has each purpose.
    fn own_message_counters<'a>(
        &'a self,
        purpose: Purpose,
        user: &'a User,
        address: &AddressRecord,
    ) -> (Asking<'a>, Counters<'a>) {
        let asking = Asking {
            flow: flow_of(purpose),
            user: Some(user),
            is_stranger: false,
        };
        let (kind, value) = (address.kind.as_str(), address.value.as_bytes());
        let claimant = user.id.get().to_be_bytes();
        let confirms = confirmations_at(address.kind, &address.value);
        let verifies: [&[u8]; 3] = [kind.as_bytes(), value, &claimant];
        let about: &[&[u8]] = match purpose {
            Purpose::Confirm => &confirms,
            _ if address.id.is_claim() => &verifies,
            _ => verifies.get(..2).unwrap_or(&verifies),
        };
        let counters = match address.kind {
            AddressKind::Email => self.counters().about(Limit::EmailVerifications, about, &[]),
            AddressKind::Phone => {
                // A call has a pause of its own, beside that of text messages: who is called instead is no second click.
                let channel = self.channel_to(AddressKind::Phone);
                let by = (channel != Channel::Sms).then(|| channel.as_str().as_bytes());
                let paused: Vec<&[u8]> = about.iter().copied().chain(by).collect();
                self.counters()
                    .about(Limit::PhoneVerificationPause, &paused, &[])
                    .about(Limit::PhoneVerifications, about, &[])
            }
        };
        (asking, counters)
    }
}

/// What messages to an address are counted by with which its user confirms who they are.
pub(super) const fn confirmations_at(kind: AddressKind, value: &str) -> [&[u8]; 3] {
    [b"confirm", kind.as_str().as_bytes(), value.as_bytes()]
}

/// Why [`Accounts::request_verification`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum VerificationRequestRefusal {
    /// The user has no such address.
    #[error("the user has no such address")]
    NoSuchAddress,
    /// Nobody sends links that verify addresses of this kind.
    #[error("nobody sends messages of this kind")]
    NoSender,
    /// The number is of a [type](crate::settings::Settings::refused_number_types) that is sent nothing.
    #[error("messages to numbers of this type cost too much")]
    RefusedNumber,
    /// A code was sent a moment ago to the same user, for the same address. Only where
    /// [a code](Accounts::begin_verification) was asked for.
    #[error("a code was sent a moment ago")]
    TooSoon {
        /// When another can be sent.
        wait: Duration,
    },
}
