//! Claims, in memory.

use chrono::{DateTime, Utc};
use phone_auth_core::address::{
    Address, AddressCaps, AddressId, AddressKind, AddressRecord, Claiming, EmailAddress,
    EmailSpellings, Losses, PhoneNumber, PhoneSpellings, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::link::OpenedLink;
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::store::{
    Replacement, ScheduledClosing, StoreError, StoreErrorKind, UniqueName,
};
use phone_auth_core::user::{NewUser, User, UserId, WantedNames};

use super::state::{State, taken, to_micros};

impl State {
    /// At most so many addresses and claims of each kind that a user has.
    pub(super) fn with_claims_of(
        &self,
        user: UserId,
        limit: u32,
    ) -> impl Iterator<Item = &AddressRecord> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        [AddressKind::Email, AddressKind::Phone]
            .into_iter()
            .flat_map(move |kind| {
                let rows = self.addresses(kind).values();
                let claims = self.claims.values();
                let claims = claims.filter(move |it| it.kind == kind && !it.is_verified);
                rows.chain(claims)
                    .filter(move |it| it.user == user)
                    .take(limit)
            })
    }

    /// Claims an address that is taken, if no more than unproven rows of others are in the way.
    pub(super) fn claim_address(
        &mut self,
        user: UserId,
        address: &Address,
        notices: &Notices,
    ) -> Result<AddressRecord, StoreError> {
        let (kind, value) = (address.kind(), address.as_str());
        if self.is_kept(address, user) || self.is_claimed(user, address) {
            return taken(name_of(kind));
        }
        let record = self.insert_claim(kind, user, value);
        self.enqueue_notices(user, notices);
        Ok(record)
    }

    /// Claims an address, no matter who has it, unless the user has or claims it.
    pub(super) fn claim_any_address(
        &mut self,
        user: UserId,
        address: &Address,
        notices: &Notices,
    ) -> Result<AddressRecord, StoreError> {
        let (kind, value) = (address.kind(), address.as_str());
        if self.is_claimed(user, address) || self.spelled_like(address).any(|it| it.user == user) {
            return taken(name_of(kind));
        }
        let record = self.insert_claim(kind, user, value);
        self.enqueue_notices(user, notices);
        Ok(record)
    }

    /// Keeps whose place an address that was just added is to take, if it is to.
    pub(super) fn replaces(&mut self, added: AddressRecord, caps: AddressCaps) -> AddressRecord {
        if let Some((old, asked_at)) = caps.replaces {
            let new = added.id;
            let replacement = Replacement { old, new, asked_at };
            self.replacements
                .insert((added.user, added.kind), replacement);
        }
        added
    }

    fn insert_claim(&mut self, kind: AddressKind, user: UserId, value: &str) -> AddressRecord {
        self.last_claim += 1;
        let record = AddressRecord {
            id: AddressId::new(AddressId::FIRST_CLAIM + self.last_claim),
            kind,
            value: value.to_owned(),
            user,
            is_verified: false,
        };
        self.end_claims_of(&record);
        self.claims.insert(record.id, record.clone());
        record
    }

    /// Whether a user may have one more address.
    pub(super) fn check_caps(&self, user: UserId, caps: AddressCaps) -> Result<(), StoreError> {
        if !self.users.contains_key(&user) {
            return Err(StoreError::new(StoreErrorKind::NoSuchUser));
        }
        let is_at = |count: usize, cap| u32::try_from(count).unwrap_or(u32::MAX) >= cap;
        let has = || self.with_claims_of(user, u32::MAX);
        if is_at(has().count(), caps.all) {
            return Err(StoreError::new(StoreErrorKind::TooManyAddresses));
        }
        if is_at(has().filter(|it| !it.is_verified).count(), caps.unverified) {
            return Err(StoreError::new(StoreErrorKind::TooManyUnverified));
        }
        Ok(())
    }

    /// Stores a user whose names are free, or may be claimed.
    pub(super) fn create_user(
        &mut self,
        new: &NewUser,
        claiming: Claiming,
    ) -> Result<User, StoreError> {
        let names = self.taken(&WantedNames {
            username: Some(&new.username),
            email: new.email.as_ref(),
            phone: new.phone.as_ref(),
        });
        if names.username {
            return taken(UniqueName::Username);
        }
        let email = new.email.clone().map(Address::Email);
        let phone = new.phone.clone().map(Address::Phone);
        let wanted = email.map(|it| (it, names.email));
        let wanted = wanted.into_iter().chain(phone.map(|it| (it, names.phone)));
        let mut addresses = Vec::new();
        for (address, is_taken) in wanted {
            // No user has this number.
            let is_kept = || self.is_kept(&address, UserId::new(0));
            let is_claim = match claiming {
                Claiming::Never => false,
                Claiming::Unproven => is_taken && !is_kept(),
                Claiming::Always => true,
            };
            if is_taken && !is_claim {
                return taken(name_of(address.kind()));
            }
            addresses.push((address, is_claim));
        }
        let own = addresses.iter().find_map(|(address, is_claim)| {
            let is_own = address.kind() == AddressKind::Email && !is_claim;
            is_own.then(|| address.as_str().to_owned())
        });
        let user = User {
            id: self.next_user(),
            username: new.username.clone(),
            first_name: new.first_name.clone(),
            last_name: new.last_name.clone(),
            email: own.unwrap_or_default(),
            password: new.password.clone(),
            last_login: None,
            is_active: true,
            date_joined: to_micros(new.date_joined),
        };
        for (address, is_claim) in addresses {
            let (kind, value) = (address.kind(), address.as_str());
            if is_claim {
                self.insert_claim(kind, user.id, value);
            } else {
                self.insert_address(kind, user.id, value);
            }
        }
        self.users.insert(user.id, user.clone());
        if let Some(due_at) = new.closes_at {
            let closing = ScheduledClosing {
                user: user.id,
                begun_at: user.date_joined,
                due_at: to_micros(due_at),
                is_of_nobody: true,
            };
            self.closings.insert(user.id, closing);
        }
        self.enqueue_notices(user.id, &new.notices);
        Ok(user)
    }

    /// Whether a user claims an address already.
    pub(super) fn is_claimed(&self, user: UserId, address: &Address) -> bool {
        let is_it = |it: &AddressRecord| it.kind == address.kind() && it.value == address.as_str();
        let mut claims = self.claims.values();
        claims.any(|it| it.user == user && is_it(it) && !it.is_verified)
    }

    /// Whether more than unproven rows of others keep a user from an address.
    fn is_kept(&self, address: &Address, user: UserId) -> bool {
        let rows: Vec<_> = self.spelled_like(address).collect();
        let is_held = |own: &str, holder: UserId| {
            rows.iter()
                .any(|it| it.user == holder && it.value.eq_ignore_ascii_case(own))
        };
        let mut others = self.users.values().filter(|it| it.id != user);
        rows.iter().any(|it| it.is_verified || it.user == user)
            || others.any(|it| match address {
                Address::Email(email) => {
                    let email = EmailSpellings::from(email);
                    email.has(&it.username) || email.has(&it.email) && !is_held(&it.email, it.id)
                }
                Address::Phone(phone) => PhoneSpellings::from(phone).has_name(&it.username),
            })
    }

    /// All who have an address, and all who claim it.
    pub(super) fn holders_of(
        &self,
        address: &Address,
        limit: u32,
    ) -> impl Iterator<Item = &AddressRecord> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let claims = self.claims.values().filter(move |it| {
            let is_it =
                it.kind == address.kind() && is_spelled(it.kind, address.as_str(), &it.value);
            is_it && !it.is_verified
        });
        let mut newest: Vec<_> = claims.rev().take(limit).collect();
        newest.reverse();
        self.spelled_like(address).take(limit).chain(newest)
    }

    /// The verified addresses of some users, at most so many of each kind of each, and which is verified for the longest.
    pub(super) fn verified_of(&self, users: &[UserId], limit: u32) -> Vec<(AddressRecord, bool)> {
        let mut users = users.to_vec();
        users.sort_unstable();
        let of_user = |user| {
            let verified = self.addresses_of(user, u32::MAX);
            let verified: Vec<_> = verified.filter(|it| it.is_verified).collect();
            let since = |it: &AddressRecord| self.verified.get(&(it.kind, it.id)).copied();
            // `None` is less than every time, and email comes first.
            let oldest = verified.iter().min_by_key(|it| since(it)).copied();
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let of_kind = |kind| {
                let of_kind = verified.iter().filter(move |it| it.kind == kind);
                of_kind.take(limit)
            };
            let all = of_kind(AddressKind::Email).chain(of_kind(AddressKind::Phone));
            all.map(|it| ((*it).clone(), Some(*it) == oldest))
                .collect::<Vec<_>>()
        };
        users.into_iter().flat_map(of_user).collect()
    }

    /// The rows of an address, in whatever spelling.
    fn spelled_like(&self, address: &Address) -> impl Iterator<Item = &AddressRecord> {
        let rows = self.addresses(address.kind()).values();
        rows.filter(move |it| match address {
            Address::Email(email) => EmailSpellings::from(email).has(&it.value),
            Address::Phone(phone) => PhoneSpellings::from(phone).has(&it.value),
        })
    }

    /// Proves a claim by a link or a code.
    pub(super) fn verify_claim(&mut self, claim: &VerificationClaim) -> VerificationOutcome {
        let newest = self.newest_request(Purpose::Verify, claim.kind, claim.id);
        let own = self.address(claim.kind, claim.id);
        let own = own.filter(|it| it.user == claim.user && it.value == claim.value);
        let Some(record) = own.cloned() else {
            return VerificationOutcome::Gone;
        };
        if record.is_verified {
            if claim.in_session {
                let own = self.addresses(claim.kind).values();
                let own = own.filter(|it| it.user == claim.user && it.value == claim.value);
                let shown: Vec<_> = own.map(|it| (claim.kind, it.id)).collect();
                self.in_session.extend(shown);
            }
            VerificationOutcome::AlreadyVerified
        } else if newest == claim.newest
            && claim
                .account
                .as_ref()
                .is_none_or(|it| self.is_as_proven(claim.user, it))
            && self.prove_claim(
                &record,
                (claim.at, claim.in_session),
                (&claim.notices, &claim.losses),
            )
        {
            if let Some(account) = &claim.account {
                self.prove_account(claim.user, claim.id, account);
            }
            VerificationOutcome::Verified
        } else {
            VerificationOutcome::Gone
        }
    }

    /// Makes a claim an address, and ends whatever others have of it. `false` when it is kept from the user.
    pub(super) fn prove_claim(
        &mut self,
        claim: &AddressRecord,
        (at, in_session): (DateTime<Utc>, bool),
        (notices, losses): (&Notices, &Losses),
    ) -> bool {
        let (kind, user, value) = (claim.kind, claim.user, claim.value.as_str());
        let address = match kind {
            AddressKind::Email => EmailAddress::parse(value).ok().map(Address::Email),
            AddressKind::Phone => PhoneNumber::parse(value).ok().map(Address::Phone),
        };
        let Some(address) = address.filter(|address| !self.is_kept(address, user)) else {
            return false;
        };
        let held: Vec<_> = self.spelled_like(&address).cloned().collect();
        for row in &held {
            self.delete_address(row);
        }
        let is_others =
            |it: &AddressRecord| it.kind == kind && it.value == value && it.user != user;
        let mut ended = held;
        if losses.keeps_claims {
            self.end_links_of(is_others);
        } else {
            ended.extend(self.end_claims(is_others));
        }
        self.tell(losses, &ended);
        if let Some(claim) = self.claims.get_mut(&claim.id) {
            claim.is_verified = true;
        }
        let address = self.insert_address(kind, user, value);
        if let Some(address) = self.addresses_mut(kind).get_mut(&address.id) {
            address.is_verified = true;
        }
        self.keep_proof((kind, address.id), to_micros(at), in_session);
        self.fill_own_email(&address);
        self.enqueue_notices(user, notices);
        true
    }

    /// Ends all claims on an address that a user has proven, in whatever spelling it is stored, or where others keep theirs the
    /// user's own.
    pub(super) fn end_claims_on(
        &mut self,
        user: UserId,
        (kind, value): (AddressKind, &str),
        losses: &Losses,
    ) {
        let is_on = |it: &AddressRecord| it.kind == kind && is_spelled(kind, value, &it.value);
        if losses.keeps_claims {
            self.end_claims(|it| is_on(it) && it.user == user);
            self.end_links_of(is_on);
        } else {
            let ended = self.end_claims(is_on);
            self.tell(losses, &ended);
        }
    }

    /// Ends what a reset ends: all on the address that it proves, and all of the user, who may not have made them.
    pub(super) fn end_claims_by_reset(&mut self, user: UserId, link: &OpenedLink, losses: &Losses) {
        self.end_claims_on(user, (link.kind, &link.value), losses);
        self.end_claims(|it| it.user == user);
    }

    /// Enqueues what tells those whose row or claim has ended.
    fn tell(&mut self, losses: &Losses, ended: &[AddressRecord]) {
        let ended: Vec<_> = ended.iter().map(|it| (it.id, it.user)).collect();
        for loss in losses.of(&ended) {
            self.enqueue_notices(loss.user, &loss.notices);
        }
    }

    /// Ends the claim by which a user came to an address.
    pub(super) fn end_claims_of(&mut self, address: &AddressRecord) {
        let (kind, user) = (address.kind, address.user);
        let is_it = |it: &str| is_spelled(kind, &address.value, it);
        self.end_claims(|it| it.kind == kind && it.user == user && is_it(&it.value));
    }

    /// Ends claims, and the links that were sent to them. Gives those that ended.
    pub(super) fn end_claims(
        &mut self,
        are: impl Fn(&AddressRecord) -> bool,
    ) -> Vec<AddressRecord> {
        self.end_links_of(&are);
        let ended = self.claims.values().filter(|it| are(it)).cloned().collect();
        self.claims.retain(|_, claim| !are(claim));
        ended
    }

    /// Ends the links that were sent to claims.
    pub(super) fn end_links_of(&mut self, are: impl Fn(&AddressRecord) -> bool) {
        let (claims, requests) = (&self.claims, &mut self.requests);
        requests.retain(|(_, _, holder), _| {
            let claim = claims.get(&AddressId::new(*holder));
            !claim.is_some_and(&are)
        });
    }
}

/// The name that an address of this kind is.
const fn name_of(kind: AddressKind) -> UniqueName {
    match kind {
        AddressKind::Email => UniqueName::Email,
        AddressKind::Phone => UniqueName::Phone,
    }
}

/// Whether what is stored is the address of a claim. A number without its calling code is no other than it is.
fn is_spelled(kind: AddressKind, stored: &str, claimed: &str) -> bool {
    match kind {
        AddressKind::Email => EmailSpellings::read(stored).is_some_and(|it| it.has(claimed)),
        AddressKind::Phone => [
            PhoneSpellings::read(stored, None),
            PhoneSpellings::named(stored),
        ]
        .into_iter()
        .flatten()
        .any(|it| it.numbers().iter().any(|it| it == claimed)),
    }
}
