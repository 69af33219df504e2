//! A form that asks for a message and is sent twice, by a double click, in a browser that has no key of a challenge yet: one
//! message is sent, and the second is answered as the first. A browser that has such a key is known by that.

use std::sync::Arc;

use super::resend::CodeRequest;
use super::sealed::Seal;
use super::turns::Turn;
use super::{Accounts, Failure};
use crate::challenge::{ChallengeId, ChallengeKey, KeptChallenge};
use crate::outbox::Purpose;

impl Accounts {
    /// These flows with a secret of the browser that sends the form: what the form has in its hidden field
    /// `csrfmiddlewaretoken`, and for a flow that begins a session a random value of the page besides, such as that of
    /// `form_token`. Cheap, and shares everything else.
    ///
    /// By it [`begin_reset`](Self::begin_reset), [`begin_log_in`](Self::begin_log_in) and
    /// [`begin_sign_up`](Self::begin_sign_up) know the second of two clicks that come without the key of a challenge: it sends
    /// nothing, and gets the key that the first has got. For ten seconds, and in one process. So do [`log_in`](Self::log_in),
    /// [`begin_session`](Self::begin_session), [`reauthenticate`](Self::reauthenticate) and
    /// [`change_password`](Self::change_password) with the key of the session, in all processes of a site: of two clicks each
    /// proves for itself what it has to, and one session is left.
    ///
    /// # Security
    /// It must be a secret that no other browser can have: anyone who knows it gets the key of the challenge, if they ask for
    /// the same name from the same address within that time; or of the session, if they prove who they are as well.
    /// Where another host can plant the cookie that the token of a form is made of, as a sibling of the domain, the token
    /// alone is no secret: so no session should hang on it.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::ResetPasswordEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let mut sent = signals.capture::<ResetPasswordEmail>();
    /// let accounts = accounts.for_browser(Some("a secret of this browser"));
    /// let first = accounts.begin_reset("ann@example.org", None).await?;
    /// let second = accounts.begin_reset("ann@example.org", None).await?;
    /// assert_eq!(second.reveal(), first.reveal());
    /// assert_eq!(sent.take().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn for_browser(&self, secret: Option<&str>) -> Self {
        Self {
            browser: secret.filter(|it| !it.is_empty()).map(Arc::from),
            ..self.clone()
        }
    }

    /// Waits for the first click, if this may be the second: of a browser that has no key for what it asks of this flow.
    pub(super) async fn asks_once(
        &self,
        flow: &str,
        (request, claim): (&CodeRequest<'_>, Option<(&ChallengeKey, KeptChallenge)>),
    ) -> Option<AskedOnce<'_>> {
        let browser = self.browser.as_deref()?;
        if claim.is_some() || self.settings().limits.danger_off {
            return None;
        }
        let client = self.client.address().map(|it| it.to_string());
        let parts: [&[u8]; 6] = [
            b"asked",
            flow.as_bytes(),
            request.purpose.as_str().as_bytes(),
            request.subject.as_bytes(),
            client.as_deref().unwrap_or_default().as_bytes(),
            browser.as_bytes(),
        ];
        let asked = self.inner.limiter.question(&parts);
        let turn = self.turn(&asked).await;
        Some(AskedOnce {
            accounts: self,
            asked,
            seal: self.seal(&parts),
            purpose: request.purpose,
            _turn: turn,
        })
    }
}

/// A request of a browser, while no other of the same is under way.
pub(super) struct AskedOnce<'a> {
    accounts: &'a Accounts,
    asked: ChallengeId,
    seal: Seal,
    purpose: Purpose,
    _turn: Turn<'a>,
}

impl AskedOnce<'_> {
    /// The key that the first click has got, if its challenge is open: it begins with the message, so that one is sent. One that
    /// was used up meanwhile is no answer.
    pub(super) async fn before(once: Option<&Self>) -> Result<Option<ChallengeKey>, Failure> {
        let Some(once) = once else { return Ok(None) };
        let (accounts, now) = (once.accounts, once.accounts.now());
        let lately = &accounts.inner.asked_lately;
        let opened = lately.of(&once.asked, now, |sealed| once.seal.open(sealed));
        let Some(key) = opened.flatten().and_then(|key| ChallengeKey::parse(&key)) else {
            return Ok(None);
        };
        let kept = accounts.store().challenge(&key.id(), once.purpose).await?;
        let is_open = |it: &KeptChallenge| {
            it.proven_at.is_none() && it.attempts_left > 0 && it.expires_at > now
        };
        Ok(kept.filter(is_open).map(|_| key))
    }

    /// Remembers the key that this one gets.
    pub(super) fn remember(&self, key: &ChallengeKey) {
        let (lately, now) = (&self.accounts.inner.asked_lately, self.accounts.now());
        let sealed = self.seal.close(key.reveal(), now);
        lately.put(self.asked, now, sealed);
    }
}
