//! A right code that is sent twice, by a double click or by a browser that asks again.
//!
//! The first has ended the challenge. The second is answered as the first if what the first has done still holds: the reset
//! may still be made, the session is still there. It does nothing that the first has not done, so a code has no second life.
//! Forms that set a password and are sent twice are in `repeated_form`, the button of a log-in link in `repeated_link`.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::code_targets::CodeTargets;
use super::codes::read_code;
use super::repeatable::Repeatable;
use super::{Accounts, Failure, LoggedIn, ProvenReset};
use crate::challenge::{ChallengeKey, KeptChallenge};
use crate::link::LinkTarget;
use crate::outbox::Purpose;
use crate::sessions::FoundSession;
use crate::user::UserId;

/// How long is waited between two looks for a session that the first click is about to begin: two seconds in all.
const SHORT: &[u64] = &[50, 100, 200];
const LONG: &[u64] = &[400, 600, 650];

/// How long is waited between two looks whether a challenge has ended.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// How often it is looked whether a click before has ended a challenge by its last attempt: half a second in all. Anyone who uses
/// up the attempts of a challenge can have others look so, for nobody's as well.
const LOOKS_AT_LAST: usize = 10;

impl Accounts {
    /// How soon a right code that comes again is taken for a second click. For as long a browser should keep the key of a
    /// challenge whose code was right.
    pub const CODE_IS_REPEATED_WITHIN: Duration = Duration::from_mins(1);

