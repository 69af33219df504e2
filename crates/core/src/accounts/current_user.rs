//! Who a browser is logged in as.

use super::{Accounts, CurrentUser, Failure};
use crate::address::{AddressKind, AddressRecord};
use crate::session::SessionKey;
use crate::store::StoreError;
use crate::user::UserId;

/// The most addresses of each kind that are read of one user.
pub(super) const MAX_ADDRESSES: u32 = 100;

impl Accounts {
    /// Who the holder of this key is: nobody when the session is unknown, over or
    /// [too long unused](crate::settings::Settings::session_idle_timeout), when its user is not active, and
    /// when the user's password is another than the one that the session is bound to, no matter who changed it. One
    /// query, or two where sessions are shared with another program; one more for a user who has no name but a number. Once an
    /// hour it is also noted that the session is used, and [from where](Self::for_client).
    ///
    /// # Security
    /// A session that meets an inactive user or another password is removed, so that it does not come back to life; one
    /// that nobody uses is removed by the worker, within an hour. Where another program disables a user and enables
    /// them again before that, it lives on: only [`set_active`](Self::set_active) ends all sessions at once.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// A dropped call has removed such a session or not.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    /// # use phone_auth_core::session::SessionKey;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// assert_eq!(current_user.user().username, "ann");
    /// assert!(!current_user.has_verified_email());
    ///
    /// let made_up = SessionKey::from_bytes(&[7; 32]);
    /// assert!(accounts.current_user(&made_up).await?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn current_user(&self, key: &SessionKey) -> Result<Option<CurrentUser>, Failure> {
        let Some(found) = self.session_port().find(key, self.now()).await? else {
            return Ok(None);
        };
        if self.is_idle(found.session.seen_at, self.now()) {
            self.session_port().end(key).await?;
            return Ok(None);
        }
        self.note_use(&found).await;
        let found = CurrentUser::new(found);
        let (user, settings) = (found.user(), self.settings());
        if user.display_name(settings).is_some() && user.account_name(settings).is_some() {
            return Ok(Some(found));
        }
        let phone = self.phone_of(user.id).await?;
        Ok(Some(found.with_phone(phone)))
    }

    /// The number that a user without another name is called by: a verified one first.
    async fn phone_of(&self, user: UserId) -> Result<Option<String>, StoreError> {
        let addresses = self.some_addresses_of(user).await?;
        let phones = addresses
            .into_iter()
            .filter(|it| it.kind == AddressKind::Phone);
        let first = phones.min_by_key(|it| (!it.is_verified, it.id.get()));
        Ok(first.map(|it| it.value))
    }

    /// Gives a session another key that should get one: where sessions are shared, when what it holds is bound to a key
    /// of the other site that is being replaced. The key for the cookie; `None` when nothing is to be done, and when
    /// someone else was faster.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken): the store, or the
    /// source of randomness. The session goes on as it is.
    ///
    /// # Cancel safety
    /// The session has the old key or the new one, which then nobody knows.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// // Sessions that are our own keep their keys.
    /// assert!(accounts.renew_session(&current_user).await?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn renew_session(
        &self,
        current_user: &CurrentUser,
    ) -> Result<Option<(SessionKey, CurrentUser)>, Failure> {
        let found = current_user.found();
        if !found.is_stale {
            return Ok(None);
        }
        let renewed = self
            .session_port()
            .renew(found, self.now(), self.randomness());
        let key = renewed.await?;
        Ok(key.map(|key| (key.clone(), current_user.with_key(&key))))
    }

    /// Whether someone is to verify an address before they may go on: where the setting
    /// [`require_verified`](crate::settings::Settings::require_verified) says so, and none of theirs is verified. The guards of
    /// pages ask; so does an application that has guards of its own.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// assert!(!accounts.must_verify(&current_user), "the setting is off");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn must_verify(&self, current_user: &CurrentUser) -> bool {
        let is_verified = current_user.has_verified_email() || current_user.has_verified_phone();
        self.settings().require_verified && !is_verified
    }

    /// Whether another program reads and writes the sessions too.
    pub fn shares_sessions(&self) -> bool {
        self.session_port().are_shared()
    }

    /// The addresses of a user, email before phone, the older first; of each kind at most 100. The
    /// [settings](crate::settings::Settings::max_addresses) let nobody add so many, but another program may have.
    ///
    /// # Errors
    /// As for [`current_user`](Self::current_user).
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// let addresses = accounts.addresses(&current_user).await?;
    /// let texts: Vec<_> = addresses.iter().map(|address| address.value.as_str()).collect();
    /// assert_eq!(texts, ["ann@example.org", "+919876543210"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn addresses(
        &self,
        current_user: &CurrentUser,
    ) -> Result<Vec<AddressRecord>, Failure> {
        Ok(self.some_addresses_of(current_user.user().id).await?)
    }

    /// The addresses of a user, but not without end.
    pub(super) async fn some_addresses_of(
        &self,
        user: UserId,
    ) -> Result<Vec<AddressRecord>, StoreError> {
        self.store().addresses_of(user, MAX_ADDRESSES).await
    }
}
