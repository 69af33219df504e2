//! Verifying an address by a link.

use chrono::{DateTime, Utc};
use phone_auth_events::{AccountChange, DurableSignal, EmailVerified, PhoneVerified, Sender};
use phone_auth_tokens::OneTimeTokens;
use phone_auth_urls::{AccountPage, id};

use super::{Accounts, FlowError, InvalidLink};
use crate::address::{
    AddressId, AddressKind, AddressRecord, VerificationClaim, VerificationOutcome,
};
use crate::link::LinkTarget;
use crate::outbox::Purpose;
use crate::store::StoreError;
use crate::user::{AccountName, User};

/// A link to verify an address or to log in that works at this moment.
#[derive(Debug)]
#[non_exhaustive]
pub struct LinkState {
    /// The address it was sent to; [`is_verified`](AddressRecord::is_verified) when that is shown already.
    pub address: AddressRecord,
    /// Whose address it is.
    pub user: User,
}

/// What became of an address whose verification link was opened.
#[derive(Debug)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "a page has one sentence for each, and must not forget one"
)]
pub enum Verification {
    /// It was unverified and is verified now.
    Verified(AddressRecord, User),
    /// It was verified before; nothing changed.
    AlreadyVerified(AddressRecord, User),
}

impl Accounts {
    /// Looks at a verification link that someone has just opened, for a page that asks for a click.
    /// Fires `link_followed`, whether it works or not, and `token_refused` when it
    /// does not. Changes nothing.
    ///
    /// # Errors
    /// - [`InvalidLink`]: not a link, or a link that is too old, is for something
    ///   else, for an address that is gone, another's, another text or that of someone who is not
    ///   active, or one after which another was asked for. Which it was is not told. A link that was used before
    ///   someone marked the address as unverified again is refused by [`verify_address`](Self::verify_address) only.
    /// - [`Failed`](FlowError::Failed), [`Unavailable`](super::FailureKind::Unavailable) or
    ///   [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn open_verification_link(
        &self,
        idb64: &str,
        token: &str,
    ) -> Result<LinkState, FlowError<InvalidLink>> {
        self.routes()
            .followed(self.signals(), AccountPage::EmailVerificationConfirm);
        self.check_verification_link(idb64, token).await
    }

    /// Whether a verification link works, without saying that someone followed it: for a program that asks what is
    /// there (HEAD). Fires `token_refused` when it does not.
    ///
    /// # Errors
    /// As for [`open_verification_link`](Self::open_verification_link).
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, InvalidLink};
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let made_up = accounts.check_verification_link("ZW1haWwx", "made-up").await;
    /// assert!(matches!(made_up, Err(FlowError::Refused(InvalidLink))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn check_verification_link(
        &self,
        idb64: &str,
        token: &str,
    ) -> Result<LinkState, FlowError<InvalidLink>> {
        match self.verification_target(idb64, token).await? {
            Some(LinkTarget { address, user, .. }) => Ok(LinkState { address, user }),
            None => Err(FlowError::Refused(InvalidLink)),
        }
    }

    /// Whether a page asks for a click before a link verifies: where [`verify_by_click`](crate::settings::Settings::verify_by_click)
    /// says so, and for every [claim](AddressId::is_claim). Its proof takes the address from someone else, which no
    /// scanner of mails must do.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let email_1 = "ZW1haWwx";
    /// assert!(!accounts.asks_for_click(email_1), "the setting is off");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn asks_for_click(&self, idb64: &str) -> bool {
        let address = id::decode_address(idb64);
        let is_claim = address.is_some_and(|(_, id)| AddressId::new(id).is_claim());
        is_claim || self.settings().verify_by_click
    }

    /// Verifies an address by a link. Fires `email_verified` or `phone_verified` if that changed
    /// anything, and `link_followed` unless a page [asks for a click](Self::asks_for_click): then
    /// [`open_verification_link`](Self::open_verification_link) has told when it was opened.
    ///
    /// # Errors
    /// As for [`open_verification_link`](Self::open_verification_link).
    ///
    /// [`Referenced`](super::FailureKind::Referenced) where a table of the application refers to a row that the proof of the
    /// address would end; nothing was changed.
    ///
    /// # Security
    /// Say [who is signed in](crate::client::Client::signed_in) where the link is opened. A link that someone opens who is not
    /// signed in to the account shows that its mailbox exists, and not that the one who set the password reads it: anyone signs
    /// up with the address of another, whose mail program opens the link. So the first [log-in by code](Self::log_in_by_code)
    /// after it leads to a new password.
    ///
    /// # Cancel safety
    /// The address is verified or not; the signal may be missing where the store had not answered yet.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, InvalidLink, Verification};
    /// use phone_auth_events::VerifyEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// let email = &accounts.addresses(&current_user).await?[0];
    /// let mut sent = signals.capture::<VerifyEmail>();
    /// accounts.request_verification(&current_user, email.kind, email.id).await?;
    /// let sent = sent.take().remove(0);
    /// let link = sent.link();
    ///
    /// let first = accounts.verify_address(link.id, link.token).await?;
    /// assert!(matches!(first, Verification::Verified(..)));
    /// let second = accounts.verify_address(link.id, link.token).await?;
    /// assert!(matches!(second, Verification::AlreadyVerified(..)));
    ///
    /// let refused = accounts.verify_address(link.id, "a-b").await;
    /// assert!(matches!(refused, Err(FlowError::Refused(InvalidLink))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn verify_address(
        &self,
        idb64: &str,
        token: &str,
    ) -> Result<Verification, FlowError<InvalidLink>> {
        if !self.asks_for_click(idb64) {
            self.routes()
                .followed(self.signals(), AccountPage::EmailVerificationConfirm);
        }
        let Some(target) = self.verification_target(idb64, token).await? else {
            return Err(FlowError::Refused(InvalidLink));
        };
        // Django's tokens count from a later year: theirs are older than whatever was verified here.
        let issued_at = OneTimeTokens::issued_at(token).unwrap_or_default();
        self.verify_target(target, issued_at).await
    }

    /// Verifies an address whose owner has proven it, by what was issued then.
    pub(super) async fn verify_target(
        &self,
        target: LinkTarget,
        issued_at: DateTime<Utc>,
    ) -> Result<Verification, FlowError<InvalidLink>> {
        let LinkTarget {
            mut address,
            user,
            newest,
            ..
        } = target;
        let addresses = self.addresses_to_tell(user.id).await?;
        let change = AccountChange::AddressVerified(address.value.clone());
        let event = self.event_of_address(
            [DurableSignal::EmailVerified, DurableSignal::PhoneVerified],
            user.id,
            Sender::new("verify_address"),
            (address.kind, &address.value),
        )?;
        let notices = self.notices_of(user.id, &addresses, &change).await?;
        let notices = notices.with_event(event);
        let may_lose = if address.is_verified {
            self.nobody_may_lose()
        } else {
            self.may_lose(user.id, (address.kind, &address.value), &notices)
                .await?
        };
        let claim = VerificationClaim {
            kind: address.kind,
            id: address.id,
            user: address.user,
            value: address.value.clone(),
            newest,
            issued_at,
            // The clock of the server that issued it may be ahead of this one's.
            at: self.now().max(issued_at),
            // Of a browser that has signed in to the account with its password as well. No mail program has.
            in_session: !self
                .requester(&AccountName::default(), Some(&user))
                .is_stranger(),
            notices: notices.to_commit(),
            losses: may_lose.to_commit(),
            account: None,
        };
        let outcome = match self.store().verify_address(&claim).await {
            Err(_) if self.was_verified(&address).await => Ok(VerificationOutcome::Verified),
            outcome => outcome,
        };
        if !matches!(outcome, Ok(VerificationOutcome::Verified)) {
            self.was_not_made(&notices).await;
            self.nobody_lost(&may_lose).await;
        }
        match outcome? {
            VerificationOutcome::Verified => {
                address.is_verified = true;
                // The second of two clicks finds it verified, and tells nobody.
                let (accounts, proven, owner) = (self.clone(), address.clone(), user.clone());
                let tells = async move {
                    accounts.text_was_used(proven.kind, &proven.value).await;
                    accounts.notify(&owner, notices).await;
                    let told = accounts.tell_verified("verify_address", &proven, &owner);
                    told.await;
                    accounts.finish_replacement(&owner, &proven).await;
                    accounts.tell_losers("verify_address", may_lose).await;
                };
                self.to_the_end(tells).await;
                Ok(Verification::Verified(address, user))
            }
            VerificationOutcome::AlreadyVerified => {
                address.is_verified = true;
                self.finish_replacement(&user, &address).await;
                Ok(Verification::AlreadyVerified(address, user))
            }
            VerificationOutcome::Gone => Err(FlowError::Refused(InvalidLink)),
        }
    }

    /// Whether an address is verified that was not, where the answer of the store is lost.
    async fn was_verified(&self, before: &AddressRecord) -> bool {
        let (kind, id) = (before.kind, before.id);
        let found = self.store().address(kind, id).await.ok().flatten();
        let is_it = |now: &AddressRecord| {
            now.is_verified && now.user == before.user && now.value == before.value
        };
        !before.is_verified && found.is_some_and(|(now, _)| is_it(&now))
    }

    pub(super) async fn tell_verified(
        &self,
        sender: &'static str,
        address: &AddressRecord,
        user: &User,
    ) {
        let (sender, user) = (Sender::new(sender), user.to_event_user());
        let value = address.value.clone();
        match address.kind {
            AddressKind::Email => self.happened(EmailVerified::new(sender, user, value)).await,
            AddressKind::Phone => self.happened(PhoneVerified::new(sender, user, value)).await,
        }
    }

    /// The address that a link verifies; none when it does not work.
    async fn verification_target(
        &self,
        idb64: &str,
        token: &str,
    ) -> Result<Option<LinkTarget>, StoreError> {
        let now = self.now();
        let links = &self.inner.links;
        let Some((kind, id)) = id::decode_address(idb64) else {
            links.refuse_verification(AddressKind::Email, token, now);
            return Ok(None);
        };
        let found = self
            .store()
            .link_target(Purpose::Verify, kind, AddressId::new(id))
            .await?;
        let Some(target) = found.filter(|target| target.user.is_active) else {
            links.refuse_verification(kind, token, now);
            return Ok(None);
        };
        let works = links.check_verification(&target, token, now);
        Ok(works.then_some(target))
    }
}
