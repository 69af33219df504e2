//! Users and their addresses, in memory.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use phone_auth_core::address::{
    Address, AddressCaps, AddressId, AddressKind, AddressRecord, AddressRemoval, Claiming,
    ProofByHand, RemovalOutcome, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::link::{LinkRequest, LinkTarget, OpenedLink};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::password::Requester;
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::store::{AddressStore, StoreError, StoreErrorKind, UniqueName, UserStore};
use phone_auth_core::user::{
    AccountName, FoundUser, NewUser, TakenNames, User, UserId, UserSearch, WantedNames,
};

use super::MemoryStore;
use super::state::{State, take_names, taken, to_micros};

#[async_trait]
impl UserStore for MemoryStore {
    async fn create_user_claiming(
        &self,
        new: &NewUser,
        claiming: Claiming,
    ) -> Result<User, StoreError> {
        self.write(|state| state.create_user(new, claiming)).await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.read(|state| state.users.get(&id).cloned()).await
    }

    async fn find_user(&self, name: &AccountName) -> Result<Option<FoundUser>, StoreError> {
        self.read(|state| state.find(name)).await?
    }

    async fn find_user_for(
        &self,
        name: &AccountName,
        requester: &Requester,
    ) -> Result<Option<FoundUser>, StoreError> {
        self.lock().looked_up_for = Some(*requester);
        self.find_user(name).await
    }

    async fn taken_names(&self, wanted: &WantedNames<'_>) -> Result<TakenNames, StoreError> {
        self.read(|state| state.taken(wanted)).await
    }

    async fn users_after(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.read(|state| {
            state
                .users
                .values()
                .filter(|user| Some(user.id) > after)
                .take(limit)
                .cloned()
                .collect()
        })
        .await
    }

    async fn search_users(
        &self,
        search: &UserSearch,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has = |text: &str| text.to_ascii_lowercase().contains(search.text());
        let has_digits = |number: &str| {
            let digits: String = number.chars().filter(char::is_ascii_digit).collect();
            search
                .digits()
                .is_some_and(|sought| digits.contains(sought))
        };
        self.read(|state| {
            let users = state.users.values().filter(|user| Some(user.id) > after);
            let found = users.filter(|user| {
                let names = [
                    &user.username,
                    &user.first_name,
                    &user.last_name,
                    &user.email,
                ];
                let mut addresses = state.with_claims_of(user.id, u32::MAX);
                names.into_iter().any(|name| has(name))
                    || addresses.any(|address| match address.kind {
                        AddressKind::Email => has(&address.value),
                        AddressKind::Phone => has_digits(&address.value),
                    })
            });
            found.take(limit).cloned().collect()
        })
        .await
    }

    async fn set_active(&self, id: UserId, active: bool) -> Result<bool, StoreError> {
        self.write(|state| {
            let Some(user) = state.users.get_mut(&id) else {
                return Ok(false);
            };
            user.is_active = active;
            if !active {
                state.end_sessions_of(id);
            }
            Ok(true)
        })
        .await
    }

    async fn rename_user(&self, id: UserId, username: &str) -> Result<bool, StoreError> {
        self.write(|state| {
            if state.is_username_taken(username, Some(id)) {
                return taken(UniqueName::Username);
            }
            let user = state.users.get_mut(&id);
            Ok(user.is_some_and(|user| {
                username.clone_into(&mut user.username);
                true
            }))
        })
        .await
    }

    async fn set_names(
        &self,
        id: UserId,
        first: Option<&str>,
        last: Option<&str>,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let user = state.users.get_mut(&id);
            Ok(user.is_some_and(|user| {
                if let Some(first) = first {
                    first.clone_into(&mut user.first_name);
                }
                if let Some(last) = last {
                    last.clone_into(&mut user.last_name);
                }
                true
            }))
        })
        .await
    }

    async fn replace_password(
        &self,
        replacement: &PasswordReplacement,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let link = replacement.link.as_ref();
            if link.is_some_and(|link| {
                !state.is_newest(replacement.user, link) || !state.may_reset(replacement.user, link)
            }) {
                return Ok(false);
            }
            let Some(user) = state.users.get_mut(&replacement.user) else {
                return Ok(false);
            };
            let same_log_in = replacement
                .last_login
                .is_none_or(|expected| expected.map(to_micros) == user.last_login);
            if !user.is_active || user.password != replacement.old || !same_log_in {
                return Ok(false);
            }
            let moves = replacement.keeps.filter(|kept| kept.becomes != kept.digest);
            if moves.is_some_and(|kept| state.sessions.contains_key(&kept.becomes)) {
                return Err(StoreError::new(StoreErrorKind::SessionExists));
            }
            user.password = replacement.new.clone();
            take_names(user, replacement.names.as_ref());
            if let Some(link) = link {
                state.prove_by_reset(replacement.user, link, &replacement.losses);
            } else {
                state.end_unproven(replacement.user, None);
            }
            state.end_sessions_but(replacement.user, replacement.keeps, &replacement.new);
            state.enqueue_notices(replacement.user, &replacement.notices);
            Ok(true)
        })
        .await
    }
}

