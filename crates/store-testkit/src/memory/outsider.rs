//! The hand that reaches past the port into the store in memory.

use async_trait::async_trait;
use phone_auth_core::address::AddressKind;

use super::MemoryStore;
use super::state::{State, to_micros};
use crate::outsider::{OutsideChange, Outsider};

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
                self.outbox.retain(|_, message| {
                    let recipient = message.message.recipient;
                    recipient.is_none_or(|recipient| recipient.person != id)
                });
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
            OutsideChange::SetActive(id, active) => {
                if let Some(person) = self.people.get_mut(&id) {
                    person.is_active = active;
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
