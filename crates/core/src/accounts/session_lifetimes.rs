//! How long sessions live: those of users who stay signed in, those of users who do not, and those that are not used.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::session_list::NOTED_EVERY;
use super::{Accounts, CurrentUser};
use crate::session::ActiveSession;

impl Accounts {
    /// The same for someone who was asked whether they stay signed in. Where the setting
    /// [`short_session_lifetime`](crate::settings::Settings::short_session_lifetime) is there, only the sessions that begin by
    /// what this gives, with `true`, live as long as [`session_lifetime`](crate::settings::Settings::session_lifetime).
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let password = Password::new("correct horse");
    /// let ann = accounts.keeping_signed_in(true).log_in("ann", &password, None).await?;
    /// assert!(!ann.ends_with_browser);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn keeping_signed_in(&self, keeps_signed_in: bool) -> Self {
        Self {
            keeps_signed_in,
            ..self.clone()
        }
    }

    /// Whether a browser should forget the key of this session as soon as it is closed: its user has not asked to stay signed
    /// in. It is for the cookie of a session that has got another key.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let key = accounts.log_in("ann", &Password::new("correct horse"), None).await?.key;
    /// let ann = accounts.current_user(&key).await?.ok_or("nobody")?;
    /// assert!(!accounts.ends_with_browser(&ann), "nobody is asked unless the settings say so");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ends_with_browser(&self, current_user: &CurrentUser) -> bool {
        let session = current_user.session();
        session.created_at.is_some() && self.ends_session_with_browser(session)
    }

    /// The same for a session that was found. One of which nobody knows when it began is taken for one that begins now.
    pub(super) fn ends_session_with_browser(&self, session: &ActiveSession) -> bool {
        let Some(began) = session.created_at else {
            return self.lifetime_of_new().1;
        };
        let lifetime = session.expires_at - began;
        let short = self.settings().short_session_lifetime;
        let short = short.and_then(|it| TimeDelta::from_std(it).ok());
        short.is_some_and(|short| lifetime <= short)
    }

    /// How long a session lives that begins, and whether it ends with the browser.
    pub(super) fn lifetime_of_new(&self) -> (Duration, bool) {
        let settings = self.settings();
        match settings.short_session_lifetime {
            Some(short) if !self.keeps_signed_in => (short, true),
            _ => (settings.session_lifetime, false),
        }
    }

    /// Whether a session has not been used for too long. What was noted may be older than the last use by as much as passes
    /// between two notes, so that much is added: nobody who uses a session is signed out.
    pub(super) fn is_idle(&self, seen_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
        let timeout = self.settings().session_idle_timeout;
        timeout.zip(seen_at).is_some_and(|(timeout, seen_at)| {
            let unused = now - seen_at - NOTED_EVERY;
            TimeDelta::from_std(timeout).is_ok_and(|timeout| unused >= timeout)
        })
    }
}
