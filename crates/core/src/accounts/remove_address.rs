//! Removing an address of an account, and choosing the one that comes first.

use phone_auth_events::{AccountChange, DurableSignal, EmailRemoved, PhoneRemoved, Sender};

use super::{Accounts, CurrentUser, FlowError};
use crate::address::{
    AddressId, AddressKind, AddressRecord, AddressRemoval, RemovalOutcome, WaysIn,
};
use crate::outbox::Purpose;
use crate::user::User;

/// What became of an address that its user no longer wants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "a page has one sentence for each, and must not forget one"
)]
pub enum Removal {
    /// It was removed.
    Removed(AddressRecord),
    /// The user has no such address: a double click removes it twice.
    NotThere,
}

/// The names of these flows, as limits and events have them.
pub(super) const REMOVE_ADDRESS: &str = "remove_address";
pub(super) const MAKE_PRIMARY: &str = "make_primary";

/// The address that takes the place of one that is removed.
#[derive(Clone, Copy)]
pub(super) struct Successor<'a> {
    /// As it was asked for: the claim that has become an address, where it was one.
    pub(super) asked: AddressId,
    /// Its text, where it is the primary address then.
    pub(super) primary: Option<&'a str>,
}

impl Accounts {
    /// Removes an address of the user who is logged in. With it end the links and codes that were sent to it, and anyone may
    /// have it from now on. The user's verified addresses are told, this one too. Fires `email_removed` or `phone_removed`.
    ///
    /// The last way into the account stays: an address by which users log in goes only while they have another such
    /// address, a verified one if this one is verified, for only that is sure to reach them; or a username of their own
    /// choice and a password, where users log in by username.
    ///
    /// # Security
    /// Ask before for a [recent proof](Self::require_recent_proof), as the pages do.
    ///
    /// # Errors
    /// - [`LastWayIn`]: what would remain is not enough.
    /// - [`Failed`](FlowError::Failed), [`Limited`](super::FailureKind::Limited): this user has removed too many of late;
    ///   [`Referenced`](super::FailureKind::Referenced): a table of the application refers to its row; or
    ///   [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// The address is removed or not; the signal may be missing.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, LastWayIn, Removal};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// let phone = accounts.addresses(&current_user).await?.remove(1);
    ///
    /// let removed = accounts.remove_address(&current_user, phone.kind, phone.id).await?;
    /// assert_eq!(removed, Removal::Removed(phone.clone()));
    /// let again = accounts.remove_address(&current_user, phone.kind, phone.id).await?;
    /// assert_eq!(again, Removal::NotThere);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn remove_address(
        &self,
        current_user: &CurrentUser,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Removal, FlowError<LastWayIn>> {
        let user = current_user.user();
        let addresses = self.some_addresses_of(user.id).await?;
        // The second of two clicks uses up nothing.
        if !addresses.iter().any(|it| it.kind == kind && it.id == id) {
            return Ok(Removal::NotThere);
        }
        self.count_change(REMOVE_ADDRESS, user).await?;
        let needs = self.needed_without(user, kind);
        let sender = Sender::new(REMOVE_ADDRESS);
        self.remove_from(sender, user, (&addresses, kind, id), (needs, None))
            .await
    }

    /// Removes an address of a user who must be able to get in otherwise, if that is said.
    pub(super) async fn remove(
        &self,
        sender: Sender,
        user: &User,
        (kind, id): (AddressKind, AddressId),
        needs: Option<WaysIn>,
    ) -> Result<Removal, FlowError<LastWayIn>> {
        let addresses = self.some_addresses_of(user.id).await?;
        self.remove_from(sender, user, (&addresses, kind, id), (needs, None))
            .await
    }

