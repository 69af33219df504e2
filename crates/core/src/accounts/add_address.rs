//! Adding an e-mail address or a phone number to an account.

use phone_auth_events::{EmailAdded, PhoneAdded, Sender};

use super::error::{
    BROKEN_TEXT, FlowError, FlowErrorKind, FormErrorKind, INVALID_TEXT, UNAVAILABLE_TEXT,
    sealed::Sealed,
};
use super::sign_up::{MAX_EMAIL, MAX_PHONE};
use super::{Accounts, Visitor};
use crate::address::{Address, AddressCaps, AddressKind, AddressRecord, EmailAddress, PhoneNumber};
use crate::form::{Field, Problem, Problems};
use crate::store::StoreErrorKind;

impl Accounts {
    /// Adds an address to the account of a visitor, not verified yet. Sends nothing to it. Fires
    /// `email_added` or `phone_added`.
    ///
    /// # Errors
    /// - [`Invalid`](AddAddressErrorKind::Invalid): [`problems`](FlowError::problems) has what is wrong
    ///   with it; also when somebody has it already, the visitor too.
    /// - [`Unavailable`](AddAddressErrorKind::Unavailable), [`Broken`](AddAddressErrorKind::Broken): the
    ///   store.
    ///
    /// # Cancel safety
    /// The address is added or not; the signal may be missing.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::address::AddressKind;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let visitor = accounts.visitor(&ann.key).await?.ok_or("nobody")?;
    ///
    /// let added = accounts.add_address(&visitor, AddressKind::Email, "Ann@Work.example").await?;
    /// assert_eq!(added.value, "ann@work.example");
    ///
    /// let refused = accounts.add_address(&visitor, AddressKind::Phone, "98765").await;
    /// assert_eq!(refused.unwrap_err().problems().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn add_address(
        &self,
        visitor: &Visitor,
        kind: AddressKind,
        text: &str,
    ) -> Result<AddressRecord, AddAddressError> {
        let mut problems = Problems::default();
        let Some(address) = read(kind, text, &mut problems) else {
            return Err(AddAddressError::invalid(problems.into_vec()));
        };
        let person = visitor.person();
        let caps = AddressCaps {
            all: self.settings().max_addresses,
            unverified: self.settings().max_unverified_addresses,
        };
        let record = match self.store().add_address(person.id, &address, caps).await {
            Ok(record) => record,
            Err(error) => {
                let problem = match error.kind() {
                    StoreErrorKind::Taken(_) => Problem::Taken,
                    StoreErrorKind::TooManyAddresses => Problem::TooManyAddresses { max: caps.all },
                    StoreErrorKind::TooManyUnverified => Problem::TooManyUnverified {
                        max: caps.unverified,
                    },
                    _ => return Err(error.into()),
                };
                problems.add(field(kind), problem);
                return Err(AddAddressError::invalid(problems.into_vec()));
            }
        };
        let (sender, user) = (Sender::new("add_address"), person.to_user());
        let value = record.value.clone();
        match kind {
            AddressKind::Email => self.tell(EmailAdded::new(sender, user, value)).await,
            AddressKind::Phone => self.tell(PhoneAdded::new(sender, user, value)).await,
        }
        Ok(record)
    }
}

/// Reads an address of this kind and notes what is wrong with it.
fn read(kind: AddressKind, text: &str, problems: &mut Problems) -> Option<Address> {
    let (max, problem) = match kind {
        AddressKind::Email => (MAX_EMAIL, Problem::InvalidEmail),
        AddressKind::Phone => (MAX_PHONE, Problem::InvalidPhone),
    };
    let text = problems.read(field(kind), text, max, true)?;
    let address = match kind {
        AddressKind::Email => EmailAddress::parse(text).ok().map(Address::Email),
        AddressKind::Phone => PhoneNumber::parse(text).ok().map(Address::Phone),
    };
    if address.is_none() {
        problems.add(field(kind), problem);
    }
    address
}

const fn field(kind: AddressKind) -> Field {
    match kind {
        AddressKind::Email => Field::Email,
        AddressKind::Phone => Field::Phone,
    }
}

/// Why an address was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddAddressErrorKind {
    /// Something is wrong with the form.
    Invalid,
    /// The store is not available; trying again later may work.
    Unavailable,
    /// The store answered what it should not.
    Broken,
}

impl Sealed for AddAddressErrorKind {}

impl FlowErrorKind for AddAddressErrorKind {
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

impl FormErrorKind for AddAddressErrorKind {
    const INVALID: Self = Self::Invalid;
}

/// The error of [`Accounts::add_address`].
pub type AddAddressError = FlowError<AddAddressErrorKind>;
