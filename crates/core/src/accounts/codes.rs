//! Codes: asked for by one browser, and typed there.

use phone_auth_events::{Limit, LoginFailure, Sender, UserLoginFailed};
use zeroize::Zeroizing;

use super::asked_once::AskedOnce;
use super::limits::Counted;
use super::own_codes::Begun;
use super::resend::{ATTEMPTS, Claim};
use super::used_up::{EndedChallenge, UsedUp};
use super::{
    Accounts, CurrentUser, Failure, FailureKind, FlowError, ResetRequestRefusal, Verification,
    VerificationRequestRefusal,
};
use crate::address::{AddressId, AddressKind};
use crate::challenge::{Challenge, ChallengeId, ChallengeKey};
use crate::characters::{decimal_digit, is_dash, is_format, is_space};
use crate::link::{Addressed, LinkTarget, RightCode};
use crate::outbox::Purpose;
use crate::user::UserId;

/// The most characters of what was typed as a code that are looked at.
const MAX_TYPED: usize = 32;

/// What was typed as a code, in ASCII: exactly so many digits as a code has. Spaces, dashes and what only formats are passed
/// over, and digits of every script are read.
pub(super) fn read_code(typed: &str) -> Option<Zeroizing<String>> {
    let mut code = Zeroizing::new(String::with_capacity(MAX_TYPED));
    for (place, c) in typed.chars().enumerate() {
        if place >= MAX_TYPED {
            return None;
        }
        if !(is_space(c) || is_dash(c) || is_format(c)) {
            code.push(decimal_digit(c)?);
        }
    }
    (code.len() == phone_auth_tokens::OneTimeCode::DIGITS).then_some(code)
}

/// A password reset whose code was right: what goes on as the reset link does.
#[derive(Debug)]
#[non_exhaustive]
pub struct ProvenReset {
    /// The id that a reset link has in its path.
    pub id: String,
    /// The token that a reset link has in its path; for [`reset_password`](Accounts::reset_password).
    pub token: ResetToken,
}

/// The token of a reset link. Its `Debug` shows nothing.
pub struct ResetToken(Zeroizing<String>);

impl ResetToken {
    /// Its text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ResetToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ResetToken(…)")
    }
}

/// Why a code is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum CodeRefusal {
    /// What was typed is no code: it has not six digits. Nothing was tried.
    #[error("what was typed has not six digits")]
    Unreadable,
    /// It is another code than the one that was sent, or that one is over.
    #[error("the code is wrong")]
    Wrong {
        /// How many attempts are left.
        left: u32,
    },
    /// The challenge is over: it was used, replaced by another, tried too often or begun too long ago; or another browser
    /// began it. A new code has to be asked for. Which it was is not told.
    #[error("the challenge is over")]
    Over,
    /// The code was right, and logs nobody in: the password of the account may have been set by someone who never had the
    /// address. The one who has it chooses another, by [`new_password_by_code`](Accounts::new_password_by_code). Only
    /// [`log_in_by_code`](Accounts::log_in_by_code) refuses so.
    #[error("the code is right, and a new password comes first")]
    NewPassword,
}

/// A right code, whose challenge has not ended yet.
pub(super) struct Right {
    target: LinkTarget,
    counted: Counted,
    purpose: Purpose,
    challenge: Challenge,
}

