//! What an operator does with accounts, beside the users themselves.

use phone_auth_events::{AccountChange, DurableSignal, PasswordChanged, Sender};

use super::new_password::attributes_of;
use super::{ATTEMPTS, Accounts, Failure, FailureKind, FlowError, SignUpForm, SignUpRefusal};
use crate::address::{AddressRecord, Losses};
use crate::form::{Field, FieldProblem, Problems};
use crate::password::{Password, Requester};
use crate::session::PasswordReplacement;
use crate::store::StoreErrorKind;
use crate::user::{AccountName, User, UserId, UserSearch};

impl Accounts {
    /// Makes an account as an operator. Only a username and a password are needed; what is given obeys
    /// the rules of [`sign_up`](Self::sign_up). Fires `user_signed_up` with the sender `create_user`.
    ///
    /// # Errors
    /// As for [`sign_up`](Self::sign_up).
    ///
    /// # Cancel safety
    /// As for [`sign_up`](Self::sign_up).
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let form = SignUpForm {
    ///     first_name: "",
    ///     last_name: "",
    ///     username: "root",
    ///     email: "",
    ///     phone: "",
    ///     password: Password::new("battery staple"),
    ///     confirm_password: None,
    /// };
    /// let root = accounts.create_user(form.clone()).await?;
    /// assert_eq!(root.username, "root");
    ///
    /// let again = accounts.create_user(form).await.unwrap_err();
    /// assert_eq!(again.to_string(), "the form has problems");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn create_user(
        &self,
        form: SignUpForm<'_>,
    ) -> Result<User, FlowError<SignUpRefusal>> {
        let operator = Requester::operator();
        let made = self.make_user(&form, &[Field::Username], &operator, "create_user");
        Ok(self.tell_of(made.await?, "create_user").await)
    }

