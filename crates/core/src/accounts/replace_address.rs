//! Changing an address: another is added, and takes its place once it is proven.

use chrono::TimeDelta;
use phone_auth_events::Sender;

use super::remove_address::Successor;
use super::{Accounts, AddAddressRefusal, CurrentUser, Failure, FlowError, Removal};
use crate::address::{AddressCaps, AddressId, AddressKind, AddressRecord};
use crate::store::Replacement;
use crate::user::User;

/// For so long an address that is verified takes the place of the one that it was added for.
const LIFETIME: TimeDelta = TimeDelta::days(7);

/// How many that are proven are finished at once.
const AT_ONCE: u32 = 100;

impl Accounts {
    /// Adds an address, as [`add_address`](Self::add_address) does, that takes the place of another of the same kind as soon as
    /// it is verified: then the old one is removed, and where it was the primary one, the new one is. Until then the
    /// user has both, so nobody is locked out by an address that they mistyped. Of several changes of one kind the newest
    /// counts, for seven days and until there is another password, but for one that is set by a link to the new address: then
    /// both stay. The verified addresses are told when it is added, when it is verified, and when the old one goes.
    ///
    /// # Security
    /// Ask before for a [recent proof](Self::require_recent_proof), as the pages do.
    ///
    /// # Errors
    /// - [`NoSuchAddress`](ReplaceAddressRefusal::NoSuchAddress): the old one is not among the user's.
    /// - [`New`](ReplaceAddressRefusal::New): as for [`add_address`](Self::add_address). It counts among the limits of that.
    /// - [`Failed`](FlowError::Failed): as for [`add_address`](Self::add_address).
    ///
    /// # Cancel safety
    /// The new address is added and will take the place of the old one, or nothing has happened. One that the user has already
    /// may stay beside it.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::AddressKind;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// let old = accounts.addresses(&current_user).await?.remove(0);
    /// let email = AddressKind::Email;
    ///
    /// let new = accounts.replace_address(&current_user, email, old.id, "ann@work.example").await?;
    /// assert_eq!(accounts.addresses(&current_user).await?.len(), 3, "both, and a number");
    /// assert!(accounts.set_verified(current_user.user(), &new, true).await?.is_changed());
    /// let left = accounts.addresses(&current_user).await?;
    /// assert!(left.len() == 2 && left[0].value == "ann@work.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn replace_address(
        &self,
        current_user: &CurrentUser,
        kind: AddressKind,
        old: AddressId,
        text: &str,
    ) -> Result<AddressRecord, FlowError<ReplaceAddressRefusal>> {
        let user = current_user.user();
        let own = self.some_addresses_of(user.id).await?;
        let replaced = own.iter().find(|it| it.kind == kind && it.id == old);
        let Some(replaced) = replaced else {
            let refusal = ReplaceAddressRefusal::NoSuchAddress;
            return Err(FlowError::Refused(refusal));
        };
        // Anyone who has as many as they may can change one all the same: the old one goes.
        let more = AddressCaps {
            all: 1,
            unverified: u32::from(!replaced.is_verified),
            replaces: Some((old, self.now())),
        };
        let added = self.add_beyond_caps(current_user, kind, text, more).await;
        let (new, is_new) = added.map_err(|error| error.map_refusal(ReplaceAddressRefusal::New))?;
        // It was kept with it; or it was typed as it is.
        if is_new || new.id == old {
            return Ok(new);
        }
        let replacement = Replacement {
            old,
            new: new.id,
            asked_at: self.now(),
        };
        self.store()
            .replace_address(user.id, kind, replacement)
            .await?;
        // One that they have proven before.
        if new.is_verified {
            self.finish_replacement(user, &new).await;
        }
        Ok(new)
    }

    /// Which address of the user of a session is to take the place of which of this kind once it is verified, if one is. A user
    /// should see it where they see their addresses: it may have been asked for by someone else in their session.
    ///
    /// # Errors
    /// [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// See [`keep_address`](Self::keep_address).
    pub async fn pending_replacement(
        &self,
        current_user: &CurrentUser,
        kind: AddressKind,
    ) -> Result<Option<PendingReplacement>, Failure> {
        self.pending_replacement_of(current_user.user(), kind).await
    }

    /// The same of any user, for an operator.
    ///
    /// # Errors
    /// As for [`pending_replacement`](Self::pending_replacement).
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::AddressKind;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.find("ann").await?.ok_or("nobody")?;
    /// assert_eq!(accounts.pending_replacement_of(&ann, AddressKind::Email).await?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn pending_replacement_of(
        &self,
        user: &User,
        kind: AddressKind,
    ) -> Result<Option<PendingReplacement>, Failure> {
        let (store, user) = (self.store(), user.id);
        let asked_since = self.now() - LIFETIME;
        let kept = store.kept_replacement(user, kind, asked_since).await?;
        let Some(kept) = kept else {
            return Ok(None);
        };
        let own = self.some_addresses_of(user).await?;
        let of = |id| own.iter().find(|it| it.kind == kind && it.id == id);
        Ok(of(kept.old)
            .zip(of(kept.new))
            .map(|(old, new)| PendingReplacement {
                old: old.clone(),
                new: new.clone(),
            }))
    }

    /// Keeps an address that another [was to take the place of](Self::pending_replacement): both stay, also when the other is
    /// verified. `false` when this one was not to take the place of that one, or does not wait any more. Nobody is told, as
    /// nothing changes.
    ///
    /// # Errors
    /// [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It happens or not.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::AddressKind;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// # let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// # let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// # let old = accounts.addresses(&current_user).await?.remove(0);
    /// let email = AddressKind::Email;
    /// accounts.replace_address(&current_user, email, old.id, "ann@work.example").await?;
    /// let pending = accounts.pending_replacement(&current_user, email).await?.ok_or("none")?;
    /// assert_eq!(pending.new.value, "ann@work.example");
    ///
    /// assert!(accounts.keep_address(&current_user, &pending).await?);
    /// assert_eq!(accounts.pending_replacement(&current_user, email).await?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn keep_address(
        &self,
        current_user: &CurrentUser,
        pending: &PendingReplacement,
    ) -> Result<bool, Failure> {
        let (store, user, kind) = (self.store(), current_user.user().id, pending.old.kind);
        let kept = store
            .kept_replacement(user, kind, self.now() - LIFETIME)
            .await?;
        if kept.is_none_or(|it| (it.old, it.new) != (pending.old.id, pending.new.id)) {
            return Ok(false);
        }
        Ok(store.end_replacement(user, kind, pending.new.id).await?)
    }

    /// Puts an address in the place of another of a user as an operator, such as of one that was mistyped: what has an `@` as an
    /// email address, else as a phone number. The old one goes at once where the new one is a way in at once, or the
    /// old one is none either; else it stays until the new one is proven. Neither the gate nor limits nor caps are asked, and it may be the last way in.
    /// The rest is as for [`add_address`](Self::add_address) and [`remove_address`](Self::remove_address).
    ///
    /// # Errors
    /// As for [`add_address_for`](Self::add_address_for).
    ///
    /// # Cancel safety
    /// It may be one beside the old one.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::Replaced;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let (old, ann) = accounts.find_address("ann@example.org").await?.ok_or("nobody")?;
    /// let replaced = accounts.replace_address_for(&ann, &old, "ann@work.example").await?;
    /// assert!(matches!(replaced, Replaced::Now(new) if new.value == "ann@work.example"));
    /// assert_eq!(accounts.find_address("ann@example.org").await?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn replace_address_for(
        &self,
        user: &User,
        old: &AddressRecord,
        text: &str,
    ) -> Result<Replaced, FlowError<AddAddressRefusal>> {
        let new = self.add_address_for(user, text).await?;
        if (new.kind, new.id) == (old.kind, old.id) {
            return Ok(Replaced::Now(new));
        }
        if self.lets_in(user, &new) || !self.lets_in(user, old) {
            let (Removal::Removed(_) | Removal::NotThere) =
                self.remove_address_of(user, old).await?;
            return Ok(Replaced::Now(new));
        }
        if new.kind != old.kind {
            return Ok(Replaced::Beside(new));
        }
        let replacement = Replacement {
            old: old.id,
            new: new.id,
            asked_at: self.now(),
        };
        let store = self.store();
        store
            .replace_address(user.id, new.kind, replacement)
            .await?;
        Ok(Replaced::OnceProven(new))
    }

    /// Whether a user can sign in by an address as it is now. A claim names nobody, an unverified address only where the settings
    /// say so, and codes go to verified ones.
    fn lets_in(&self, user: &User, address: &AddressRecord) -> bool {
        let by_password = !address.id.is_claim()
            && self.settings().unverified_sign_in
            && user.password.is_usable();
        self.is_reachable_by(address.kind) && (address.is_verified || by_password)
    }

    /// Has an address that was verified take the place of the one that it was added for. What fails is told to the log: the
    /// address is verified all the same, and the next time that this is shown it is tried again. Whether there was something to
    /// finish, and it is.
    pub(super) async fn finish_replacement(&self, user: &User, new: &AddressRecord) -> bool {
        match self.try_to_replace(user, new).await {
            Ok(is_finished) => is_finished,
            Err(error) => {
                tracing::warn!(%error, "an address that was to be replaced stays beside the new one");
                false
            }
        }
    }

    /// Finishes what a process that died has left: addresses that are proven take the place of those that they were added for.
    /// And forgets what was asked for more than seven days ago, and never proven. How many were finished. The worker of
    /// the facade does so every minute; this is for a site without one. What fails is told to the log, and tried again the next
    /// time.
    ///
    /// # Errors
    /// [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// Some are finished, the others are left for the next time.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// assert_eq!(accounts.finish_replacements().await?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn finish_replacements(&self) -> Result<u64, Failure> {
        let (store, now) = (self.store(), self.believed_now().await?);
        let (mut finished, mut after) = (0, None);
        loop {
            let since = now - LIFETIME;
            let proven = store.proven_replacements(since, after, AT_ONCE).await?;
            for (user, kind, replacement) in &proven {
                after = Some((*user, *kind));
                if let Some((new, owner)) = store.address(*kind, replacement.new).await?
                    && owner.id == *user
                {
                    finished += u64::from(self.finish_replacement(&owner, &new).await);
                }
            }
            if proven.len() < AT_ONCE as usize {
                break;
            }
        }
        store.end_old_replacements(now - LIFETIME, now).await?;
        Ok(finished)
    }

    async fn try_to_replace(&self, user: &User, new: &AddressRecord) -> Result<bool, Failure> {
        let store = self.store();
        // Of what was asked for long ago nobody thinks any more who proves an address.
        let asked_since = self.now() - LIFETIME;
        let old = store.replaced_address(user.id, new.kind, new.id, asked_since);
        let Some(old) = old.await? else {
            return Ok(false);
        };
        // As they are now: the proof may have made a claim another row.
        let Some(user) = store.user(user.id).await? else {
            return Ok(false);
        };
        let own = self.some_addresses_of(user.id).await?;
        let of_kind = |it: &&AddressRecord| it.kind == new.kind;
        let proven = own.iter().filter(of_kind);
        let proven = proven
            .clone()
            .find(|it| it.value == new.value && it.is_verified);
        let old = own.iter().filter(of_kind).find(|it| it.id == old);
        if let (Some(proven), Some(old)) = (proven, old)
            && proven.id != old.id
        {
            let needs = self.needed_without(&user, old.kind);
            let sender = Sender::new("replace_address");
            // One transaction with the removal: were it made the primary one before, it would be so where the user keeps the old one.
            let is_primary = new.kind == AddressKind::Email && old.value == user.email;
            let by = Successor {
                asked: new.id,
                primary: is_primary.then_some(&*proven.value),
            };
            let removed =
                self.remove_from(sender, &user, (&own, old.kind, old.id), (needs, Some(by)));
            match removed.await {
                Ok(Removal::Removed(_)) => return Ok(true),
                // Another has finished it meanwhile, or its user keeps the old one.
                Ok(Removal::NotThere) => return Ok(false),
                // The last way in, where messages go to addresses of its kind alone: both stay.
                Err(FlowError::Refused(_)) => {}
                Err(FlowError::Failed(failure)) => return Err(failure),
            }
        }
        Ok(store.end_replacement(user.id, new.kind, new.id).await?)
    }
}

/// An address that is to take the place of another one, once it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingReplacement {
    /// The one that goes then.
    pub old: AddressRecord,
    /// The one that comes.
    pub new: AddressRecord,
}

/// What [`Accounts::replace_address_for`] has come to, with the new address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum Replaced {
    /// It stands in the place of the old one.
    Now(AddressRecord),
    /// It was added, and the old one goes as soon as it is proven, within seven days and before there is another password: until
    /// then it would let nobody in.
    OnceProven(AddressRecord),
    /// It was added, and the old one stays: it would let nobody in, and one of another kind gives way to no proof.
    Beside(AddressRecord),
}

/// Why [`Accounts::replace_address`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum ReplaceAddressRefusal {
    /// The user has no such address.
    #[error("the user has no such address")]
    NoSuchAddress,
    /// The new address cannot be added.
    #[error(transparent)]
    New(AddAddressRefusal),
}
