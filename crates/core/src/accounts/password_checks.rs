//! What is counted of passwords that signed-in users have checked: to set another, or to prove that it is them.
//!
//! Someone may sit in a session that is not theirs, and guess. So each session has what it may fail, and the one who guesses
//! keeps the owner in another session from nothing; and there is an end to guesses in a row, as there is at the log-in.

use phone_auth_events::{Limit, LoginFailure, Sender, UserLoginFailed};

use super::limits::{Asking, Counted};
use super::to_the_end::HandedOn;
use super::{Accounts, CurrentUser, Failure};
use crate::limits::{Counters, LimitSubject, Limiter, PLACES_OF_SESSIONS};
use crate::password::{HashError, Password, Requester, Verdict};
use crate::user::{User, UserId};

impl Accounts {
    /// What a password that is checked in a session is counted by.
    pub(super) fn checks_in<'a>(
        &'a self,
        flow: &'static str,
        current_user: &'a CurrentUser,
    ) -> (Asking<'a>, Counters<'a>) {
        let user = current_user.user();
        let asking = Asking {
            flow,
            user: Some(user),
            is_stranger: false,
        };
        let id = user.id.get().to_be_bytes();
        let session = current_user.session().digest.as_bytes().as_slice();
        let place = [self.inner.limiter.place_of_session(session)];
        let counters = self
            .counters()
            .about(Limit::PasswordChecks, &[b"user", &id], &[session])
            .about(Limit::FailuresInARow, &row_of(&id, &place), &[]);
        (asking, counters)
    }

    /// Counts a password that is checked in a session as one that is wrong, until the row [is ended](Self::end_row).
    pub(super) async fn count_check(
        &self,
        flow: &'static str,
        current_user: &CurrentUser,
    ) -> Result<Counted, Failure> {
        let (asking, counters) = self.checks_in(flow, current_user);
        self.count(&asking, counters).await
    }

    /// Whether a password that was counted is the user's. A right one ends the row; a wrong one is told of, by the name of this
    /// flow. So it is where nobody waits for that any more.
    pub(super) async fn is_right(
        &self,
        flow: &'static str,
        user: &User,
        password: &Password,
        requester: &Requester,
        counted: &Counted,
    ) -> Result<bool, Failure> {
        let verdict = self.verify_counted(flow, user, password, requester, counted);
        let verdict = self.unless_unchecked(counted, verdict.await).await?;
        Ok(self.settle_check(flow, user, counted, verdict).await)
    }

    /// Checks a password that was counted; [settled](Self::settle_check) by itself only where nobody waits for it any more.
    pub(super) fn verify_counted(
        &self,
        flow: &'static str,
        user: &User,
        password: &Password,
        requester: &Requester,
        counted: &Counted,
    ) -> HandedOn<Result<Verdict, HashError>> {
        let (accounts, user, password) = (self.clone(), user.clone(), password.clone());
        let (encoded, requester) = (user.password.clone(), requester.clone());
        let work = async move {
            let hasher = accounts.hasher();
            hasher.verify(&password, &encoded, &requester).await
        };
        self.check_counted(
            counted,
            work,
            move |accounts, counted, verdict| async move {
                if let Ok(verdict) = accounts.unless_unchecked(&counted, verdict).await {
                    accounts.settle_check(flow, &user, &counted, verdict).await;
                }
            },
        )
    }

    /// Ends the row of wrong passwords where this one was right, or tells that it was wrong; which it was.
    pub(super) async fn settle_check(
        &self,
        flow: &'static str,
        user: &User,
        counted: &Counted,
        verdict: Verdict,
    ) -> bool {
        let is_right = verdict != Verdict::NoMatch;
        if is_right {
            self.end_row(counted).await;
        } else {
            self.tell_of_wrong(flow, user).await;
        }
        is_right
    }

    /// Tells that the password of a signed-in user was wrong.
    pub(super) async fn tell_of_wrong(&self, flow: &'static str, user: &User) {
        let (failure, user) = (LoginFailure::WrongPassword, user.to_event_user());
        let event = UserLoginFailed::new(Sender::new(flow), failure, Some(user));
        self.happened(event).await;
    }

    /// What became of a password that was counted. One that could not be checked is given back: it was not tried, so it has
    /// not failed, and anyone who tries again while the site is busy must not be taken for someone who guesses.
    pub(super) async fn unless_unchecked<T, E>(
        &self,
        counted: &Counted,
        checked: Result<T, E>,
    ) -> Result<T, Failure>
    where
        Failure: From<E>,
    {
        match checked {
            Ok(checked) => Ok(checked),
            Err(error) => {
                self.give_all_back(counted).await;
                Err(error.into())
            }
        }
    }

    /// What is counted about the passwords of a user that were checked in a row, in all sessions and forms.
    pub(super) fn rows_of_checks(limiter: &Limiter, user: UserId) -> Vec<LimitSubject> {
        let id = user.get().to_be_bytes();
        let of = |place: &[u8]| limiter.subject(Limit::FailuresInARow, &row_of(&id, place));
        let sessions = (0..PLACES_OF_SESSIONS).map(|place| of(&[place]));
        sessions.chain([of(FORMS)]).collect()
    }
}

/// The row of the forms that come a second time, without a session.
pub(super) const FORMS: &[u8] = b"forms";

/// What wrong passwords in a row are counted by that were checked in a session, or with a form.
pub(super) const fn row_of<'a>(user: &'a [u8], place: &'a [u8]) -> [&'a [u8]; 3] {
    [b"checks", user, place]
}
