//! What an operator does with the addresses and the username of a user who has called.

use phone_auth_events::{AccountChange, Sender};

use super::sign_up_form::MAX_NAME;
use super::{
    Accounts, AddAddressRefusal, AmbiguousName, Failure, FlowError, PrimaryRefusal, Removal,
    UsernameRefusal,
};
use crate::address::{
    Address, AddressCaps, AddressId, AddressKind, AddressRecord, EmailAddress, PhoneNumber,
    ProofByHand,
};
use crate::form::{self, Field, FieldProblem, Problem, Problems};
use crate::store::StoreErrorKind;
use crate::user::{AccountName, User};
use crate::username::Username;

/// How many who have an address are found, and how many who claim it.
const MOST_HOLDERS: u32 = 100;

impl Accounts {
    /// The address that this text means, in any spelling, and whose it is; none when nobody has it.
    ///
    /// # Security
    /// As for [`find`](Self::find).
    ///
    /// # Errors
    /// As for [`find`](Self::find).
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let (address, ann) = accounts.find_address("+91 98765 43210").await?.ok_or("nobody")?;
    /// assert_eq!((address.value.as_str(), ann.username.as_str()), ("+919876543210", "ann"));
    /// assert_eq!(accounts.find_address("ann").await?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn find_address(
        &self,
        text: &str,
    ) -> Result<Option<(AddressRecord, User)>, FlowError<AmbiguousName>> {
        let name = AccountName {
            username: None,
            ..AccountName::any(text, self.settings())
        };
        let found = match self.store().find_user(&name).await {
            Err(error) if error.kind() == StoreErrorKind::Ambiguous => {
                return Err(FlowError::Refused(AmbiguousName));
            }
            found => found?,
        };
        Ok(found.and_then(|found| Some((found.address?, found.user))))
    }

    /// All who have the address that this text means, in any spelling, and all who claim it, up to a hundred of either.
    ///
    /// # Security
    /// As for [`find`](Self::find).
    ///
    /// # Errors
    /// As for [`find`](Self::find).
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let found = accounts.find_addresses("+91 98765 43210").await?;
    /// assert_eq!(found.len(), 1);
    /// assert_eq!(found[0].1.username, "ann");
    /// assert!(accounts.find_addresses("ann").await?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn find_addresses(
        &self,
        text: &str,
    ) -> Result<Vec<(AddressRecord, User)>, FlowError<AmbiguousName>> {
        let email = EmailAddress::parse(text.trim()).ok().map(Address::Email);
        let phone = PhoneNumber::parse_in(text, self.settings().default_region);
        let address = email.or(phone.ok().map(Address::Phone));
        let mut found = match address {
            Some(address) => self.store().holders_of(&address, MOST_HOLDERS).await?,
            None => Vec::new(),
        };
        // A number that is stored without its calling code is found by its text alone.
        match self.find_address(text).await {
            Ok(Some((address, user))) if found.iter().all(|(it, _)| it.id != address.id) => {
                found.insert(0, (address, user));
            }
            Err(FlowError::Refused(AmbiguousName)) if !found.is_empty() => {}
            other => drop(other?),
        }
        Ok(found)
    }

    /// Adds an address to the account of a user as an operator: what has an `@` as an email address, else as a phone
    /// number. Neither the gate nor limits nor caps are asked. The rest is as for [`add_address`](Self::add_address).
    ///
    /// # Errors
    /// As for [`add_address`](Self::add_address), less what its limits and caps refuse.
    ///
    /// # Cancel safety
    /// As for [`add_address`](Self::add_address).
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.find("ann").await?.ok_or("nobody")?;
    /// let added = accounts.add_address_for(&ann, "+44 20 7946 0018").await?;
    /// assert!(accounts.set_verified(&ann, &added, true).await?.is_changed());
    ///
    /// let taken = accounts.add_address_for(&ann, "no number").await.unwrap_err();
    /// assert_eq!(taken.to_string(), "the form has problems");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn add_address_for(
        &self,
        user: &User,
        text: &str,
    ) -> Result<AddressRecord, FlowError<AddAddressRefusal>> {
        let kind = if text.contains('@') {
            AddressKind::Email
        } else {
            AddressKind::Phone
        };
        let address = self.address_to_add(kind, text)?;
        let caps = AddressCaps {
            all: u32::MAX,
            unverified: u32::MAX,
            replaces: None,
        };
        let sender = Sender::new("add_address_for");
        let added = self.add(sender, user, &address, (caps, false)).await;
        added.map(|(added, _)| added)
    }

    /// Removes an address of a user as an operator, be it their last way in. The rest is as for
    /// [`remove_address`](Self::remove_address).
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// As for [`remove_address`](Self::remove_address).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::Removal;
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let (address, ann) = accounts.find_address("ann@example.org").await?.ok_or("nobody")?;
    /// let removed = accounts.remove_address_of(&ann, &address).await?;
    /// assert!(matches!(removed, Removal::Removed(_)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn remove_address_of(
        &self,
        user: &User,
        address: &AddressRecord,
    ) -> Result<Removal, Failure> {
        let sender = Sender::new("remove_address_of");
        let row = (address.kind, address.id);
        match self.remove(sender, user, row, None).await {
            Ok(removal) => Ok(removal),
            // Nothing need remain, so nothing is refused.
            Err(FlowError::Refused(_)) => Ok(Removal::NotThere),
            Err(FlowError::Failed(failure)) => Err(failure),
        }
    }

    /// Marks an address of a user as verified or as not, because an operator knows, and says what has come of it. The user's other verified addresses are told; no signal is fired, for the user has proven nothing. Who loses
    /// the address by it is told, and `email_lost` or `phone_lost` is fired.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// [`Referenced`](super::FailureKind::Referenced) where a table of the application refers to a row that the proof of the
    /// address would end; nothing was changed.
    ///
    /// # Cancel safety
    /// It is marked or not.
    ///
    /// # Examples
    /// See [`add_address_for`](Self::add_address_for).
    pub async fn set_verified(
        &self,
        user: &User,
        address: &AddressRecord,
        is_verified: bool,
    ) -> Result<Marked, Failure> {
        let addresses = self.addresses_to_tell(user.id).await?;
        let value = address.value.clone();
        let change = if is_verified {
            AccountChange::AddressVerified(value)
        } else {
            AccountChange::AddressUnverified(value)
        };
        let notices = self.notices_of(user.id, &addresses, &change).await?;
        let may_lose = if is_verified {
            self.may_lose(user.id, (address.kind, &address.value), &notices)
                .await?
        } else {
            self.nobody_may_lose()
        };
        let proof = ProofByHand {
            kind: address.kind,
            id: address.id,
            user: user.id,
            is_verified,
            at: self.now(),
            notices: notices.to_commit(),
            losses: may_lose.to_commit(),
        };
        let changed = self.store().set_verified(&proof).await;
        if !matches!(changed, Ok(true)) {
            self.was_not_made(&notices).await;
            self.nobody_lost(&may_lose).await;
        }
        let is_changed = changed?;
        if is_changed {
            self.notify(user, notices).await;
            self.tell_losers("set_verified", may_lose).await;
        }
        // Also what an earlier proof has left half done.
        if is_verified {
            self.finish_replacement(user, address).await;
        }
        if is_changed {
            return Ok(Marked::Changed);
        }
        // Asked only now: it is no part of what is changed.
        let now = self.store().address(address.kind, address.id).await?;
        let now = now.filter(|(now, _)| now.user == user.id);
        Ok(match now.map(|(now, _)| now.is_verified) {
            Some(now) if now == is_verified => Marked::AlreadySo,
            Some(false) => Marked::Taken,
            Some(true) | None => Marked::NotThere,
        })
    }

    /// Gives a user another first or last name, or both, by the rules of [`sign_up`](Self::sign_up), whether or not its form asks
    /// for them: what is `None` stays, and an empty text is no name. Gives the user as they are then. Nobody is told.
    ///
    /// # Errors
    /// As for [`rename`](Self::rename); nobody else can have them.
    ///
    /// # Cancel safety
    /// The names are changed or not.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.find("ann").await?.ok_or("nobody")?;
    /// assert_eq!(accounts.set_names(&ann, Some("Anna"), Some("Jones")).await?.first_name, "Anna");
    /// assert_eq!(accounts.set_names(&ann, None, Some("Lee")).await?.first_name, "Anna");
    /// assert!(accounts.set_names(&ann, Some("An\u{7}na"), None).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn set_names(
        &self,
        user: &User,
        first_name: Option<&str>,
        last_name: Option<&str>,
    ) -> Result<User, FlowError<RenameRefusal>> {
        let mut problems = Problems::default();
        let first = first_name.map(|it| problems.read(Field::FirstName, it, MAX_NAME, false));
        let last = last_name.map(|it| problems.read(Field::LastName, it, MAX_NAME, false));
        let [first, last] = [first, last].map(|it| it.map(Option::unwrap_or_default));
        problems.refuse(RenameRefusal::Invalid)?;
        let is_set = self.store().set_names(user.id, first, last).await?;
        let now = if is_set {
            self.store().user(user.id).await?
        } else {
            None
        };
        now.ok_or(FlowError::Refused(RenameRefusal::Username(
            UsernameRefusal::NoSuchUser,
        )))
    }

    /// Makes a verified email address of a user their primary one as an operator, whom no limit counts. The rest is as for
    /// [`make_primary`](Self::make_primary).
    ///
    /// # Errors
    /// As for [`make_primary`](Self::make_primary), less what its limit refuses.
    ///
    /// # Cancel safety
    /// As for [`make_primary`](Self::make_primary).
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.find("ann").await?.ok_or("nobody")?;
    /// let work = accounts.add_address_for(&ann, "ann@work.example").await?;
    /// assert!(accounts.make_primary_of(&ann, work.id).await.is_err(), "it is not verified");
    /// accounts.set_verified(&ann, &work, true).await?;
    /// assert_eq!(accounts.make_primary_of(&ann, work.id).await?.value, "ann@work.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn make_primary_of(
        &self,
        user: &User,
        email: AddressId,
    ) -> Result<AddressRecord, FlowError<PrimaryRefusal>> {
        self.put_first(user, email, false).await
    }

    /// Gives a user another username, by the rules of [`sign_up`](Self::sign_up).
    ///
    /// # Errors
    /// - [`Invalid`](RenameRefusal::Invalid): what is wrong with the new one, also that someone has it.
    /// - [`Username`](RenameRefusal::Username): there is no such user any more.
    /// - [`Failed`](FlowError::Failed), [`Unavailable`](super::FailureKind::Unavailable) or
    ///   [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// The user is renamed or not.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.find("ann").await?.ok_or("nobody")?;
    /// assert_eq!(accounts.rename(&ann, "anna").await?.username, "anna");
    /// assert!(accounts.rename(&ann, "an na").await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn rename(
        &self,
        user: &User,
        username: &str,
    ) -> Result<User, FlowError<RenameRefusal>> {
        let invalid = |problem| {
            let problem = FieldProblem::new(Field::Username, problem);
            FlowError::Refused(RenameRefusal::Invalid(vec![problem]))
        };
        let text = form::read(username, Username::MAX_CHARS, true).map_err(invalid)?;
        let username = self.new_username(text).map_err(invalid)?;
        let renamed = self.store().rename_user(user.id, username.as_str()).await;
        match renamed {
            Ok(true) => Ok(User {
                username: username.as_str().to_owned(),
                ..user.clone()
            }),
            Ok(false) => {
                let refusal = RenameRefusal::Username(UsernameRefusal::NoSuchUser);
                Err(FlowError::Refused(refusal))
            }
            Err(error) if matches!(error.kind(), StoreErrorKind::Taken(_)) => {
                Err(invalid(Problem::Taken))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// What [`Accounts::set_verified`] has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum Marked {
    /// It is so now, and was not before.
    Changed,
    /// It was so before.
    AlreadySo,
    /// It is not verified, because it is someone else's: another user has verified it, or it is in the row of one as their
    /// username or email address.
    Taken,
    /// The user does not have it any more.
    NotThere,
}

impl Marked {
    /// Whether anything was changed.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::Marked;
    ///
    /// assert!(Marked::Changed.is_changed());
    /// assert!(!Marked::AlreadySo.is_changed());
    /// ```
    pub const fn is_changed(self) -> bool {
        matches!(self, Self::Changed)
    }
}

/// Why [`Accounts::rename`] and [`Accounts::set_names`] refuse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum RenameRefusal {
    /// There is no such user.
    #[error(transparent)]
    Username(UsernameRefusal),
    /// Something is wrong with the new username or names: at least one problem.
    #[error("the form has problems")]
    Invalid(Vec<FieldProblem>),
}
