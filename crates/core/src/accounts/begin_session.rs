//! Beginning a session: the one place where each log-in ends, however it began.

use chrono::{DateTime, Utc};
use phone_auth_events::{Limit, Sender, UserLoggedIn};

use super::begun_once::{BegunOnce, Gives};
use super::limits::Counted;
use super::repeatable::{Repeatable, key_source};
use super::to_the_end::{Boxed, handed_on};
use super::{ATTEMPTS, Accounts, Failure, FailureKind, FlowError};
use crate::password::{EncodedPassword, Password, Requester};
use crate::randomness::Randomness;
use crate::session::{SessionClient, SessionKey};
use crate::sessions::{FoundSession, LogIn};
use crate::user::{User, UserId};

/// Who has logged in, and the key of the session that began.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoggedIn {
    /// The user, as it was before this log-in, with the hash of the password as it is now.
    pub user: User,
    /// The key for the cookie. Nobody can read it from the store.
    pub key: SessionKey,
    /// When the session ends.
    pub expires_at: DateTime<Utc>,
    /// Whether a browser should forget the key as soon as it is closed.
    pub ends_with_browser: bool,
    /// Whether it began before, with the first of two clicks at one form: then it has been told of.
    pub(super) is_repeated: bool,
    /// Whether the account was to be closed until this log-in.
    keeps_account: bool,
    /// Nothing outside this file can make one, so no flow signs anyone in past what is asked for here.
    #[expect(dead_code, reason = "it is there to be private")]
    only_here: OnlyHere,
}

#[derive(Debug)]
struct OnlyHere;

impl LoggedIn {
    /// Whether the session has begun, or got this key, by the first of two clicks at one form, and this is the second: it is
    /// answered as the first, and nothing else has happened.
    pub const fn is_repeated(&self) -> bool {
        self.is_repeated
    }

    /// Whether this log-in has [cancelled](Accounts::cancel_closing) a closing that the user had asked for: a page should tell
    /// them that their account stays. The second of two clicks does not say so.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// # let ann = accounts.users_after(None, 1).await?.remove(0);
    /// let logged_in = accounts.begin_session(ann.id, None).await?;
    /// assert!(!logged_in.keeps_account(), "nobody wanted it to be closed");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn keeps_account(&self) -> bool {
        self.keeps_account
    }
}

