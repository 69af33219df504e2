//! Logging in.

use phone_auth_events::{Limit, LoginFailure, Sender, User as EventUser, UserLoginFailed};

use super::limits::Counted;
use super::to_the_end::HandedOn;
use super::{ATTEMPTS, Accounts, Failure, FailureKind, FlowError, LoggedIn};
use crate::form::{Field, FieldProblem, Problem, Problems, is_blank};
use crate::gate::{GateNames, GatedFlow};
use crate::password::{EncodedPassword, HashError, Password, Requester, Verdict};
use crate::session::SessionKey;
use crate::store::StoreErrorKind;
use crate::user::{AccountName, FoundUser, User};

/// Why nobody was recognised, for the signals.
type Unrecognised = (LoginFailure, Option<EventUser>);

/// Whose password it is and whether the hash is outdated, or why it is nobody's.
type Recognised = Result<(User, bool), Unrecognised>;

impl Accounts {
    /// Logs a user in by a phone number, an email address or a username, whichever the settings
    /// allow and the text can be read as, and begins a session with a key of its own. The session that
    /// the browser came with, if any, ends. Fires `user_logged_in` or `user_login_failed`. The second of two clicks at the form
    /// of one [browser](Self::for_browser) gets the session that the first has begun, if its password is right as well.
    ///
    /// A hash of an older kind is replaced on the way, unless the password is changed meanwhile.
    ///
    /// # Security
    /// Unknown names, inactive users, users without a password and wrong passwords get the same
    /// error after the same work: one look-up, one count and one hash. Only the signal tells them apart.
    ///
    /// # Errors
    /// - [`Missing`](LogInRefusal::Missing): no name or no password was typed.
    /// - [`InvalidCredentials`](LogInRefusal::InvalidCredentials): no such active user with this
    ///   password; or it was named by an unverified address where
    ///   [`unverified_sign_in`](crate::settings::Settings::unverified_sign_in) is off.
    /// - [`Ambiguous`](LogInRefusal::Ambiguous): several users have this name, in letters of different
    ///   case. Whichever was taken, a user could end up in another user's account, or lose access to
    ///   their own by the one who made the other one; so none is, whatever the password.
    /// - [`Failed`](FlowError::Failed): [`Limited`](FailureKind::Limited), there were too many log-ins of this client's
    ///   network, or too many that failed, of this network or to this account; [`Busy`](FailureKind::Busy), too many passwords are being hashed, or too many
    ///   for this client or this name; whether anyone has the name changes nothing. See
    ///   [`for_client`](Self::for_client). [`Unavailable`](FailureKind::Unavailable) or
    ///   [`Broken`](FailureKind::Broken), the store or the source of randomness.
    ///
    /// # Cancel safety
    /// The log-in is recorded whole or not at all; no one has the key of a session that was begun and
    /// dropped. One that has come to where its session begins goes on by itself, and is told of. Where the hash has begun, what
    /// it finds is recorded: a right password has not failed, and a wrong one counts and is told of.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, LogInRefusal};
    /// use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann@example.org", &Password::new("correct horse"), None).await?;
    /// assert!(accounts.current_user(&ann.key).await?.is_some());
    ///
    /// let refused = accounts.log_in("ann", &Password::new("wrong horse"), None).await;
    /// assert!(matches!(refused, Err(FlowError::Refused(LogInRefusal::InvalidCredentials))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn log_in(
        &self,
        login: &str,
        password: &Password,
        previous: Option<&SessionKey>,
    ) -> Result<LoggedIn, FlowError<LogInRefusal>> {
        let mut missing = Problems::default();
        for (field, is_missing) in [
            (Field::Login, is_blank(login)),
            (Field::Password, password.is_empty()),
        ] {
            if is_missing {
                missing.add(field, Problem::Required);
            }
        }
        missing.refuse(LogInRefusal::Missing)?;
        let name = AccountName::read(login, self.settings());
        self.refuse_early("log_in", &[Limit::LogIns, Limit::FailedLogIns])
            .await?;
        self.ask_gate_to_try(
            GatedFlow::LogIn,
            GateNames::of_account(&name),
            password.reveal(),
        )
        .await?;
        let mut counted = None;
        let asker = self.asker(&name);
        for _ in 0..ATTEMPTS {
            let found = match self.store().find_user_for(&name, &asker).await {
                Err(error) if error.kind() == StoreErrorKind::Ambiguous => {
                    return self.refuse_ambiguous(&name, password).await;
                }
                found => found?,
            };
            let is_proven = found.as_ref().is_none_or(|found| self.may_name(found));
            let user = found.map(|found| found.user);
            let requester = self.requester(&name, user.as_ref());
            let counted = match &counted {
                Some(counted) => counted,
                None => counted.insert(self.count_log_in(&name, user.as_ref(), &requester).await?),
            };
            let recognised = self.recognise_counted(user, is_proven, password, requester, counted);
            let recognised = recognised.await;
            let (user, is_outdated) = match self.unless_unchecked(counted, recognised).await? {
                Ok(recognised) => recognised,
                Err(why) => {
                    self.tell_of_failure(why).await;
                    return Err(FlowError::Refused(LogInRefusal::InvalidCredentials));
                }
            };
            let outdated = is_outdated.then(|| (password.clone(), requester));
            let begun = self.begin_by_password(user, outdated, previous, counted);
            if let Some(logged_in) = begun.await? {
                return Ok(logged_in);
            }
            // Someone changed the user since we read it: another log-in upgraded the hash, or the
            // password is a new one. Look again.
        }
        Err(Failure::new(FailureKind::Unavailable).into())
    }

    /// Refuses a name that several users have, after the work of any other log-in.
    async fn refuse_ambiguous(
        &self,
        name: &AccountName,
        password: &Password,
    ) -> Result<LoggedIn, FlowError<LogInRefusal>> {
        let requester = self.requester(name, None);
        let counted = self.count_log_in(name, None, &requester).await?;
        let (accounts, typed) = (self.clone(), password.clone());
        let work = async move { accounts.hasher().verify_nothing(&typed, &requester).await };
        let why = || (LoginFailure::AmbiguousIdentifier, None);
        let settles = move |accounts: Self, counted, checked| async move {
            if let Ok(()) = accounts.unless_unchecked(&counted, checked).await {
                accounts.tell_of_failure(why()).await;
            }
        };
        let checked = self.check_counted(&counted, work, settles).await;
        self.unless_unchecked(&counted, checked).await?;
        self.tell_of_failure(why()).await;
        Err(FlowError::Refused(LogInRefusal::Ambiguous))
    }

    /// Whether the name that found a user may name them: an unverified address only where the settings say so.
    fn may_name(&self, found: &FoundUser) -> bool {
        let is_verified = found.address.as_ref().is_none_or(|it| it.is_verified);
        is_verified || self.settings().unverified_sign_in
    }

    /// Tells why a log-in has failed.
    async fn tell_of_failure(&self, (failure, user): Unrecognised) {
        let event = UserLoginFailed::new(Sender::new("log_in"), failure, user);
        self.happened(event).await;
    }

    /// [Recognises](Self::recognise) who was counted. Where the browser goes away meanwhile, a right password has not failed, and a
    /// wrong one is told of.
    fn recognise_counted(
        &self,
        user: Option<User>,
        is_proven: bool,
        password: &Password,
        requester: Requester,
        counted: &Counted,
    ) -> HandedOn<Result<Recognised, HashError>> {
        let (accounts, password) = (self.clone(), password.clone());
        let work = async move {
            let recognised = accounts.recognise(user, is_proven, &password, &requester);
            recognised.await
        };
        self.check_counted(counted, work, |accounts, counted, recognised| async move {
            match accounts.unless_unchecked(&counted, recognised).await {
                Ok(Ok(_)) => accounts.give_back(&counted).await,
                Ok(Err(why)) => accounts.tell_of_failure(why).await,
                // It was given back.
                Err(_) => {}
            }
        })
    }

    /// Checks a password; the work of one check, anyone who it is. Anyone who is refused whatever the password is must
    /// not be told by whether it was right: a right one takes less. Gives whose password it is and whether the hash is
    /// outdated, or what the signals hear of.
    async fn recognise(
        &self,
        user: Option<User>,
        is_proven: bool,
        password: &Password,
        requester: &Requester,
    ) -> Result<Recognised, HashError> {
        let (failure, user) = match user {
            None => (LoginFailure::UnknownIdentifier, None),
            Some(user) if !is_proven => {
                (LoginFailure::UnverifiedAddress, Some(user.to_event_user()))
            }
            Some(user) if !user.is_active => (LoginFailure::Inactive, Some(user.to_event_user())),
            Some(user) if !self.proves_by_password(&user) => {
                (LoginFailure::UnusablePassword, Some(user.to_event_user()))
            }
            Some(user) => {
                let verdict = self.hasher().verify(password, &user.password, requester);
                return Ok(match verdict.await? {
                    Verdict::NoMatch => {
                        Err((LoginFailure::WrongPassword, Some(user.to_event_user())))
                    }
                    Verdict::Match => Ok((user, false)),
                    Verdict::MatchOutdated => Ok((user, true)),
                });
            }
        };
        self.hasher().verify_nothing(password, requester).await?;
        Ok(Err((failure, user)))
    }

    /// A better hash than the outdated one. One that cannot be made now is made another time: no reason to refuse the
    /// user.
    pub(super) async fn upgrade(
        &self,
        password: &Password,
        requester: &Requester,
    ) -> Option<EncodedPassword> {
        match self.hasher().hash(password, requester).await {
            Ok(encoded) => Some(encoded),
            Err(error) => {
                tracing::debug!(%error, "an outdated hash was not replaced");
                None
            }
        }
    }
}

/// Why [`Accounts::log_in`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum LogInRefusal {
    /// Nothing was typed where something must be: at least one problem.
    #[error("a name and a password are needed")]
    Missing(Vec<FieldProblem>),
    /// No active user has this name and this password. Which of the three it was is not for those
    /// who ask.
    #[error("no account has this name and this password")]
    InvalidCredentials,
    /// Several users have this name, in letters of different case.
    #[error("several users have this name")]
    Ambiguous,
}
