//! Resetting a password by a link.

use phone_auth_events::{PasswordWasReset, Sender};
use phone_auth_urls::{AccountPage, id};

use super::Accounts;
use super::error::{
    BROKEN_TEXT, BUSY_TEXT, FlowError, FlowErrorKind, FormErrorKind, INVALID_TEXT,
    UNAVAILABLE_TEXT, sealed::Sealed,
};
use super::links::{Addressed, LogIns, SentTo};
use super::new_password::attributes_of;
use super::visitor::MAX_ADDRESSES;
use crate::address::AddressKind;
use crate::form::{Field, Problems};
use crate::link::{LinkTarget, OpenedLink};
use crate::outbox::Purpose;
use crate::password::{Password, Requester};
use crate::person::{Person, PersonId};
use crate::session::PasswordReplacement;
use crate::store::StoreError;

/// A reset link that works at this moment.
#[derive(Debug)]
#[non_exhaustive]
pub struct ResetLink {
    /// Whose password it resets.
    pub person: Person,
}

/// What a reset link that works leads to, and what using it relies on.
struct Target {
    person: Person,
    log_ins: LogIns,
    link: Option<OpenedLink>,
}

impl Accounts {
    /// Looks at a reset link that somebody has just opened. Fires `link_followed`, whether it works or
    /// not, and through the tokens `token_refused` when it does not. Changes nothing.
    ///
    /// # Errors
    /// - [`Invalid`](LinkErrorKind::Invalid): not a link, or a link that was used, is too old, is for
    ///   something else, for nobody or for somebody who is not active, one after which another was asked for at the same
    ///   address, or after which the person logged in, unless that address is verified. Which it was is not told.
    /// - [`Unavailable`](LinkErrorKind::Unavailable), [`Broken`](LinkErrorKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn check_reset_link(
        &self,
        uidb64: &str,
        token: &str,
    ) -> Result<ResetLink, LinkError> {
        self.routes()
            .followed(self.signals(), AccountPage::PasswordResetConfirm);
        self.recheck_reset_link(uidb64, token).await
    }

    /// Looks at a reset link again, to show the form for the new password. Like
    /// [`check_reset_link`](Self::check_reset_link), but `link_followed` was fired already.
    ///
    /// # Errors
    /// As for [`check_reset_link`](Self::check_reset_link).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn recheck_reset_link(
        &self,
        uidb64: &str,
        token: &str,
    ) -> Result<ResetLink, LinkError> {
        match self.reset_target(uidb64, token).await? {
            Some(target) => Ok(ResetLink {
                person: target.person,
            }),
            None => Err(LinkError::new(LinkErrorKind::Invalid)),
        }
    }

    /// Resets a password by a link and ends all sessions of the person. Fires `password_was_reset`. Gives the
    /// person with the new password.
    ///
    /// The link dies with it. Of several uses at the same moment one succeeds.
    ///
    /// # Errors
    /// - [`InvalidLink`](ResetErrorKind::InvalidLink): as for [`check_reset_link`](Self::check_reset_link),
    ///   also when another use, a change of the password, a request for a newer link, or where it counts a log-in was
    ///   faster.
    /// - [`Invalid`](ResetErrorKind::Invalid): [`problems`](FlowError::problems) has what is wrong with
    ///   the new password; the link goes on working.
    /// - [`Busy`](ResetErrorKind::Busy): too many passwords are being hashed.
    /// - [`Unavailable`](ResetErrorKind::Unavailable), [`Broken`](ResetErrorKind::Broken): the store, or
    ///   the source of randomness.
    ///
    /// In every case nothing was changed.
    ///
    /// # Cancel safety
    /// The password is reset and the sessions ended, or neither; the signal may be missing.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::ResetErrorKind;
    /// use phone_auth_events::ResetPasswordEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let mut sent = signals.capture::<ResetPasswordEmail>();
    /// accounts.request_password_reset("ann@example.org").await?;
    /// let url = sent.take().remove(0).url;
    /// let parts: Vec<&str> = url.as_str().split('/').collect();
    /// let (uidb64, token) = (parts[3], parts[4]);
    ///
    /// let new = Password::new("battery staple");
    /// accounts.reset_password(uidb64, token, &new, &new).await?;
    /// accounts.log_in("ann", &new, None).await?;
    ///
    /// let again = accounts.reset_password(uidb64, token, &new, &new).await;
    /// assert_eq!(again.unwrap_err().kind(), ResetErrorKind::InvalidLink);
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
    ) -> Result<Person, ResetError> {
        let Some(target) = self.reset_target(uidb64, token).await? else {
            return Err(ResetError::new(ResetErrorKind::InvalidLink));
        };
        let person = target.person;
        let addresses = self.some_addresses_of(person.id).await?;
        let mut problems = Problems::default();
        self.check_new_password(
            &mut problems,
            (Field::NewPassword1, new1),
            Some((Field::NewPassword2, new2)),
            &attributes_of(&person, &addresses),
        );
        if !problems.is_empty() {
            return Err(ResetError::invalid(problems.into_vec()));
        }
        let requester = Requester::with_link(&self.client, person.id);
        let replacement = PasswordReplacement {
            person: person.id,
            old: person.password.clone(),
            new: self.hasher().hash(new1, &requester).await?,
            last_login: (target.log_ins == LogIns::EndIt).then_some(person.last_login),
            link: target.link,
            keeps: None,
        };
        if !self.store().replace_password(&replacement).await? {
            return Err(ResetError::new(ResetErrorKind::InvalidLink));
        }
        let event = PasswordWasReset::new(Sender::new("reset_password"), person.to_user());
        self.tell(event).await;
        Ok(Person {
            password: replacement.new,
            ..person
        })
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
        let person = id::decode_user(uidb64).map(PersonId::new);
        let Some(target) = found.filter(|target| {
            self.is_reachable_by(kind)
                && Some(target.person.id) == person
                && can_reset(&target.person)
        }) else {
            links.refuse_reset(token, now);
            return Ok(None);
        };
        let log_ins = links.check_reset(&target, token, now);
        Ok(log_ins.map(|log_ins| Target {
            log_ins,
            link: Some(OpenedLink::of(&target)),
            person: target.person,
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
        let person = match id::decode_user(uidb64) {
            Some(id) => self.store().person(PersonId::new(id)).await?,
            None => None,
        };
        let Some(person) = person.filter(can_reset) else {
            links.refuse_reset(token, now);
            return Ok(None);
        };
        let requests = self
            .store()
            .link_requests_of(Purpose::ResetPassword, person.id, MAX_ADDRESSES)
            .await?;
        let targets: Vec<LinkTarget> = requests
            .into_iter()
            .filter(|(address, _)| self.is_reachable_by(address.kind))
            .map(|(address, newest)| LinkTarget {
                address,
                person: person.clone(),
                newest,
            })
            .collect();
        let sent_to = links.check_older_reset(&person, &targets, token, now);
        Ok(sent_to.map(|sent_to| Target {
            log_ins: LogIns::EndIt,
            link: match sent_to {
                SentTo::Address(target) => Some(OpenedLink::of(target)),
                SentTo::Unknown => None,
            },
            person,
        }))
    }

    /// Whether accounts are named by this kind of address.
    fn is_reachable_by(&self, kind: AddressKind) -> bool {
        let methods = self.settings().authentication_methods;
        match kind {
            AddressKind::Email => methods.email,
            AddressKind::Phone => methods.phone,
        }
    }
}

/// Whether the person has a password that a link may replace.
fn can_reset(person: &Person) -> bool {
    person.is_active && person.password.is_usable()
}

/// Why a link was not followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LinkErrorKind {
    /// The link does not work, or does not work any more.
    Invalid,
    /// The store is not available; trying again later may work.
    Unavailable,
    /// The store answered what it should not.
    Broken,
}

impl Sealed for LinkErrorKind {}

impl FlowErrorKind for LinkErrorKind {
    const UNAVAILABLE: Self = Self::Unavailable;
    const BROKEN: Self = Self::Broken;
    const BUSY: Option<Self> = None;

    fn text(self) -> &'static str {
        match self {
            Self::Invalid => "the link is not valid",
            Self::Unavailable => UNAVAILABLE_TEXT,
            Self::Broken => BROKEN_TEXT,
        }
    }
}