    /// The user with this id, such as the one that an event is about, as they are in the store now; none when there is no
    /// such user any more.
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
    /// use phone_auth_core::user::UserId;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// # let event = accounts.users_after(None, 1).await?.remove(0).to_event_user();
    /// let ann = accounts.user(UserId::new(event.id)).await?.ok_or("nobody")?;
    /// assert_eq!(ann.email, "ann@example.org");
    /// assert_eq!(accounts.user(UserId::new(77)).await?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn user(&self, id: UserId) -> Result<Option<User>, Failure> {
        Ok(self.store().user(id).await?)
    }

    /// The addresses of the user with this id, as [`addresses`](Self::addresses) gives those of the one who is logged in;
    /// none when there is no such user.
    ///
    /// # Errors
    /// As for [`user`](Self::user).
    ///
    /// # Cancel safety
    /// It only reads.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.users_after(None, 1).await?.remove(0);
    /// let addresses = accounts.addresses_of(ann.id).await?;
    /// assert_eq!(addresses[0].value, "ann@example.org");
    /// assert!(!addresses[0].is_verified);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn addresses_of(&self, user: UserId) -> Result<Vec<AddressRecord>, Failure> {
        Ok(self.some_addresses_of(user).await?)
    }

    /// At most `limit` users, in the order of their ids, after the one with the id `after`.
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
    /// let page = accounts.users_after(None, 50).await?;
    /// assert_eq!(page[0].username, "ann");
    /// assert!(accounts.users_after(Some(page[0].id), 50).await?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn users_after(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, Failure> {
        Ok(self.store().users_after(after, limit).await?)
    }

    /// At most `limit` users whose names or addresses have this text in them, in the order of their ids, after the one with
    /// the id `after`: for an operator who looks for someone. Part of a phone number may have spaces.
    ///
    /// # Security
    /// It tells who has an account and may look at every user: it is not for what strangers type.
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
    /// let page = accounts.search_users("EXAMPLE.org", None, 50).await?;
    /// assert_eq!(page[0].username, "ann");
    /// assert!(accounts.search_users("EXAMPLE.org", Some(page[0].id), 50).await?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn search_users(
        &self,
        text: &str,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, Failure> {
        let search = UserSearch::new_in(text, self.settings().default_region);
        Ok(self.store().search_users(&search, after, limit).await?)
    }

    /// Enables or disables a user; disabling ends all their sessions. One who is enabled keeps an account that was
    /// [to be closed](Self::request_closing). Gives the user as it is then.
    ///
    /// # Security
    /// Sessions that are shared with a Django site are nobody's as long as the user is disabled, and one that is
    /// used here meanwhile is removed; one that nobody used is not over: anyone who has it is logged in again once the
    /// user is enabled. Where someone else may have one, [`set_password`](Self::set_password) ends them for good, before
    /// the user is disabled or as soon as they are enabled.
    ///
    /// # Errors
    /// - [`NoSuchUser`](UsernameRefusal::NoSuchUser): no user has this username.
    /// - [`Ambiguous`](UsernameRefusal::Ambiguous): several users have it in letters of different case.
    /// - [`Failed`](FlowError::Failed), [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken):
    ///   the store.
    ///
    /// # Cancel safety
    /// It happens whole or not at all.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, UsernameRefusal};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// accounts.set_active("ann", false).await?;
    /// assert!(accounts.current_user(&ann.key).await?.is_none());
    ///
    /// let refused = accounts.set_active("nobody", false).await;
    /// assert!(matches!(refused, Err(FlowError::Refused(UsernameRefusal::NoSuchUser))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn set_active(
        &self,
        username: &str,
        active: bool,
    ) -> Result<User, FlowError<UsernameRefusal>> {
        let mut user = self.named(username).await?;
        if !self.store().set_active(user.id, active).await? {
            return Err(FlowError::Refused(UsernameRefusal::NoSuchUser));
        }
        user.is_active = active;
        if active {
            self.cancel_closing(&user).await?;
        }
        Ok(user)
    }

    /// Gives a user a new password and ends all their sessions. Fires `password_changed` with the
    /// sender `set_password`.
    ///
    /// # Errors
    /// - [`Username`](SetPasswordRefusal::Username): no user has this username, or several have it in letters of
    ///   different case.
    /// - [`Disabled`](SetPasswordRefusal::Disabled): the user is disabled; enable them first.
    /// - [`Invalid`](SetPasswordRefusal::Invalid): what is wrong with the password, at the field `password`.
    /// - [`Failed`](FlowError::Failed): [`Busy`](FailureKind::Busy), too many passwords are being hashed;
    ///   [`Unavailable`](FailureKind::Unavailable) or [`Broken`](FailureKind::Broken), the store or the source of
    ///   randomness.
    ///
    /// # Cancel safety
    /// The password is changed and the sessions ended, or neither; the signal may be missing.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{FlowError, SetPasswordRefusal, UsernameRefusal};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let new = Password::new("battery staple");
    /// accounts.set_password("ann", &new).await?;
    /// accounts.log_in("ann", &new, None).await?;
    ///
    /// let nobody = SetPasswordRefusal::Username(UsernameRefusal::NoSuchUser);
    /// let refused = accounts.set_password("nobody", &new).await;
    /// assert!(matches!(refused, Err(FlowError::Refused(refusal)) if refusal == nobody));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn set_password(
        &self,
        username: &str,
        password: &Password,
    ) -> Result<User, FlowError<SetPasswordRefusal>> {
        for _ in 0..ATTEMPTS {
            let named = self.named(username).await;
            let user = named.map_err(|error| error.map_refusal(SetPasswordRefusal::Username))?;
            if !user.is_active {
                return Err(FlowError::Refused(SetPasswordRefusal::Disabled));
            }
            let addresses = self.some_addresses_of(user.id).await?;
            let mut problems = Problems::default();
            let attributes = attributes_of(&user, &addresses);
            let new = (Field::Password, password);
            self.check_new_password(&mut problems, new, None, &attributes);
            problems.refuse(SetPasswordRefusal::Invalid)?;
            let change = AccountChange::PasswordChanged;
            let signal = DurableSignal::PasswordChanged;
            let event = self.event_of(signal, user.id, "set_password", (None, None))?;
            let new = self.hasher().hash(password, &Requester::operator()).await?;
            let notices = self.notices_of(user.id, &addresses, &change).await?;
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
            let replaced = self.store().replace_password(&replacement).await;
            if self.unless_made(&notices, replaced, |it| *it).await? {
                self.notify(&user, notices).await;
                let event = PasswordChanged::new(Sender::new("set_password"), user.to_event_user());
                self.happened(event).await;
                return Ok(user);
            }
        }
        Err(Failure::new(FailureKind::Unavailable).into())
    }

    /// The user with this username, exactly or in another case.
    async fn named(&self, username: &str) -> Result<User, FlowError<UsernameRefusal>> {
        let name = AccountName {
            username: Some(username.to_owned()),
            ..AccountName::default()
        };
        let found = match self.store().find_user(&name).await {
            Err(error) if error.kind() == StoreErrorKind::Ambiguous => {
                return Err(FlowError::Refused(UsernameRefusal::Ambiguous));
            }
            found => found?,
        };
        let found = found.ok_or(FlowError::Refused(UsernameRefusal::NoSuchUser))?;
        Ok(found.user)
    }
}

/// Why a username names no one user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum UsernameRefusal {
    /// No user has this username.
    #[error("no account has this username")]
    NoSuchUser,
    /// Several users have this username in letters of different case, and nobody exactly as named.
    #[error("several users have this username in letters of different case")]
    Ambiguous,
}

/// Why [`Accounts::set_password`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum SetPasswordRefusal {
    /// The username names no one user.
    #[error(transparent)]
    Username(UsernameRefusal),
    /// The user is disabled.
    #[error("the user is not active")]
    Disabled,
    /// Something is wrong with the password: at least one problem.
    #[error("the form has problems")]
    Invalid(Vec<FieldProblem>),
}
