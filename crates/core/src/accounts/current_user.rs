//! Who a browser is logged in as.

use chrono::{DateTime, Utc};

use super::{Accounts, Failure};
use crate::address::AddressRecord;
use crate::session::{ActiveSession, SessionKey};
use crate::sessions::FoundSession;
use crate::store::StoreError;
use crate::user::{User, UserId};

/// The most addresses of each kind that are read of one user.
pub(super) const MAX_ADDRESSES: u32 = 100;

/// Someone who is logged in, with all that a guard asks. [`Accounts::current_user`] makes it, so having one
/// is having been let in.
#[derive(Clone, Debug)]
pub struct CurrentUser {
    found: FoundSession,
}

/// They are the same when their sessions are.
impl PartialEq for CurrentUser {
    fn eq(&self, other: &Self) -> bool {
        self.session() == other.session()
    }
}

impl Eq for CurrentUser {}

impl CurrentUser {
    /// The user, as it was when the session was read.
    pub const fn user(&self) -> &User {
        &self.session().user
    }

    /// Whether the user has a verified e-mail address.
    pub const fn has_verified_email(&self) -> bool {
        self.session().has_verified_email
    }

    /// Whether the user has a verified phone number.
    pub const fn has_verified_phone(&self) -> bool {
        self.session().has_verified_phone
    }

    /// When the session ends by itself.
    pub const fn expires_at(&self) -> DateTime<Utc> {
        self.session().expires_at
    }

    /// The session.
    pub const fn session(&self) -> &ActiveSession {
        &self.found.session
    }

    /// The key of the session; another than the browser sent after [`Accounts::renew_session`].
    pub const fn key(&self) -> &SessionKey {
        &self.found.key
    }

    /// The same after their session got this key.
    fn with_key(&self, key: &SessionKey) -> Self {
        let mut found = self.found.clone();
        found.session.digest = key.digest();
        found.key = key.clone();
        found.is_stale = false;
        Self { found }
    }
}

impl Accounts {
    /// Who the holder of this key is: nobody when the session is unknown or over, when its user is not active, and
    /// when the user's password is another than the one that the session is bound to, no matter who changed it. One
    /// query, or two where sessions are shared with another program.
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
        let found = self.sessions().find(key, self.now()).await?;
        Ok(found.map(|found| CurrentUser { found }))
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
    pub async fn renew_session(
        &self,
        current_user: &CurrentUser,
    ) -> Result<Option<(SessionKey, CurrentUser)>, Failure> {
        let found = &current_user.found;
        if !found.is_stale {
            return Ok(None);
        }
        let renewed = self.sessions().renew(found, self.now(), self.randomness());
        let key = renewed.await?;
        Ok(key.map(|key| (key.clone(), current_user.with_key(&key))))
    }

    /// Whether another program reads and writes the sessions too.
    pub fn shares_sessions(&self) -> bool {
        self.sessions().are_shared()
    }

    /// The addresses of a user, e-mail before phone, the older first; of each kind at most 100. The
    /// [settings](crate::settings::Settings::max_addresses) let nobody add so many, but another program may have.
    ///
    /// # Errors
    /// As for [`current_user`](Self::current_user).
    ///
    /// # Cancel safety
    /// It only reads.
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
