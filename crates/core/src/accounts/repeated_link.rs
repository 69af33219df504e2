//! The button of a log-in link that is pressed twice, by a double click or by a browser that asks again.
//!
//! The first has used the link up. The page gives its form a token, and a form that comes with one for the second time within
//! a minute is answered as the first, if the session that it began is still there: no other begins.

use std::time::Duration;

use chrono::{DateTime, Utc};
use phone_auth_events::Limit;
use phone_auth_tokens::Purpose;
use zeroize::Zeroizing;

use super::codes::read_code;
use super::limits::Asking;
use super::repeatable::Repeatable;
use super::turns::Turn;
use super::{Accounts, Failure, LinkForm, LoggedIn};
use crate::challenge::ChallengeKey;

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
    /// ```
    /// use phone_auth_core::accounts::LinkForm;
    /// use phone_auth_core::settings::Settings;
    /// use phone_auth_events::LoginEmail;
    /// # use phone_auth_events::VerifyEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup_by_code.txt")]
    /// let mut sent = signals.capture::<LoginEmail>();
    /// let asked = [accounts.begin_log_in("ann@example.org", None).await?];
    /// let sent = sent.take().remove(0);
    /// let link = sent.link();
    ///
    /// let of_page = accounts.log_in_form_token(link.id, link.token)?;
    /// let form = LinkForm { asked: &asked, code: "", token: &of_page };
    /// let first = accounts.log_in_by_link(link.id, link.token, &form, None).await?;
    /// let second = accounts.log_in_by_link(link.id, link.token, &form, None).await?;
    /// assert_eq!(second.key.reveal(), first.key.reveal());
    ///
    /// let other = LinkForm { token: "", ..form };
    /// assert!(accounts.log_in_by_link(link.id, link.token, &other, None).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn log_in_form_token(&self, idb64: &str, token: &str) -> Result<String, Failure> {
        let mut bytes = Zeroizing::new([0; ChallengeKey::BYTES]);
        self.randomness().fill(bytes.as_mut())?;
        let key = ChallengeKey::from_bytes(&bytes);
        let state: &[&[u8]] = &[key.reveal().as_bytes(), idb64.as_bytes(), token.as_bytes()];
        let tokens = self.inner.links.tokens();
        let signed = tokens.issue(&PURPOSE, self.now(), state);
        Ok(format!("{}{SEPARATOR}{}", key.reveal(), signed.as_str()))
    }

    /// Whether a press of a button whose link is used up may wait for what another press has begun. Anyone who has the link can
    /// have any number of pages, so it is counted by the link.
    pub(super) async fn may_wait_at_link(&self, idb64: &str, token: &str) -> Result<bool, Failure> {
        let asking = Asking {
            flow: "log_in_by_link",
            user: None,
            is_stranger: true,
        };
        let about = [b"button", idb64.as_bytes(), token.as_bytes()];
        let counters = self.counters().about(Limit::PasswordChecks, &about, &[]);
        match self.count(&asking, counters).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.limited_for().is_some() => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// The session that the form has begun a moment ago: one that is there, or one that is waited for.
    pub(super) async fn begun_by_link(
        &self,
        repeatable: &Repeatable,
        waits: bool,
    ) -> Result<Option<LoggedIn>, Failure> {
        let found = if waits {
            self.session_begun(repeatable).await?
        } else {
            self.session_of(repeatable).await?
        };
        let now = self.now();
        let found = found.filter(|found| {
            // Of a session that is shared with Django it is not known since when it is there.
            let began = found.session.created_at;
            let age = |began: DateTime<Utc>| (now - began).abs().to_std().unwrap_or(LIFETIME);
            began.is_none_or(|began| age(began) < Self::CODE_IS_REPEATED_WITHIN)
        });
        Ok(found.map(|found| self.begun_before(found)))
    }

    /// The turn at the forms of one page: each finds what the one before has done, however long that took.
    pub(super) async fn turn_at_form<'a>(&'a self, form: &LinkForm<'_>) -> Option<Turn<'a>> {
        let (key, _) = form.token.split_once(SEPARATOR)?;
        let key = ChallengeKey::parse(key)?;
        Some(self.turn(&key.id()).await)
    }

    /// Where the keys of the session come from that this form begins; none if no page gave it that token with this link. What it
    /// says as the code is a part of it: with another code it is another form.
    pub(super) fn repeatable_link(
        &self,
        idb64: &str,
        token: &str,
        form: &LinkForm<'_>,
    ) -> Option<Repeatable> {
        let (key, signed) = form.token.split_once(SEPARATOR)?;
        let key = ChallengeKey::parse(key)?;
        let state: &[&[u8]] = &[key.reveal().as_bytes(), idb64.as_bytes(), token.as_bytes()];
        let (tokens, now) = (self.inner.links.tokens(), self.now());
        let checked = tokens.check(&PURPOSE, signed, now, LIFETIME, state);
        let code = read_code(form.code).unwrap_or_default();
        let sent = Zeroizing::new(format!("{idb64}/{token}/{}", code.as_str()));
        (checked.is_ok()).then(|| self.repeatable_by("session-of-link", key.reveal(), &sent))
    }
}
