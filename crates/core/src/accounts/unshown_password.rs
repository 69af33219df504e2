//! A password whose setter may never have had the address: what a log-in by what was sent to the address makes of it.
//!
//! Anyone can sign up with an address of another, and wait. A mail program that opens the verification link, or one careless
//! click on it, proves the address in their account, and its owner would sign in to it beside them.

use phone_auth_events::{AccountChange, DurableSignal, PasswordWasReset, Sender};

use super::sign_up_by_code::ByAddress;
use super::{Accounts, Failure, FlowError, InvalidLink, LinkForm, ProvenReset};
use crate::challenge::ChallengeKey;
use crate::link::LinkTarget;
use crate::outbox::Purpose;
use crate::password::EncodedPassword;
use crate::user::{AccountName, User};

/// Why what was sent to an address begins no session.
pub(super) enum NotBegun {
    /// It does not work, or does not work any more.
    Link(InvalidLink),
    /// A new password comes first.
    NewPassword,
}

impl Accounts {
    /// What a reset link has in its path, for the one whose code was [right](super::CodeRefusal::NewPassword), a minute ago at
    /// most, in an account whose password may be a stranger's. With it they go on as after [`prove_reset`](Self::prove_reset):
    /// the password that they choose ends that of the stranger, and their sessions. None for any other code or account.
    ///
    /// # Security
    /// The code alone opens nothing here: it shows that the address is theirs, as a reset link does, to the browser that has used
    /// it. In the others that asked it is wrong from then on, or a stranger who asked as well, and sees it on a screen, could
    /// choose the password first. Each try counts among the wrong codes of the address.
    ///
    /// # Errors
    /// As for [`repeated_code`](Self::repeated_code); [`Broken`](super::FailureKind::Broken) also where no link can be made.
    ///
    /// # Cancel safety
    /// It only reads, and counts.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{CodeRefusal, FlowError};
    /// use phone_auth_core::settings::Settings;
    /// use phone_auth_events::LoginEmail;
    /// # use phone_auth_events::VerifyEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup_unshown.txt")]
    /// let mut sent = signals.capture::<LoginEmail>();
    /// let key = accounts.begin_log_in("ann@example.org", None).await?;
    /// let code = sent.take().remove(0).envelope.code.ok_or("no code")?;
    ///
    /// let first = accounts.log_in_by_code(&key, code.as_str(), None).await;
    /// assert!(matches!(first, Err(FlowError::Refused(CodeRefusal::NewPassword))));
    /// let proven = accounts.new_password_by_code(&key, code.as_str()).await?.ok_or("none")?;
    /// let new = Password::new("battery staple");
    /// accounts.reset_password(&proven.id, proven.token.reveal(), &new, &new).await?;
    /// assert!(accounts.current_user(&strangers.key).await?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn new_password_by_code(
        &self,
        key: &ChallengeKey,
        typed: &str,
    ) -> Result<Option<ProvenReset>, Failure> {
        if !self.settings().login_by_code {
            return Ok(None);
        }
        let target = self.repeated(key, Purpose::LogIn, typed, None).await?;
        self.new_password_at(target).await
    }

    /// As [`new_password_by_code`](Self::new_password_by_code), for the link that
    /// [`log_in_by_link`](Self::log_in_by_link) has refused so, with the same form.
    ///
    /// # Errors
    /// As for [`new_password_by_code`](Self::new_password_by_code).
    ///
    /// # Cancel safety
    /// It only reads, and counts.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, LinkForm, LogInLinkRefusal};
    /// use phone_auth_core::settings::Settings;
    /// use phone_auth_events::LoginEmail;
    /// # use phone_auth_events::VerifyEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup_unshown.txt")]
    /// let mut sent = signals.capture::<LoginEmail>();
    /// let asked = [accounts.begin_log_in("ann@example.org", None).await?];
    /// let sent = sent.take().remove(0);
    /// let link = sent.link();
    ///
    /// let form = LinkForm { asked: &asked, ..LinkForm::default() };
    /// let pressed = accounts.log_in_by_link(link.id, link.token, &form, None).await;
    /// assert!(matches!(pressed, Err(FlowError::Refused(LogInLinkRefusal::NewPassword))));
    /// let proven = accounts.new_password_by_link(link.id, link.token, &form).await?;
    /// assert!(proven.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn new_password_by_link(
        &self,
        idb64: &str,
        token: &str,
        form: &LinkForm<'_>,
    ) -> Result<Option<ProvenReset>, Failure> {
        let Some(target) = self.log_in_target(idb64, token).await? else {
            return Ok(None);
        };
        if !self.link_asks_for_code(&target.address, form.asked).await? {
            return self.new_password_at(Some(target)).await;
        }
        let (key, _) = self.challenge_of_used(&target);
        let target = self.repeated(&key, Purpose::LogIn, form.code, None).await?;
        self.new_password_at(target).await
    }

    /// The proof of a reset at this address, if a log-in there asks for a new password.
    async fn new_password_at(
        &self,
        target: Option<LinkTarget>,
    ) -> Result<Option<ProvenReset>, Failure> {
        let Some(target) = target.filter(|it| self.asks_for_new_password(it)) else {
            return Ok(None);
        };
        let (purpose, address) = (Purpose::ResetPassword, &target.address);
        let reset = self.store().link_target(purpose, address.kind, address.id);
        let is_same = |user: &User| {
            user.id == target.user.id && user.is_active && user.password == target.user.password
        };
        let reset = reset.await?.filter(|it| is_same(&it.user));
        reset.map(|reset| self.proof(&reset)).transpose()
    }

    /// Whether the one who has set the password of an account need not have shown the address: it was proven where nobody was
    /// signed in. One whose browser is known has signed in with that password, and has shown the address now.
    pub(super) fn is_unshown(&self, target: &LinkTarget) -> bool {
        let name = AccountName::default();
        target.address.is_verified
            && !target.in_session
            && target.user.password.is_usable()
            && self.requester(&name, Some(&target.user)).is_stranger()
    }

    /// Whether such a one chooses a new password, which ends what was before. Where signing up is by code nobody needs one.
    pub(super) fn asks_for_new_password(&self, target: &LinkTarget) -> bool {
        self.is_unshown(target)
            && !self.settings().sign_up_by_code
            && self.is_reachable_by(target.address.kind)
    }

    /// Ends the password of an account, with its sessions and links, by one who has shown an address of it, as a reset does. Of
    /// several who do it at once one succeeds.
    pub(super) async fn end_password(
        &self,
        flow: &'static str,
        target: &LinkTarget,
    ) -> Result<User, FlowError<InvalidLink>> {
        let (user, address) = (&target.user, &target.address);
        let new = EncodedPassword::unusable(self.randomness()).map_err(Failure::from)?;
        let addresses = self.some_addresses_of(user.id).await?;
        let (signal, change) = (
            DurableSignal::PasswordWasReset,
            AccountChange::PasswordReset,
        );
        let event = self.event_of(signal, user.id, flow, (None, None))?;
        let notices = self.notices_of(user.id, &addresses, &change).await?;
        let notices = notices.with_event(event);
        let on = (address.kind, address.value.as_str());
        let may_lose = self.may_lose(user.id, on, &notices).await?;
        let replaces = ByAddress {
            new: new.clone(),
            names: None,
            notices: notices.to_commit(),
            losses: may_lose.to_commit(),
        };
        let is_new = self.replace_by_address(target, replaces).await;
        if !matches!(is_new, Ok(true)) {
            self.was_not_made(&notices).await;
            self.nobody_lost(&may_lose).await;
        }
        if !is_new? {
            return Err(FlowError::Refused(InvalidLink));
        }
        self.notify(user, notices).await;
        let event = PasswordWasReset::new(Sender::new(flow), user.to_event_user());
        self.happened(event).await;
        self.tell_losers(flow, may_lose).await;
        Ok(User {
            password: new,
            ..user.clone()
        })
    }
}
