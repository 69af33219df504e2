//! Logging in by a link that was sent: by a click in the browser that asked, and elsewhere by the code that stands beside it.
//!
//! Programs open the links of messages, and press the buttons behind them. None of them types what stands beside a link into a
//! field that asks for it in words; who does has the message. So a link alone begins a session only where it was asked for, or
//! where its message says no code.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use phone_auth_events::Carries;

use super::codes::read_code;
use super::request_reset::SentTo;
use super::resend::ATTEMPTS;
use super::turns::Turn;
use super::unshown_password::NotBegun;
use super::used_up::UsedUp;
use super::{Accounts, CodeRefusal, Failure, FlowError, InvalidLink, LoggedIn};
use crate::address::AddressRecord;
use crate::challenge::{ChallengeKey, NewChallenge};
use crate::link::{LinkTarget, RightCode};
use crate::outbox::Purpose;
use crate::session::SessionKey;

/// What the form of a log-in link says. Its `Debug` shows nothing.
#[derive(Clone, Copy, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; without one of them it is as if the form had not said it"
)]
pub struct LinkForm<'a> {
    /// The keys of the codes that its browser has asked for.
    pub asked: &'a [ChallengeKey],
    /// What was typed as the code that stands in the message beside the link, where the page
    /// [asks](Accounts::link_asks_for_code) for one.
    pub code: &'a str,
    /// The token that [its page](Accounts::log_in_form_token) gave it, by which it is known when it comes a second time.
    pub token: &'a str,
}

impl fmt::Debug for LinkForm<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LinkForm(…)")
    }
}

/// Why [`Accounts::log_in_by_link`] refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum LogInLinkRefusal {
    /// The link does not work, or does not work any more.
    #[error(transparent)]
    Link(InvalidLink),
    /// The link works and asks for the code beside it, and what was typed is not that. It is
    /// [`Unreadable`](CodeRefusal::Unreadable) where nothing was typed, which uses up nothing, and
    /// [`Over`](CodeRefusal::Over) when the attempts of this link are used up.
    #[error(transparent)]
    Code(CodeRefusal),
    /// The link works, and so does the code beside it, and they log nobody in: the password of the account may have been set by
    /// someone who never had the address. The one who has it chooses another, by
    /// [`new_password_by_link`](Accounts::new_password_by_link).
    #[error("the link works, and a new password comes first")]
    NewPassword,
}

/// Whom a link logs in whose button was pressed; and if it asked for a code the turn at that, and the challenge that it ended.
type Pressed<'a> = (LinkTarget, Option<(Turn<'a>, UsedUp)>);

