//! Proving once more who one is, before what changes who can get in.

use chrono::{DateTime, TimeDelta, Utc};

use super::begun_once::{BegunOnce, Gives};
use super::repeatable::key_source;
use super::{ATTEMPTS, Accounts, CurrentUser, Failure, FailureKind, FlowError, NotActive};
use crate::password::{Password, Requester};
use crate::session::SessionKey;
use crate::sessions::FoundSession;
use crate::user::User;

/// The flow, as signals and counters name it.
const FLOW: &str = "reauthenticate";

impl Accounts {
    /// Asks whether someone has proven lately who they are, in this session: within the setting
    /// [`reauthentication_lifetime`](crate::settings::Settings::reauthentication_lifetime). For what changes who can get into
    /// an account, or cannot be undone.
    ///
    /// # Security
    /// To have logged in is no proof, however recently: anyone who finds a browser open would have it. No flow asks by
    /// itself; the pages do, and an application that calls the flows for pages of its own does too.
    ///
    /// # Errors
    /// [`ProofRequired`]: they have not, or too long ago.
    ///
    /// # Examples
    /// See [`reauthenticate`](Self::reauthenticate).
    pub fn require_recent_proof(&self, current_user: &CurrentUser) -> Result<(), ProofRequired> {
        let lifetime = self.settings().reauthentication_lifetime;
        let lifetime = TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::MAX);
        // The clock of another node, which noted it, may be ahead of ours.
        let is_recent = |proven_at: DateTime<Utc>| (self.now() - proven_at).abs() < lifetime;
        let is_recent = current_user.proven_at().is_some_and(is_recent);
        is_recent.then_some(()).ok_or(ProofRequired)
    }

    /// Whether it is by their password that a user proves who they are: they have one, and the pages take it. Where
    /// [`sign_up_by_code`](crate::settings::Settings::sign_up_by_code) is on, no page has a field for one, sets or changes it;
    /// so a password from before is not asked for there, which nobody could set anew who has forgotten it. Who has none
    /// proves it by signing in once more with a code.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// # let ann = accounts.users_after(None, 1).await?.remove(0);
    /// assert!(accounts.proves_by_password(&ann));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn proves_by_password(&self, user: &User) -> bool {
        user.password.is_usable() && !self.settings().sign_up_by_code
    }

    /// Has someone prove by their password that the one who is logged in is them. The session lives on under the key that is
    /// answered, which the browser must be given: anyone else who has the old one has nothing of the proof, and is out
    /// (ASVS 5.0, 7.2.4). Fires `user_login_failed` for a wrong password.
    ///
    /// # Errors
    /// - [`Missing`](ReauthenticationRefusal::Missing), [`WrongPassword`](ReauthenticationRefusal::WrongPassword),
    ///   [`NoPassword`](ReauthenticationRefusal::NoPassword): what is wrong with what was typed.
    /// - [`NotLoggedIn`](ReauthenticationRefusal::NotLoggedIn): the session is over.
    /// - [`Failed`](FlowError::Failed): [`Limited`](FailureKind::Limited), the password was checked too often in this session,
    ///   here or to change it; [`Busy`](FailureKind::Busy), too many passwords are being hashed;
    ///   [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken), the store or the source of randomness.
    ///
    /// # Cancel safety
    /// The proof is noted, or not; the session may be one whose key nobody knows. Where the hash has begun, what it finds is
    /// recorded.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, ReauthenticationRefusal};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let password = Password::new("correct horse");
    /// let key = accounts.log_in("ann", &password, None).await?.key;
    /// let ann = accounts.current_user(&key).await?.ok_or("nobody")?;
    /// assert!(accounts.require_recent_proof(&ann).is_err());
    ///
    /// let refused = accounts.reauthenticate(&ann, &Password::new("a guess")).await;
    /// let wrong = ReauthenticationRefusal::WrongPassword;
    /// assert!(matches!(refused, Err(FlowError::Refused(refusal)) if refusal == wrong));
    ///
    /// let key = accounts.reauthenticate(&ann, &password).await?;
    /// let ann = accounts.current_user(&key).await?.ok_or("nobody")?;
    /// assert!(accounts.require_recent_proof(&ann).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn reauthenticate(
        &self,
        current_user: &CurrentUser,
        password: &Password,
    ) -> Result<SessionKey, FlowError<ReauthenticationRefusal>> {
        let user = current_user.user();
        if !self.proves_by_password(user) {
            return Err(FlowError::Refused(ReauthenticationRefusal::NoPassword));
        }
        if password.is_empty() {
            return Err(FlowError::Refused(ReauthenticationRefusal::Missing));
        }
        let counted = self.count_check(FLOW, current_user).await?;
        let requester = Requester::signed_in(&self.client, user.id);
        let mut found = current_user.found().clone();
        for _ in 0..ATTEMPTS {
            let user = &found.session.user;
            let is_right = self.is_right(FLOW, user, password, &requester, &counted);
            if !is_right.await? {
                return Err(FlowError::Refused(ReauthenticationRefusal::WrongPassword));
            }
            if let Some(key) = self.proves_once(&found).await? {
                return Ok(key);
            }
            // The password was changed since we read it, perhaps only to a better hash of itself by a log-in elsewhere.
            let again = self
                .session_port()
                .find(current_user.key(), self.now())
                .await?;
            found = again.ok_or(FlowError::Refused(ReauthenticationRefusal::NotLoggedIn))?;
        }
        Err(Failure::new(FailureKind::Unavailable).into())
    }

    /// Notes that someone has proven who they are by other means than their password: a single sign-on that the application
    /// has asked anew, say. Gives the key by which their session goes on, as [`reauthenticate`](Self::reauthenticate) does.
    ///
    /// # Security
    /// The caller has made sure just now that it is them.
    ///
    /// # Errors
    /// [`NotActive`]: the session is over. [`Failed`](FlowError::Failed): [`Unavailable`](FailureKind::Unavailable) or
    /// [`Broken`](FailureKind::Broken), the store or the source of randomness.
    ///
    /// # Cancel safety
    /// As for [`reauthenticate`](Self::reauthenticate).
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let key = accounts.log_in("ann", &Password::new("correct horse"), None).await?.key;
    /// let ann = accounts.current_user(&key).await?.ok_or("nobody")?;
    ///
    /// let key = accounts.record_proof(&ann).await?;
    /// let ann = accounts.current_user(&key).await?.ok_or("nobody")?;
    /// assert!(accounts.require_recent_proof(&ann).is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn record_proof(
        &self,
        current_user: &CurrentUser,
    ) -> Result<SessionKey, FlowError<NotActive>> {
        for _ in 0..ATTEMPTS {
            let found = self
                .session_port()
                .find(current_user.key(), self.now())
                .await?;
            let found = found.ok_or(FlowError::Refused(NotActive))?;
            let sessions = self.session_port();
            let proven = sessions.prove(&found, self.now(), self.randomness());
            if let Some(key) = proven.await? {
                return Ok(key);
            }
        }
        Err(Failure::new(FailureKind::Unavailable).into())
    }

    /// The answer to a form of [`reauthenticate`](Self::reauthenticate) that comes a second time, from a browser whose session
    /// has got another key by the first: where the token is one of its page and the password is the user's, it gets that key if
    /// it says which [browser](Self::for_browser) it is; else a session begins, and the proof is noted in
    /// it. Fires `user_logged_in` then.
    ///
    /// # Errors
    /// As for [`repeated_change`](Self::repeated_change).
    ///
    /// # Cancel safety
    /// As for [`log_in`](Self::log_in).
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let password = Password::new("correct horse");
    /// let ann = accounts.log_in("ann", &password, None).await?;
    /// let form = accounts.password_form_token(&ann.user);
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    ///
    /// accounts.reauthenticate(&current_user, &password).await?;
    /// assert!(accounts.repeated_proof(&form, &password).await?.is_some());
    /// assert!(accounts.repeated_proof("made-up", &password).await?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn repeated_proof(
        &self,
        form_token: &str,
        password: &Password,
    ) -> Result<Option<SessionKey>, Failure> {
        let user = self.password_of_form(form_token, password, password, false);
        let Some(user) = user.await?.filter(|it| self.proves_by_password(it)) else {
            return Ok(None);
        };
        let once = self.begins_once(Gives::Proof, user.id).await;
        let lately = Some(self.now());
        let before = BegunOnce::before(once.as_ref(), None, &user.password, lately);
        if let Some(before) = before.await? {
            return Ok(Some(before.key));
        }
        let Some(begun) = self.log_in_again(user).await? else {
            return Ok(None);
        };
        let Some(found) = self.session_port().find(&begun.key, self.now()).await? else {
            return Ok(None);
        };
        let sessions = self.session_port();
        let proven = sessions
            .prove(&found, self.now(), self.randomness())
            .await?;
        if let Some(key) = &proven {
            BegunOnce::remember(once.as_ref(), key);
        }
        Ok(proven)
    }

    /// Notes the proof in this session, and gives the key by which it goes on; the second of two clicks, that of the first.
    async fn proves_once(&self, found: &FoundSession) -> Result<Option<SessionKey>, Failure> {
        let user = &found.session.user;
        let once = self.begins_once(Gives::Proof, user.id).await;
        let before = BegunOnce::before(once.as_ref(), Some(&found.key), &user.password, None);
        if let Some(before) = before.await? {
            return Ok(Some(before.key));
        }
        let sessions = self.session_port();
        let key = once.as_ref().and_then(|it| it.key_after(&found.session));
        let key = key_source(key.as_ref(), self.randomness());
        let proven = sessions.prove(found, self.now(), key).await?;
        if let Some(key) = &proven {
            BegunOnce::remember(once.as_ref(), key);
        }
        Ok(proven)
    }
}

/// Someone must prove once more who they are: [`Accounts::reauthenticate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the user has not proven lately who they are")]
#[expect(
    clippy::exhaustive_structs,
    reason = "it says one thing, and holds nothing"
)]
pub struct ProofRequired;

/// Why [`Accounts::reauthenticate`] refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum ReauthenticationRefusal {
    /// No password was typed.
    #[error("there is no password")]
    Missing,
    /// It is not the user's.
    #[error("the password is wrong")]
    WrongPassword,
    /// The user has none, or [none that counts](Accounts::proves_by_password); the application has
    /// [other means](Accounts::record_proof).
    #[error("the user has no password")]
    NoPassword,
    /// The session is over: anyone who asks is nobody.
    #[error("the session is over")]
    NotLoggedIn,
}
