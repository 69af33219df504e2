//! The end of an account, and what is kept of one, in memory.

use async_trait::async_trait;
use phone_auth_core::address::{AddressId, AddressKind};
use phone_auth_core::store::{Closed, ClosingStore, EndOfUser, StoreError, UserRow};
use phone_auth_core::user::{User, UserId};

use super::MemoryStore;
use super::state::State;

#[async_trait]
impl ClosingStore for MemoryStore {
    /// No other table names a user here, so that none is kept.
    async fn close_user(&self, end: &EndOfUser) -> Result<Closed, StoreError> {
        let id = end.user;
        self.write(|state| {
            let scheduled = state.closings.get(&id);
            let is_due = |time| {
                scheduled.is_some_and(|it| {
                    it.due_at <= time && !(it.is_of_nobody && state.is_someones(end))
                })
            };
            if !end.due_by.is_none_or(is_due) {
                return Ok(Closed::NoSuchUser);
            }
            if state.users.remove(&id).is_none() {
                return Ok(Closed::NoSuchUser);
            }
            for (kind, address) in state.address_ids_of(id) {
                state.addresses_mut(kind).remove(&address);
                state.forget_proof((kind, address));
                state
                    .requests
                    .retain(|(it, _, holder), _| (*it, *holder) != (kind, address.get()));
                state.challenges.retain(|_, (challenge, _)| match kind {
                    AddressKind::Email => challenge.email != Some(address),
                    AddressKind::Phone => challenge.phone != Some(address),
                });
            }
            let challenges = &state.challenges;
            state
                .typed_names
                .retain(|at, _| challenges.contains_key(at));
            state.end_claims(|it| it.user == id);
            state.end_sessions_of(id);
            state.outbox.retain(|_, kept| kept.user() != Some(id));
            state.closings.remove(&id);
            state.replacements.retain(|(user, _), _| *user != id);
            if let Some(event) = &end.event {
                let _ = state.enqueue(event);
            }
            Ok(Closed::Removed)
        })
        .await
    }

    async fn rows_of(&self, id: UserId) -> Result<Vec<UserRow>, StoreError> {
        self.read(|state| {
            if !state.users.contains_key(&id) {
                return Vec::new();
            }
            let addresses = state.address_ids_of(id);
            let is_of = |kind, address: Option<AddressId>| {
                address.is_some_and(|address| addresses.contains(&(kind, address)))
            };
            let row = |table: &str, count| {
                let row = UserRow {
                    table: table.to_owned(),
                    row: "{}".to_owned(),
                };
                std::iter::repeat_n(row, count)
            };
            let verified = |kind: AddressKind| {
                let all = state.verified.keys();
                all.filter(|it| it.0 == kind && addresses.contains(it))
                    .count()
            };
            let claims = state.claims.values().filter(|it| it.user == id);
            let sessions = state.sessions.values();
            let sessions = sessions.filter(|it| it.session.user == id).count();
            let messages = state.outbox.values();
            // What was sent and asked for at a claim would tell whether someone else has proven the address.
            let messages = messages.filter(|kept| {
                let recipient = kept.message.message.recipient;
                kept.user() == Some(id) && recipient.is_none_or(|it| !it.address.is_claim())
            });
            let requests = state.requests.keys();
            let requests = requests
                .filter(|(kind, _, holder)| {
                    let address = AddressId::new(*holder);
                    !address.is_claim() && addresses.contains(&(*kind, address))
                })
                .count();
            let challenges = state.challenges.values();
            let challenges = challenges
                .filter(|(it, _)| {
                    is_of(AddressKind::Email, it.email) || is_of(AddressKind::Phone, it.phone)
                })
                .count();
            row("auth_user", 1)
                .chain(row(
                    "phone_auth_email_verified",
                    verified(AddressKind::Email),
                ))
                .chain(row(
                    "phone_auth_phone_verified",
                    verified(AddressKind::Phone),
                ))
                .chain(row("phone_auth_claim", claims.count()))
                .chain(row("phone_auth_session", sessions))
                .chain(row("phone_auth_outbox", messages.count()))
                .chain(row(
                    "phone_auth_closing",
                    usize::from(state.closings.contains_key(&id)),
                ))
                .chain(row(
                    "phone_auth_replacement",
                    state.replacements.keys().filter(|it| it.0 == id).count(),
                ))
                .chain(row("phone_auth_link_request", requests))
                .chain(row("phone_auth_challenge", challenges))
                .collect()
        })
        .await
    }
}

impl State {
    /// Whether someone has shown that an account is theirs, it is disabled or an operator's, or it is not as it was seen.
    fn is_someones(&self, end: &EndOfUser) -> bool {
        let is_seen = |user: &User| {
            let seen = end.as_seen.as_ref();
            let is_same = seen
                .is_some_and(|it| it.password == user.password && it.last_login == user.last_login);
            is_same && user.is_active
        };
        let mut own = self.addresses_of(end.user, u32::MAX);
        !self.users.get(&end.user).is_some_and(is_seen)
            || self.operators.contains(&end.user)
            || own.any(|it| it.is_verified)
    }

    /// The addresses of a user, claims among them.
    fn address_ids_of(&self, user: UserId) -> Vec<(AddressKind, AddressId)> {
        let kinds = [AddressKind::Email, AddressKind::Phone].into_iter();
        let all = kinds.flat_map(|kind| self.addresses(kind).values());
        let all = all.chain(self.claims.values());
        let own = all.filter(|address| address.user == user);
        own.map(|address| (address.kind, address.id)).collect()
    }
}