impl Accounts {
    /// Logs a user in by the link that was sent to them, as [`log_in_by_code`](Self::log_in_by_code) does, with the sender
    /// `log_in_by_link`. The link dies with it, and the code beside it. Of several uses at the same moment one succeeds.
    ///
    /// In the browser that asked for it the link is enough; in another the form must say the code beside it, where
    /// [`link_asks_for_code`](Self::link_asks_for_code) says so.
    ///
    /// A form that is sent twice, with the token that [its page](Self::log_in_form_token) gave it, is answered within a minute
    /// with the session that the first has begun: it waits until that is through, and for one that another process has begun
    /// two seconds at most.
    ///
    /// # Security
    /// Call it for a click, never for a link that was opened: programs open links too, and press buttons. A form without a code
    /// is no attempt. A wrong one takes one of the five of this link, whatever browser it comes from and whatever has become of
    /// the challenge of the browser that asked, and counts among the wrong codes of the address; it fires `user_login_failed`, with
    /// the sender `log_in_by_code`.
    ///
    /// # Errors
    /// - [`Link`](LogInLinkRefusal::Link): as for [`check_log_in_link`](Self::check_log_in_link).
    /// - [`Code`](LogInLinkRefusal::Code): as for [`prove_reset`](Self::prove_reset); the link works still.
    /// - [`NewPassword`](LogInLinkRefusal::NewPassword): as for [`log_in_by_code`](Self::log_in_by_code); the link works still, and
    ///   a code that was typed is used.
    /// - [`Failed`](FlowError::Failed): [`Limited`](super::FailureKind::Limited), there were too many wrong codes of this
    ///   address, after a hundred in a row for 30 days; [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store.
    ///   [`Referenced`](super::FailureKind::Referenced) where a table of the application refers to a row that the proof of the
    ///   address would end; nothing was changed.
    ///
    /// # Cancel safety
    /// As for [`log_in`](Self::log_in); the link may be spent.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{CodeRefusal, FlowError, InvalidLink, LinkForm, LogInLinkRefusal};
    /// use phone_auth_core::settings::Settings;
    /// use phone_auth_events::LoginEmail;
    /// # use phone_auth_events::VerifyEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup_by_code.txt")]
    /// let mut sent = signals.capture::<LoginEmail>();
    /// let key = accounts.begin_log_in("ann@example.org", None).await?;
    /// let sent = sent.take().remove(0);
    /// let link = sent.link();
    /// assert_eq!(accounts.open_log_in_link(link.id, link.token).await?.user.username, "ann");
    ///
    /// // In another browser it asks for the code; in the one that asked it does not.
    /// let elsewhere = LinkForm::default();
    /// let asks = accounts.log_in_by_link(link.id, link.token, &elsewhere, None).await;
    /// let unread = LogInLinkRefusal::Code(CodeRefusal::Unreadable);
    /// assert!(matches!(asks, Err(FlowError::Refused(refusal)) if refusal == unread));
    /// let here = LinkForm { asked: &[key], ..elsewhere };
    /// accounts.log_in_by_link(link.id, link.token, &here, None).await?;
    ///
    /// let again = accounts.log_in_by_link(link.id, link.token, &here, None).await;
    /// assert!(matches!(again, Err(FlowError::Refused(LogInLinkRefusal::Link(InvalidLink)))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn log_in_by_link(
        &self,
        idb64: &str,
        token: &str,
        form: &LinkForm<'_>,
        previous: Option<&SessionKey>,
    ) -> Result<LoggedIn, FlowError<LogInLinkRefusal>> {
        let repeatable = self.repeatable_link(idb64, token, form).map(Arc::new);
        let turn = match &repeatable {
            Some(_) => self.turn_at_form(form).await,
            None => None,
        };
        let first = match self.pressed(idb64, token, form).await {
            Ok((target, pressed)) => {
                let key = repeatable.clone();
                let mut asked = Vec::new();
                for key in form.asked {
                    if self.asked_to_log_in(key, &target.address).await? {
                        asked.push(key.id());
                    }
                }
                let (turn, used) = pressed.unzip();
                let proven = ((target, asked), used);
                let begun = self.log_in_proven("log_in_by_link", proven, previous, key);
                let begun = begun.await;
                // Only now: who types the same code beside it finds the session there.
                drop(turn);
                begun.map_err(|error| {
                    error.map_refusal(|refusal| match refusal {
                        NotBegun::Link(refusal) => LogInLinkRefusal::Link(refusal),
                        NotBegun::NewPassword => LogInLinkRefusal::NewPassword,
                    })
                })
            }
            Err(error) => Err(error),
        };
        let over = LogInLinkRefusal::Link(InvalidLink);
        match (first, repeatable) {
            (Err(FlowError::Refused(refusal)), Some(repeatable)) if refusal == over => {
                if let Some(again) = self.begun_by_link(&repeatable, false).await? {
                    return Ok(again);
                }
                drop(turn);
                if !self.may_wait_at_link(idb64, token).await? {
                    return Err(FlowError::Refused(over));
                }
                let again = self.begun_by_link(&repeatable, true).await?;
                again.ok_or(FlowError::Refused(over))
            }
            (first, _) => first,
        }
    }

    /// Whether a log-in link that was sent to this address asks for the code beside it, in a browser that has the keys of these
    /// codes: not where a code was asked for that went to this address, and not where the [message](crate::settings::Settings::carries) has no code.
    ///
    /// # Errors
    /// [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store.
    ///
    /// # Cancel safety
    /// It only reads.
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
    /// let sent = sent.take().remove(0);
    /// let link = accounts.open_log_in_link(sent.link().id, sent.link().token).await?;
    /// assert!(accounts.link_asks_for_code(&link.address, &[]).await?);
    /// assert!(!accounts.link_asks_for_code(&link.address, &[key]).await?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn link_asks_for_code(
        &self,
        address: &AddressRecord,
        asked: &[ChallengeKey],
    ) -> Result<bool, Failure> {
        if self.settings().carries(address.kind, &address.value) == Carries::Link {
            return Ok(false);
        }
        for key in asked {
            if self.asked_to_log_in(key, address).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn pressed(
        &self,
        idb64: &str,
        token: &str,
        form: &LinkForm<'_>,
    ) -> Result<Pressed<'_>, FlowError<LogInLinkRefusal>> {
        let over = FlowError::Refused(LogInLinkRefusal::Link(InvalidLink));
        let Some(target) = self.log_in_target(idb64, token).await? else {
            return Err(over);
        };
        if !self.link_asks_for_code(&target.address, form.asked).await? {
            return Ok((target, None));
        }
        let refused = |refusal| FlowError::Refused(LogInLinkRefusal::Code(refusal));
        // The form as it came, or filled with anything, as programs send it.
        if read_code(form.code).is_none() {
            return Err(refused(CodeRefusal::Unreadable));
        }
        let used = self.challenge_of_used(&target);
        // The second of two clicks. The first has used the code, and need not have ended the link.
        let again = self.repeated(&used.0, Purpose::LogIn, form.code, None);
        if let Some(again) = again.await? {
            return Ok((again, None));
        }
        let new = self.challenge_of_link(&target);
        self.store().open_challenge(&new.1).await?;
        let turn = self.turn(&new.1.id).await;
        let error = match self.proven(&new.0, Purpose::LogIn, form.code, None).await {
            Ok((target, used)) => return Ok((target, Some((turn, used)))),
            Err(error) => error,
        };
        // What follows waits where all attempts are used up: not one after the other.
        drop(turn);
        let is_past = matches!(
            error,
            FlowError::Refused(CodeRefusal::Wrong { .. } | CodeRefusal::Over)
        );
        if !is_past || self.ended_lately(&new.0, Purpose::LogIn).await?.is_none() {
            return Err(error.map_refusal(LogInLinkRefusal::Code));
        }
        // The first came in between. It may never have come to its end: of both, who ends the link goes on.
        let again = self.repeated(&new.0, Purpose::LogIn, form.code, None);
        let again = again.await?.ok_or(over)?;
        Ok((again, None))
    }

    /// The challenge of a link itself, for who has no key of any: every browser that opens the link shares its attempts, which
    /// are apart from those of the browsers that asked. Its key is derived, and so the same each time, until the code beside it
    /// is used: the one that takes its place has a challenge of its own.
    fn challenge_of_link(&self, target: &LinkTarget) -> (ChallengeKey, NewChallenge) {
        self.challenge_of_code_at(target, target.code_at)
    }

    /// The challenge that a code has ended, beside this link, whose place another has taken since.
    pub(super) fn challenge_of_used(&self, target: &LinkTarget) -> (ChallengeKey, NewChallenge) {
        let before = |code_at| RightCode::code_at_before(Purpose::LogIn, code_at);
        self.challenge_of_code_at(target, target.code_at.map(before))
    }

    fn challenge_of_code_at(
        &self,
        target: &LinkTarget,
        code_at: Option<DateTime<Utc>>,
    ) -> (ChallengeKey, NewChallenge) {
        let (address, user) = (&target.address, target.user.id.get().to_be_bytes());
        let id = address.id.get().to_be_bytes();
        let micros = |at: DateTime<Utc>| at.timestamp_micros();
        let newest = target.newest.map_or(0, micros).to_be_bytes();
        let code_at = code_at.map_or(0, micros).to_be_bytes();
        let about = [
            b"link".as_slice(),
            address.kind.as_str().as_bytes(),
            &id,
            &user,
            &newest,
            &code_at,
        ];
        let key = self.inner.limiter.challenge_key(&about);
        let (now, sent) = (self.now(), SentTo::at(address.kind, address.id));
        let channel = self.channel_to(address.kind);
        let new = NewChallenge {
            id: key.id(),
            previous: None,
            purpose: Purpose::LogIn,
            subject: self.challenge_subject(Purpose::LogIn, &about, channel),
            email: sent.email,
            phone: sent.phone,
            attempts: ATTEMPTS,
            created_at: now,
            expires_at: self.challenge_expiry(now),
            sends: 1,
            resend_at: now,
        };
        (key, new)
    }
}
