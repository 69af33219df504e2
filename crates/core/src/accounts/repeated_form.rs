//! Forms that set a password and are sent twice, by a double click or by a browser that asks again.
//!
//! The first has used up what proves who sends them: the link, the old password, the key of the session. So the page
//! gives its form a token, and a form that comes with one and with the password that is stored by now has done what it
//! asks already. It says nothing of forms that did something else.

use std::time::Duration;

use phone_auth_events::Limit;
use phone_auth_tokens::{OneTimeTokens, Purpose};
use phone_auth_urls::id;

use super::begun_once::{BegunOnce, Gives};
use super::limits::{Asking, Counted};
use super::password_checks::{FORMS, row_of};
use super::{Accounts, Failure, LoggedIn};
use crate::password::Password;
use crate::user::{AccountName, User, UserId};

/// Between the parts of the token; in none of them.
const SEPARATOR: &str = ".";

/// What limits and events say of who asked.
const FLOW: &str = "repeated_form";

const PURPOSE: Purpose = Purpose::new("password-form");

/// Says which password was stored when the form was shown.
const SHOWN: Purpose = Purpose::new("password-form-shown");

/// How long a page may wait before its form is sent for the first time.
const LIFETIME: Duration = Duration::from_hours(1);

impl Accounts {
    /// What a form that sets the password of this user carries in a hidden field, so that it is known when it comes a
    /// second time. Show it to no one but the user: to the one who is signed in, or who has opened a link that works.
    ///
    /// # Security
    /// It opens nothing by itself. Anyone who has it may have passwords of this one account checked for an hour, where the
    /// form would have set one only once the password was changed, and as often as its user may in a session.
    /// [`PasswordChecks`](phone_auth_events::Limit::PasswordChecks) counts both, each by itself: who has kept the token of a
    /// session that is over must not keep the user out of the pages of theirs.
    ///
    /// # Examples
    /// See [`repeated_change`](Self::repeated_change).
    pub fn password_form_token(&self, user: &User) -> String {
        let (now, id) = (self.now(), user.id.get().to_be_bytes());
        let password = user.password.reveal().as_bytes();
        let token = self.tokens().issue(&PURPOSE, now, &[&id]);
        let shown = self.tokens().issue(&SHOWN, now, &[&id, password]);
        let user = id::encode_user(user.id.get());
        [&*user, token.as_str(), shown.as_str()].join(SEPARATOR)
    }

    /// Whether a form that resets a password was sent before and has done what it asks: the token is one of its page, and
    /// the password that is typed twice is the one that is stored. Gives whose it is.
    ///
    /// # Errors
    /// [`Limited`](super::FailureKind::Limited), this user has had the password checked too often, here or in a session;
    /// [`Busy`](super::FailureKind::Busy), too many passwords are being hashed;
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store.
    ///
    /// # Cancel safety
    /// It only reads, and counts. Where the hash has begun, what it finds is recorded.
    ///
    /// # Examples
    /// See [`repeated_change`](Self::repeated_change).
    pub async fn repeated_reset(
        &self,
        form_token: &str,
        new1: &Password,
        new2: &Password,
    ) -> Result<Option<User>, Failure> {
        let user = self.password_of_form(form_token, new1, new2, true);
        user.await
    }

    /// Whose form it is, when the password that is typed twice is the one that is stored; where the form sets one, only if
    /// another was stored when it was shown.
    pub(super) async fn password_of_form(
        &self,
        form_token: &str,
        new1: &Password,
        new2: &Password,
        sets_one: bool,
    ) -> Result<Option<User>, Failure> {
        let Some(user) = self.user_of_form(form_token) else {
            return Ok(None);
        };
        if new1.is_empty() || new1 != new2 {
            return Ok(None);
        }
        let user = self.store().user(user).await?;
        let Some(user) = user.filter(|user| user.is_active && user.password.is_usable()) else {
            return Ok(None);
        };
        if sets_one && self.is_as_shown(form_token, &user) {
            return Ok(None);
        }
        let counted = self.count_form(&user).await?;
        let name = AccountName {
            username: Some(user.username.clone()),
            ..AccountName::default()
        };
        let requester = self.requester(&name, Some(&user));
        let is_right = self.is_right(FLOW, &user, new1, &requester, &counted);
        Ok(is_right.await?.then_some(user))
    }

