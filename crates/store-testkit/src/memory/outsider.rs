//! The hand that reaches past the port into the store in memory.

use async_trait::async_trait;
use chrono::DateTime;
use phone_auth_core::address::AddressKind;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::person::Person;

use super::MemoryStore;
use super::state::{State, to_micros};
use crate::outsider::{OddCell, OddValue, OutsideChange, Outsider};

#[async_trait]
impl Outsider for MemoryStore {
    async fn make(&self, change: OutsideChange) {
        self.lock().state.make(change);
    }
}

impl State {
    /// Makes a change, faults or not.
    fn make(&mut self, change: OutsideChange) {
        match change {
            OutsideChange::DeletePerson(id) => {
                self.people.remove(&id);
                for kind in [AddressKind::Email, AddressKind::Phone] {
                    self.addresses_mut(kind).retain(|_, it| it.person != id);
                }
                self.end_sessions_of(id);
                self.outbox.retain(|_, kept| kept.person() != Some(id));
            }
            OutsideChange::RenamePerson(id, username) => {
                if let Some(person) = self.people.get_mut(&id) {
                    person.username = username;
                }
            }
            OutsideChange::SetOwnEmail(id, email) => {
                if let Some(person) = self.people.get_mut(&id) {
                    person.email = email;
                }
            }
            OutsideChange::SetLastLogin(id, time) => {
                if let Some(person) = self.people.get_mut(&id) {
                    person.last_login = time.map(to_micros);
                }
            }
            OutsideChange::SetPassword(id, password) => {
                if let Some(person) = self.people.get_mut(&id) {
                    person.password = EncodedPassword::new(password);
                }
            }
            OutsideChange::UnbindSessions(id) => {
                let sessions = self.sessions.values_mut();
                for it in sessions.filter(|it| it.session.person == id) {
                    it.bound_to = None;
                }
            }
            OutsideChange::SetActive(id, active) => {
                if let Some(person) = self.people.get_mut(&id) {
                    person.is_active = active;
                }
            }
            // There are none.
            OutsideChange::LoseIndexes => {}
            OutsideChange::SetOdd(OddCell::Person(id, column), value) => {
                if let Some(person) = self.people.get_mut(&id) {
                    set_odd(person, column, value);
                }
            }
            OutsideChange::SetOdd(OddCell::Address(kind, id, column), value) => {
                if let Some(address) = self.addresses_mut(kind).get_mut(&id) {
                    match (column, value) {
                        ("is_verified", OddValue::Null) => address.is_verified = false,
                        ("is_verified", OddValue::Number(number)) => {
                            address.is_verified = number != 0;
                        }
                        (_, OddValue::Null) => address.value.clear(),
                        (_, _) => {}
                    }
                }
            }
            OutsideChange::DeleteAddress(kind, id) => {
                self.addresses_mut(kind).remove(&id);
            }
            OutsideChange::EditAddress(kind, id, value) => {
                if let Some(address) = self.addresses_mut(kind).get_mut(&id) {
                    address.value = value;
                }
            }
            OutsideChange::MoveAddress(kind, id, person) => {
                if let Some(address) = self.addresses_mut(kind).get_mut(&id) {
                    address.person = person;
                }
            }
            OutsideChange::SetVerified(kind, id, verified) => {
                if let Some(address) = self.addresses_mut(kind).get_mut(&id) {
                    address.is_verified = verified;
                }
            }
        }
    }
}

/// Puts a value into a column of a person, as far as the type of the field can hold it.
fn set_odd(person: &mut Person, column: &str, value: OddValue) {
    match (column, value) {
        ("username", OddValue::Null) => person.username.clear(),
        ("first_name", OddValue::Null) => person.first_name.clear(),
        ("last_name", OddValue::Null) => person.last_name.clear(),
        ("email", OddValue::Null) => person.email.clear(),
        ("password", OddValue::Null) => person.password = EncodedPassword::new(""),
        ("last_login", _) => person.last_login = None,
        ("date_joined", _) => person.date_joined = DateTime::UNIX_EPOCH,
        ("is_active", OddValue::Null) => person.is_active = false,
        ("is_active", OddValue::Number(number)) => person.is_active = number != 0,
        (_, _) => {}
    }
}
