//! Changing a password that one knows.

use phone_auth_events::{PasswordChanged, Sender};

use super::error::{
    BROKEN_TEXT, BUSY_TEXT, FlowError, FlowErrorKind, FormErrorKind, INVALID_TEXT,
    UNAVAILABLE_TEXT, sealed::Sealed,
};
use super::new_password::attributes_of;
use super::{ATTEMPTS, Accounts, Visitor};
use crate::form::{Field, Problem, Problems};
use crate::password::{Password, Requester, Verdict};
use crate::person::Person;
use crate::session::{KeptSession, PasswordReplacement, SessionKey};
use crate::store::{StoreError, StoreErrorKind};

impl Accounts {
    /// Changes the password of a visitor. This session lives on under the key that is answered, which the
    /// browser must be given; all others of the person end, and so does whoever else has the old key. Fires
    /// `password_changed`.
    ///
    /// # Errors
    /// - [`Invalid`](ChangePasswordErrorKind::Invalid): [`problems`](FlowError::problems) has what is
    ///   wrong, with the old password and with the new one at once.
    /// - [`NotActive`](ChangePasswordErrorKind::NotActive): the person is gone or not active any more.
    /// - [`Busy`](ChangePasswordErrorKind::Busy): too many passwords are being hashed.
    /// - [`Unavailable`](ChangePasswordErrorKind::Unavailable),
    ///   [`Broken`](ChangePasswordErrorKind::Broken): the store, or the source of randomness.
    ///
    /// In every case nothing was changed, and the session lives on.
    ///
    /// # Cancel safety
    /// The password is changed and the other sessions ended, or neither; the signal may be missing, and the
    /// session be one that nobody has the key of.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::form::{Field, FieldProblem, Problem};
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let old = Password::new("correct horse");
    /// let ann = accounts.log_in("ann", &old, None).await?;
    /// let visitor = accounts.visitor(&ann.key).await?.ok_or("nobody")?;
    ///
    /// let new = Password::new("battery staple");
    /// let wrong = accounts.change_password(&visitor, &new, &new, &new).await;
    /// let problem = FieldProblem::new(Field::OldPassword, Problem::WrongOldPassword);
    /// assert_eq!(wrong.unwrap_err().problems(), [problem]);
    ///
    /// let key = accounts.change_password(&visitor, &old, &new, &new).await?;
    /// assert!(accounts.visitor(&key).await?.is_some());
    /// assert!(accounts.visitor(&ann.key).await?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn change_password(
        &self,
        visitor: &Visitor,
        old: &Password,
        new1: &Password,
        new2: &Password,
    ) -> Result<SessionKey, ChangePasswordError> {
        let addresses = self.some_addresses_of(visitor.person().id).await?;
        let requester = Requester::signed_in(&self.client, visitor.person().id);
        for _ in 0..ATTEMPTS {
            let person = self.store().person(visitor.person().id).await?;
            let Some(person) = person.filter(|person| person.is_active) else {
                return Err(ChangePasswordError::new(ChangePasswordErrorKind::NotActive));
            };
            let mut problems = Problems::default();
            self.check_old_password(&mut problems, &person, old, &requester)
                .await?;
            self.check_new_password(
                &mut problems,
                (Field::NewPassword1, new1),
                Some((Field::NewPassword2, new2)),
                &attributes_of(&person, &addresses),
            );
            if !problems.is_empty() {
                return Err(ChangePasswordError::invalid(problems.into_vec()));
            }
            let replacement = PasswordReplacement {
                person: person.id,
                old: person.password.clone(),
                new: self.hasher().hash(new1, &requester).await?,
                last_login: None,
                link: None,
                keeps: None,
            };
            let replaced = match &self.inner.django {
                None => self.replace_password_of(visitor, replacement).await?,
                Some(django) => {
                    self.replace_password_beside_django(django, visitor, &replacement)
                        .await?
                }
            };
            if let Some(key) = replaced {
                let event = PasswordChanged::new(Sender::new("change_password"), person.to_user());
                self.tell(event).await;
                return Ok(key);
            }
            // The password was changed since we read it, perhaps only to a better hash of itself by a
            // log-in elsewhere. Look again.
        }
        Err(ChangePasswordError::new(
            ChangePasswordErrorKind::Unavailable,
        ))
    }

    /// Replaces a password, and gives the visitor's session another key, which is answered. `None` when the
    /// person is not any more as described, and when the key is somebody's already: another is taken then.
    async fn replace_password_of(
        &self,
        visitor: &Visitor,
        mut replacement: PasswordReplacement,
    ) -> Result<Option<SessionKey>, ChangePasswordError> {
        let key = self.new_session_key()?;
        replacement.keeps = Some(KeptSession {
            digest: visitor.session().digest,
            becomes: key.digest(),
        });
        let replaced = self.store().replace_password(&replacement).await;
        Ok(unless_in_use(replaced)?.then_some(key))
    }

    async fn check_old_password(
        &self,
        problems: &mut Problems,
        person: &Person,
        old: &Password,
        requester: &Requester,
    ) -> Result<(), ChangePasswordError> {
        if old.is_empty() {
            problems.add(Field::OldPassword, Problem::Required);
            return Ok(());
        }
        let verdict = self.hasher().verify(old, &person.password, requester);
        if verdict.await? == Verdict::NoMatch {
            problems.add(Field::OldPassword, Problem::WrongOldPassword);
        }
        Ok(())
    }
}

/// Whether a password was replaced; not when the new key of the session is that of another.
pub(super) fn unless_in_use(replaced: Result<bool, StoreError>) -> Result<bool, StoreError> {
    match replaced {
        Err(error) if error.kind() == StoreErrorKind::SessionExists => Ok(false),
        replaced => replaced,
    }
}

/// Why a password was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangePasswordErrorKind {
    /// Something is wrong with the form.
    Invalid,
    /// The person is gone or not active any more: whoever asks is nobody.
    NotActive,
    /// Too many passwords are being hashed; trying again later works.
    Busy,
    /// The store is not available, or the password kept being changed; trying again later may work.
    Unavailable,
    /// The store, the hasher or the source of randomness answered what it should not.
    Broken,
}

impl Sealed for ChangePasswordErrorKind {}

impl FlowErrorKind for ChangePasswordErrorKind {
    const UNAVAILABLE: Self = Self::Unavailable;
    const BROKEN: Self = Self::Broken;
    const BUSY: Option<Self> = Some(Self::Busy);

    fn text(self) -> &'static str {
        match self {
            Self::Invalid => INVALID_TEXT,
            Self::NotActive => "the person is gone or not active",
            Self::Busy => BUSY_TEXT,
            Self::Unavailable => UNAVAILABLE_TEXT,
            Self::Broken => BROKEN_TEXT,
        }
    }
}

impl FormErrorKind for ChangePasswordErrorKind {
    const INVALID: Self = Self::Invalid;
}

/// The error of [`Accounts::change_password`].
pub type ChangePasswordError = FlowError<ChangePasswordErrorKind>;