    /// The same, from those that a user has.
    pub(super) async fn remove_from(
        &self,
        sender: Sender,
        user: &User,
        (addresses, kind, id): (&[AddressRecord], AddressKind, AddressId),
        (needs, by): (Option<WaysIn>, Option<Successor<'_>>),
    ) -> Result<Removal, FlowError<LastWayIn>> {
        let is_it = |it: &&AddressRecord| it.kind == kind && it.id == id;
        let Some(address) = addresses.iter().find(is_it).cloned() else {
            return Ok(Removal::NotThere);
        };
        let change = AccountChange::AddressRemoved(address.value.clone());
        let event = self.event_of_address(
            [DurableSignal::EmailRemoved, DurableSignal::PhoneRemoved],
            user.id,
            sender,
            (kind, &address.value),
        )?;
        let mut notices = self.no_notices();
        if let Some(primary) = by.and_then(|it| it.primary) {
            let change = AccountChange::PrimaryChanged(primary.to_owned());
            notices = self.notices_of(user.id, addresses, &change).await?;
        }
        let of_removal = self.notices_of(user.id, addresses, &change).await;
        let of_removal = self.unless_made(&notices, of_removal, |_| true).await?;
        let notices = notices.and(of_removal).with_event(event);
        let removal = AddressRemoval {
            kind,
            id,
            user: user.id,
            needs,
            replaced_by: by.map(|it| it.asked),
            notices: notices.to_commit(),
        };
        let outcome = self.store().remove_address(&removal).await;
        let is_removed = |it: &RemovalOutcome| *it == RemovalOutcome::Removed;
        match self.unless_made(&notices, outcome, is_removed).await? {
            RemovalOutcome::Removed => {}
            RemovalOutcome::LastWayIn => return Err(FlowError::Refused(LastWayIn)),
            RemovalOutcome::Gone => return Ok(Removal::NotThere),
        }
        self.notify(user, notices).await;
        let (user, value) = (user.to_event_user(), address.value.clone());
        match kind {
            AddressKind::Email => {
                self.happened(EmailRemoved::new(sender, user, value)).await;
            }
            AddressKind::Phone => {
                self.happened(PhoneRemoved::new(sender, user, value)).await;
            }
        }
        Ok(Removal::Removed(address))
    }

    /// By which addresses a user must be able to get in once one of this kind is gone; `None` when that one is no way in, or
    /// they get in by their username.
    pub(super) fn needed_without(&self, user: &User, kind: AddressKind) -> Option<WaysIn> {
        let methods = self.settings().authentication_methods;
        let has_username =
            user.password.is_usable() && user.shown_username(self.settings()).is_some();
        // Who has no password gets in by codes, which are not sent to both kinds everywhere.
        let is_coded = |kind| self.offers(Purpose::LogIn, kind);
        let by_codes = !user.password.is_usable()
            && (is_coded(AddressKind::Email) || is_coded(AddressKind::Phone));
        let ways = WaysIn {
            email: methods.email && (!by_codes || is_coded(AddressKind::Email)),
            phone: methods.phone && (!by_codes || is_coded(AddressKind::Phone)),
        };
        (!has_username && self.settings().has_addresses(kind)).then_some(ways)
    }

    /// Makes a verified email address the user's primary one: it is put into their own row, where Django and others that
    /// read the tables look for it, and where pages take it from to [name](User::display_name) the user. The user's verified
    /// addresses are told.
    ///
    /// There is no primary number: what goes to phones goes to the number that was named, or to all.
    ///
    /// # Security
    /// Ask before for a [recent proof](Self::require_recent_proof), as the pages do.
    ///
    /// # Errors
    /// - [`PrimaryRefusal`]: the user has no such address, or it is not verified.
    /// - [`Failed`](FlowError::Failed), [`Limited`](super::FailureKind::Limited): this user has changed it too often of late;
    ///   or [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It is the primary address or not.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, PrimaryRefusal};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// let email = accounts.addresses(&current_user).await?.remove(0);
    /// let refused = accounts.make_primary(&current_user, email.id).await;
    /// assert!(matches!(refused, Err(FlowError::Refused(PrimaryRefusal::NotVerified))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn make_primary(
        &self,
        current_user: &CurrentUser,
        email: AddressId,
    ) -> Result<AddressRecord, FlowError<PrimaryRefusal>> {
        self.put_first(current_user.user(), email, true).await
    }

    /// Makes an address the primary one, and counts it where its user does it.
    pub(super) async fn put_first(
        &self,
        user: &User,
        email: AddressId,
        is_counted: bool,
    ) -> Result<AddressRecord, FlowError<PrimaryRefusal>> {
        let addresses = self.some_addresses_of(user.id).await?;
        let is_it = |it: &&AddressRecord| it.kind == AddressKind::Email && it.id == email;
        let address = addresses.iter().find(is_it);
        let address = address.ok_or(FlowError::Refused(PrimaryRefusal::NoSuchAddress))?;
        if !address.is_verified {
            return Err(FlowError::Refused(PrimaryRefusal::NotVerified));
        }
        if address.value == user.email {
            return Ok(address.clone());
        }
        if is_counted {
            self.count_change(MAKE_PRIMARY, user).await?;
        }
        let change = AccountChange::PrimaryChanged(address.value.clone());
        let notices = self.notices_of(user.id, &addresses, &change).await?;
        let enclosed = notices.to_commit();
        let made = self.store().make_primary(user.id, email, &enclosed).await;
        if !self.unless_made(&notices, made, |made| *made).await? {
            // Of two clicks at once the first has done what both want.
            let user = self.store().user(user.id).await?;
            let is_so = user.is_some_and(|it| it.email == address.value);
            return if is_so {
                Ok(address.clone())
            } else {
                Err(FlowError::Refused(PrimaryRefusal::NotVerified))
            };
        }
        self.notify(user, notices).await;
        Ok(address.clone())
    }
}

/// Why [`Accounts::remove_address`] refuses: the user could not get in, or could not be reached, without this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the address is the last way into the account")]
#[expect(
    clippy::exhaustive_structs,
    reason = "a caller names it in a pattern, as the only refusal there is"
)]
pub struct LastWayIn;

/// Why [`Accounts::make_primary`] refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum PrimaryRefusal {
    /// The user has no such email address.
    #[error("the user has no such address")]
    NoSuchAddress,
    /// The address is not verified.
    #[error("the address is not verified")]
    NotVerified,
}
