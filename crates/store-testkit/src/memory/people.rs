//! People and their addresses, in memory.

use async_trait::async_trait;
use phone_auth_core::address::{
    Address, AddressId, AddressKind, AddressRecord, EmailAddress, VerificationClaim,
    VerificationOutcome,
};
use phone_auth_core::person::{
    AccountName, FoundPerson, NewPerson, Person, PersonId, TakenNames, WantedNames,
};
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::store::{AddressStore, PersonStore, StoreError, StoreErrorKind, UniqueName};

use super::MemoryStore;
use super::state::{State, taken, to_micros};

#[async_trait]
impl PersonStore for MemoryStore {
    async fn create_person(&self, new: &NewPerson) -> Result<Person, StoreError> {
        self.write(|state| {
            let names = state.taken(&WantedNames {
                username: Some(&new.username),
                email: new.email.as_ref(),
                phone: new.phone.as_ref(),
            });
            if names.username {
                return taken(UniqueName::Username);
            }
            if names.email {
                return taken(UniqueName::Email);
            }
            if names.phone {
                return taken(UniqueName::Phone);
            }
            Ok(state.insert_person(new))
        })
    }

    async fn person(&self, id: PersonId) -> Result<Option<Person>, StoreError> {
        self.read(|state| state.people.get(&id).cloned())
    }

    async fn find_person(&self, name: &AccountName) -> Result<Option<FoundPerson>, StoreError> {
        self.read(|state| state.find(name))?
    }

    async fn taken_names(&self, wanted: &WantedNames<'_>) -> Result<TakenNames, StoreError> {
        self.read(|state| state.taken(wanted))
    }

    async fn people_after(
        &self,
        after: Option<PersonId>,
        limit: u32,
    ) -> Result<Vec<Person>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.read(|state| {
            state
                .people
                .values()
                .filter(|person| Some(person.id) > after)
                .take(limit)
                .cloned()
                .collect()
        })
    }

    async fn set_active(&self, id: PersonId, active: bool) -> Result<bool, StoreError> {
        self.write(|state| {
            let Some(person) = state.people.get_mut(&id) else {
                return Ok(false);
            };
            person.is_active = active;
            if !active {
                state.end_sessions_of(id);
            }
            Ok(true)
        })
    }

    async fn replace_password(
        &self,
        replacement: &PasswordReplacement,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let Some(person) = state.people.get_mut(&replacement.person) else {
                return Ok(false);
            };
            let same_log_in = replacement
                .last_login
                .is_none_or(|expected| expected.map(to_micros) == person.last_login);
            if !person.is_active || person.password != replacement.old || !same_log_in {
                return Ok(false);
            }
            let moves = replacement.keeps.filter(|kept| kept.becomes != kept.digest);
            if moves.is_some_and(|kept| state.sessions.contains_key(&kept.becomes)) {
                return Err(StoreError::new(StoreErrorKind::SessionExists));
            }
            person.password = replacement.new.clone();
            state.end_sessions_but(replacement.person, replacement.keeps, &replacement.new);
            Ok(true)
        })
    }
}

#[async_trait]
impl AddressStore for MemoryStore {
    async fn add_address(
        &self,
        person: PersonId,
        address: &Address,
    ) -> Result<AddressRecord, StoreError> {
        self.write(|state| {
            let (kind, value) = (address.kind(), address.as_str());
            if !state.people.contains_key(&person) {
                return Err(StoreError::new(StoreErrorKind::Broken));
            }
            let in_own_row = kind == AddressKind::Email && state.has_own_email(value, Some(person));
            if state.has_address(kind, value) || in_own_row {
                return taken(match kind {
                    AddressKind::Email => UniqueName::Email,
                    AddressKind::Phone => UniqueName::Phone,
                });
            }
            Ok(state.insert_address(kind, person, value))
        })
    }

    async fn addresses_of(&self, person: PersonId) -> Result<Vec<AddressRecord>, StoreError> {
        self.read(|state| {
            [AddressKind::Email, AddressKind::Phone]
                .into_iter()
                .flat_map(|kind| state.addresses(kind).values())
                .filter(|address| address.person == person)
                .cloned()
                .collect()
        })
    }

