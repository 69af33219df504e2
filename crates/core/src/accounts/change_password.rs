//! Changing a password that one knows.

use phone_auth_events::{AccountChange, DurableSignal, PasswordChanged, Sender};

use super::begun_once::{BegunOnce, Gives};
use super::limits::Counted;
use super::new_password::attributes_of;
use super::notices::ChangeNotices;
use super::repeatable::key_source;
use super::to_the_end::HandedOn;
use super::{ATTEMPTS, Accounts, CurrentUser, Failure, FailureKind, FlowError};
use crate::address::{AddressRecord, Losses};
use crate::form::{Field, FieldProblem, Problem, Problems};
use crate::gate::{GateNames, GatedFlow};
use crate::password::{HashError, Password, Requester, Verdict};
use crate::session::{PasswordReplacement, SessionKey};
use crate::sessions::Rebound;
use crate::user::User;

/// The flow, as signals and counters name it.
const FLOW: &str = "change_password";

impl Accounts {
    /// Changes the password of a user. This session lives on under the key that is answered, which the
    /// browser must be given; all others of the user end, and so does anyone else who has the old key. Fires
    /// `password_changed`, or `user_login_failed` for a wrong old password.
    ///
    /// # Errors
    /// - [`Invalid`](ChangePasswordRefusal::Invalid): what is wrong, with the old password and with the new one at once.
    /// - [`NotLoggedIn`](ChangePasswordRefusal::NotLoggedIn): the user is gone or disabled, or the session is over.
    /// - [`Failed`](FlowError::Failed): [`Limited`](FailureKind::Limited), the password was checked too often in this
    ///   session; [`Busy`](FailureKind::Busy), too many passwords are being hashed;
    ///   [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken), the store or the source of
    ///   randomness.
    ///
    /// In every case nothing was changed, and the session lives on.
    ///
    /// A form that comes twice at once is answered as the first time: where the password was changed since `current_user`
    /// was read, and the new one is stored already, nothing is left to do. Then no signal is fired.
    ///
    /// # Cancel safety
    /// The password is changed and the other sessions ended, or neither; the signal may be missing where it is not known yet
    /// which, and the session be one whose key nobody knows. Where the hash of the old password has begun, what it finds is
    /// recorded: a right one has not failed, and a wrong one counts and is told of.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{ChangePasswordRefusal, FlowError};
    /// use phone_auth_core::form::{Field, FieldProblem, Problem};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let old = Password::new("correct horse");
    /// let ann = accounts.log_in("ann", &old, None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    ///
    /// let new = Password::new("battery staple");
    /// let problem = FieldProblem::new(Field::OldPassword, Problem::WrongOldPassword);
    /// let wrong = ChangePasswordRefusal::Invalid(vec![problem]);
    /// let refused = accounts.change_password(&current_user, &new, &new, &new).await;
    /// assert!(matches!(refused, Err(FlowError::Refused(refusal)) if refusal == wrong));
    ///
    /// let key = accounts.change_password(&current_user, &old, &new, &new).await?;
    /// assert!(accounts.current_user(&key).await?.is_some());
    /// assert!(accounts.current_user(&ann.key).await?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn change_password(
        &self,
        current_user: &CurrentUser,
        old: &Password,
        new1: &Password,
        new2: &Password,
    ) -> Result<SessionKey, FlowError<ChangePasswordRefusal>> {
        let (asking, counters) = self.checks_in(FLOW, current_user);
        if let Err(failure) = self.refuse_full(&asking, counters).await {
            return self.changed_or(failure, current_user, [new1, new2]).await;
        }
        // Nothing is checked where nothing was typed, and nothing changed: the gate has nothing to say.
        let mut counted = None;
        if !old.is_empty() {
            let (flow, names) = (GatedFlow::ChangePassword, GateNames::default());
            self.ask_gate_to_try(flow, names, old.reveal()).await?;
            counted = match self.count_check(FLOW, current_user).await {
                Ok(counted) => Some(counted),
                Err(failure) => {
                    return self.changed_or(failure, current_user, [new1, new2]).await;
                }
            };
        }
        let mut was_checked = false;
        let changed = self.change_counted(
            current_user,
            [old, new1, new2],
            counted.as_ref(),
            &mut was_checked,
        );
        let changed = changed.await;
        if let (Err(FlowError::Failed(_)), Some(counted), false) = (&changed, &counted, was_checked)
        {
            // Not tried. One that was right has ended its row, and has cost a hash.
            self.give_all_back(counted).await;
        }
        changed
    }

    /// The same, after it was counted; it is noted whether the old password was tried.
    async fn change_counted(
        &self,
        current_user: &CurrentUser,
        [old, new1, new2]: [&Password; 3],
        counted: Option<&Counted>,
        was_checked: &mut bool,
    ) -> Result<SessionKey, FlowError<ChangePasswordRefusal>> {
        let requester = Requester::signed_in(&self.client, current_user.user().id);
        for _ in 0..ATTEMPTS {
            let user = self.store().user(current_user.user().id).await?;
            let Some(user) = user.filter(|user| user.is_active) else {
                return Err(FlowError::Refused(ChangePasswordRefusal::NotLoggedIn));
            };
            let mut problems = Problems::default();
            let is_wrong = self
                .check_old_password(&mut problems, &user, old, &requester, counted)
                .await?;
            *was_checked |= !old.is_empty();
            if let (false, Some(counted)) = (is_wrong, counted) {
                self.end_row(counted).await;
            }
            // Only then can the same form have been here. Else the new password would be one more guess at the stored one.
            let is_changed = user.password != current_user.user().password;
            if is_wrong && !is_changed {
                self.tell_of_wrong(FLOW, &user).await;
            }
            // Only now: those who are turned away because too many passwords are being hashed cost no read of it.
            let addresses = self.some_addresses_of(user.id).await?;
            self.check_new_password(
                &mut problems,
                (Field::NewPassword1, new1),
                Some((Field::NewPassword2, new2)),
                &attributes_of(&user, &addresses),
            );
            if let (true, true, Some(counted)) = (is_wrong, is_changed, counted) {
                let wrong_old = FieldProblem::new(Field::OldPassword, Problem::WrongOldPassword);
                if !problems.are_only(wrong_old) {
                    self.tell_of_wrong(FLOW, &user).await;
                } else if self.is_new(&user, new1, &requester, counted).await?
                    && let Some(key) = self.changed_before(current_user, &user).await?
                {
                    return Ok(key);
                }
            }
            problems.refuse(ChangePasswordRefusal::Invalid)?;
            let replaced = self
                .replace_in_session(current_user, user, &addresses, new1, &requester)
                .await?;
            if let Some(key) = replaced {
                return Ok(key);
            }
            // The password was changed since we read it, perhaps only to a better hash of itself by a
            // log-in elsewhere. Look again.
        }
        Err(Failure::new(FailureKind::Unavailable).into())
    }

    /// Replaces the password of a user as they were read, and gives the session another key; none where it is another password
    /// by now.
    async fn replace_in_session(
        &self,
        current_user: &CurrentUser,
        user: User,
        addresses: &[AddressRecord],
        new: &Password,
        requester: &Requester,
    ) -> Result<Option<SessionKey>, FlowError<ChangePasswordRefusal>> {
        let change = AccountChange::PasswordChanged;
        let signal = DurableSignal::PasswordChanged;
        let event = self.event_of(signal, user.id, FLOW, (None, None))?;
        let new = self.hasher().hash(new, requester).await?;
        let notices = self.notices_of(user.id, addresses, &change).await?;
        let notices = notices.with_event(event);
        let replacement = PasswordReplacement {
            user: user.id,
            old: user.password.clone(),
            new,
            last_login: None,
            link: None,
            keeps: None,
            notices: notices.to_commit(),
            losses: Losses::default(),
            names: None,
        };
        let once = self.begins_once(Gives::Password, user.id).await;
        let key = once
            .as_ref()
            .map(|it| it.key_source(self.now(), &replacement.new));
        let rebound = self
            .session_port()
            .rebind(
                current_user.key(),
                replacement,
                self.now(),
                key_source(key.as_ref(), self.randomness()),
            )
            .await;
        if !matches!(rebound, Ok(Rebound::Done(_))) {
            self.was_not_made(&notices).await;
        }
        match rebound? {
            Rebound::Done(key) => {
                BegunOnce::remember(once.as_ref(), &key);
                // The second click need not wait for who is told.
                drop(once);
                self.tell_of_change(user, notices).await;
                Ok(Some(key))
            }
            Rebound::Over => Err(FlowError::Refused(ChangePasswordRefusal::NotLoggedIn)),
            Rebound::Changed => Ok(None),
        }
    }

    /// Tells of another password, also where nobody waits for that any more: the second of two clicks gets the key of the session
    /// without it.
    async fn tell_of_change(&self, user: User, notices: ChangeNotices) {
        let accounts = self.clone();
        let tells = async move {
            accounts.notify(&user, notices).await;
            let user = user.to_event_user();
            let event = PasswordChanged::new(Sender::new(FLOW), user);
            accounts.happened(event).await;
        };
        self.to_the_end(tells).await;
    }

    /// The answer where too many were checked in the session: that of the first, to the second of two clicks, by a count of its
    /// own; else this failure.
    async fn changed_or(
        &self,
        failure: Failure,
        current_user: &CurrentUser,
        [new1, new2]: [&Password; 2],
    ) -> Result<SessionKey, FlowError<ChangePasswordRefusal>> {
        if failure.limited_for().is_none() || new1.is_empty() || new1 != new2 {
            return Err(failure.into());
        }
        let user = self.store().user(current_user.user().id).await?;
        // Only then can the same form have been here.
        let is_changed = |it: &User| it.is_active && it.password != current_user.user().password;
        let Some(user) = user.filter(is_changed) else {
            return Err(failure.into());
        };
        let counted = self.count_form(&user).await?;
        let requester = Requester::signed_in(&self.client, user.id);
        // It is checked, so it is a guess, though by another limit than the old password.
        let is_right = self.is_right(FLOW, &user, new1, &requester, &counted);
        if is_right.await?
            && let Some(key) = self.changed_before(current_user, &user).await?
        {
            return Ok(key);
        }
        Err(failure.into())
    }

    /// Whether the new password is the stored one, where the old one was wrong: it is the answer of the first then, and no guess.
    /// Else the old one was: it is told of, also where nobody waits for this any more.
    fn is_new(
        &self,
        user: &User,
        new: &Password,
        requester: &Requester,
        counted: &Counted,
    ) -> HandedOn<Result<bool, HashError>> {
        let (accounts, counted) = (self.clone(), counted.clone());
        let (user, new, requester) = (user.clone(), new.clone(), requester.clone());
        self.to_the_end(async move {
            let verdict = accounts.hasher().verify(&new, &user.password, &requester);
            let is_new = verdict.await.map(|it| it != Verdict::NoMatch);
            if matches!(is_new, Ok(true)) {
                accounts.end_row(&counted).await;
            } else {
                accounts.tell_of_wrong(FLOW, &user).await;
            }
            is_new
        })
    }

    /// The key of the session, when the password is the new one already: the form came twice, by a double click. A
    /// browser that has sent the key from before the first has perhaps never heard of the other, so it gets that; or one of its
    /// own, where it is not known to be the same. None where that password is over by now as well.
    async fn changed_before(
        &self,
        current_user: &CurrentUser,
        user: &User,
    ) -> Result<Option<SessionKey>, Failure> {
        if self.current_user(current_user.key()).await?.is_some() {
            return Ok(Some(current_user.key().clone()));
        }
        let once = self.begins_once(Gives::Password, user.id).await;
        let lately = Some(self.now());
        let before = BegunOnce::before(once.as_ref(), None, &user.password, lately);
        if let Some(before) = before.await? {
            return Ok(Some(before.key));
        }
        let keeps_signed_in = !self.ends_with_browser(current_user);
        let accounts = self.keeping_signed_in(keeps_signed_in);
        let begun = accounts.log_in_again(user.clone()).await?;
        Ok(begun.map(|logged_in| logged_in.key))
    }

    /// Notes what is wrong with the old password; gives whether it is another than the user's. It was counted, unless none was
    /// typed.
    async fn check_old_password(
        &self,
        problems: &mut Problems,
        user: &User,
        old: &Password,
        requester: &Requester,
        counted: Option<&Counted>,
    ) -> Result<bool, HashError> {
        let Some(counted) = counted else {
            problems.add(Field::OldPassword, Problem::Required);
            return Ok(false);
        };
        let verdict = self.verify_counted(FLOW, user, old, requester, counted);
        let is_wrong = verdict.await? == Verdict::NoMatch;
        if is_wrong {
            problems.add(Field::OldPassword, Problem::WrongOldPassword);
        }
        Ok(is_wrong)
    }
}

/// Why [`Accounts::change_password`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum ChangePasswordRefusal {
    /// Something is wrong with the form: at least one problem, in the order of its fields.
    #[error("the form has problems")]
    Invalid(Vec<FieldProblem>),
    /// The user is gone or disabled, or the session is over: anyone who asks is nobody.
    #[error("the user is gone or not active")]
    NotLoggedIn,
}