impl Accounts {
    /// Begins a session for a user whom the application knows by other means than a password: a sign-up form of its own,
    /// a single sign-on, an invitation. The session that the browser came with, if any, ends. Fires `user_logged_in`
    /// with the sender `begin_session`.
    ///
    /// It asks for no password, and does not need the user to have one.
    ///
    /// # Security
    /// The caller has made sure who the user is; nothing is checked here but that the account is enabled. An id
    /// out of a request logs in anyone as anyone.
    ///
    /// # Errors
    /// - [`NotActive`]: no user has this id, or the user is disabled.
    /// - [`Failed`](FlowError::Failed), [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken):
    ///   the store, or the source of randomness.
    ///
    /// # Cancel safety
    /// As for [`log_in`](Self::log_in).
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, NotActive};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// # let ann = accounts.users_after(None, 1).await?.remove(0);
    /// let logged_in = accounts.begin_session(ann.id, None).await?;
    /// assert!(accounts.current_user(&logged_in.key).await?.is_some());
    ///
    /// accounts.set_active("ann", false).await?;
    /// let refused = accounts.begin_session(ann.id, None).await;
    /// assert!(matches!(refused, Err(FlowError::Refused(NotActive))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn begin_session(
        &self,
        user: UserId,
        previous: Option<&SessionKey>,
    ) -> Result<LoggedIn, FlowError<NotActive>> {
        for _ in 0..ATTEMPTS {
            let found = self.store().user(user).await?;
            let found = found.filter(|user| user.is_active);
            let found = found.ok_or(FlowError::Refused(NotActive))?;
            // A password that is changed between the two is no reason to refuse: look again.
            let begun = self.begin_and_tell("begin_session", found, previous);
            if let Some(logged_in) = begun.await? {
                return Ok(logged_in);
            }
        }
        Err(Failure::new(FailureKind::Unavailable).into())
    }

    /// [Records](Self::record_log_in) the log-in, and tells of it, also where nobody waits for that any more: a second click gets the
    /// session, and is not told of.
    pub(super) async fn begin_and_tell(
        &self,
        flow: &'static str,
        user: User,
        previous: Option<&SessionKey>,
    ) -> Result<Option<LoggedIn>, Failure> {
        let (accounts, previous) = (self.clone(), previous.cloned());
        let begins = async move {
            let begun = accounts.record_log_in(user, None, previous.as_ref());
            let begun = begun.await?;
            if let Some(logged_in) = &begun {
                accounts.tell_of_log_in(flow, logged_in).await;
            }
            Ok(begun)
        };
        self.to_the_end(begins).await
    }

    /// The same after a password was found to be right, which was [counted](Self::count_log_in) as one that fails: that is given
    /// back with it. One whose hash is outdated gets a better one first.
    pub(super) async fn begin_by_password(
        &self,
        user: User,
        outdated: Option<(Password, Requester)>,
        previous: Option<&SessionKey>,
        counted: &Counted,
    ) -> Result<Option<LoggedIn>, Failure> {
        let (accounts, previous, counted) = (self.clone(), previous.cloned(), counted.clone());
        let (of_unwaited, its_count) = (self.clone(), counted.clone());
        let begins = async move {
            let upgrade = match outdated {
                Some((password, requester)) => accounts.upgrade(&password, &requester).await,
                None => None,
            };
            let password_now = upgrade.clone();
            let begun = accounts.record_log_in(user, upgrade, previous.as_ref());
            match begun.await {
                Ok(Some(mut logged_in)) => {
                    // Of two clicks it is the hash of the first that is stored.
                    if let (Some(upgraded), false) = (password_now, logged_in.is_repeated) {
                        logged_in.user.password = upgraded;
                    }
                    accounts.give_back(&counted).await;
                    accounts.tell_of_log_in("log_in", &logged_in).await;
                    Ok(Some(logged_in))
                }
                Ok(None) => Ok(None),
                // A right password has not failed either. But the hash was made, and counts.
                Err(error) => {
                    accounts.give_back_but(Limit::LogIns, &counted).await;
                    Err(error)
                }
            }
        };
        // Who waits looks again, and counts by what the password is by then.
        let unwaited = move |begins: Boxed<Result<Option<LoggedIn>, Failure>>| {
            let settles = of_unwaited.clone();
            of_unwaited.go_on(async move {
                if let Ok(None) = begins.await {
                    settles.give_back_but(Limit::LogIns, &its_count).await;
                }
            });
        };
        handed_on(begins, unwaited).await
    }

    /// Tells of a log-in, once.
    async fn tell_of_log_in(&self, flow: &'static str, logged_in: &LoggedIn) {
        if !logged_in.is_repeated {
            let user = logged_in.user.to_event_user();
            self.happened(UserLoggedIn::new(Sender::new(flow), user))
                .await;
        }
    }

    /// Records the log-in; `None` when the user is not any more as it was when the password was checked. The second of two
    /// clicks of a [browser](Self::for_browser) at one form gets the session that the first has begun.
    async fn record_log_in(
        &self,
        user: User,
        upgrade: Option<EncodedPassword>,
        previous: Option<&SessionKey>,
    ) -> Result<Option<LoggedIn>, Failure> {
        let once = self.begins_once(Gives::Session, user.id).await;
        let lately = once.as_ref().and_then(|it| it.logged_in_at(&user));
        let before = BegunOnce::before(once.as_ref(), previous, &user.password, lately);
        if let Some(before) = before.await? {
            return Ok(Some(self.begun_before(before)));
        }
        // A key that a log-out has ended is not given again, though the form is the same.
        let unused = once.as_ref().filter(|_| lately.is_none());
        // The time of the key is that of the log-in: another process finds the one by the other.
        let at = self.now();
        let derived = unused.map(|it| (it, it.key_source(at, &user.password)));
        let how = Beginning {
            upgrade: upgrade.as_ref(),
            previous,
            key: key_source(derived.as_ref().map(|(_, key)| key), self.randomness()),
            at,
        };
        let Some(begun) = self.record_log_in_by(user, &how).await? else {
            return Ok(None);
        };
        if let Some((once, derived)) = &derived
            && let Some(first) = self.begun_first(once, derived, (&begun, at)).await
        {
            return Ok(Some(self.begun_before(first)));
        }
        BegunOnce::remember(once.as_ref(), &begun.key);
        Ok(Some(begun))
    }

    /// The session of the first of two clicks that another process has begun, in the place of this one, which ends. Where the store
    /// cannot say, this one stands: it has begun.
    async fn begun_first(
        &self,
        once: &BegunOnce<'_>,
        derived: &Repeatable,
        (begun, at): (&LoggedIn, DateTime<Utc>),
    ) -> Option<FoundSession> {
        let first = match once.begun_elsewhere(derived, (begun, at)).await {
            Ok(first) => first?,
            Err(error) => {
                tracing::debug!(error = ?error, "it was not looked for the session of another click");
                return None;
            }
        };
        if let Err(error) = self.session_port().end(&begun.key).await {
            tracing::debug!(%error, "the session of a second click was not ended");
        }
        Some(first)
    }

    /// Records a log-in whose session begins so.
    pub(super) async fn record_log_in_by(
        &self,
        user: User,
        how: &Beginning<'_>,
    ) -> Result<Option<LoggedIn>, Failure> {
        let mut keeps_account = false;
        for _ in 0..ATTEMPTS {
            keeps_account |= self.keep_who_logs_in(&user).await?;
            let begun = self.begin_for(&user, how);
            if let Some(begun) = begun.await? {
                return Ok(Some(LoggedIn {
                    user,
                    keeps_account,
                    ..begun
                }));
            }
            // A closing that was wanted meanwhile is cancelled like one from before.
            if !self.closes_meanwhile(&user).await? {
                break;
            }
        }
        Ok(None)
    }

    /// Begins a session, if the user is as it was when the password was checked, and the account is not to be closed.
    async fn begin_for(
        &self,
        user: &User,
        how: &Beginning<'_>,
    ) -> Result<Option<LoggedIn>, Failure> {
        let at = how.at;
        let (lifetime, ends_with_browser) = self.lifetime_of_new();
        let expires_at = at + lifetime;
        let log_in = LogIn {
            user,
            upgraded_password: how.upgrade,
            previous: how.previous,
            at,
            expires_at,
            max_sessions: self.settings().max_sessions,
            unless_closing: self.may_be_closing(),
            client: SessionClient::of(&self.client),
        };
        let begun = self.session_port().begin(&log_in, how.key).await?;
        Ok(begun.map(|key| LoggedIn {
            user: user.clone(),
            key,
            expires_at,
            ends_with_browser,
            is_repeated: false,
            keeps_account: false,
            only_here: OnlyHere,
        }))
    }

    /// A session that a log-in has begun a moment ago.
    pub(super) fn begun_before(&self, found: FoundSession) -> LoggedIn {
        let ends_with_browser = self.ends_session_with_browser(&found.session);
        LoggedIn {
            user: found.session.user,
            key: found.key,
            expires_at: found.session.expires_at,
            ends_with_browser,
            is_repeated: true,
            keeps_account: false,
            only_here: OnlyHere,
        }
    }
}

/// How a session begins.
pub(super) struct Beginning<'a> {
    /// A hash to replace the stored one with, when that is of a weaker kind.
    pub(super) upgrade: Option<&'a EncodedPassword>,
    /// The key that the browser came with; its session ends.
    pub(super) previous: Option<&'a SessionKey>,
    /// Where its key is drawn from.
    pub(super) key: &'a dyn Randomness,
    /// When it begins.
    pub(super) at: DateTime<Utc>,
}

/// Why [`Accounts::begin_session`] refuses: no active user has this id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no active user has this id")]
#[expect(
    clippy::exhaustive_structs,
    reason = "a caller names it in a pattern, as the only refusal there is"
)]
pub struct NotActive;
