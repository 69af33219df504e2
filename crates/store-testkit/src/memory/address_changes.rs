//! What becomes of an address once it is there, in memory.

use phone_auth_core::address::{
    AddressId, AddressKind, AddressRecord, AddressRemoval, ProofByHand, RemovalOutcome, WaysIn,
};
use phone_auth_core::outbox::Purpose;
use phone_auth_core::user::UserId;

use super::state::{State, to_micros};

impl State {
    /// Removes an address if enough remains.
    pub(super) fn remove_address(&mut self, removal: &AddressRemoval) -> RemovalOutcome {
        let AddressRemoval { kind, id, user, .. } = *removal;
        if id.is_claim() {
            let is_own = self.address(kind, id).is_some_and(|it| it.user == user);
            if !is_own || !self.gives_way(removal) {
                return RemovalOutcome::Gone;
            }
            self.end_claims(|it| it.id == id);
            self.enqueue_notices(user, &removal.notices);
            return RemovalOutcome::Removed;
        }
        let own = self.addresses(kind).get(&id).filter(|it| it.user == user);
        let Some(address) = own.cloned() else {
            return RemovalOutcome::Gone;
        };
        let is_enough = |needs: WaysIn| {
            let mut others = self.addresses_of(user, u32::MAX);
            others.any(|it| {
                let is_way_in = match it.kind {
                    AddressKind::Email => needs.email,
                    AddressKind::Phone => needs.phone,
                };
                let is_other = (it.kind, it.id) != (kind, id);
                is_way_in && is_other && (it.is_verified || !address.is_verified)
            })
        };
        if !removal.needs.is_none_or(is_enough) {
            return RemovalOutcome::LastWayIn;
        }
        if !self.gives_way(removal) {
            return RemovalOutcome::Gone;
        }
        if let Some(new) = removal.replaced_by {
            self.put_in_place(&address, new);
        }
        self.delete_address(&address);
        self.enqueue_notices(removal.user, &removal.notices);
        RemovalOutcome::Removed
    }

    /// Deletes an address and what refers to it. A copy in the user's own row gives way to their next email address.
    pub(super) fn delete_address(&mut self, address: &AddressRecord) {
        let (kind, id) = (address.kind, address.id);
        self.end_claims_of(address);
        self.addresses_mut(kind).remove(&id);
        self.forget_proof((kind, id));
        for purpose in [Purpose::Verify, Purpose::ResetPassword, Purpose::LogIn] {
            self.requests.remove(&(kind, purpose.as_str(), id.get()));
        }
        if kind == AddressKind::Email {
            self.replace_email(address.user, &address.value);
        }
    }

    /// Puts the oldest verified email address of a user into their own row, in the place of one that is gone.
    pub(super) fn replace_email(&mut self, user: UserId, gone: &str) {
        let emails = self.addresses(AddressKind::Email).values();
        let next = emails
            .filter(|it| it.user == user && it.is_verified)
            .map(|it| it.value.clone())
            .next();
        if let Some(user) = self.users.get_mut(&user)
            && user.email.eq_ignore_ascii_case(gone)
        {
            user.email = next.unwrap_or_default();
        }
    }

    /// Puts the verified email address into the user's own row that takes the place of one there.
    fn put_in_place(&mut self, old: &AddressRecord, new: AddressId) {
        let new = self.address(old.kind, new);
        let new = new.filter(|it| it.user == old.user && it.is_verified);
        if old.kind == AddressKind::Email
            && let Some(new) = new.map(|it| it.value.clone())
            && let Some(user) = self.users.get_mut(&old.user)
            && user.email.eq_ignore_ascii_case(&old.value)
        {
            user.email = new;
        }
    }

    /// Puts an address that its user has proven into their own row, if it is an email address and none is there.
    pub(super) fn fill_own_email(&mut self, address: &AddressRecord) {
        if address.kind == AddressKind::Email
            && let Some(user) = self.users.get_mut(&address.user)
            && user.email.is_empty()
        {
            user.email.clone_from(&address.value);
        }
    }

    /// Ends what an address was to give way to, where one takes its place; whether it may be removed.
    fn gives_way(&mut self, removal: &AddressRemoval) -> bool {
        let Some(new) = removal.replaced_by else {
            return true;
        };
        let of = (removal.user, removal.kind);
        let kept = self.replacements.get(&of);
        let is_kept = kept.is_some_and(|it| (it.old, it.new) == (removal.id, new));
        if is_kept {
            self.replacements.remove(&of);
        }
        is_kept
    }

    /// Puts a verified email address into the row of its user.
    pub(super) fn make_primary(&mut self, user: UserId, email: AddressId) -> bool {
        let address = self.addresses(AddressKind::Email).get(&email);
        let value = address
            .filter(|it| it.user == user && it.is_verified)
            .map(|it| it.value.clone());
        let (Some(value), Some(user)) = (value, self.users.get_mut(&user)) else {
            return false;
        };
        let is_new = user.email != value;
        user.email = value;
        is_new
    }

    /// Marks an address as verified or not, by hand.
    pub(super) fn set_verified(&mut self, proof: &ProofByHand) -> bool {
        if proof.id.is_claim() {
            let own = self.address(proof.kind, proof.id);
            let own = own.filter(|it| it.user == proof.user && !it.is_verified);
            let Some(claim) = own.filter(|_| proof.is_verified).cloned() else {
                return false;
            };
            let when = (proof.at, true);
            return self.prove_claim(&claim, when, (&proof.notices, &proof.losses));
        }
        let address = self.addresses_mut(proof.kind).get_mut(&proof.id);
        let changes =
            |it: &&mut AddressRecord| it.user == proof.user && it.is_verified != proof.is_verified;
        let Some(address) = address.filter(changes) else {
            return false;
        };
        address.is_verified = proof.is_verified;
        let address = address.clone();
        if proof.is_verified {
            let row = (proof.kind, proof.id);
            self.keep_proof(row, to_micros(proof.at), true);
            self.fill_own_email(&address);
            let on = (proof.kind, address.value.as_str());
            self.end_claims_on(proof.user, on, &proof.losses);
        } else {
            self.end_claims_of(&address);
            if proof.kind == AddressKind::Email {
                self.replace_email(proof.user, &address.value);
            }
        }
        self.enqueue_notices(proof.user, &proof.notices);
        true
    }
}
