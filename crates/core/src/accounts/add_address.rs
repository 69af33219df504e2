//! Adding an email address or a phone number to an account.

use phone_auth_events::{AccountChange, DurableSignal, EmailAdded, Limit, PhoneAdded, Sender};

use super::sign_up_form::MAX_EMAIL;
use super::{Accounts, CurrentUser, FlowError};
use crate::address::{Address, AddressCaps, AddressKind, AddressRecord, EmailAddress, PhoneNumber};
use crate::form::{self, Field, FieldProblem, Problem};
use crate::gate::{GateNames, GatedFlow};
use crate::store::{StoreError, StoreErrorKind};
use crate::user::{User, UserId};

impl Accounts {
    /// Adds an address to the account of a user, not verified yet. What someone else has added and not proven can be added as
    /// well, and becomes the one's who proves it first. Sends nothing to it. Fires
    /// `email_added` or `phone_added`. One that the user has already stays as it is, and nothing is fired: a double click
    /// sends it twice.
    ///
    /// # Errors
    /// - [`Invalid`](AddAddressRefusal::Invalid): what is wrong with it; also when someone else has it, unless
    ///   [`conceal_accounts`](crate::settings::Settings::conceal_accounts) is on.
    /// - [`NoSuchKind`](AddAddressRefusal::NoSuchKind): users have no addresses of this kind here.
    /// - [`Failed`](FlowError::Failed), [`Limited`](super::FailureKind::Limited): this user has added too many of late; or
    ///   [`Unavailable`](super::FailureKind::Unavailable) or
    ///   [`Broken`](super::FailureKind::Broken): the store.
    ///
    /// # Cancel safety
    /// The address is added or not; the signal may be missing.
    ///
    /// # Examples
    /// ```
    /// use phone_auth_core::accounts::{AddAddressRefusal, FlowError};
    /// use phone_auth_core::address::AddressKind;
    /// use phone_auth_core::form::Problem;
    /// # use phone_auth_core::password::Password;
    ///
    #[doc = include_str!("example_setup.txt")]
    /// let ann = accounts.log_in("ann", &Password::new("correct horse"), None).await?;
    /// let current_user = accounts.current_user(&ann.key).await?.ok_or("nobody")?;
    ///
    /// let added = accounts.add_address(&current_user, AddressKind::Email, "Ann@Work.example").await?;
    /// assert_eq!(added.value, "ann@work.example");
    ///
    /// match accounts.add_address(&current_user, AddressKind::Phone, "98765").await {
    ///     Err(FlowError::Refused(AddAddressRefusal::Invalid(problems))) => {
    ///         assert_eq!(problems[0].problem, Problem::InvalidPhone);
    ///     }
    ///     _ => return Err("not refused".into()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn add_address(
        &self,
        current_user: &CurrentUser,
        kind: AddressKind,
        text: &str,
    ) -> Result<AddressRecord, FlowError<AddAddressRefusal>> {
        let none = AddressCaps {
            all: 0,
            unverified: 0,
            replaces: None,
        };
        let (added, _) = self.add_beyond_caps(current_user, kind, text, none).await?;
        Ok(added)
    }

    /// The same, with room for so many more than users may have: for one that is to take the place of another. Gives whether the
    /// user did not have it already, too: only then it is kept whose place it is to take.
    pub(super) async fn add_beyond_caps(
        &self,
        current_user: &CurrentUser,
        kind: AddressKind,
        text: &str,
        more: AddressCaps,
    ) -> Result<(AddressRecord, bool), FlowError<AddAddressRefusal>> {
        let address = self.address_to_add(kind, text)?;
        let (flow, limit, user) = ("add_address", Limit::AddedAddresses, current_user.user());
        // The second of two clicks uses up nothing, and has an answer for the gate that is used up.
        if let Some(own) = self.own_address(user.id, &address).await? {
            return Ok((own, false));
        }
        let (asking, counters) = self.own_counters(flow, limit, user);
        self.refuse_full(&asking, counters).await?;
        self.ask_gate(GatedFlow::AddAddress, GateNames::of_address(&address))
            .await?;
        let counted = self.count_own(flow, limit, user).await?;
        let caps = AddressCaps {
            all: self.settings().max_addresses.saturating_add(more.all),
            unverified: (self.settings().max_unverified_addresses).saturating_add(more.unverified),
            replaces: more.replaces,
        };
        let claims = self.settings().conceal_accounts;
        let added = self.add(Sender::new("add_address"), user, &address, (caps, claims));
        let (added, is_new) = added.await?;
        if !is_new {
            self.give_all_back(&counted).await;
        }
        Ok((added, is_new))
    }

    /// Reads an address of a kind that users have here.
    pub(super) fn address_to_add(
        &self,
        kind: AddressKind,
        text: &str,
    ) -> Result<Address, FlowError<AddAddressRefusal>> {
        if !self.settings().has_addresses(kind) {
            return Err(FlowError::Refused(AddAddressRefusal::NoSuchKind));
        }
        self.read_address(kind, text)
            .map_err(|problem| invalid(kind, problem))
    }

    /// Adds an address to the account of a user; as a claim, if so, whether or not someone has it. Gives it, and whether the
    /// user did not have it already.
    pub(super) async fn add(
        &self,
        sender: Sender,
        user: &User,
        address: &Address,
        (caps, claims): (AddressCaps, bool),
    ) -> Result<(AddressRecord, bool), FlowError<AddAddressRefusal>> {
        let invalid = |problem| invalid(address.kind(), problem);
        let addresses = self.addresses_to_tell(user.id).await?;
        let change = AccountChange::AddressAdded(address.as_str().to_owned());
        let event = self.event_of_address(
            [DurableSignal::EmailAdded, DurableSignal::PhoneAdded],
            user.id,
            sender,
            (address.kind(), address.as_str()),
        )?;
        let notices = self.notices_of(user.id, &addresses, &change).await?;
        let notices = notices.with_event(event);
        let enclosed = notices.to_commit();
        let store = self.store();
        let added = if claims {
            store.claim_address(user.id, address, caps, &enclosed).await
        } else {
            store.add_address(user.id, address, caps, &enclosed).await
        };
        let record = match added {
            Ok(record) => record,
            Err(error) => {
                self.was_not_made(&notices).await;
                if matches!(error.kind(), StoreErrorKind::Taken(_))
                    && let Some(own) = self.own_address(user.id, address).await?
                {
                    return Ok((own, false));
                }
                return Err(match error.kind() {
                    StoreErrorKind::Taken(_) => invalid(Problem::Taken),
                    // What is told is what one may have, whatever room there was for a change.
                    StoreErrorKind::TooManyAddresses => invalid(Problem::TooManyAddresses {
                        max: self.settings().max_addresses,
                    }),
                    StoreErrorKind::TooManyUnverified => invalid(Problem::TooManyUnverified {
                        max: self.settings().max_unverified_addresses,
                    }),
                    _ => error.into(),
                });
            }
        };
        self.notify(user, notices).await;
        let (user, value) = (user.to_event_user(), record.value.clone());
        match record.kind {
            AddressKind::Email => self.happened(EmailAdded::new(sender, user, value)).await,
            AddressKind::Phone => self.happened(PhoneAdded::new(sender, user, value)).await,
        }
        Ok((record, true))
    }

    /// This address, if the user has it already.
    async fn own_address(
        &self,
        user: UserId,
        address: &Address,
    ) -> Result<Option<AddressRecord>, StoreError> {
        let own = self.some_addresses_of(user).await?;
        let is_it = |it: &AddressRecord| it.kind == address.kind() && it.value == address.as_str();
        Ok(own.into_iter().find(is_it))
    }

    /// Reads an address of this kind, or says what is wrong with it.
    fn read_address(&self, kind: AddressKind, text: &str) -> Result<Address, Problem> {
        match kind {
            AddressKind::Email => {
                let text = form::read(text, MAX_EMAIL, true)?;
                let email = EmailAddress::parse(text).map_err(|_| Problem::InvalidEmail)?;
                Ok(Address::Email(email))
            }
            AddressKind::Phone => {
                let text = form::read_phone(text, true)?;
                Ok(Address::Phone(self.new_number(text)?))
            }
        }
    }

    /// Reads a number that nobody has yet.
    pub(super) fn new_number(&self, text: &str) -> Result<PhoneNumber, Problem> {
        let settings = self.settings();
        let number = PhoneNumber::parse_in(text, settings.default_region)
            .map_err(|_| Problem::InvalidPhone)?;
        if settings.refused_number_types.refuse(&number) {
            return Err(Problem::RefusedNumber);
        }
        Ok(number)
    }

    /// Whether an address is a number that is sent nothing, no matter who stored it.
    pub(super) fn is_refused_number(&self, address: &AddressRecord) -> bool {
        let refused = self.settings().refused_number_types;
        address.kind == AddressKind::Phone
            && PhoneNumber::parse(&address.value).is_ok_and(|number| refused.refuse(&number))
    }
}

fn invalid(kind: AddressKind, problem: Problem) -> FlowError<AddAddressRefusal> {
    let problem = FieldProblem::new(field(kind), problem);
    FlowError::Refused(AddAddressRefusal::Invalid(vec![problem]))
}

const fn field(kind: AddressKind) -> Field {
    match kind {
        AddressKind::Email => Field::Email,
        AddressKind::Phone => Field::Phone,
    }
}

/// Why [`Accounts::add_address`] refuses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum AddAddressRefusal {
    /// Something is wrong with the address: at least one problem.
    #[error("the form has problems")]
    Invalid(Vec<FieldProblem>),
    /// Users have no addresses of this kind here: see
    /// [`Settings::has_addresses`](crate::settings::Settings::has_addresses).
    #[error("users have no addresses of this kind here")]
    NoSuchKind,
}
