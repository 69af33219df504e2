//! The sessions of a user: what they are told of them, and how they end them.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_events::{Sender, UserLoggedOut};

use super::{ATTEMPTS, Accounts, CurrentUser, Failure, FailureKind, FlowError};
use crate::client::BrowserName;
use crate::session::{ListedSession, NewUse, SessionClient, SessionHandle};
use crate::sessions::{EndedSessions, FoundSession};
use crate::user::{User, UserId};

/// How often it is noted that a session is used, at most.
pub(super) const NOTED_EVERY: TimeDelta = TimeDelta::hours(1);

/// A session, as its user is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserSession {
    /// What it is called, to [end](Accounts::end_session) it.
    pub handle: SessionHandle,
    /// When it began; `None` where that is not kept.
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last used, to an hour; `None` where that is not kept.
    pub seen_at: Option<DateTime<Utc>>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// The address of the client that it was used from then.
    pub address: Option<IpAddr>,
    /// The browser and system of that client, in words.
    pub browser: Option<BrowserName>,
    /// Whether it is the session of the one who asks.
    pub is_current: bool,
}

/// The sessions of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionList {
    /// Those that are known, the current one first, then the one that was used last.
    pub sessions: Vec<UserSession>,
    /// Whether these are all. Not where sessions are shared with another program, which do not say whose they are.
    pub is_complete: bool,
    /// When they were listed: what was last used is so long ago.
    pub listed_at: DateTime<Utc>,
}