/// The error of the flows that look at a link.
pub type LinkError = FlowError<LinkErrorKind>;

/// Why a password was not reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResetErrorKind {
    /// The link does not work, or does not work any more.
    InvalidLink,
    /// Something is wrong with the form.
    Invalid,
    /// Too many passwords are being hashed; trying again later works.
    Busy,
    /// The store is not available; trying again later may work.
    Unavailable,
    /// The store, the hasher or the source of randomness answered what it should not.
    Broken,
}

impl Sealed for ResetErrorKind {}

impl FlowErrorKind for ResetErrorKind {
    const UNAVAILABLE: Self = Self::Unavailable;
    const BROKEN: Self = Self::Broken;
    const BUSY: Option<Self> = Some(Self::Busy);

    fn text(self) -> &'static str {
        match self {
            Self::InvalidLink => "the link is not valid",
            Self::Invalid => INVALID_TEXT,
            Self::Busy => BUSY_TEXT,
            Self::Unavailable => UNAVAILABLE_TEXT,
            Self::Broken => BROKEN_TEXT,
        }
    }
}

impl FormErrorKind for ResetErrorKind {
    const INVALID: Self = Self::Invalid;
}

/// The error of [`Accounts::reset_password`].
pub type ResetError = FlowError<ResetErrorKind>;