    /// The same for a form that changes a password, of a browser whose session has got another key by the form before, and may
    /// never have heard of that key. Where it says which [browser](Self::for_browser) it is, it gets that
    /// one; else a session begins. Fires `user_logged_in` then.
    ///
    /// # Errors
    /// As for [`repeated_reset`](Self::repeated_reset), and the source of randomness.
    ///
    /// # Cancel safety
    /// As for [`log_in`](Self::log_in).
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let old = Password::new("correct horse");
    /// let ann = accounts.log_in("ann", &old, None).await?;
    /// let form = accounts.password_form_token(&ann.user);
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    ///
    /// let new = Password::new("battery staple");
    /// accounts.change_password(&current_user, &old, &new, &new).await?;
    /// let again = accounts.repeated_change(&form, &new, &new).await?;
    /// assert!(again.is_some());
    ///
    /// assert!(accounts.repeated_change(&form, &old, &old).await?.is_none());
    /// assert!(accounts.repeated_change("made-up", &new, &new).await?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn repeated_change(
        &self,
        form_token: &str,
        new1: &Password,
        new2: &Password,
    ) -> Result<Option<LoggedIn>, Failure> {
        let Some(user) = self.repeated_reset(form_token, new1, new2).await? else {
            return Ok(None);
        };
        let once = self.begins_once(Gives::Password, user.id).await;
        let lately = Some(self.now());
        match BegunOnce::before(once.as_ref(), None, &user.password, lately).await? {
            Some(before) => Ok(Some(self.begun_before(before))),
            None => self.log_in_again(user).await,
        }
    }

    /// Begins a session for a user whose password has just been checked; none when it was changed since.
    pub(super) async fn log_in_again(&self, user: User) -> Result<Option<LoggedIn>, Failure> {
        self.begin_and_tell(FLOW, user, None).await
    }

    /// Counts a password that comes with a form, apart from those of sessions.
    pub(super) async fn count_form(&self, user: &User) -> Result<Counted, Failure> {
        let asking = Asking {
            flow: FLOW,
            user: Some(user),
            is_stranger: false,
        };
        let id = user.id.get().to_be_bytes();
        let about = forms_of(&id);
        let counters = self
            .counters()
            .about(Limit::PasswordChecks, &about, &[])
            .about(Limit::FailuresInARow, &row_of(&id, FORMS), &[]);
        self.count(&asking, counters).await
    }

    /// Whose form a token was given to, while it is young.
    pub(super) fn user_of_form(&self, form_token: &str) -> Option<UserId> {
        let (user, tokens) = form_token.split_once(SEPARATOR)?;
        let (token, _) = tokens.split_once(SEPARATOR)?;
        let user = UserId::new(id::decode_user(user)?);
        let state: &[&[u8]] = &[&user.get().to_be_bytes()];
        let (now, tokens) = (self.now(), self.tokens());
        let checked = tokens.check(&PURPOSE, token, now, LIFETIME, state);
        checked.is_ok().then_some(user)
    }

    /// Whether the user's password is the one that was stored when the form was shown.
    fn is_as_shown(&self, form_token: &str, user: &User) -> bool {
        let shown = form_token.rsplit_once(SEPARATOR);
        let (id, password) = (user.id.get().to_be_bytes(), user.password.reveal());
        let state: &[&[u8]] = &[&id, password.as_bytes()];
        let (now, tokens) = (self.now(), self.tokens());
        shown.is_some_and(|(_, shown)| tokens.check(&SHOWN, shown, now, LIFETIME, state).is_ok())
    }

    fn tokens(&self) -> &OneTimeTokens {
        self.inner.links.tokens()
    }
}

/// What passwords that come with forms of a user are counted by.
pub(super) const fn forms_of(user: &[u8]) -> [&[u8]; 2] {
    [b"form", user]
}
