//! The button of a log-in link that is pressed twice, by a double click or by a browser that asks again.
//!
//! The first has used the link up. The page gives its form a token, and a form that comes with one for the second time within
//! a minute is answered as the first, if the session that it began is still there: no other begins.

use std::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth_tokens::Purpose;
use zeroize::Zeroizing;

use super::repeated_code::{Repeatable, SessionKeys};
use super::{Accounts, Failure, FlowError, InvalidLink, LoggedIn};
use crate::challenge::ChallengeKey;
use crate::session::SessionKey;

/// Between the parts of the token; in none of them.
const SEPARATOR: char = '.';

const PURPOSE: Purpose = Purpose::new("log-in-form");

/// How long a page may wait before its form is sent. The link itself lives no longer than its code.
const LIFETIME: Duration = Duration::from_hours(1);

impl Accounts {
    /// What the form of a log-in link carries in a hidden field, so that it is known when it comes a second time. Show it on
    /// the page of a link that [works](Self::open_log_in_link), which nobody else is shown.
    ///
    /// # Security
    /// It opens nothing by itself: anyone who has it and the link gets, for a minute, the session that the two have begun.
    ///
    /// # Errors
    /// [`Broken`](super::FailureKind::Broken), the source of randomness.
    ///
    /// # Examples
    /// See [`log_in_by_link_form`](Self::log_in_by_link_form).
    pub fn log_in_form_token(&self, idb64: &str, token: &str) -> Result<String, Failure> {
        let mut bytes = Zeroizing::new([0; ChallengeKey::BYTES]);
        self.randomness().fill(bytes.as_mut())?;
        let key = ChallengeKey::from_bytes(&bytes);
        let state: &[&[u8]] = &[key.reveal().as_bytes(), idb64.as_bytes(), token.as_bytes()];
        let tokens = self.inner.links.tokens();
        let signed = tokens.issue(&PURPOSE, self.now(), state);
        Ok(format!("{}{SEPARATOR}{}", key.reveal(), signed.as_str()))
    }

    /// As [`log_in_by_link`](Self::log_in_by_link), for a form that may be sent twice, with the token that
    /// [its page](Self::log_in_form_token) gave it. Within a minute the second is answered with the session that the first has
    /// begun, for which it waits two seconds at most. With another token, or none, it is as without.
    ///
    /// # Errors
    /// As for [`log_in_by_link`](Self::log_in_by_link).
    ///
    /// # Cancel safety
    /// As for [`log_in_by_link`](Self::log_in_by_link).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::settings::Settings;
    /// use phone_auth_events::LoginEmail;
    /// # use phone_auth_events::VerifyEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup_by_code.txt")]
    /// let mut sent = signals.capture::<LoginEmail>();
    /// accounts.begin_log_in("ann@example.org", None).await?;
    /// let sent = sent.take().remove(0);
    /// let link = sent.link();
    ///
    /// let form = accounts.log_in_form_token(link.id, link.token)?;
    /// let first = accounts.log_in_by_link_form(link.id, link.token, &form, None).await?;
    /// let second = accounts.log_in_by_link_form(link.id, link.token, &form, None).await?;
    /// assert_eq!(second.key.reveal(), first.key.reveal());
    ///
    /// let other = accounts.log_in_by_link_form(link.id, link.token, "", None).await;
    /// assert!(other.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn log_in_by_link_form(
        &self,
        idb64: &str,
        token: &str,
        form_token: &str,
        previous: Option<&SessionKey>,
    ) -> Result<LoggedIn, FlowError<InvalidLink>> {
        let Some(repeatable) = self.repeatable_link(idb64, token, form_token) else {
            return self.log_in_by_link(idb64, token, previous).await;
        };
        let keys = SessionKeys::of(Some(&repeatable), self.randomness());
        let first = self.log_in_by_link_with(idb64, token, previous, &keys);
        match first.await {
            Err(FlowError::Refused(InvalidLink)) => {
                let again = self.begun_by_link(&repeatable).await?;
                again.ok_or(FlowError::Refused(InvalidLink))
            }
            first => first,
        }
    }

    /// The session that the form has begun a moment ago.
    async fn begun_by_link(&self, repeatable: &Repeatable) -> Result<Option<LoggedIn>, Failure> {
        let found = self.session_begun(repeatable).await?;
        let now = self.now();
        let found = found.filter(|found| {
            // Of a session that is shared with Django it is not known since when it is there.
            let began = found.session.created_at;
            let age = |began: DateTime<Utc>| (now - began).abs().to_std().unwrap_or(LIFETIME);
            began.is_none_or(|began| age(began) < Self::CODE_IS_REPEATED_WITHIN)
        });
        Ok(found.map(|found| self.begun_before(found)))
    }

    /// Where the keys of the session come from that this form begins; none if no page gave it that token with this link.
    fn repeatable_link(&self, idb64: &str, token: &str, form_token: &str) -> Option<Repeatable> {
        let (key, signed) = form_token.split_once(SEPARATOR)?;
        let key = ChallengeKey::parse(key)?;
        let state: &[&[u8]] = &[key.reveal().as_bytes(), idb64.as_bytes(), token.as_bytes()];
        let (tokens, now) = (self.inner.links.tokens(), self.now());
        let checked = tokens.check(&PURPOSE, signed, now, LIFETIME, state);
        let of_link = format!("{idb64}/{token}");
        (checked.is_ok()).then(|| self.repeatable_by("session-of-link", &key, &of_link))
    }
}