impl Accounts {
    /// As [`request_password_reset`](Self::request_password_reset), and the message also has a code, which is good for who
    /// has the key that this gives: the browser that asked. With the code that browser goes on as with the link, by
    /// [`prove_reset`](Self::prove_reset).
    ///
    /// `previous` is the key that the browser got the last time, if it has one. If it was for the same name, it stays the key:
    /// another message is sent, and no attempts come back. The first can be sent after 30 s, the next after 1, 2, 4 and so on
    /// up to 32 minutes, and when the attempts are used up, when the code is over; [`pending_code`](Self::pending_code) says when.
    /// A request within ten seconds of the one before is taken for a second click, and sends nothing. A key for another name
    /// stays good for the code of that, beside the one that this gives.
    ///
    /// # Security
    /// A name that nobody has gets a key as well, of a challenge that no code answers.
    ///
    /// # Errors
    /// - [`TooSoon`](ResetRequestRefusal::TooSoon): see above.
    /// - As for [`request_password_reset`](Self::request_password_reset).
    ///
    /// # Cancel safety
    /// The message is enqueued and its challenge begins, or neither; without an outbox there may be one of them. For a challenge
    /// that is there already a message may count as sent that was not: the next request is then taken as a second click for ten
    /// seconds, and waits as long as after a message.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{CodeRefusal, FlowError};
    /// use phone_auth_events::ResetPasswordEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let mut sent = signals.capture::<ResetPasswordEmail>();
    /// let key = accounts.begin_reset("ann@example.org", None).await?;
    /// let code = sent.take().remove(0).envelope.code.ok_or("no code")?;
    ///
    /// let other = accounts.begin_reset("bob@example.org", None).await?;
    /// let refused = accounts.prove_reset(&other, code.as_str()).await;
    /// assert!(matches!(refused, Err(FlowError::Refused(CodeRefusal::Wrong { left: 4 }))));
    ///
    /// let proven = accounts.prove_reset(&key, code.as_str()).await?;
    /// let new = Password::new("battery staple");
    /// accounts.reset_password(&proven.id, proven.token.reveal(), &new, &new).await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn begin_reset(
        &self,
        login: &str,
        previous: Option<&ChallengeKey>,
    ) -> Result<ChallengeKey, FlowError<ResetRequestRefusal>> {
        self.begin_named(Purpose::ResetPassword, login, previous)
            .await
    }

    /// Has a message with a code sent to who is named, if it is time.
    pub(super) async fn begin_named(
        &self,
        purpose: Purpose,
        login: &str,
        previous: Option<&ChallengeKey>,
    ) -> Result<ChallengeKey, FlowError<ResetRequestRefusal>> {
        let name = self.read_named(purpose, login).await?;
        let mut request = self.code_for(purpose, &name, previous);
        let claim = match self.may_send(&mut request).await? {
            Claim::Done(key) => return Ok(key),
            Claim::TooSoon { wait, .. } => {
                return Err(FlowError::Refused(ResetRequestRefusal::TooSoon { wait }));
            }
            Claim::Send(claim) => claim,
        };
        let once = self.asks_once("named", (&request, claim)).await;
        if let Some(key) = AskedOnce::before(once.as_ref()).await? {
            return Ok(key);
        }
        // Only now: the second click has an answer that is used up, and who has to wait costs the gate nothing.
        self.ask_gate_about(purpose, &name).await?;
        if let (Some((key, _)), false) = (claim, self.claim_send(request, claim).await?) {
            return Ok(key.clone());
        }
        let asked = self.asked(request, claim)?;
        if let Some(once) = &once {
            // A browser may give the first click up while its message is being sent.
            once.remember(asked.new_key());
        }
        match self.send_named(purpose, name, Some(&asked)).await {
            Ok(sent) => Ok(asked.key(sent)),
            Err(error) => {
                self.release_send(claim).await;
                Err(error)
            }
        }
    }

    /// Takes the code of a reset, and gives what the link in the same message has in its path. The challenge ends.
    ///
    /// # Errors
    /// - [`Unreadable`](CodeRefusal::Unreadable), [`Wrong`](CodeRefusal::Wrong) or [`Over`](CodeRefusal::Over).
    /// - [`Failed`](FlowError::Failed): [`Limited`](super::FailureKind::Limited), there were too many wrong codes of this
    ///   address; [`Unavailable`](super::FailureKind::Unavailable) or [`Broken`](super::FailureKind::Broken), the store.
    ///
    /// # Cancel safety
    /// An attempt may be spent.
    ///
    /// # Examples
    /// See [`begin_reset`](Self::begin_reset).
    pub async fn prove_reset(
        &self,
        key: &ChallengeKey,
        typed: &str,
    ) -> Result<ProvenReset, FlowError<CodeRefusal>> {
        let _turn = self.turn(&key.id()).await;
        let proven = self.proven(key, Purpose::ResetPassword, typed, None);
        Ok(self.proof(&proven.await?.0)?)
    }

    /// What a reset link has in its path.
    pub(super) fn proof(&self, target: &LinkTarget) -> Result<ProvenReset, Failure> {
        let links = &self.inner.links;
        let minted = links.mint(Purpose::ResetPassword, target, self.now());
        let token = minted.and_then(|(_, token)| token);
        let token = token.ok_or_else(|| Failure::new(FailureKind::Broken))?;
        links.announce(Some(&token));
        Ok(ProvenReset {
            id: phone_auth_urls::id::encode_user(target.user.id.get()),
            token: ResetToken(Addressed::of(&target.address, token.as_str()).text()),
        })
    }

    /// As [`request_verification`](Self::request_verification), and the message also has a code, which is good for the one who
    /// has the key that this gives, by [`verify_by_code`](Self::verify_by_code). None for an address that is verified already.
    ///
    /// All browsers of a user have the same key for an address: only its user can ask, and no browser gets attempts by asking
    /// without the key. When another message can be sent is as for [`begin_reset`](Self::begin_reset), in all of them.
    ///
    /// # Errors
    /// - [`TooSoon`](VerificationRequestRefusal::TooSoon), as for [`begin_reset`](Self::begin_reset); and no sooner than the
    ///   limits of such messages let it.
    /// - As for [`request_verification`](Self::request_verification).
    ///
    /// # Cancel safety
    /// As for [`begin_reset`](Self::begin_reset).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::Verification;
    /// use phone_auth_events::VerifyEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    /// let email = &accounts.addresses(&current_user).await?[0];
    /// let mut sent = signals.capture::<VerifyEmail>();
    /// let key = accounts.begin_verification(&current_user, email.kind, email.id).await?;
    /// let key = key.ok_or("verified already")?;
    /// let code = sent.take().remove(0).envelope.code.ok_or("no code")?;
    ///
    /// let verified = accounts.verify_by_code(&current_user, &key, code.as_str()).await?;
    /// assert!(matches!(verified, Verification::Verified(..)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn begin_verification(
        &self,
        current_user: &CurrentUser,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<ChallengeKey>, FlowError<VerificationRequestRefusal>> {
        let Some((address, user)) = self.read_verification(current_user, kind, id).await? else {
            return Ok(None);
        };
        let key = self.verification_key(&address, user.id);
        match self
            .begin_own(Purpose::Verify, (user, address), key)
            .await?
        {
            Begun::Waits(key) => Ok(Some(key)),
            Begun::TooSoon(wait) => {
                let refusal = VerificationRequestRefusal::TooSoon { wait };
                Err(FlowError::Refused(refusal))
            }
        }
    }

    /// Verifies an address of a user by the code that was sent to it. Fires `email_verified` or `phone_verified` if that
    /// changed anything. The challenge ends.
    ///
    /// # Errors
    /// As for [`prove_reset`](Self::prove_reset). A challenge of another user is [`Over`](CodeRefusal::Over).
    ///
    /// # Cancel safety
    /// The address is verified or not, and an attempt may be spent; the signal may be missing where the store had not answered
    /// yet.
    ///
    /// # Examples
    /// See [`begin_verification`](Self::begin_verification).
    pub async fn verify_by_code(
        &self,
        current_user: &CurrentUser,
        key: &ChallengeKey,
        typed: &str,
    ) -> Result<Verification, FlowError<CodeRefusal>> {
        let owner = Some(current_user.user().id);
        let turn = self.turn(&key.id()).await;
        let (target, used) = match self.proven(key, Purpose::Verify, typed, owner).await {
            // The second of two clicks: the first may not have come to its end.
            Err(FlowError::Refused(CodeRefusal::Over)) => {
                drop(turn);
                let repeated = self.repeated(key, Purpose::Verify, typed, owner).await?;
                let own = repeated.filter(|it| owner == Some(it.user.id));
                let own = own.ok_or(FlowError::Refused(CodeRefusal::Over));
                (own?, None)
            }
            proven => proven.map(|(target, used)| (target, Some(used)))?,
        };
        let issued_at = target.code_at.unwrap_or_default();
        let client = self.client.clone().signed_in(current_user);
        let verified = self
            .for_client(client)
            .verify_target(target, issued_at)
            .await;
        if let (Err(FlowError::Failed(_)), Some(used)) = (&verified, used) {
            self.give_used_back(used).await;
        }
        verified.map_err(|error| error.map_refusal(|_| CodeRefusal::Over))
    }

    /// The target whose code was typed; the challenge has ended, which can be given back.
    pub(super) async fn proven(
        &self,
        key: &ChallengeKey,
        purpose: Purpose,
        typed: &str,
        owner: Option<UserId>,
    ) -> Result<(LinkTarget, UsedUp), FlowError<CodeRefusal>> {
        let right = self.compared(key, purpose, typed, owner).await?;
        self.end_proven(&key.id(), right).await
    }

    /// Ends a challenge whose code was right, and the code. Of two who type it at once, in whichever browsers, one goes on. The
    /// other was not wrong either: of many at several processes the last would meet the counts of those before it.
    pub(super) async fn end_proven(
        &self,
        id: &ChallengeId,
        right: Right,
    ) -> Result<(LinkTarget, UsedUp), FlowError<CodeRefusal>> {
        let (target, counted) = (right.target, right.counted);
        let over = FlowError::Refused(CodeRefusal::Over);
        let Some(code) = RightCode::of(right.purpose, &target) else {
            return Err(over);
        };
        let ended = EndedChallenge {
            id: *id,
            code,
            challenge: right.challenge,
            at: self.now(),
        };
        let is_first = match self.end_by_code(&ended).await {
            Ok(is_first) => is_first,
            Err(error) => {
                self.give_used_back(UsedUp::attempt(target, ended)).await;
                return Err(error.into());
            }
        };
        self.forget_wrong_codes(&counted).await;
        let used = is_first.then(|| UsedUp::code(target.clone(), ended));
        Ok((target, used.ok_or(over)?))
    }

    /// The target whose code was typed, at a challenge that has not ended yet. Everybody takes the same way, for nobody's
    /// challenge too: an attempt is taken, then counted at the address or at what was typed, and only then is anything compared.
    pub(super) async fn compared(
        &self,
        key: &ChallengeKey,
        purpose: Purpose,
        typed: &str,
        owner: Option<UserId>,
    ) -> Result<Right, FlowError<CodeRefusal>> {
        let refused = |refusal| Err(FlowError::Refused(refusal));
        let Some(code) = read_code(typed) else {
            return refused(CodeRefusal::Unreadable);
        };
        let now = self.now();
        let id = key.id();
        // Where this browser was told a moment ago to wait, nothing is read or written for it.
        // It was told of when it was met.
        let limit = Limit::WrongCodes;
        let about: [&[u8]; 2] = [b"challenge", id.as_bytes().as_slice()];
        let waits = self.counters().about(limit, &about, &[]).into_hits();
        let limiter = &self.inner.limiter;
        if let Some((_, wait)) = limiter.recall(&waits, now) {
            return Err(Failure::new(FailureKind::Limited { limit, wait }).into());
        }
        let taken = self.store().attempt_challenge(&id, purpose, now).await?;
        let Some(challenge) = taken else {
            return refused(CodeRefusal::Over);
        };
        let targets = self.code_targets(purpose, challenge.addresses(), challenge.subject);
        let targets = self.unless_untried((&id, purpose), &challenge, targets.await);
        let targets = targets.await?;
        if owner.is_some_and(|owner| targets.iter().any(|it| it.user.id != owner)) {
            return refused(CodeRefusal::Over);
        }
        let user = targets.iter().next().map(|it| it.user.to_event_user());
        let counted = self.count_code(&targets, &id, owner).await;
        if let Some(wait) = counted.as_ref().err().and_then(Failure::limited_for) {
            for hit in &waits {
                limiter.remember(hit.key, now, wait);
            }
        }
        let counted = self.unless_untried((&id, purpose), &challenge, counted);
        let counted = counted.await?;
        let Some(target) = targets.into_proven(&self.inner.links, &code, now) else {
            let left = challenge.attempts_left;
            let flow = match purpose {
                Purpose::LogIn => Some("log_in_by_code"),
                Purpose::Confirm => Some("reauthenticate_by_code"),
                _ => None,
            };
            if let Some(flow) = flow {
                let failure = LoginFailure::WrongCode;
                let event = UserLoginFailed::new(Sender::new(flow), failure, user);
                self.happened(event).await;
            }
            return refused(if left == 0 {
                CodeRefusal::Over
            } else {
                CodeRefusal::Wrong { left }
            });
        };
        Ok(Right {
            target,
            counted,
            purpose,
            challenge,
        })
    }

    /// What came before a code was compared. Where it failed nothing was tried, and the attempt is given back: anyone who has to
    /// wait for the wrong codes of others has all five when the wait is over.
    async fn unless_untried<T>(
        &self,
        (id, purpose): (&ChallengeId, Purpose),
        challenge: &Challenge,
        outcome: Result<T, Failure>,
    ) -> Result<T, Failure> {
        if outcome.is_err() {
            let store = self.store();
            let returned = store.return_attempt(id, purpose, challenge.expires_at, ATTEMPTS);
            if let Err(error) = returned.await {
                tracing::warn!(%error, "an attempt that was none was not given back");
            }
        }
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::read_code;

    #[test]
    fn codes_are_read_as_they_are_typed() {
        for typed in [
            "012345",
            " 012 345 ",
            "012-345",
            "012\u{2011}345",
            "\u{ff10}\u{ff11}\u{ff12}\u{ff13}\u{ff14}\u{ff15}",
            "\u{660}\u{661}\u{662}\u{663}\u{664}\u{665}",
            "\u{202a}012345\u{202c}",
            "0\u{a0}1\u{a0}2\u{a0}3\u{a0}4\u{a0}5",
        ] {
            let read = read_code(typed);
            assert_eq!(
                read.as_ref().map(|it| it.as_str()),
                Some("012345"),
                "{typed:?}"
            );
        }
        let long = "1".repeat(100_000);
        let spaced = format!("{}012345", " ".repeat(32));
        for typed in [
            "",
            "12345",
            "1234567",
            "12345a",
            "012345\n",
            "012345\0",
            "½12345",
            "012345 012345",
            &long,
            &spaced,
        ] {
            assert!(read_code(typed).is_none(), "{typed:.40?}");
        }
    }
}
