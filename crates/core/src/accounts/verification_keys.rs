//! The keys of the codes that verify addresses: each is derived from the address and its user, so that all their browsers have the
//! same one.

use super::{Accounts, CurrentUser};
use crate::address::{AddressId, AddressKind, AddressRecord};
use crate::challenge::ChallengeKey;
use crate::user::UserId;

impl Accounts {
    /// The key for the code that verifies an address of a user, in whichever browser: it is derived, so that every request finds
    /// the challenge that there is, with the attempts that it has left.
    pub(super) fn verification_key(&self, address: &AddressRecord, user: UserId) -> ChallengeKey {
        self.key_of_address((address.kind, address.id), user)
    }

    fn key_of_address(&self, (kind, id): (AddressKind, AddressId), user: UserId) -> ChallengeKey {
        let (id, user) = (id.get().to_be_bytes(), user.get().to_be_bytes());
        let about = [kind.as_str().as_bytes(), &id, &user];
        self.inner.limiter.challenge_key(&about)
    }

    /// The key of the code that verifies an address of a user, which all browsers of that user have who ask for it: of one that
    /// has asked [too soon](super::VerificationRequestRefusal::TooSoon), say, as another browser had asked before. It is a key
    /// of nothing where no code was sent.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let ann = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// let email = &accounts.addresses(&ann).await?[0];
    /// let key = accounts.begin_verification(&ann, email.kind, email.id).await?.ok_or("verified")?;
    /// let elsewhere = accounts.key_for_address(&ann, email.kind, email.id);
    /// assert_eq!(elsewhere.reveal(), key.reveal());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key_for_address(
        &self,
        user: &CurrentUser,
        kind: AddressKind,
        id: AddressId,
    ) -> ChallengeKey {
        self.key_of_address((kind, id), user.user().id)
    }

    /// Whether a browser has this key for the code that verifies an address of a user, and for none of another address.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let ann = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// let own = accounts.addresses(&ann).await?;
    /// let [email, phone] = [&own[0], &own[1]];
    /// let key = accounts.begin_verification(&ann, email.kind, email.id).await?.ok_or("verified")?;
    /// assert!(accounts.is_key_of_address(&key, &ann, email.kind, email.id));
    /// assert!(!accounts.is_key_of_address(&key, &ann, phone.kind, phone.id));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn is_key_of_address(
        &self,
        key: &ChallengeKey,
        user: &CurrentUser,
        kind: AddressKind,
        id: AddressId,
    ) -> bool {
        // Digests are compared: how long it takes tells nothing of a key.
        self.key_of_address((kind, id), user.user().id).id() == key.id()
    }
}
