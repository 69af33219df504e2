//! Asking for a link that resets a password.

use std::time::Duration;

use phone_auth_events::Limit;

use super::limits::Counted;
use super::resend::Asked;
use super::sent_by_anyone::CountedRequest;
use super::texts::{Guarded, GuardedText};
use super::{Accounts, Failure, FlowError};
use crate::address::{AddressId, AddressKind};
use crate::form::{self, Field, FieldProblem, Problem};
use crate::gate::{GateNames, GatedFlow};
use crate::limits::TextCount;
use crate::outbox::{Addressee, Carries, Purpose, To, flow_of};
use crate::store::{StoreError, StoreErrorKind};
use crate::user::{AccountName, FoundUser, User, UserId};

impl Accounts {
    /// Has a link sent that resets a password, to the phone number or email address that was named.
    /// Fires `reset_password_email` or `reset_password_phone`, with the address as it is stored, never
    /// as it was typed.
    ///
    /// For a username it is the oldest verified address of each kind, if there is one.
    ///
    /// An address that is not verified may be a stranger's, or a thief may have added it. Once another of the account is
    /// verified, the link resets nothing: it [frees](Self::free_address) the address. Where
    /// [`unverified_reset`](crate::settings::Settings::unverified_reset) is off, such an address is sent nothing.
    ///
    /// Nothing is sent to someone unknown or inactive, to users who have no password that could be
    /// reset, or by a method that is off. The answer is the same.
    ///
    /// With an [outbox](crate::outbox) the message is enqueued when this returns, whatever becomes of the process.
    ///
    /// # Security
    /// With an outbox the same is read and written for everybody: for who cannot be sent anything, a message to nobody.
    /// Without one, under [`Dispatch::InRequest`](super::Dispatch::InRequest), the answer takes as long as the
    /// receivers, so its time tells who exists. Serve strangers with an outbox.
    ///
    /// # Errors
    /// - [`Invalid`](ResetRequestRefusal::Invalid): nothing was typed, or what nobody's name can be, which
    ///   says nothing about who exists; or [`Problem::Ambiguous`], an email address that several users
    ///   have in letters of different case. Which of them asks cannot be told, so no link is sent; or
    ///   [`Problem::NoSender`], an address of a kind that
    ///   [nobody sends resets to](super::AccountsBuilder::allow_unreceived), no matter who has it.
    /// - [`Failed`](FlowError::Failed): [`Limited`](super::FailureKind::Limited), there were too many requests of this
    ///   client's network, or at this address; [`OutboxFull`](super::FailureKind::OutboxFull), too many messages are
    ///   pending; [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the
    ///   store or the source of randomness.
    ///
    /// # Cancel safety
    /// The message is enqueued or not; without an outbox it may not be sent.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, ResetRequestRefusal};
    /// use phone_auth_core::form::{Field, FieldProblem, Problem};
    /// use phone_auth_events::ResetPasswordEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let mut sent = signals.capture::<ResetPasswordEmail>();
    /// accounts.request_password_reset("Ann@Example.org").await?;
    /// accounts.request_password_reset("nobody@example.org").await?;
    ///
    /// let sent = sent.take();
    /// assert_eq!(sent.len(), 1);
    /// assert_eq!(sent[0].email, "ann@example.org");
    /// assert!(sent[0].url.as_str().starts_with("/accounts/password_reset_confirm/MQ/"));
    ///
    /// let problem = FieldProblem::new(Field::Login, Problem::Required);
    /// let empty = ResetRequestRefusal::Invalid(vec![problem]);
    /// let refused = accounts.request_password_reset("").await;
    /// assert!(matches!(refused, Err(FlowError::Refused(refusal)) if refusal == empty));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn request_password_reset(
        &self,
        login: &str,
    ) -> Result<(), FlowError<ResetRequestRefusal>> {
        let purpose = Purpose::ResetPassword;
        let name = self.read_named(purpose, login).await?;
        self.ask_gate_about(purpose, &name).await?;
        self.send_named(purpose, name, None).await.map(drop)
    }

    /// The name in a request for a message, after what refuses it before anything is read.
    pub(super) async fn read_named(
        &self,
        purpose: Purpose,
        login: &str,
    ) -> Result<AccountName, FlowError<ResetRequestRefusal>> {
        let name = AccountName::read(login, self.settings());
        if name.phone.is_none() {
            form::read(login, AccountName::MAX_CHARS, true).map_err(invalid)?;
        }
        self.refuse_early(flow_of(purpose), &[Limit::ResetRequests])
            .await?;
        Ok(name)
    }

    /// Asks the gate about a message to who is named.
    pub(super) async fn ask_gate_about(
        &self,
        purpose: Purpose,
        name: &AccountName,
    ) -> Result<(), Failure> {
        let flow = match purpose {
            Purpose::LogIn => GatedFlow::LogIn,
            _ => GatedFlow::RequestPasswordReset,
        };
        self.ask_gate(flow, GateNames::of_account(name)).await
    }

    /// Has a link sent, and a code if one was asked for, whose challenge begins with it; to which addresses.
    pub(super) async fn send_named(
        &self,
        purpose: Purpose,
        name: AccountName,
        asked: Option<&Asked<'_>>,
    ) -> Result<SentTo, FlowError<ResetRequestRefusal>> {
        let mut counted = None;
        let is_username = name.phone.is_none() && name.email.is_none() && name.username.is_some();
        let sent = if is_username {
            let sent = self.request_by_username(purpose, &name, asked, &mut counted);
            sent.await
        } else {
            let name = AccountName {
                username: None,
                ..name
            };
            let sent = self.request_by_address(purpose, &name, asked, &mut counted);
            sent.await
        };
        if let (Err(_), Some(counted)) = (&sent, &counted) {
            self.was_not_sent(counted).await;
        }
        sent
    }

    /// Has a link sent to an address that was named; what was counted of it is noted.
    async fn request_by_address(
        &self,
        purpose: Purpose,
        name: &AccountName,
        asked: Option<&Asked<'_>>,
        counted: &mut Option<Counted>,
    ) -> Result<SentTo, FlowError<ResetRequestRefusal>> {
        let kind = self.kind_to(purpose, name);
        // What was typed decides, not who has it.
        if self.nobody_sends(purpose, kind) {
            return Err(invalid(Problem::NoSender { kind }));
        }
        let mut found = self.find_named(purpose, name).await?;
        let is_by_email = self.goes_by_email(purpose, name);
        // Where it takes another read to know whom it goes to, that comes after the limit.
        let reads_more = is_by_email || self.reads_who_may_claim(purpose);
        let mut is_enough = false;
        if reads_more {
            let request = self.count_request(purpose, name, found.as_ref(), None);
            let request = request.await?;
            is_enough = request.is_enough;
            *counted = Some(request.counted);
        }
        if is_by_email {
            found = self.at_verified_email(found).await?;
        }
        if self.reads_who_may_claim(purpose) && self.is_squatted(found.as_ref()).await? {
            found = self.who_signs_up(name).await?;
        }
        let (found, canonical) = (found.as_ref(), name.canonical());
        let addressee = self.addressee(purpose, name, &canonical, found).await?;
        let nobody = Addressee::Nobody {
            kind: addressee.kind(),
            name: &canonical,
        };
        let to = if reads_more {
            let to = if is_enough { nobody } else { addressee };
            self.guard_text(purpose, to).await?
        } else {
            // What a text message costs is counted with what the request itself costs: one statement of a store.
            let text = self.guarded_text(purpose, addressee);
            let count = text.as_ref().and_then(GuardedText::count);
            let request = self.count_request(purpose, name, found, count).await?;
            *counted = Some(request.counted);
            match text {
                _ if request.is_enough => Guarded::uncounted(nobody),
                Some(text) => self.guard(text, &request.rows).await,
                None => Guarded::uncounted(addressee),
            }
        };
        // Where the address was sent enough, the code of the last message is the one that this browser waits for.
        let mut sent = SentTo::default();
        sent.note(addressee);
        let carries = self.carries(asked, Some(sent));
        self.send_guarded(purpose, to, carries).await?;
        Ok(sent)
    }

    /// Whom a name means. Which of several asks cannot be told, and it is counted all the same.
    async fn find_named(
        &self,
        purpose: Purpose,
        name: &AccountName,
    ) -> Result<Option<FoundUser>, FlowError<ResetRequestRefusal>> {
        match self.store().find_user_for(name, &self.asker(name)).await {
            Err(error) if error.kind() == StoreErrorKind::Ambiguous => {
                self.count_reset(purpose, name, None, None, None).await?;
                Err(invalid(Problem::Ambiguous))
            }
            found => Ok(found?),
        }
    }

    /// Counts a request for a message to who was found by an address, and perhaps a text message with it.
    async fn count_request(
        &self,
        purpose: Purpose,
        name: &AccountName,
        found: Option<&FoundUser>,
        text: Option<&TextCount>,
    ) -> Result<CountedRequest, Failure> {
        let user = found.map(|found| &found.user);
        let address = found.and_then(|found| found.address.as_ref());
        let address = address.map(|address| (address.kind, address.value.as_str()));
        self.count_reset(purpose, name, user, address, text).await
    }

    /// Has a message with a code that logs in sent to the address that someone was found by, if it may receive one and was
    /// not sent enough; for all else the work is the same.
    pub(super) async fn send_to_found(
        &self,
        (name, asked): (&AccountName, &Asked<'_>),
        found: Option<&FoundUser>,
        is_enough: bool,
    ) -> Result<SentTo, Failure> {
        let (purpose, canonical) = (Purpose::LogIn, name.canonical());
        let addressee = self.addressee(purpose, name, &canonical, found).await?;
        let to = if is_enough {
            Addressee::Nobody {
                kind: addressee.kind(),
                name: &canonical,
            }
        } else {
            addressee
        };
        let mut sent = SentTo::default();
        sent.note(addressee);
        let carries = self.carries(Some(asked), Some(sent));
        self.send_message(purpose, to, carries).await?;
        Ok(sent)
    }

    /// Who is sent a message: the address that someone was found by, if it may receive one, and else nobody.
    async fn addressee<'a>(
        &self,
        purpose: Purpose,
        name: &AccountName,
        canonical: &'a str,
        found: Option<&'a FoundUser>,
    ) -> Result<Addressee<'a>, Failure> {
        let may_be_unverified = match purpose {
            _ if self.reads_who_may_claim(purpose) => self.is_unclaimed(found).await?,
            Purpose::LogIn => false,
            _ => self.settings().unverified_reset,
        };
        Ok(match found {
            Some(FoundUser {
                user,
                address: Some(address),
            }) if may_be_sent(purpose, user) && (address.is_verified || may_be_unverified) => {
                Addressee::User(To { user, address })
            }
            _ => {
                let address = found.and_then(|found| found.address.as_ref());
                if !may_be_unverified && address.is_some_and(|it| !it.is_verified) {
                    tracing::debug!(?purpose, "nothing is sent: the address is not verified");
                }
                Addressee::Nobody {
                    kind: self.kind_to(purpose, name),
                    name: canonical,
                }
            }
        })
    }

    /// Whether an account that has proven itself by another address has one without proof: it must keep nobody from it.
    pub(super) async fn is_squatted(&self, found: Option<&FoundUser>) -> Result<bool, Failure> {
        let address = found.and_then(|found| found.address.as_ref());
        Ok(address.is_some_and(|it| !it.is_verified) && !self.is_unclaimed(found).await?)
    }

    /// Whether it is read if an account is for the taking: where one signs up by code.
    fn reads_who_may_claim(&self, purpose: Purpose) -> bool {
        purpose == Purpose::LogIn && self.settings().sign_up_by_code
    }

    /// Whether an account is for the taking by who shows that an unverified address of it is theirs: nobody has shown that
    /// of another address. The same is read for nobody.
    async fn is_unclaimed(&self, found: Option<&FoundUser>) -> Result<bool, Failure> {
        let id = found.map_or(NOBODY, |found| found.user.id);
        let addresses = self.some_addresses_of(id).await?;
        Ok(!addresses.iter().any(|address| address.is_verified))
    }

    /// By which kind of address a message goes to who is named so. Who is named by a username may be reached by
    /// both kinds: it counts as email, which has one channel.
    pub(super) fn kind_to(&self, purpose: Purpose, name: &AccountName) -> AddressKind {
        if self.goes_by_email(purpose, name) {
            AddressKind::Email
        } else {
            kind_of(name)
        }
    }

    /// A user at their oldest verified email address, if there is one; the same is read for nobody.
    async fn at_verified_email(
        &self,
        found: Option<FoundUser>,
    ) -> Result<Option<FoundUser>, StoreError> {
        let id = found.as_ref().map_or(NOBODY, |found| found.user.id);
        let mut addresses = self.some_addresses_of(id).await?.into_iter();
        let mail = addresses.find(|it| it.kind == AddressKind::Email && it.is_verified);
        Ok(found.map(|found| FoundUser {
            address: mail,
            ..found
        }))
    }

    /// Has links sent to an account that was named by its username: to the oldest verified address of each kind that
    /// this site sends such links to. The same is read and enqueued whether or not anyone has the name.
    async fn request_by_username(
        &self,
        purpose: Purpose,
        name: &AccountName,
        asked: Option<&Asked<'_>>,
        counted: &mut Option<Counted>,
    ) -> Result<SentTo, FlowError<ResetRequestRefusal>> {
        let kinds = [AddressKind::Email, AddressKind::Phone];
        let mut offered = kinds.into_iter().filter(|kind| self.offers(purpose, *kind));
        let Some(first) = offered.next() else {
            let kind = AddressKind::Email;
            return Err(invalid(Problem::NoSender { kind }));
        };
        let found = self.find_named(purpose, name).await?;
        let user = found.map(|found| found.user);
        let request = self.count_reset(purpose, name, user.as_ref(), None, None);
        let request = request.await?;
        let is_enough = request.is_enough;
        *counted = Some(request.counted);
        let user = user.filter(|user| may_be_sent(purpose, user));
        let id = user.as_ref().map_or(NOBODY, |user| user.id);
        let addresses = self.some_addresses_of(id).await?;
        let canonical = name.canonical();
        let (mut sent, mut messages) = (SentTo::default(), Vec::new());
        for kind in std::iter::once(first).chain(offered) {
            let address = addresses.iter().find(|address| {
                address.kind == kind && address.is_verified && !self.is_refused_number(address)
            });
            let to = match (&user, address) {
                (Some(user), Some(address)) => Addressee::User(To { user, address }),
                _ => Addressee::Nobody {
                    kind,
                    name: &canonical,
                },
            };
            sent.note(to);
            let name = &canonical;
            messages.push(if is_enough {
                Addressee::Nobody { kind, name }
            } else {
                to
            });
        }
        let last = messages.len().saturating_sub(1);
        let messages = messages.into_iter().enumerate().map(|(place, to)| {
            let carries = self.carries(asked, (place == last).then_some(sent));
            (to, carries)
        });
        self.send_messages(purpose, messages.collect()).await?;
        Ok(sent)
    }

    /// What a message has for the user: a code if one was asked for; and its challenge, once all the addresses are known.
    fn carries(&self, asked: Option<&Asked<'_>>, sent: Option<SentTo>) -> Carries {
        match asked {
            None => Carries::Link,
            Some(asked) => {
                Carries::LinkAndCode(sent.and_then(|sent| self.new_challenge(asked, sent)))
            }
        }
    }
}

