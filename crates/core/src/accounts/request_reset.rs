//! Asking for a link that resets a password.

use super::Accounts;
use super::error::{
    BROKEN_TEXT, FlowError, FlowErrorKind, FormErrorKind, INVALID_TEXT, UNAVAILABLE_TEXT,
    sealed::Sealed,
};
use super::log_in::MAX_LOGIN;
use super::message::To;
use crate::address::AddressKind;
use crate::form::{Field, Problem, Problems};
use crate::outbox::Purpose;
use crate::person::FoundPerson;
use crate::store::StoreErrorKind;

impl Accounts {
    /// Has a link sent that resets a password, to the phone number or e-mail address that was named.
    /// Fires `reset_password_email` or `reset_password_phone`, with the address as it is stored, never
    /// as it was typed.
    ///
    /// Nothing is sent to somebody unknown or inactive, to people who have no password that could be
    /// reset, for a username, or by a method that is switched off. The answer is the same.
    ///
    /// With an [outbox](crate::outbox) the message is owed when this returns, whatever becomes of the process.
    ///
    /// # Security
    /// With an outbox the same is read and written for everybody: for who cannot be sent anything, a message to nobody.
    /// Without one, under [`Dispatch::InRequest`](super::Dispatch::InRequest), the answer takes as long as the
    /// receivers, so its time tells who exists. Serve strangers with an outbox.
    ///
    /// # Errors
    /// - [`Invalid`](ResetRequestErrorKind::Invalid): nothing was typed, or what nobody's name can be, which
    ///   says nothing about who exists; or [`Problem::Ambiguous`], an e-mail address that several people
    ///   have in letters of different case. Which of them asks cannot be told, so no link is sent; or
    ///   [`Problem::Unreceived`], an address of a kind that
    ///   [nobody sends resets to](super::AccountsBuilder::unreceived), whoever has it.
    /// - [`Unavailable`](ResetRequestErrorKind::Unavailable), [`Broken`](ResetRequestErrorKind::Broken):
    ///   the store.
    ///
    /// # Cancel safety
    /// The message is owed or not; without an outbox it may not be sent.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_events::ResetPasswordEmail;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let mut sent = signals.capture::<ResetPasswordEmail>();
    /// accounts.request_password_reset("Ann@Example.org").await?;
    /// accounts.request_password_reset("nobody@example.org").await?;
    ///
    /// let sent = sent.take();
    /// assert_eq!(sent.len(), 1);
    /// assert_eq!(sent[0].email, "ann@example.org");
    /// assert!(sent[0].url.as_str().starts_with("/accounts/password_reset_confirm/MQ/"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn request_password_reset(&self, login: &str) -> Result<(), ResetRequestError> {
        let mut problems = Problems::default();
        if problems
            .read(Field::Login, login, MAX_LOGIN, true)
            .is_none()
        {
            return Err(ResetRequestError::invalid(problems.into_vec()));
        }
        let name = self.reachable_name(login);
        let kind = match name.phone {
            Some(_) => AddressKind::Phone,
            None => AddressKind::Email,
        };
        // What was typed decides, not who has it.
        if self.is_unreceived(Purpose::ResetPassword, kind) {
            problems.add(Field::Login, Problem::Unreceived { kind });
            return Err(ResetRequestError::invalid(problems.into_vec()));
        }
        let found = match self.store().find_person(&name).await {
            Err(error) if error.kind() == StoreErrorKind::Ambiguous => {
                problems.add(Field::Login, Problem::Ambiguous);
                return Err(ResetRequestError::invalid(problems.into_vec()));
            }
            found => found?,
        };
        match found {
            Some(FoundPerson {
                person,
                address: Some(address),
            }) if person.is_active && person.password.is_usable() => {
                let to = To {
                    person: &person,
                    address: &address,
                };
                self.promise(Purpose::ResetPassword, address.kind, Some(to), "")
                    .await
            }
            _ => {
                self.promise(Purpose::ResetPassword, kind, None, &name.canonical())
                    .await
            }
        }
    }
}

/// Why a request for a reset was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResetRequestErrorKind {
    /// Something is wrong with the form.
    Invalid,
    /// The store is not available; trying again later may work.
    Unavailable,
    /// The store answered what it should not.
    Broken,
}

impl Sealed for ResetRequestErrorKind {}

impl FlowErrorKind for ResetRequestErrorKind {
    const UNAVAILABLE: Self = Self::Unavailable;
    const BROKEN: Self = Self::Broken;
    const BUSY: Option<Self> = None;

    fn text(self) -> &'static str {
        match self {
            Self::Invalid => INVALID_TEXT,
            Self::Unavailable => UNAVAILABLE_TEXT,
            Self::Broken => BROKEN_TEXT,
        }
    }
}

impl FormErrorKind for ResetRequestErrorKind {
    const INVALID: Self = Self::Invalid;
}

/// The error of [`Accounts::request_password_reset`].
pub type ResetRequestError = FlowError<ResetRequestErrorKind>;