    async fn address(
        &self,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<(AddressRecord, Person)>, StoreError> {
        self.read(|state| {
            let address = state.addresses(kind).get(&id)?;
            let person = state.people.get(&address.person)?;
            Some((address.clone(), person.clone()))
        })
    }

    async fn verify_address(
        &self,
        claim: &VerificationClaim,
    ) -> Result<VerificationOutcome, StoreError> {
        self.write(|state| {
            let row = (claim.kind, claim.id);
            let verified_at = state.verified.get(&row).copied();
            let is_used_up = verified_at.is_some_and(|time| time >= claim.issued_at);
            let claimed = state
                .addresses_mut(claim.kind)
                .get_mut(&claim.id)
                .filter(|address| address.person == claim.person && address.value == claim.value);
            Ok(match claimed {
                Some(address) if address.is_verified => VerificationOutcome::AlreadyVerified,
                Some(address) if !is_used_up => {
                    address.is_verified = true;
                    state.verified.insert(row, claim.at);
                    VerificationOutcome::Verified
                }
                _ => VerificationOutcome::Gone,
            })
        })
    }
}

impl State {
    /// Stores a person whose names are free.
    fn insert_person(&mut self, new: &NewPerson) -> Person {
        let email = new.email.as_ref().map(EmailAddress::as_str);
        let person = Person {
            id: self.next_person(),
            username: new.username.clone(),
            first_name: new.first_name.clone(),
            last_name: new.last_name.clone(),
            email: email.unwrap_or_default().to_owned(),
            password: new.password.clone(),
            last_login: None,
            is_active: true,
            date_joined: to_micros(new.date_joined),
        };
        if let Some(email) = email {
            self.insert_address(AddressKind::Email, person.id, email);
        }
        if let Some(phone) = &new.phone {
            self.insert_address(AddressKind::Phone, person.id, phone.as_str());
        }
        self.people.insert(person.id, person.clone());
        person
    }

    /// The first reading of a name that exists.
    fn find(&self, name: &AccountName) -> Result<Option<FoundPerson>, StoreError> {
        let phone = name
            .phone
            .as_ref()
            .and_then(|phone| self.find_address(AddressKind::Phone, phone.as_str()));
        let by_address = phone.or_else(|| {
            let email = name.email.as_ref()?;
            self.find_address(AddressKind::Email, email.as_str())
        });
        if let Some(address) = by_address {
            let others = self.addresses(address.kind).values();
            let mut others = others.filter(|it| it.person != address.person);
            if others.any(|it| it.value.eq_ignore_ascii_case(&address.value)) {
                return Err(StoreError::new(StoreErrorKind::Ambiguous));
            }
            let person = self.people.get(&address.person).cloned();
            let address = Some(address.clone());
            return Ok(person.map(|person| FoundPerson { person, address }));
        }
        let Some(username) = name.username.as_deref() else {
            return Ok(None);
        };
        let exact = self.people.values().find(|it| it.username == username);
        let mut alike = self
            .people
            .values()
            .filter(|it| it.username.eq_ignore_ascii_case(username));
        let person = match (exact, alike.next(), alike.next()) {
            (Some(person), ..) | (None, Some(person), None) => Some(person.clone()),
            (None, None, _) => None,
            (None, Some(_), Some(_)) => return Err(StoreError::new(StoreErrorKind::Ambiguous)),
        };
        Ok(person.map(|person| FoundPerson {
            person,
            address: None,
        }))
    }

    /// The address row of this text: the exact one before one that differs by ASCII case.
    fn find_address(&self, kind: AddressKind, value: &str) -> Option<&AddressRecord> {
        let rows = || self.addresses(kind).values();
        rows()
            .find(|address| address.value == value)
            .or_else(|| rows().find(|address| address.value.eq_ignore_ascii_case(value)))
    }

    /// Which of these names somebody has.
    fn taken(&self, wanted: &WantedNames<'_>) -> TakenNames {
        TakenNames {
            username: wanted.username.is_some_and(|it| self.has_username(it)),
            email: wanted.email.is_some_and(|email| {
                self.has_address(AddressKind::Email, email.as_str())
                    || self.has_own_email(email.as_str(), None)
            }),
            phone: wanted
                .phone
                .is_some_and(|phone| self.has_address(AddressKind::Phone, phone.as_str())),
        }
    }
}