    /// As [`prove_reset`](Self::prove_reset), for a form with the right code that was sent twice, by a double click: the first
    /// has ended the challenge, and this is answered as the first. None a minute later, or for any other code.
    ///
    /// # Security
    /// It proves no more than the first did, to the same browser, and the password is set once. Each try counts among the wrong
    /// codes of the address, so that a challenge which has ended is no place to guess.
    ///
    /// # Errors
    /// [`Limited`](super::FailureKind::Limited), there were too many wrong codes of this address;
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store.
    ///
    /// # Cancel safety
    /// It only reads, and counts.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::ResetPasswordEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let mut sent = signals.capture::<ResetPasswordEmail>();
    /// let key = accounts.begin_reset("ann@example.org", None).await?;
    /// let code = sent.take().remove(0).envelope.code.ok_or("no code")?;
    ///
    /// let first = accounts.prove_reset(&key, code.as_str()).await?;
    /// assert!(accounts.prove_reset(&key, code.as_str()).await.is_err());
    /// let second = accounts.repeated_code(&key, code.as_str()).await?.ok_or("none")?;
    /// assert_eq!(second.id, first.id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn repeated_code(
        &self,
        key: &ChallengeKey,
        typed: &str,
    ) -> Result<Option<ProvenReset>, Failure> {
        let target = self
            .repeated(key, Purpose::ResetPassword, typed, None)
            .await?;
        target.map(|target| self.proof(&target)).transpose()
    }

    /// As [`log_in_by_code`](Self::log_in_by_code), for a form with the right code that was sent twice: gives the session that
    /// the first has begun, with its key, which the browser may never have heard of. If the first is not at its end yet it is
    /// waited for, two seconds at most. None a minute later, for any other code, when the session is over, and where the code
    /// has led to [a new password](Self::new_password_by_code).
    ///
    /// # Security
    /// It begins nothing. The key of a session that begins with a code is derived from the key of the challenge, from the code
    /// and from the secret of the site, so the one who has the first two finds it; in another browser nobody has them. Each try
    /// counts among the wrong codes of the address.
    ///
    /// # Errors
    /// As for [`repeated_code`](Self::repeated_code).
    ///
    /// # Cancel safety
    /// It only reads, and counts.
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
    /// let key = accounts.begin_log_in("ann@example.org", None).await?;
    /// let code = sent.take().remove(0).envelope.code.ok_or("no code")?;
    ///
    /// let first = accounts.log_in_by_code(&key, code.as_str(), None).await?;
    /// let second = accounts.repeated_log_in(&key, code.as_str()).await?.ok_or("none")?;
    /// assert_eq!(second.key.reveal(), first.key.reveal());
    ///
    /// accounts.log_out(&first.key).await?;
    /// assert!(accounts.repeated_log_in(&key, code.as_str()).await?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn repeated_log_in(
        &self,
        key: &ChallengeKey,
        typed: &str,
    ) -> Result<Option<LoggedIn>, Failure> {
        let Some(repeatable) = self.repeatable(key, typed) else {
            return Ok(None);
        };
        let Some(targets) = self.ended_lately(key, Purpose::LogIn).await? else {
            return Ok(None);
        };
        let turn = self.turn(&key.id()).await;
        let counted = self.count_code(&targets, &key.id(), None).await?;
        let mut found = self.session_of(&repeatable).await?;
        if found.is_none() {
            if let Some(target) = self.proven_lately(targets, typed) {
                // Not only when the session is there: of many that wait for it the last would meet the counts of all.
                self.forget_wrong_codes(&counted).await;
                if self.asks_for_new_password(&target) {
                    return Ok(None);
                }
            }
            // Of another process, which is waited for. Those after this one wait as well while that is short: of many that wait at
            // once the last would meet the counts of all.
            found = self.session_begun_within(&repeatable, SHORT).await?;
            drop(turn);
            if found.is_none() {
                found = self.session_begun_within(&repeatable, LONG).await?;
            }
        }
        let Some(found) = found else {
            return Ok(None);
        };
        self.forget_wrong_codes(&counted).await;
        Ok(Some(self.begun_before(found)))
    }

    /// The target whose right code this was, at a challenge that it has ended.
    fn proven_lately(&self, targets: CodeTargets, typed: &str) -> Option<LinkTarget> {
        let code = read_code(typed)?;
        targets.into_used(&self.inner.links, &code, self.now())
    }

    /// The target of a challenge that its right code has ended a moment ago, if this is that code.
    pub(super) async fn repeated(
        &self,
        key: &ChallengeKey,
        purpose: Purpose,
        typed: &str,
        owner: Option<UserId>,
    ) -> Result<Option<LinkTarget>, Failure> {
        let Some(code) = read_code(typed) else {
            return Ok(None);
        };
        let Some(targets) = self.ended_lately(key, purpose).await? else {
            return Ok(None);
        };
        let _turn = self.turn(&key.id()).await;
        let counted = self.count_code(&targets, &key.id(), owner).await?;
        let target = targets.into_used(&self.inner.links, &code, self.now());
        if target.is_some() {
            self.forget_wrong_codes(&counted).await;
        }
        Ok(target)
    }

    /// Whose code was right a moment ago, by this challenge.
    pub(super) async fn ended_lately(
        &self,
        key: &ChallengeKey,
        purpose: Purpose,
    ) -> Result<Option<CodeTargets>, Failure> {
        let kept = self.after_its_last(key, purpose).await?;
        let now = self.now();
        // The first may have come to a server whose clock is ahead of this one's.
        let is_lately = |at: DateTime<Utc>| {
            let age = (now - at).abs().to_std();
            age.is_ok_and(|age| age < Self::CODE_IS_REPEATED_WITHIN)
        };
        match kept.filter(|kept| kept.proven_at.is_some_and(is_lately)) {
            Some(kept) => {
                let targets = self.code_targets(purpose, kept.addresses(), kept.subject);
                Ok(Some(targets.await?))
            }
            None => Ok(None),
        }
    }

    /// A challenge as it stands; where no attempts are left, once the one who has the last is at its end.
    async fn after_its_last(
        &self,
        key: &ChallengeKey,
        purpose: Purpose,
    ) -> Result<Option<KeptChallenge>, Failure> {
        let id = key.id();
        let mut kept = self.store().challenge(&id, purpose).await?;
        for _ in 0..LOOKS_AT_LAST {
            let is_open = |it: &KeptChallenge| {
                it.attempts_left == 0 && it.proven_at.is_none() && it.expires_at > self.now()
            };
            if !kept.as_ref().is_some_and(is_open) {
                break;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
            kept = self.store().challenge(&id, purpose).await?;
        }
        Ok(kept)
    }

    /// Where the keys of a session come from that begins with this code; none if what was typed is no code.
    pub(super) fn repeatable(&self, key: &ChallengeKey, typed: &str) -> Option<Repeatable> {
        let code = read_code(typed)?;
        Some(self.repeatable_by("session-of-code", key.reveal(), &code))
    }

    /// The session that a first click begins, as soon as there is one: it is waited for.
    pub(super) async fn session_begun(
        &self,
        repeatable: &Repeatable,
    ) -> Result<Option<FoundSession>, Failure> {
        match self.session_begun_within(repeatable, SHORT).await? {
            None => self.session_begun_within(repeatable, LONG).await,
            found => Ok(found),
        }
    }

    /// The same, where it is looked after each of these waits, in milliseconds.
    async fn session_begun_within(
        &self,
        repeatable: &Repeatable,
        waits: &[u64],
    ) -> Result<Option<FoundSession>, Failure> {
        for wait in waits {
            tokio::time::sleep(Duration::from_millis(*wait)).await;
            if let Some(found) = self.session_of(repeatable).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The session that has begun with the key from there, if it is alive.
    pub(super) async fn session_of(
        &self,
        repeatable: &Repeatable,
    ) -> Result<Option<FoundSession>, Failure> {
        let sessions = self.session_port();
        let key = repeatable.key(sessions)?;
        sessions.find(&key, self.now()).await
    }
}
