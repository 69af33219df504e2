//! Accounts that nobody has shown to be theirs: until when they stay.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Accounts, Failure};
use crate::store::ScheduledClosing;
use crate::user::User;

/// A log-in so soon after the sign-up is the session that the sign-up begins itself.
const OF_THE_SIGN_UP: TimeDelta = TimeDelta::minutes(1);

impl Accounts {
    /// When an account that signs up now with a password has been unproven for too long.
    pub(super) fn closes_unproven(&self) -> Option<DateTime<Utc>> {
        later(self.now(), self.lifetime_of_unproven()?)
    }

    /// When the account of this user will be closed, unless someone shows before that it is theirs: one that signed up with a
    /// password, as the setting [`unverified_account_lifetime`](crate::settings::Settings::unverified_account_lifetime) says, or by a code.
    /// None for one that stays.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// # let ann = accounts.users_after(None, 1).await?.remove(0);
    /// // Nobody has signed in yet.
    /// let until = accounts.unproven_until(&ann).await?.ok_or("it stays")?;
    /// assert_eq!((until - ann.date_joined).num_days(), 30);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn unproven_until(&self, user: &User) -> Result<Option<DateTime<Utc>>, Failure> {
        match self.store().scheduled_closing(user.id).await? {
            Some(closing) if closing.is_of_nobody => self.nobodys_until(user, &closing).await,
            _ => Ok(None),
        }
    }

    /// When an account is to be closed that nobody has shown to be theirs; none for one that stays. The store asks the same
    /// when it closes one: whether it is still as it was here.
    pub(super) async fn nobodys_until(
        &self,
        user: &User,
        closing: &ScheduledClosing,
    ) -> Result<Option<DateTime<Utc>>, Failure> {
        // An operator who has disabled an account would not have its names free for the next.
        if !user.is_active {
            return Ok(None);
        }
        let addresses = self.some_addresses_of(user.id).await?;
        if addresses.iter().any(|it| it.is_verified) {
            return Ok(None);
        }
        let until = self.nobodys_time(user, closing, !addresses.is_empty());
        // The sessions were begun under the settings of their time, and end when they end.
        let Some(sessions) = self.session_port().of_user(user, self.now()).await? else {
            // Those that another program shares do not say whose they are: nobody knows whether one goes on.
            return Ok(until.filter(|_| user.last_login.is_none()));
        };
        let last = sessions.iter().map(|it| it.expires_at).max();
        Ok(until.map(|until| last.map_or(until, |last| until.max(last))))
    }

    /// The same of one that is as it was made, whatever sessions there are.
    fn nobodys_time(
        &self,
        user: &User,
        closing: &ScheduledClosing,
        has_addresses: bool,
    ) -> Option<DateTime<Utc>> {
        let until = if user.password.is_usable() {
            self.unused_until(user, has_addresses)
        } else {
            user.last_login.is_none().then_some(closing.due_at)
        };
        // It may have been put off.
        until.map(|until| until.max(closing.due_at))
    }

    /// The same of one with a password, of which no address is verified. Anyone may sign in to such an account, so one that
    /// someone has signed in to is closed only where the site asks for the proof: it keeps them from all else, or it has sent
    /// them the messages, and they have not come back after the session that began with them.
    fn unused_until(&self, user: &User, has_addresses: bool) -> Option<DateTime<Utc>> {
        let (settings, lifetime) = (self.settings(), self.lifetime_of_unproven()?);
        let Some(last) = user.last_login else {
            return later(user.date_joined, lifetime);
        };
        let was_asked = settings.verify_at_sign_up && has_addresses;
        let only_signed_up =
            was_asked && last.signed_duration_since(user.date_joined) <= OF_THE_SIGN_UP;
        if !settings.require_verified && !only_signed_up {
            return None;
        }
        later(later(last, settings.session_lifetime)?, lifetime)
    }

    /// Where one signs up by code, an operator or another program has given a user their password.
    fn lifetime_of_unproven(&self) -> Option<Duration> {
        let settings = self.settings();
        let lifetime = settings.unverified_account_lifetime;
        lifetime.filter(|_| !settings.sign_up_by_code)
    }
}

fn later(time: DateTime<Utc>, by: Duration) -> Option<DateTime<Utc>> {
    time.checked_add_signed(TimeDelta::from_std(by).ok()?)
}