impl Accounts {
    /// Where someone is signed in: their sessions that are alive, this one marked. When one was last used is known to an hour.
    ///
    /// # Errors
    /// [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::client::Client;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let password = Password::new("correct horse");
    /// let agent = "Mozilla/5.0 (Android 14; Mobile; rv:128.0) Gecko/128.0 Firefox/128.0";
    /// let telephone = Client::new().at("203.0.113.7".parse()?).with_user_agent(agent);
    /// accounts.for_client(telephone).log_in("ann", &password, None).await?;
    ///
    /// let key = accounts.log_in("ann", &password, None).await?.key;
    /// let ann = accounts.current_user(&key).await?.ok_or("nobody")?;
    /// let list = accounts.sessions(&ann).await?;
    /// assert!(list.is_complete && list.sessions[0].is_current);
    /// let other = &list.sessions[1];
    /// assert_eq!(other.browser.as_ref().map(|it| it.as_str()), Some("Firefox on Android"));
    ///
    /// assert!(accounts.end_session(&ann, &other.handle).await?);
    /// assert_eq!(accounts.sessions(&ann).await?.sessions.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn sessions(&self, current_user: &CurrentUser) -> Result<SessionList, Failure> {
        let current = current_user.session();
        let listed_at = self.now();
        let listed = self.session_port().of_user(current_user.user(), listed_at);
        let Some(listed) = listed.await? else {
            let here = SessionClient::of(&self.client);
            let only = UserSession {
                handle: SessionHandle::of_digest(&current.digest),
                created_at: None,
                seen_at: current.seen_at,
                expires_at: current.expires_at,
                address: here.address,
                browser: here.browser,
                is_current: true,
            };
            return Ok(SessionList {
                sessions: vec![only],
                is_complete: false,
                listed_at,
            });
        };
        let sessions = listed.into_iter();
        let sessions = sessions.filter(|it| !self.is_idle(Some(it.seen_at), listed_at));
        let sessions = sessions.map(|it| UserSession::of(it.digest == current.digest, it));
        let mut sessions: Vec<_> = sessions.collect();
        sessions.sort_by_key(|it| !it.is_current);
        Ok(SessionList {
            sessions,
            is_complete: true,
            listed_at,
        })
    }

    /// The sessions of the user with this id that are alive, as an operator is told of them.
    ///
    /// # Errors
    /// As for [`sessions`](Self::sessions).
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// See [`end_sessions_of`](Self::end_sessions_of).
    pub async fn sessions_of(&self, user: &User) -> Result<SessionList, Failure> {
        let listed_at = self.now();
        let listed = self.session_port().of_user(user, listed_at).await?;
        let is_complete = listed.is_some();
        let sessions = listed.unwrap_or_default().into_iter();
        let sessions = sessions.filter(|it| !self.is_idle(Some(it.seen_at), listed_at));
        Ok(SessionList {
            sessions: sessions.map(|it| UserSession::of(false, it)).collect(),
            is_complete,
            listed_at,
        })
    }

    /// Ends a session of someone who is logged in, be it this one. `false` when they have none of this handle: it may be over
    /// already. Fires `user_logged_out` with the sender `end_session`.
    ///
    /// It asks for no recent proof. Anyone who has found a session open can end the owner's others, and the owner signs in
    /// again and ends that one; an owner who must find the password first cannot.
    ///
    /// # Errors
    /// As for [`sessions`](Self::sessions).
    ///
    /// # Cancel safety
    /// The session is over or not; the signal may be missing.
    ///
    /// # Examples
    /// See [`sessions`](Self::sessions).
    pub async fn end_session(
        &self,
        current_user: &CurrentUser,
        handle: &SessionHandle,
    ) -> Result<bool, Failure> {
        let user = current_user.user();
        for _ in 0..ATTEMPTS {
            let listed = self.session_port().of_user(user, self.now()).await?;
            let mut listed = listed.unwrap_or_default().into_iter();
            let Some(named) = listed.find(|it| it.handle == *handle) else {
                return Ok(false);
            };
            if self.session_port().end_listed(&named).await? {
                self.tell_logged_out("end_session", user).await;
                return Ok(true);
            }
            // It has got another key since it was listed, or is over: look again.
        }
        Err(Failure::new(FailureKind::Unavailable))
    }

    /// Ends all sessions of someone who is logged in, but this one; how many. Fires `user_logged_out` once, with the sender
    /// `end_other_sessions`, if there were any. It asks for no recent proof, as [`end_session`](Self::end_session).
    ///
    /// # Errors
    /// - [`NotLoggedIn`](EndSessionsRefusal::NotLoggedIn): this session is over, or has got another key since. The others go on.
    /// - [`Unknown`](EndSessionsRefusal::Unknown): sessions are shared with another program, and do not say whose they are.
    ///   Another password ends them.
    /// - [`Failed`](FlowError::Failed) as for [`sessions`](Self::sessions).
    ///
    /// # Cancel safety
    /// The sessions are over or not; the signal may be missing.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let password = Password::new("correct horse");
    /// let elsewhere = accounts.log_in("ann", &password, None).await?;
    /// let here = accounts.log_in("ann", &password, None).await?;
    /// let ann = accounts.current_user(&here.key).await?.ok_or("nobody")?;
    ///
    /// assert_eq!(accounts.end_other_sessions(&ann).await?, 1);
    /// assert!(accounts.current_user(&elsewhere.key).await?.is_none());
    /// assert!(accounts.current_user(&here.key).await?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn end_other_sessions(
        &self,
        current_user: &CurrentUser,
    ) -> Result<u64, FlowError<EndSessionsRefusal>> {
        let user = current_user.user();
        let ended = self
            .session_port()
            .end_all(user.id, Some(current_user.key()));
        let ended = read_ended(ended.await?)?;
        if ended > 0 {
            self.tell_logged_out("end_other_sessions", user).await;
        }
        Ok(ended)
    }

    /// Ends all sessions of the user with this id, for an operator; how many.
    ///
    /// # Errors
    /// - [`Unknown`](EndSessionsRefusal::Unknown), as for [`end_other_sessions`](Self::end_other_sessions).
    /// - [`Failed`](FlowError::Failed) as for [`sessions`](Self::sessions).
    ///
    /// # Cancel safety
    /// The sessions are over or not.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let ann = accounts.find("ann").await?.ok_or("nobody")?;
    /// assert_eq!(accounts.sessions_of(&ann).await?.sessions.len(), 1);
    ///
    /// assert_eq!(accounts.end_sessions_of(ann.id).await?, 1);
    /// assert!(accounts.sessions_of(&ann).await?.sessions.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn end_sessions_of(
        &self,
        user: UserId,
    ) -> Result<u64, FlowError<EndSessionsRefusal>> {
        let ended = self.session_port().end_all(user, None).await?;
        read_ended(ended)
    }

    /// Notes that a session is used, if that was not noted within the hour. It changes no answer whether that can be written.
    pub(super) async fn note_use(&self, found: &FoundSession) {
        let session = &found.session;
        let now = self.now();
        let unless_since = now - NOTED_EVERY;
        if session.seen_at.is_some_and(|seen| seen > unless_since) {
            return;
        }
        let noted = NewUse {
            digest: session.digest,
            at: now,
            unless_since,
            client: SessionClient::of(&self.client),
        };
        if let Err(error) = self.session_port().note_use(&noted).await {
            tracing::warn!(%error, "it could not be noted that a session is used");
        }
    }

    async fn tell_logged_out(&self, sender: &'static str, user: &User) {
        let event = UserLoggedOut::new(Sender::new(sender), user.to_event_user());
        self.happened(event).await;
    }
}

impl UserSession {
    fn of(is_current: bool, listed: ListedSession) -> Self {
        Self {
            handle: listed.handle,
            created_at: Some(listed.created_at),
            seen_at: Some(listed.seen_at),
            expires_at: listed.expires_at,
            address: listed.client.address,
            browser: listed.client.browser,
            is_current,
        }
    }
}

fn read_ended(ended: EndedSessions) -> Result<u64, FlowError<EndSessionsRefusal>> {
    match ended {
        EndedSessions::Ended(ended) => Ok(ended),
        EndedSessions::KeptIsOver => Err(FlowError::Refused(EndSessionsRefusal::NotLoggedIn)),
        EndedSessions::Unknown => Err(FlowError::Refused(EndSessionsRefusal::Unknown)),
    }
}

/// Why [`Accounts::end_other_sessions`] refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum EndSessionsRefusal {
    /// The session of the one who asks is over, or has got another key since.
    #[error("the session is over")]
    NotLoggedIn,
    /// The sessions do not say whose they are.
    #[error("the sessions do not say whose they are")]
    Unknown,
}
