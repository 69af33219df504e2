//! Resetting a password by a link.

use phone_auth_events::{AccountChange, DurableSignal, PasswordWasReset, Sender};
use phone_auth_urls::{AccountPage, id};

use super::current_user::MAX_ADDRESSES;
use super::lost_addresses::MayLose;
use super::new_password::attributes_of;
use super::notices::ChangeNotices;
use super::{Accounts, FlowError};
use crate::address::{AddressKind, AddressRecord};
use crate::form::{Field, FieldProblem, Problems};
use crate::link::{Addressed, LinkTarget, LogIns, OpenedLink, SentTo};
use crate::outbox::Purpose;
use crate::password::{Password, Requester};
use crate::session::PasswordReplacement;
use crate::store::StoreError;
use crate::user::{User, UserId};

/// A reset link that works at this moment.
#[derive(Debug)]
#[non_exhaustive]
pub struct ResetLink {
    /// Whose password it resets.
    pub user: User,
    /// The address that it was sent to; `None` for a link of an older version that does not say so.
    pub address: Option<String>,
    /// Whether it resets nothing and only [frees](Accounts::free_address) that address: it is not verified, and another of
    /// the account is.
    pub only_frees: bool,
}

/// What a reset link that works leads to, and what using it relies on.
struct Target {
    user: User,
    log_ins: LogIns,
    link: Option<OpenedLink>,
    /// Whether the address is not verified, and another of the user is.
    only_frees: bool,
}

