//! The end of an account that comes later: until then its user can come back.

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_events::{AccountChange, AccountClosingCancelled, AccountClosingScheduled, Sender};

use super::{Accounts, CloseRefusal, Failure, FailureKind, FlowError};
use crate::outbox::Notices;
use crate::store::{AsSeen, Closed, ScheduledClosing, StoreError};
use crate::user::{User, UserId};

/// How many closings that are due are read at once.
const AT_ONCE: u32 = 100;

/// For how long a closing is put off that someone stands against.
const PUT_OFF: TimeDelta = TimeDelta::days(1);

/// And that failed.
const AFTER_A_FAILURE: TimeDelta = TimeDelta::hours(1);

/// What became of an account whose user wants it closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "a page has words for each, and must not forget one"
)]
pub enum Closing {
    /// It is closed.
    Done(Closed),
    /// It will be closed at this time, unless its user logs in before.
    Scheduled(DateTime<Utc>),
}

impl Accounts {
    /// Closes an account as its user wants it: [at once](Self::close), or where the setting
    /// [`closing_grace`](crate::settings::Settings::closing_grace) says so, after that time. Then the user's sessions end now,
    /// their verified addresses are told until when they can come back, and `account_closing_scheduled` is fired. Anyone who
    /// logs in as the user before that, by whatever means, keeps the account, and the addresses are told again. Until then
    /// names and addresses stay taken.
    ///
    /// Receivers of `account_closing` are asked now, and once more when the time has come.
    ///
    /// # Security
    /// As for [`close`](Self::close): ask for a [recent proof](Self::require_recent_proof) first.
    ///
    /// # Errors
    /// As for [`close`](Self::close).
    ///
    /// # Cancel safety
    /// It happens whole or not at all; the signal may be missing.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::Closing;
    /// use phone_auth_core::store::Closed;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// # let ann = accounts.users_after(None, 1).await?.remove(0);
    /// // Without `closing_grace` it is done.
    /// let closing = accounts.request_closing(ann.id).await?;
    /// assert_eq!(closing, Closing::Done(Closed::Removed));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn request_closing(&self, user: UserId) -> Result<Closing, FlowError<CloseRefusal>> {
        let Some(grace) = self.settings().closing_grace else {
            return Ok(Closing::Done(self.close(user).await?));
        };
        let no_such_user = || FlowError::Refused(CloseRefusal::NoSuchUser);
        let user = self.store().user(user).await?.ok_or_else(no_such_user)?;
        let sender = Sender::new("request_closing");
        self.ask_to_close(sender, &user).await?;
        // The clock of another server, which noted the last log-in, may be ahead of ours.
        let begun_at = self.now().max(user.last_login.unwrap_or_default());
        let grace = TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
        let due_at = begun_at.checked_add_signed(grace).unwrap_or(begun_at);
        // What begins when the account is made is of nobody.
        let after = user
            .date_joined
            .checked_add_signed(TimeDelta::microseconds(1));
        let begun_at = after.map_or(begun_at, |after| begun_at.max(after));
        let addresses = self.addresses_to_tell(user.id).await?;
        // Where it is so soon, a day would say too little.
        let format = if grace < TimeDelta::days(2) {
            "%Y-%m-%d %H:%M"
        } else {
            "%Y-%m-%d"
        };
        let change = AccountChange::ClosingScheduled(due_at.format(format).to_string());
        self.forget_old_closing(&user).await?;
        let notices = self.notices_of(user.id, &addresses, &change).await?;
        let closing = ScheduledClosing {
            user: user.id,
            begun_at,
            due_at,
            is_of_nobody: false,
        };
        let scheduled = self
            .store()
            .schedule_closing(&closing, &notices.to_commit())
            .await;
        let is_new = |it: &Option<_>| matches!(it, Some((_, true)));
        let scheduled = self.unless_made(&notices, scheduled, is_new).await?;
        let (kept, is_new) = scheduled.ok_or_else(no_such_user)?;
        if is_new {
            self.notify(&user, notices).await;
            let event = AccountClosingScheduled::new(sender, user.to_event_user(), due_at.into());
            self.happened(event).await;
        }
        Ok(Closing::Scheduled(kept.due_at))
    }

    /// Forgets a closing that the user has come back from by another program, or that nobody has wanted: a new one counts from now.
    async fn forget_old_closing(&self, user: &User) -> Result<(), Failure> {
        let scheduled = self.store().scheduled_closing(user.id).await?;
        if scheduled.is_some_and(|it| it.is_of_nobody || !it.stands(user.last_login)) {
            let nothing = Notices::default();
            self.store().cancel_closing(user.id, &nothing).await?;
        }
        Ok(())
    }

    /// When the account of this user will be closed, if it is [to be](Self::request_closing) and they have not logged in since.
    ///
    /// # Errors
    /// [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// # let ann = accounts.users_after(None, 1).await?.remove(0);
    /// assert_eq!(accounts.closing_of(&ann).await?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn closing_of(&self, user: &User) -> Result<Option<DateTime<Utc>>, Failure> {
        let scheduled = self.store().scheduled_closing(user.id).await?;
        let wanted = scheduled.filter(|it| !it.is_of_nobody && it.stands(user.last_login));
        Ok(wanted.map(|it| it.due_at))
    }

    /// Keeps an account that was to be closed; `false` when it was not. Fires `account_closing_cancelled`, and the verified
    /// addresses are told, if its user wanted it to be closed. Every log-in does so by itself.
    ///
    /// # Errors
    /// [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// The account is kept or not; the signal may be missing.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// # let ann = accounts.users_after(None, 1).await?.remove(0);
    /// // Nobody had shown yet that the account is theirs.
    /// assert!(accounts.cancel_closing(&ann).await?);
    /// assert!(!accounts.cancel_closing(&ann).await?, "it stays");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn cancel_closing(&self, user: &User) -> Result<bool, Failure> {
        let Some(closing) = self.store().scheduled_closing(user.id).await? else {
            return Ok(false);
        };
        if closing.is_of_nobody {
            // Nobody was told that it would be closed.
            let nothing = Notices::default();
            return Ok(self.store().cancel_closing(user.id, &nothing).await?);
        }
        let addresses = self.addresses_to_tell(user.id).await?;
        let change = AccountChange::ClosingCancelled;
        let notices = self.notices_of(user.id, &addresses, &change).await?;
        let enclosed = notices.to_commit();
        let cancelled = self.store().cancel_closing(user.id, &enclosed).await;
        if !self.unless_made(&notices, cancelled, |it| *it).await? {
            return Ok(false);
        }
        self.notify(user, notices).await;
        let (sender, about) = (Sender::new("cancel_closing"), user.to_event_user());
        self.happened(AccountClosingCancelled::new(sender, about))
            .await;
        Ok(true)
    }

    /// Keeps the account of a user who logs in. Before the session begins: so of this and of what closes the account one
    /// comes first, and nobody loses an account in which they have just been welcomed. What is scheduled between this and the
    /// session keeps the session from beginning. A closing of nobody stays: when its time has come, what closes the account sees
    /// the log-in. Whether there was one that is cancelled.
    pub(super) async fn keep_who_logs_in(&self, user: &User) -> Result<bool, Failure> {
        Ok(self.closes_meanwhile(user).await? && self.cancel_closing(user).await?)
    }

    /// Whether users may have wanted their accounts to be closed later.
    pub(super) fn may_be_closing(&self) -> bool {
        self.settings().closing_grace.is_some()
    }

    /// Whether an account is to be closed as its user wants it; where a session could not begin, wanted since
    /// [they were to be kept](Self::keep_who_logs_in).
    pub(super) async fn closes_meanwhile(&self, user: &User) -> Result<bool, Failure> {
        if !self.may_be_closing() {
            return Ok(false);
        }
        let closing = self.store().scheduled_closing(user.id).await?;
        Ok(closing.is_some_and(|it| !it.is_of_nobody))
    }

    /// Closes the accounts whose time has come, and tells how many: what the worker of the facade does every minute. Those of
    /// users who wanted it, those that [`begin_sign_up`](Self::begin_sign_up) has made and nobody has proven theirs, and those with a
    /// password that nobody has verified or [uses](crate::settings::Settings::unverified_account_lifetime). One that a
    /// receiver of `account_closing` or a table of the application stands against is put off by a day, with a line in the log.
    ///
    /// Where the messages wait in an outbox, it is at no time later than the newest that the store has seen: an account that
    /// a wrong clock has closed does not come back.
    ///
    /// # Errors
    /// [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken): the store, or the source of randomness.
    /// Some may be closed.
    ///
    /// # Cancel safety
    /// Each is closed or not.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// assert_eq!(accounts.close_due().await?, 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn close_due(&self) -> Result<u64, Failure> {
        let now = self.believed_now().await?;
        let (mut closed, mut failed) = (0, None);
        loop {
            let due = self.store().due_closings(now, AT_ONCE).await?;
            for closing in &due {
                match self.close_if_due(closing, now).await {
                    Ok(is_closed) => closed += u64::from(is_closed),
                    // The others are not to wait for one that fails again and again. Where the store is gone, this fails
                    // too, and the next call finds them all due.
                    Err(failure) => {
                        self.put_off(closing.user, now, AFTER_A_FAILURE).await?;
                        failed.get_or_insert(failure);
                    }
                }
            }
            if due.len() < AT_ONCE as usize {
                return failed.map_or(Ok(closed), Err);
            }
        }
    }

    /// The time that it is at least, for what does not come back once it is removed.
    pub(super) async fn believed_now(&self) -> Result<DateTime<Utc>, Failure> {
        Ok(match &self.inner.outbox {
            Some(outbox) => outbox.believed_time().await?.min(self.now()),
            None => self.now(),
        })
    }

    /// Closes an account whose time has come; whether it did. After it, it is not due any more.
    async fn close_if_due(
        &self,
        closing: &ScheduledClosing,
        now: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        let Some(user) = self.store().user(closing.user).await? else {
            // Another program has deleted them past the foreign keys.
            let nobody = Notices::default();
            self.store().cancel_closing(closing.user, &nobody).await?;
            return Ok(false);
        };
        // Another program on the same tables, as Django, may have logged them in; or an operator has seen to an account that
        // nobody had proven.
        let due_at = if closing.is_of_nobody {
            self.nobodys_until(&user, closing).await?
        } else {
            closing.stands(user.last_login).then_some(closing.due_at)
        };
        let Some(due_at) = due_at else {
            self.cancel_closing(&user).await?;
            return Ok(false);
        };
        if due_at > now {
            self.store().put_off_closing(user.id, due_at).await?;
            return Ok(false);
        }
        let as_seen = closing.is_of_nobody.then(|| AsSeen {
            password: user.password.clone(),
            last_login: user.last_login,
            unless_referenced: user.password.is_usable(),
        });
        match self.close_as("close_due", &user, Some(now), as_seen).await {
            Ok(Closed::Removed | Closed::Anonymised) => return Ok(true),
            // What keeps an account, as that it is an operator's, may end: it is looked at again, but not at once.
            Ok(Closed::NoSuchUser) | Err(FlowError::Refused(CloseRefusal::NoSuchUser)) => {}
            Err(FlowError::Refused(CloseRefusal::MayNot(_))) => {
                tracing::warn!("a receiver of account_closing put the closing of an account off");
            }
            Err(FlowError::Failed(failure)) if failure.kind() == FailureKind::Referenced => {
                tracing::warn!(
                    error = ?failure,
                    "a table of others put the closing of an account off"
                );
            }
            Err(FlowError::Failed(failure)) => return Err(failure),
        }
        self.put_off(user.id, now, PUT_OFF).await?;
        Ok(false)
    }

    async fn put_off(
        &self,
        user: UserId,
        now: DateTime<Utc>,
        by: TimeDelta,
    ) -> Result<(), StoreError> {
        let later = now.checked_add_signed(by).unwrap_or(now);
        self.store().put_off_closing(user, later).await.map(drop)
    }
}