#[async_trait]
impl AddressStore for MemoryStore {
    async fn add_address(
        &self,
        user: UserId,
        address: &Address,
        caps: AddressCaps,
        notices: &Notices,
    ) -> Result<AddressRecord, StoreError> {
        self.write(|state| {
            state.check_caps(user, caps)?;
            let is_taken = match address {
                Address::Email(email) => state.is_email_taken(email, Some(user)),
                Address::Phone(phone) => state.is_phone_taken(phone, Some(user)),
            };
            if is_taken || state.is_claimed(user, address) {
                let added = state.claim_address(user, address, notices)?;
                return Ok(state.replaces(added, caps));
            }
            state.enqueue_notices(user, notices);
            let added = state.insert_address(address.kind(), user, address.as_str());
            Ok(state.replaces(added, caps))
        })
        .await
    }

    async fn claim_address(
        &self,
        user: UserId,
        address: &Address,
        caps: AddressCaps,
        notices: &Notices,
    ) -> Result<AddressRecord, StoreError> {
        self.write(|state| {
            state.check_caps(user, caps)?;
            let added = state.claim_any_address(user, address, notices)?;
            Ok(state.replaces(added, caps))
        })
        .await
    }

    async fn addresses_of(
        &self,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<AddressRecord>, StoreError> {
        self.read(|state| state.with_claims_of(user, limit).cloned().collect())
            .await
    }

    async fn address(
        &self,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<(AddressRecord, User)>, StoreError> {
        self.read(|state| {
            let address = state.address(kind, id)?;
            let user = state.users.get(&address.user)?;
            Some((address.clone(), user.clone()))
        })
        .await
    }

    async fn holders_of(
        &self,
        address: &Address,
        limit: u32,
    ) -> Result<Vec<(AddressRecord, User)>, StoreError> {
        self.read(|state| {
            let holders = state.holders_of(address, limit);
            let with_user =
                |it: &AddressRecord| Some((it.clone(), state.users.get(&it.user)?.clone()));
            holders.filter_map(with_user).collect()
        })
        .await
    }

    async fn oldest_proof(&self, user: UserId) -> Result<Option<AddressKind>, StoreError> {
        self.read(|state| {
            let mut verified = state.verified_of(&[user], u32::MAX).into_iter();
            let oldest = verified.find(|(_, is_oldest)| *is_oldest);
            oldest.map(|(it, _)| it.kind)
        })
        .await
    }

    async fn verified_addresses_of(
        &self,
        users: &[UserId],
        limit: u32,
    ) -> Result<Vec<(AddressRecord, bool)>, StoreError> {
        self.read(|state| state.verified_of(users, limit)).await
    }

    async fn request_link(&self, request: &LinkRequest) -> Result<DateTime<Utc>, StoreError> {
        self.write(|state| Ok(state.request_link(request))).await
    }

    async fn link_target(
        &self,
        purpose: Purpose,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<LinkTarget>, StoreError> {
        self.read(|state| {
            let address = state.address(kind, id)?;
            let user = state.users.get(&address.user)?;
            Some(LinkTarget {
                address: address.clone(),
                user: user.clone(),
                newest: state.newest_request(purpose, kind, id),
                code_at: state.code_at(purpose, kind, id),
                in_session: state.in_session.contains(&(kind, id)),
            })
        })
        .await
    }

    async fn link_requests_of(
        &self,
        purpose: Purpose,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<(AddressRecord, Option<DateTime<Utc>>)>, StoreError> {
        self.read(|state| {
            let addresses = state.addresses_of(user, limit);
            addresses
                .map(|it| (it.clone(), state.newest_request(purpose, it.kind, it.id)))
                .collect()
        })
        .await
    }

    async fn restore_link(&self, purpose: Purpose, target: &LinkTarget) -> Result<(), StoreError> {
        self.write(|state| {
            state.restore_link(purpose, target);
            Ok(())
        })
        .await
    }

    async fn end_link(
        &self,
        purpose: Purpose,
        user: UserId,
        link: &OpenedLink,
    ) -> Result<bool, StoreError> {
        self.write(|state| Ok(state.end_link(purpose, user, link)))
            .await
    }

    async fn free_address(
        &self,
        user: UserId,
        link: &OpenedLink,
        notices: &Notices,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let address = state.addresses(link.kind).get(&link.address);
            let is_proven = address.is_none_or(|it| it.is_verified);
            if is_proven || !state.is_newest(user, link) || !state.has_any_verified(user) {
                return Ok(false);
            }
            let Some(address) = address.cloned() else {
                return Ok(false);
            };
            state.delete_address(&address);
            state.enqueue_notices(user, notices);
            Ok(true)
        })
        .await
    }

    async fn verify_address(
        &self,
        claim: &VerificationClaim,
    ) -> Result<VerificationOutcome, StoreError> {
        self.write(|state| {
            if claim.id.is_claim() {
                return Ok(state.verify_claim(claim));
            }
            let row = (claim.kind, claim.id);
            let verified_at = state.verified.get(&row).copied();
            let newest = state.newest_request(Purpose::Verify, claim.kind, claim.id);
            let is_over =
                newest != claim.newest || verified_at.is_some_and(|time| time >= claim.issued_at);
            let claimed = state
                .addresses_mut(claim.kind)
                .get_mut(&claim.id)
                .filter(|address| address.user == claim.user && address.value == claim.value);
            Ok(match claimed {
                Some(address) if address.is_verified => {
                    if claim.in_session {
                        state.in_session.insert(row);
                    }
                    VerificationOutcome::AlreadyVerified
                }
                Some(address) if !is_over => {
                    address.is_verified = true;
                    let address = address.clone();
                    state.keep_proof(row, claim.at, claim.in_session);
                    state.fill_own_email(&address);
                    let on = (claim.kind, claim.value.as_str());
                    state.end_claims_on(claim.user, on, &claim.losses);
                    state.enqueue_notices(claim.user, &claim.notices);
                    VerificationOutcome::Verified
                }
                _ => VerificationOutcome::Gone,
            })
        })
        .await
    }

    async fn remove_address(&self, removal: &AddressRemoval) -> Result<RemovalOutcome, StoreError> {
        self.write(|state| Ok(state.remove_address(removal))).await
    }

    async fn make_primary(
        &self,
        user: UserId,
        email: AddressId,
        notices: &Notices,
    ) -> Result<bool, StoreError> {
        self.write(|state| {
            let is_made = state.make_primary(user, email);
            if is_made {
                state.enqueue_notices(user, notices);
            }
            Ok(is_made)
        })
        .await
    }

    async fn set_verified(&self, proof: &ProofByHand) -> Result<bool, StoreError> {
        self.write(|state| Ok(state.set_verified(proof))).await
    }
}

impl State {
    /// The first reading of a name that exists.
    fn find(&self, name: &AccountName) -> Result<Option<FoundUser>, StoreError> {
        if let Some(address) = self.find_address(name)? {
            let user = self.users.get(&address.user).cloned();
            let address = Some(address.clone());
            return Ok(user.map(|user| FoundUser { user, address }));
        }
        let Some(username) = name.username.as_deref() else {
            return Ok(None);
        };
        let exact = self.users.values().find(|it| it.username == username);
        let mut alike = self
            .users
            .values()
            .filter(|it| it.username.eq_ignore_ascii_case(username));
        let user = match (exact, alike.next(), alike.next()) {
            (Some(user), ..) | (None, Some(user), None) => Some(user.clone()),
            (None, None, _) => None,
            (None, Some(_), Some(_)) => return Err(StoreError::new(StoreErrorKind::Ambiguous)),
        };
        Ok(user.map(|user| FoundUser {
            user,
            address: None,
        }))
    }

    /// The address that a name means, of several the one that is stored as named.
    fn find_address(&self, name: &AccountName) -> Result<Option<&AddressRecord>, StoreError> {
        let (phone, email) = (name.phone.as_ref(), name.email.as_ref());
        let phones = self.addresses(AddressKind::Phone).values();
        let mut found: Vec<_> = phones
            .filter(|it| phone.is_some_and(|phone| phone.has(&it.value)))
            .collect();
        let mut exact = phone.and_then(|phone| phone.numbers().first());
        if found.is_empty() {
            let emails = self.addresses(AddressKind::Email).values();
            found = emails
                .filter(|it| email.is_some_and(|email| email.has(&it.value)))
                .collect();
            exact = email.and_then(|email| email.as_slice().first());
        }
        let mut owners = found.iter().map(|it| it.user);
        let first = owners.next();
        if owners.any(|other| Some(other) != first) {
            return Err(StoreError::new(StoreErrorKind::Ambiguous));
        }
        let as_named = found.iter().find(|it| Some(&it.value) == exact);
        Ok(as_named.or(found.first()).copied())
    }

    /// Which of these names an account has.
    pub(super) fn taken(&self, wanted: &WantedNames<'_>) -> TakenNames {
        TakenNames {
            username: wanted
                .username
                .is_some_and(|it| self.is_username_taken(it, None)),
            email: wanted.email.is_some_and(|it| self.is_email_taken(it, None)),
            phone: wanted.phone.is_some_and(|it| self.is_phone_taken(it, None)),
        }
    }
}
