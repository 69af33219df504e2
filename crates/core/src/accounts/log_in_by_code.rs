//! Logging in by a code that was sent, without a password; and what a link beside it leads to.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use phone_auth_events::{Sender, UserLoggedIn};
use phone_auth_urls::{AccountPage, id};

use super::begin_session::Beginning;
use super::repeatable::{Repeatable, key_source};
use super::unshown_password::NotBegun;
use super::used_up::UsedUp;
use super::{
    Accounts, CodeRefusal, Failure, FlowError, InvalidLink, LinkState, LoggedIn,
    ResetRequestRefusal,
};
use crate::address::{AddressId, AddressKind, AddressRecord};
use crate::challenge::{ChallengeId, ChallengeKey};
use crate::link::{LinkTarget, OpenedLink};
use crate::outbox::Purpose;
use crate::randomness::Randomness;
use crate::session::SessionKey;
use crate::store::StoreError;
use crate::user::User;

impl Accounts {
    /// Has a code sent that logs a user in, and a link, to the verified address that was named; for a username to the oldest
    /// verified address of each kind. Fires `login_email` or `login_phone`. The code is good for the one who has the key that
    /// this gives, by [`log_in_by_code`](Self::log_in_by_code); the link, by [`log_in_by_link`](Self::log_in_by_link), there as
    /// well, and with the code in any browser. Either ends both.
    ///
    /// Only where the setting [`login_by_code`](crate::settings::Settings::login_by_code) is on. `previous` is as for
    /// [`begin_reset`](Self::begin_reset).
    ///
    /// # Security
    /// Nothing is sent to someone unknown or disabled, or to an address that is not verified: anyone could have added it. The
    /// answer and the work are the same, and the key that they get is of a challenge that no code answers. Where the setting
    /// [`sign_up_by_code`](crate::settings::Settings::sign_up_by_code) is on, it also goes to an address of an account that
    /// nobody has proven theirs. It counts among
    /// the requests for password resets, and the gate is asked as for a log-in.
    ///
    /// # Errors
    /// As for [`begin_reset`](Self::begin_reset). Where the setting is off nobody sends such a code, so
    /// it is [`NoSender`](crate::form::Problem::NoSender).
    ///
    /// # Cancel safety
    /// As for [`begin_reset`](Self::begin_reset).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{CodeRefusal, FlowError};
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
    /// let ann = accounts.log_in_by_code(&key, code.as_str(), None).await?;
    /// assert!(accounts.current_user(&ann.key).await?.is_some());
    ///
    /// let again = accounts.log_in_by_code(&key, code.as_str(), None).await;
    /// assert!(matches!(again, Err(FlowError::Refused(CodeRefusal::Over))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn begin_log_in(
        &self,
        login: &str,
        previous: Option<&ChallengeKey>,
    ) -> Result<ChallengeKey, FlowError<ResetRequestRefusal>> {
        self.begin_named(Purpose::LogIn, login, previous).await
    }

    /// Logs a user in by the code that was sent to them, and begins a session. The session that the browser came with, if any,
    /// ends, and so do the challenge and the link beside the code. Fires `user_logged_in` with the sender `log_in_by_code`, or
    /// `user_login_failed`.
    ///
    /// # Security
    /// Who is logged in has not proven lately who they are, also where they were signed in already:
    /// [`require_recent_proof`](Self::require_recent_proof) asks them for their password, or for a code that is sent
    /// [for that](Self::begin_reauthentication). This one, and the link beside it, say that they log in, and no more.
    ///
    /// Where the setting [`sign_up_by_code`](crate::settings::Settings::sign_up_by_code) is on, an account that nobody has
    /// proven theirs becomes the account of who types the code: the address is verified, and a password that was set
    /// before is over, with its sessions. Fires `email_verified` or `phone_verified` then.
    ///
    /// Anyone can sign up with an address of another, whose mail program opens the link that verifies it. So where the address
    /// was proven by someone who was not [signed in](crate::client::Client::signed_in), and the browser is not known for the
    /// account, the one who types the code chooses a new password first; that ends what the stranger has. Where
    /// `sign_up_by_code` is on, the password is over at once, with its sessions, and fires `password_was_reset`.
    ///
    /// # Errors
    /// As for [`prove_reset`](Self::prove_reset). It is [`Over`](CodeRefusal::Over) also where the setting is off, and for a
    /// code after which the password was changed; and [`NewPassword`](CodeRefusal::NewPassword), see above.
    ///
    /// [`Referenced`](super::FailureKind::Referenced) where a table of the application refers to a row that the proof of the
    /// address would end; nothing was changed.
    ///
    /// # Cancel safety
    /// As for [`log_in`](Self::log_in), from where the code was compared: a right one is not used up without its session. An
    /// attempt may be spent.
    ///
    /// Where the store fails after that the code is given back, if the store is back within ten seconds, or within a minute where the
    /// link had not ended yet. Else it is over, and also where the account had another password by then, as one that becomes
    /// theirs has, and where it is not known whether it was used, as the answer of the store is lost: they ask for another.
    ///
    /// # Examples
    /// See [`begin_log_in`](Self::begin_log_in).
    pub async fn log_in_by_code(
        &self,
        key: &ChallengeKey,
        typed: &str,
        previous: Option<&SessionKey>,
    ) -> Result<LoggedIn, FlowError<CodeRefusal>> {
        if !self.settings().login_by_code {
            return Err(FlowError::Refused(CodeRefusal::Over));
        }
        // One who clicks twice comes to what the first click has begun.
        let _turn = self.turn(&key.id()).await;
        let right = self.compared(key, Purpose::LogIn, typed, None).await?;
        let repeatable = self.repeatable(key, typed);
        let (accounts, id, previous) = (self.clone(), key.id(), previous.cloned());
        // Where the browser goes away meanwhile, its second click finds the challenge ended and waits for this session.
        let begins = async move {
            let (target, used) = accounts.end_proven(&id, right).await?;
            let (proven, key) = ((target, vec![id], used), repeatable.as_ref());
            let begun = accounts.log_in_now("log_in_by_code", proven, previous.as_ref(), key);
            begun.await.map_err(|error| {
                error.map_refusal(|refusal| match refusal {
                    NotBegun::Link(InvalidLink) => CodeRefusal::Over,
                    NotBegun::NewPassword => CodeRefusal::NewPassword,
                })
            })
        };
        self.to_the_end(begins).await
    }

    /// Looks at a log-in link that someone has just opened. Fires `link_followed`, whether it works or not, and `token_refused`
    /// when it does not. Changes nothing: only a [click](Self::log_in_by_link) logs in.
    ///
    /// # Errors
    /// As for [`check_log_in_link`](Self::check_log_in_link).
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// See [`log_in_by_link`](Self::log_in_by_link).
    pub async fn open_log_in_link(
        &self,
        idb64: &str,
        token: &str,
    ) -> Result<LinkState, FlowError<InvalidLink>> {
        self.routes()
            .followed(self.signals(), AccountPage::LoginConfirm);
        self.check_log_in_link(idb64, token).await
    }

    /// Whether a log-in link works, without saying that someone followed it: to a program that asks what is there.
    ///
    /// # Errors
    /// - [`InvalidLink`]: not a link, or one that was used, is too old, is for something else, for nobody or for someone who is
    ///   disabled, or one after which another was asked for, its code was used or the password was changed; or the setting is
    ///   off. Which it was is not told.
    /// - [`Failed`](FlowError::Failed), [`Unavailable`](super::FailureKind::Unavailable) or
    ///   [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn check_log_in_link(
        &self,
        idb64: &str,
        token: &str,
    ) -> Result<LinkState, FlowError<InvalidLink>> {
        match self.log_in_target(idb64, token).await? {
            Some(target) => Ok(LinkState {
                address: target.address,
                user: target.user,
            }),
            None => Err(FlowError::Refused(InvalidLink)),
        }
    }

    /// Whether the browser with this key asked for a code to log in that was sent to this address: what it said then, such as
    /// that its user stays signed in, is about the link in the same message.
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
    /// let elsewhere = accounts.begin_log_in("bob@example.org", None).await?;
    /// let sent = sent.take().remove(0);
    /// let link = accounts.open_log_in_link(sent.link().id, sent.link().token).await?;
    /// assert!(accounts.asked_to_log_in(&key, &link.address).await?);
    /// assert!(!accounts.asked_to_log_in(&elsewhere, &link.address).await?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn asked_to_log_in(
        &self,
        key: &ChallengeKey,
        address: &AddressRecord,
    ) -> Result<bool, Failure> {
        let kept = self.store().challenge(&key.id(), Purpose::LogIn).await?;
        let at = (address.kind, address.id);
        Ok(kept.is_some_and(|kept| kept.addresses().any(|it| it == at)))
    }

    /// Begins a session for the one who has shown that an address is theirs, whose browser had asked by these challenges, and tells of it, also where nobody waits for that any
    /// more: what they were sent is used up, and a second click gets the session by it.
    pub(super) async fn log_in_proven(
        &self,
        flow: &'static str,
        (proven, used): ((LinkTarget, Vec<ChallengeId>), Option<UsedUp>),
        previous: Option<&SessionKey>,
        repeatable: Option<Arc<Repeatable>>,
    ) -> Result<LoggedIn, FlowError<NotBegun>> {
        let (accounts, previous) = (self.clone(), previous.cloned());
        let begins = async move {
            let used = used.unwrap_or_else(|| UsedUp::nothing_to_log_in(proven.0.clone()));
            let proven = (proven.0, proven.1, used);
            let key = repeatable.as_deref();
            let begins = accounts.log_in_now(flow, proven, previous.as_ref(), key);
            begins.await
        };
        self.to_the_end(begins).await
    }

    /// Logs in, or gives back what was used up for it.
    async fn log_in_now(
        &self,
        flow: &'static str,
        (target, asked, mut used): (LinkTarget, Vec<ChallengeId>, UsedUp),
        previous: Option<&SessionKey>,
        repeatable: Option<&Repeatable>,
    ) -> Result<LoggedIn, FlowError<NotBegun>> {
        let begun = self.log_in_with(flow, (target, asked, &mut used), previous, repeatable);
        let begun = begun.await;
        if let Err(FlowError::Failed(_)) = &begun {
            self.give_used_back(used).await;
        }
        begun
    }

    /// Logs in, by what is used up meanwhile.
    async fn log_in_with(
        &self,
        flow: &'static str,
        (target, asked, used): (LinkTarget, Vec<ChallengeId>, &mut UsedUp),
        previous: Option<&SessionKey>,
        repeatable: Option<&Repeatable>,
    ) -> Result<LoggedIn, FlowError<NotBegun>> {
        let over = |error: FlowError<InvalidLink>| error.map_refusal(NotBegun::Link);
        if self.asks_for_new_password(&target) {
            return Err(FlowError::Refused(NotBegun::NewPassword));
        }
        let link = OpenedLink::of(&target, self.now());
        let is_claim = self.settings().sign_up_by_code && !target.address.is_verified;
        let mut user = target.user.clone();
        if is_claim {
            let names = self.typed_names_of(&asked).await?;
            let claimed = self.claim_by_link(flow, target.clone(), names);
            user = claimed.await.map_err(over)?;
        }
        // Of two that use it at once the one who ends it goes on; of a claim the one who made it.
        let is_ended = self
            .store()
            .end_link(Purpose::LogIn, user.id, &link)
            .await?;
        if !(is_ended || is_claim) {
            return Err(FlowError::Refused(NotBegun::Link(InvalidLink)));
        }
        if is_ended && !is_claim {
            used.link_ended();
        }
        if self.is_unshown(&target) {
            user = self.end_password(flow, &target).await.map_err(over)?;
        }
        // A password that was changed since ends what was sent before it.
        let key = key_source(repeatable, self.randomness());
        let begun = self.begin_shown(user, (&link, previous), key).await;
        let logged_in = self.begun_unheard(begun, repeatable).await?;
        let logged_in = logged_in.ok_or(FlowError::Refused(NotBegun::Link(InvalidLink)))?;
        let user = logged_in.user.to_event_user();
        self.happened(UserLoggedIn::new(Sender::new(flow), user))
            .await;
        Ok(logged_in)
    }

    /// What has begun, where the store may have lost an answer on its way: a session that it has begun all the same, this time or
    /// an earlier one after which the code was given back. It is the only one then.
    async fn begun_unheard(
        &self,
        begun: Result<Option<LoggedIn>, Failure>,
        repeatable: Option<&Repeatable>,
    ) -> Result<Option<LoggedIn>, Failure> {
        let Some(repeatable) = repeatable else {
            return begun;
        };
        let sessions = self.session_port();
        let another = match &begun {
            Err(_) => None,
            // Its first key was in use.
            Ok(Some(it)) if repeatable.key(sessions)?.reveal() != it.key.reveal() => Some(&it.key),
            _ => return begun,
        };
        let Ok(Some(unheard)) = self.session_of(repeatable).await else {
            return begun;
        };
        if let Some(another) = another {
            sessions.end(another).await?;
        }
        let mut unheard = self.begun_before(unheard);
        unheard.is_repeated = false;
        Ok(Some(unheard))
    }

    /// Begins the session of the one whose link has ended, and who has the account alone by now.
    async fn begin_shown(
        &self,
        user: User,
        (link, previous): (&OpenedLink, Option<&SessionKey>),
        key: &dyn Randomness,
    ) -> Result<Option<LoggedIn>, Failure> {
        self.text_was_used(link.kind, &link.value).await;
        let how = Beginning {
            upgrade: None,
            previous,
            key,
            at: self.now(),
        };
        self.record_log_in_by(user, &how).await
    }

    /// Whom a link logs in; nobody when it does not work.
    pub(super) async fn log_in_target(
        &self,
        idb64: &str,
        token: &str,
    ) -> Result<Option<LinkTarget>, StoreError> {
        let now: DateTime<Utc> = self.now();
        let links = &self.inner.links;
        let address = id::decode_address(idb64).filter(|_| self.settings().login_by_code);
        let Some((kind, id)) = address else {
            links.refuse_log_in(AddressKind::Email, token, now);
            return Ok(None);
        };
        let found = self
            .store()
            .link_target(Purpose::LogIn, kind, AddressId::new(id))
            .await?;
        let Some(target) = found.filter(|it| {
            it.user.is_active && (it.address.is_verified || self.settings().sign_up_by_code)
        }) else {
            links.refuse_log_in(kind, token, now);
            return Ok(None);
        };
        let works = links.check_log_in(&target, token, now);
        Ok(works.then_some(target))
    }
}
