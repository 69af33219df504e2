//! What an operator does with accounts, beside the people themselves.

use phone_auth_events::{PasswordChanged, Sender, UserSignedUp};

use super::error::{
    BROKEN_TEXT, BUSY_TEXT, FlowError, FlowErrorKind, FormErrorKind, INVALID_TEXT,
    UNAVAILABLE_TEXT, sealed::Sealed,
};
use super::new_password::attributes_of;
use super::{ATTEMPTS, Accounts, SignUpError, SignUpForm, StoreAccessError};
use crate::form::{Field, Problems};
use crate::password::{Password, Requester};
use crate::person::{AccountName, Person, PersonId};
use crate::session::PasswordReplacement;
use crate::store::StoreErrorKind;

impl Accounts {
    /// Makes an account as an operator. Only a username and a password are needed; what is given obeys
    /// the rules of [`sign_up`](Self::sign_up). Fires `user_signed_up` with the sender `create_person`.
    ///
    /// # Errors
    /// As for [`sign_up`](Self::sign_up).
    ///
    /// # Cancel safety
    /// As for [`sign_up`](Self::sign_up).
    pub async fn create_person(&self, form: SignUpForm<'_>) -> Result<Person, SignUpError> {
        let operator = Requester::operator();
        let person = self.make_person(&form, &[Field::Username], &operator);
        let person = person.await?;
        let event = UserSignedUp::new(Sender::new("create_person"), person.to_user());
        self.tell(event).await;
        Ok(person)
    }

    /// At most `limit` people, in the order of their ids, after the one with the id `after`.
    ///
    /// # Errors
    /// [`Unavailable`](super::StoreAccessErrorKind::Unavailable) and
    /// [`Broken`](super::StoreAccessErrorKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn people_after(
        &self,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<Person>, StoreAccessError> {
        Ok(self.store().people_after(after, limit).await?)
    }

    /// Lets a person in or keeps them out; keeping out ends all their sessions. Gives the person as it
    /// is then.
    ///
    /// # Security
    /// Sessions that are shared with a Django site are nobody's as long as the person is kept out, and one that is
    /// used here meanwhile is removed; one that nobody used is not over: whoever has it is logged in again once the
    /// person is let in. Where somebody else may have one, [`set_password`](Self::set_password) ends them for good, before the person is kept out or as soon as
    /// they are let in.
    ///
    /// # Errors
    /// - [`NoSuchPerson`](AdminErrorKind::NoSuchPerson): nobody has this username.
    /// - [`Ambiguous`](AdminErrorKind::Ambiguous): several people have it in letters of different case.
    /// - [`Unavailable`](AdminErrorKind::Unavailable), [`Broken`](AdminErrorKind::Broken): the store.
    ///
    /// # Cancel safety
    /// It happens whole or not at all.
    ///
    /// # Examples
    /// ```
    /// # use phone_auth_core::password::Password;
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// accounts.set_active("ann", false).await?;
    /// assert!(accounts.visitor(&ann.key).await?.is_none());
    /// assert!(accounts.set_active("nobody", false).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn set_active(&self, username: &str, active: bool) -> Result<Person, AdminError> {
        let no_such_person = || AdminError::new(AdminErrorKind::NoSuchPerson);
        let mut person = self.named(username).await?.ok_or_else(no_such_person)?;
        if !self.store().set_active(person.id, active).await? {
            return Err(no_such_person());
        }
        person.is_active = active;
        Ok(person)
    }

    /// Gives a person a new password and ends all their sessions. Fires `password_changed` with the
    /// sender `set_password`.
    ///
    /// # Errors
    /// - [`NoSuchPerson`](AdminErrorKind::NoSuchPerson): nobody has this username.
    /// - [`Ambiguous`](AdminErrorKind::Ambiguous): several people have it in letters of different case.
    /// - [`NotActive`](AdminErrorKind::NotActive): the person is kept out; let them in first.
    /// - [`Invalid`](AdminErrorKind::Invalid): [`problems`](FlowError::problems) has what is wrong with
    ///   the password, at the field `password`.
    /// - [`Busy`](AdminErrorKind::Busy): too many passwords are being hashed.
    /// - [`Unavailable`](AdminErrorKind::Unavailable), [`Broken`](AdminErrorKind::Broken): the store, or
    ///   the source of randomness.
    ///
    /// # Cancel safety
    /// The password is changed and the sessions ended, or neither; the signal may be missing.
    pub async fn set_password(
        &self,
        username: &str,
        password: &Password,
    ) -> Result<Person, AdminError> {
        for _ in 0..ATTEMPTS {
            let Some(person) = self.named(username).await? else {
                return Err(AdminError::new(AdminErrorKind::NoSuchPerson));
            };
            if !person.is_active {
                return Err(AdminError::new(AdminErrorKind::NotActive));
            }
            let addresses = self.some_addresses_of(person.id).await?;
            let mut problems = Problems::default();
            let attributes = attributes_of(&person, &addresses);
            let new = (Field::Password, password);
            self.check_new_password(&mut problems, new, None, &attributes);
            if !problems.is_empty() {
                return Err(AdminError::invalid(problems.into_vec()));
            }
            let replacement = PasswordReplacement {
                person: person.id,
                old: person.password.clone(),
                new: self.hasher().hash(password, &Requester::operator()).await?,
                last_login: None,
                link: None,
                keeps: None,
            };
            if self.store().replace_password(&replacement).await? {
                let event = PasswordChanged::new(Sender::new("set_password"), person.to_user());
                self.tell(event).await;
                return Ok(person);
            }
        }
        Err(AdminError::new(AdminErrorKind::Unavailable))
    }

    /// The person with this username, exactly or in another case.
    async fn named(&self, username: &str) -> Result<Option<Person>, AdminError> {
        let name = AccountName {
            username: Some(username.to_owned()),
            ..AccountName::default()
        };
        let found = match self.store().find_person(&name).await {
            Err(error) if error.kind() == StoreErrorKind::Ambiguous => {
                return Err(AdminError::with_source(AdminErrorKind::Ambiguous, error));
            }
            found => found?,
        };
        Ok(found.map(|found| found.person))
    }
}

/// Why an operator's wish was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AdminErrorKind {
    /// Nobody has this username.
    NoSuchPerson,
    /// Several people have this username in letters of different case, and nobody exactly as named.
    Ambiguous,
    /// The person is kept out.
    NotActive,
    /// Something is wrong with what was typed.
    Invalid,
    /// Too many passwords are being hashed; trying again later works.
    Busy,
    /// The store is not available, or somebody else kept changing the person; trying again later may
    /// work.
    Unavailable,
    /// The store, the hasher or the source of randomness answered what it should not.
    Broken,
}

impl Sealed for AdminErrorKind {}

impl FlowErrorKind for AdminErrorKind {
    const UNAVAILABLE: Self = Self::Unavailable;
    const BROKEN: Self = Self::Broken;
    const BUSY: Option<Self> = Some(Self::Busy);

    fn text(self) -> &'static str {
        match self {
            Self::NoSuchPerson => "nobody has this username",
            Self::Ambiguous => "several people have this username in letters of different case",
            Self::NotActive => "the person is not active",
            Self::Invalid => INVALID_TEXT,
            Self::Busy => BUSY_TEXT,
            Self::Unavailable => UNAVAILABLE_TEXT,
            Self::Broken => BROKEN_TEXT,
        }
    }
}

impl FormErrorKind for AdminErrorKind {
    const INVALID: Self = Self::Invalid;
}

/// The error of [`Accounts::set_active`] and [`Accounts::set_password`].
pub type AdminError = FlowError<AdminErrorKind>;