/// The refusal of a name that has this problem.
fn invalid(problem: Problem) -> FlowError<ResetRequestRefusal> {
    let problem = FieldProblem::new(Field::Login, problem);
    FlowError::Refused(ResetRequestRefusal::Invalid(vec![problem]))
}

/// The kind of address that was named.
const fn kind_of(name: &AccountName) -> AddressKind {
    match name.phone {
        Some(_) => AddressKind::Phone,
        None => AddressKind::Email,
    }
}

/// Whether there is something for such a link to do: a reset needs a password that can be reset.
fn may_be_sent(purpose: Purpose, user: &User) -> bool {
    user.is_active && (purpose == Purpose::LogIn || user.password.is_usable())
}

/// The addresses that a message went to; none when it was nobody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct SentTo {
    pub(super) email: Option<AddressId>,
    pub(super) phone: Option<AddressId>,
}

impl SentTo {
    /// One address.
    pub(super) fn at(kind: AddressKind, id: AddressId) -> Self {
        let mut sent = Self::default();
        *sent.of_kind(kind) = Some(id);
        sent
    }

    fn note(&mut self, to: Addressee<'_>) {
        let id = to.recipient().map(|recipient| recipient.address);
        *self.of_kind(to.kind()) = id;
    }

    const fn of_kind(&mut self, kind: AddressKind) -> &mut Option<AddressId> {
        match kind {
            AddressKind::Email => &mut self.email,
            AddressKind::Phone => &mut self.phone,
        }
    }
}

/// No user has this id: rows are numbered from 1.
const NOBODY: UserId = UserId::new(0);

/// Why [`Accounts::request_password_reset`] and [`Accounts::begin_log_in`] refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum ResetRequestRefusal {
    /// Something is wrong with what was typed: at least one problem.
    #[error("the form has problems")]
    Invalid(Vec<FieldProblem>),
    /// A code was sent a moment ago to the same browser, for the same name; nobody was sent anything now. Only where
    /// [a code](Accounts::begin_reset) was asked for.
    #[error("a code was sent a moment ago")]
    TooSoon {
        /// When another can be sent.
        wait: Duration,
    },
}