impl Accounts {
    /// Looks at a reset link that someone has just opened. Fires `link_followed`, whether it works or
    /// not, and `token_refused` when it does not. Changes nothing.
    ///
    /// # Errors
    /// - [`InvalidLink`]: not a link, or a link that was used, is too old, is for
    ///   something else, for nobody or for someone who is not active, one after which another was asked for at the same
    ///   address, or after which the user logged in, unless that address is verified. Which it was is not told.
    /// - [`Failed`](FlowError::Failed), [`Unavailable`](super::FailureKind::Unavailable) or
    ///   [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, InvalidLink};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let refused = accounts.open_reset_link("MQ", "made-up").await;
    /// assert!(matches!(refused, Err(FlowError::Refused(InvalidLink))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn open_reset_link(
        &self,
        uidb64: &str,
        token: &str,
    ) -> Result<ResetLink, FlowError<InvalidLink>> {
        self.routes()
            .followed(self.signals(), AccountPage::PasswordResetConfirm);
        self.check_reset_link(uidb64, token).await
    }

    /// Whether a reset link works, without saying that someone followed it: to show the form for the new password once
    /// it was opened, or to a program that asks what is there (HEAD). Fires `token_refused` when it does not.
    ///
    /// # Errors
    /// As for [`open_reset_link`](Self::open_reset_link).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn check_reset_link(
        &self,
        uidb64: &str,
        token: &str,
    ) -> Result<ResetLink, FlowError<InvalidLink>> {
        match self.reset_target(uidb64, token).await? {
            Some(target) => Ok(ResetLink {
                user: target.user,
                address: target.link.map(|link| link.value),
                only_frees: target.only_frees,
            }),
            None => Err(FlowError::Refused(InvalidLink)),
        }
    }

    /// Resets a password by a link and ends all sessions of the user. Fires `password_was_reset`. Gives the
    /// user with the new password.
    ///
    /// The link dies with it. Of several uses at the same moment one succeeds.
    ///
    /// # Errors
    /// - [`Link`](ResetRefusal::Link): as for [`open_reset_link`](Self::open_reset_link),
    ///   also when another use, a change of the password, a request for a newer link, or where it counts a log-in was
    ///   faster.
    /// - [`Invalid`](ResetRefusal::Invalid): what is wrong with the new password; the link goes on working.
    /// - [`Failed`](FlowError::Failed): [`Busy`](super::FailureKind::Busy), too many passwords are being hashed;
    ///   [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store or the
    ///   source of randomness.
    ///
    /// In every case nothing was changed.
    ///
    /// [`Referenced`](super::FailureKind::Referenced) where a table of the application refers to a row that the proof of the
    /// address would end; nothing was changed.
    ///
    /// # Cancel safety
    /// The password is reset and the sessions ended, or neither; the signal may be missing where the store had not answered yet.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, InvalidLink, ResetRefusal};
    /// use phone_auth_events::ResetPasswordEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let mut sent = signals.capture::<ResetPasswordEmail>();
    /// accounts.request_password_reset("ann@example.org").await?;
    /// let sent = sent.take().remove(0);
    /// let link = sent.link();
    ///
    /// let new = Password::new("battery staple");
    /// accounts.reset_password(link.id, link.token, &new, &new).await?;
    /// accounts.log_in("ann", &new, None).await?;
    ///
    /// let used = ResetRefusal::Link(InvalidLink);
    /// let again = accounts.reset_password(link.id, link.token, &new, &new).await;
    /// assert!(matches!(again, Err(FlowError::Refused(refusal)) if refusal == used));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn reset_password(
        &self,
        uidb64: &str,
        token: &str,
        new1: &Password,
        new2: &Password,
    ) -> Result<User, FlowError<ResetRefusal>> {
        let Some(target) = self.reset_target(uidb64, token).await? else {
            return Err(FlowError::Refused(ResetRefusal::Link(InvalidLink)));
        };
        if target.only_frees {
            return Err(FlowError::Refused(ResetRefusal::Link(InvalidLink)));
        }
        let user = target.user;
        let addresses = self.some_addresses_of(user.id).await?;
        let mut problems = Problems::default();
        self.check_new_password(
            &mut problems,
            (Field::NewPassword1, new1),
            Some((Field::NewPassword2, new2)),
            &attributes_of(&user, &addresses),
        );
        problems.refuse(ResetRefusal::Invalid)?;
        let requester = Requester::with_link(&self.client, user.id);
        let change = AccountChange::PasswordReset;
        let signal = DurableSignal::PasswordWasReset;
        let event = self.event_of(signal, user.id, "reset_password", (None, None))?;
        let new = self.hasher().hash(new1, &requester).await?;
        let notices = self.notices_of(user.id, &addresses, &change).await?;
        let notices = notices.with_event(event);
        let may_lose = match &target.link {
            Some(link) => {
                self.may_lose(user.id, (link.kind, &link.value), &notices)
                    .await?
            }
            None => self.nobody_may_lose(),
        };
        let replacement = PasswordReplacement {
            user: user.id,
            old: user.password.clone(),
            new,
            last_login: (target.log_ins == LogIns::EndIt).then_some(user.last_login),
            link: target.link,
            keeps: None,
            notices: notices.to_commit(),
            losses: may_lose.to_commit(),
            names: None,
        };
        let replaced = self.store().replace_password(&replacement).await;
        if !matches!(replaced, Ok(true)) {
            self.was_not_made(&notices).await;
            self.nobody_lost(&may_lose).await;
        }
        if !replaced? {
            return Err(FlowError::Refused(ResetRefusal::Link(InvalidLink)));
        }
        let PasswordReplacement { new, link, .. } = replacement;
        // The second of two clicks is answered as the first, without a word to anyone.
        let (accounts, reset) = (self.clone(), user.clone());
        let tells = async move {
            let proven = (link, addresses);
            accounts
                .tell_of_reset(reset, proven, (notices, may_lose))
                .await;
        };
        self.to_the_end(tells).await;
        Ok(User {
            password: new,
            ..user
        })
    }

    /// Frees an address that its account has not proven, by a reset link to it: anyone who reads the mailbox or has the
    /// phone takes it from an account that proves itself by another address. They can sign up with it then, or add it.
    /// Gives the address. The verified addresses of the account are told, and `email_lost` or `phone_lost` is fired.
    ///
    /// # Errors
    /// - [`InvalidLink`]: as for [`open_reset_link`](Self::open_reset_link), and when the link
    ///   [resets the password](ResetLink::only_frees).
    /// - [`Failed`](FlowError::Failed), [`Unavailable`](super::FailureKind::Unavailable) or
    ///   [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// [`Referenced`](super::FailureKind::Referenced) where a table of the application refers to a row that the proof of the
    /// address would end; nothing was changed.
    ///
    /// # Cancel safety
    /// The address is free or not; the signal may be missing where the store had not answered yet.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, InvalidLink};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let made_up = accounts.free_address("MQ", "made-up").await;
    /// assert!(matches!(made_up, Err(FlowError::Refused(InvalidLink))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn free_address(
        &self,
        uidb64: &str,
        token: &str,
    ) -> Result<String, FlowError<InvalidLink>> {
        let target = self.reset_target(uidb64, token).await?;
        let Some(Target {
            user,
            link: Some(link),
            ..
        }) = target.filter(|target| target.only_frees)
        else {
            return Err(FlowError::Refused(InvalidLink));
        };
        let lost = AddressRecord {
            id: link.address,
            kind: link.kind,
            value: link.value.clone(),
            user: user.id,
            is_verified: false,
        };
        let notices = self.notices_of_loss(&lost, &user).await;
        let enclosed = notices.to_commit();
        let freed = self.store().free_address(user.id, &link, &enclosed).await;
        if !self.unless_made(&notices, freed, |it| *it).await? {
            return Err(FlowError::Refused(InvalidLink));
        }
        let (accounts, value) = (self.clone(), lost.value.clone());
        let tells = async move {
            accounts.text_was_used(lost.kind, &lost.value).await;
            accounts
                .tell_loser("free_address", &lost, user, notices)
                .await;
        };
        self.to_the_end(tells).await;
        Ok(value)
    }

    /// Tells of a password that was reset, and has the address that the link has proven take the place of another, if it was to.
    async fn tell_of_reset(
        &self,
        user: User,
        (link, addresses): (Option<OpenedLink>, Vec<AddressRecord>),
        (notices, may_lose): (ChangeNotices, MayLose),
    ) {
        if let Some(link) = &link {
            self.text_was_used(link.kind, &link.value).await;
        }
        self.notify(&user, notices).await;
        let event = PasswordWasReset::new(Sender::new("reset_password"), user.to_event_user());
        self.happened(event).await;
        self.tell_losers("reset_password", may_lose).await;
        let is_proven = |it: &&AddressRecord| {
            let link = link.as_ref();
            link.is_some_and(|link| it.kind == link.kind && it.value == link.value)
        };
        let proven = addresses.iter().find(is_proven);
        if let Some(proven) = proven.filter(|it| !it.is_verified) {
            self.finish_replacement(&user, proven).await;
        }
    }

    /// Whose password a link resets; nobody's when it does not work.
    async fn reset_target(&self, uidb64: &str, token: &str) -> Result<Option<Target>, StoreError> {
        match Addressed::read(token) {
            Some(addressed) => self.addressed_reset_target(uidb64, addressed).await,
            None => self.older_reset_target(uidb64, token).await,
        }
    }

    /// Whose password a link resets that says to which address it was sent.
    async fn addressed_reset_target(
        &self,
        uidb64: &str,
        Addressed { kind, id, token }: Addressed<'_>,
    ) -> Result<Option<Target>, StoreError> {
        let (now, links) = (self.now(), &self.inner.links);
        let purpose = Purpose::ResetPassword;
        let found = self.store().link_target(purpose, kind, id).await?;
        let user = id::decode_user(uidb64).map(UserId::new);
        let Some(target) = found.filter(|target| {
            self.is_reachable_by(kind) && Some(target.user.id) == user && can_reset(&target.user)
        }) else {
            links.refuse_reset(token, now);
            return Ok(None);
        };
        let Some(log_ins) = links.check_reset(&target, token, now) else {
            return Ok(None);
        };
        let only_frees = !target.address.is_verified && {
            let addresses = self.some_addresses_of(target.user.id).await?;
            addresses.iter().any(|address| address.is_verified)
        };
        Ok(Some(Target {
            log_ins,
            link: Some(OpenedLink::of(&target, now)),
            only_frees,
            user: target.user,
        }))
    }

    /// Whose password a link resets that Django has sent, or the version before. It does not say to which address, so
    /// they are tried, up to a bound.
    async fn older_reset_target(
        &self,
        uidb64: &str,
        token: &str,
    ) -> Result<Option<Target>, StoreError> {
        let (now, links) = (self.now(), &self.inner.links);
        let user = match id::decode_user(uidb64) {
            Some(id) => self.store().user(UserId::new(id)).await?,
            None => None,
        };
        let Some(user) = user.filter(can_reset) else {
            links.refuse_reset(token, now);
            return Ok(None);
        };
        let requests = self
            .store()
            .link_requests_of(Purpose::ResetPassword, user.id, MAX_ADDRESSES)
            .await?;
        let targets: Vec<LinkTarget> = requests
            .into_iter()
            .filter(|(address, _)| self.is_reachable_by(address.kind))
            .map(|(address, newest)| LinkTarget {
                address,
                user: user.clone(),
                newest,
                code_at: None,
                in_session: false,
            })
            .collect();
        let has_verified = targets.iter().any(|it| it.address.is_verified);
        let sent_to = links.check_older_reset(&user, &targets, token, now);
        Ok(sent_to.map(|sent_to| Target {
            log_ins: LogIns::EndIt,
            only_frees: match &sent_to {
                SentTo::Address(target) => has_verified && !target.address.is_verified,
                SentTo::Unknown => false,
            },
            link: match sent_to {
                SentTo::Address(target) => Some(OpenedLink::of(target, now)),
                SentTo::Unknown => None,
            },
            user,
        }))
    }

    /// Whether accounts are named by this kind of address.
    pub(super) fn is_reachable_by(&self, kind: AddressKind) -> bool {
        let methods = self.settings().authentication_methods;
        match kind {
            AddressKind::Email => methods.email,
            AddressKind::Phone => methods.phone,
        }
    }
}

/// Whether the user has a password that a link may replace.
fn can_reset(user: &User) -> bool {
    user.is_active && user.password.is_usable()
}

/// Why a flow refuses a link: it does not work, or does not work any more. Which it was is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the link is not valid")]
#[expect(
    clippy::exhaustive_structs,
    reason = "anyone who has a bad link is told nothing else"
)]
pub struct InvalidLink;

/// Why [`Accounts::reset_password`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum ResetRefusal {
    /// The link does not work, or does not work any more.
    #[error(transparent)]
    Link(InvalidLink),
    /// Something is wrong with the new password: at least one problem, in the order of the fields.
    #[error("the form has problems")]
    Invalid(Vec<FieldProblem>),
}
