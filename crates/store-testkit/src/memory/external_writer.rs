//! The hand that reaches past the port into the store in memory.

use async_trait::async_trait;
use chrono::DateTime;
use phone_auth_core::address::AddressKind;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::user::User;

use super::MemoryStore;
use super::state::{State, to_micros};
use crate::external_writer::{ExternalChange, ExternalWriter, OddCell, OddValue};

#[async_trait]
impl ExternalWriter for MemoryStore {
    async fn make(&self, change: ExternalChange) {
        self.lock().state.make(change);
    }
}

impl State {
    /// Makes a change, faults or not.
    fn make(&mut self, change: ExternalChange) {
        match change {
            ExternalChange::DeleteUser(id) => {
                self.users.remove(&id);
                self.closings.remove(&id);
                self.replacements.retain(|(user, _), _| *user != id);
                for kind in [AddressKind::Email, AddressKind::Phone] {
                    self.addresses_mut(kind).retain(|_, it| it.user != id);
                }
                self.end_claims(|it| it.user == id);
                self.end_sessions_of(id);
                self.outbox.retain(|_, kept| kept.user() != Some(id));
            }
            ExternalChange::RenameUser(id, username) => {
                if let Some(user) = self.users.get_mut(&id) {
                    user.username = username;
                }
            }
            ExternalChange::SetOwnEmail(id, email) => {
                if let Some(user) = self.users.get_mut(&id) {
                    user.email = email;
                }
            }
            ExternalChange::SetLastLogin(id, time) => {
                if let Some(user) = self.users.get_mut(&id) {
                    user.last_login = time.map(to_micros);
                }
            }
            ExternalChange::SetPassword(id, password) => {
                if let Some(user) = self.users.get_mut(&id) {
                    user.password = EncodedPassword::new(password);
                }
            }
            ExternalChange::UnbindSessions(id) => {
                let sessions = self.sessions.values_mut();
                for it in sessions.filter(|it| it.session.user == id) {
                    it.bound_to = None;
                }
            }
            ExternalChange::SetActive(id, active) => {
                if let Some(user) = self.users.get_mut(&id) {
                    user.is_active = active;
                }
            }
            ExternalChange::ShiftLimits(by) => self.limits_shifted += by,
            // It has no indexes, and its times are always times.
            ExternalChange::LoseIndexes | ExternalChange::SetOdd(OddCell::Session(..), _) => {}
            ExternalChange::SetOdd(
                OddCell::User(id, "is_staff" | "is_superuser"),
                OddValue::Number(1),
            ) => {
                self.operators.insert(id);
            }
            ExternalChange::SetOdd(OddCell::User(id, column), value) => {
                if let Some(user) = self.users.get_mut(&id) {
                    set_odd(user, column, value);
                }
            }
            ExternalChange::SetOdd(OddCell::Address(kind, id, column), value) => {
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
            ExternalChange::SetOdd(OddCell::Message(id, column), value) => {
                if let (Some(kept), OddValue::Text(text)) = (self.outbox.get_mut(&id), value) {
                    kept.set_text(column, text);
                }
            }
            ExternalChange::DeleteAddress(kind, id) => {
                self.addresses_mut(kind).remove(&id);
            }
            ExternalChange::EditAddress(kind, id, value) => {
                if let Some(address) = self.addresses_mut(kind).get_mut(&id) {
                    address.value = value;
                }
            }
            ExternalChange::MoveAddress(kind, id, user) => {
                if let Some(address) = self.addresses_mut(kind).get_mut(&id) {
                    address.user = user;
                }
            }
            ExternalChange::SetVerified(kind, id, verified) => {
                if let Some(address) = self.addresses_mut(kind).get_mut(&id) {
                    address.is_verified = verified;
                }
            }
        }
    }
}

/// Puts a value into a column of a user, as far as the type of the field can hold it.
fn set_odd(user: &mut User, column: &str, value: OddValue) {
    match (column, value) {
        ("username", OddValue::Null) => user.username.clear(),
        ("first_name", OddValue::Null) => user.first_name.clear(),
        ("last_name", OddValue::Null) => user.last_name.clear(),
        ("email", OddValue::Null) => user.email.clear(),
        ("password", OddValue::Null) => user.password = EncodedPassword::new(""),
        ("last_login", _) => user.last_login = None,
        ("date_joined", _) => user.date_joined = DateTime::UNIX_EPOCH,
        ("is_active", OddValue::Null) => user.is_active = false,
        ("is_active", OddValue::Number(number)) => user.is_active = number != 0,
        (_, _) => {}
    }
}
