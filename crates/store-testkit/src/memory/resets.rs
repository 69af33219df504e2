//! What a link does that was opened, in memory: it ends, and a reset by it asks of addresses and changes them.

use chrono::SubsecRound;
use phone_auth_core::address::{AccountProof, AddressId, AddressKind, Losses};
use phone_auth_core::link::{LinkTarget, OpenedLink};
use phone_auth_core::outbox::Purpose;
use phone_auth_core::user::UserId;

use super::state::{Request, State, take_names, to_micros};

impl State {
    /// Ends a link that was opened, and all others of its purpose that were sent to its user; whether it was there.
    pub(super) fn end_link(&mut self, purpose: Purpose, user: UserId, link: &OpenedLink) -> bool {
        let address = self.addresses(link.kind).get(&link.address);
        let is_theirs =
            address.is_some_and(|it| it.user == user && it.value == link.value && it.is_verified);
        let newest = self.newest_request(purpose, link.kind, link.address);
        if !is_theirs || newest.is_none() || newest != link.newest {
            return false;
        }
        let claims = self.claims.values().filter(|it| it.user == user);
        let own = self.addresses_of(user, u32::MAX).chain(claims);
        let own: Vec<_> = own.map(|it| (it.kind, it.id.get())).collect();
        self.requests
            .retain(|&(kind, of, id), _| of != purpose.as_str() || !own.contains(&(kind, id)));
        true
    }

    /// Takes that back, unless another was asked for meanwhile or the address is gone.
    pub(super) fn restore_link(&mut self, purpose: Purpose, target: &LinkTarget) {
        let (kind, id) = (target.address.kind, target.address.id);
        if let Some(requested_at) = target.newest
            && self.addresses(kind).contains_key(&id)
        {
            let row = (kind, purpose.as_str(), id.get());
            self.requests.entry(row).or_insert(Request {
                requested_at,
                code_at: target.code_at,
            });
        }
    }

    /// Whether a link to an address of a user may reset the password: it is verified, or no other is.
    pub(super) fn may_reset(&self, user: UserId, link: &OpenedLink) -> bool {
        let address = self.addresses(link.kind).get(&link.address);
        address.is_some_and(|it| it.is_verified) || !self.has_any_verified(user)
    }

    /// Whether any address of a user is verified.
    pub(super) fn has_any_verified(&self, user: UserId) -> bool {
        [AddressKind::Email, AddressKind::Phone]
            .into_iter()
            .any(|kind| self.has_verified(kind, user))
    }

    /// What becomes of the addresses of a user whose password a link has reset: the one that it was sent to is proven,
    /// and what was proven later, or is about to be, may be the work of anyone who had the password before.
    pub(super) fn prove_by_reset(&mut self, user: UserId, link: &OpenedLink, losses: &Losses) {
        let proven = (link.kind, link.address);
        let Some(address) = self.addresses_mut(link.kind).get_mut(&link.address) else {
            return;
        };
        let was_verified = std::mem::replace(&mut address.is_verified, true);
        let address = address.clone();
        let since = self.verified.get(&proven).copied();
        let was_shown = was_verified && self.in_session.contains(&proven);
        if !was_verified {
            self.verified.insert(proven, to_micros(link.at));
        }
        self.in_session.insert(proven);
        let is_to_come = |kind: AddressKind, new| (kind, new) == proven;
        self.replacements
            .retain(|(of, kind), it| *of != user || is_to_come(*kind, it.new));
        self.end_claims_by_reset(user, link, losses);
        let others: Vec<_> = self
            .addresses_of(user, u32::MAX)
            .map(|it| (it.kind, it.id))
            .filter(|it| *it != proven)
            .collect();
        for (kind, id) in others {
            let verified_at = self.verified.get(&(kind, id));
            let is_younger =
                was_verified && verified_at.is_some_and(|at| since.is_none_or(|since| *at > since));
            if !was_shown {
                self.in_session.remove(&(kind, id));
            }
            if let Some(other) = self.addresses_mut(kind).get_mut(&id) {
                other.is_verified &= !is_younger;
                let (value, is_verified) = (other.value.clone(), other.is_verified);
                if kind == AddressKind::Email && !is_verified {
                    self.replace_email(user, &value);
                }
            }
            self.end_unused_link(kind, id);
        }
        self.fill_own_email(&address);
    }

    /// What another password ends without a link: the links of what is about to be proven, and what that was to take the place
    /// of; but not of what is proven with it.
    pub(super) fn end_unproven(&mut self, user: UserId, proven: Option<AddressId>) {
        self.replacements
            .retain(|(of, _), it| *of != user || Some(it.new) == proven);
        let own = self.addresses_of(user, u32::MAX);
        let own: Vec<_> = own.map(|it| (it.kind, it.id)).collect();
        for (kind, id) in own {
            self.end_unused_link(kind, id);
        }
        self.end_links_of(|it| it.user == user && !it.is_verified && Some(it.id) != proven);
    }

    /// Ends the link that would verify an address. One that has verified it, to the second, verifies no other, and stays: who
    /// opens it again is told that.
    fn end_unused_link(&mut self, kind: AddressKind, id: AddressId) {
        let link = (kind, Purpose::Verify.as_str(), id.get());
        let verified_at = self.verified.get(&(kind, id)).copied();
        let requested_at = self
            .requests
            .get(&link)
            .map(|it| it.requested_at.trunc_subsecs(0));
        if requested_at.is_some_and(|requested_at| verified_at.is_none_or(|at| at < requested_at)) {
            self.requests.remove(&link);
        }
    }

    /// Whether the account of a claim is as its proof says that it must be.
    pub(super) fn is_as_proven(&self, user: UserId, account: &AccountProof) -> bool {
        let stored = self.users.get(&user);
        stored.is_some_and(|it| it.is_active && it.password == account.old)
            && !self.has_any_verified(user)
    }

    /// Makes an account the account of the one who has proven its claim: what was there before ends.
    pub(super) fn prove_account(&mut self, user: UserId, claim: AddressId, account: &AccountProof) {
        if let Some(user) = self.users.get_mut(&user) {
            user.password = account.new.clone();
            take_names(user, account.names.as_ref());
        }
        self.end_sessions_of(user);
        self.end_unproven(user, Some(claim));
    }

    /// Whether a reset link that was opened is still the newest, and its address the user's.
    pub(super) fn is_newest(&self, user: UserId, link: &OpenedLink) -> bool {
        let newest = self.newest_request(Purpose::ResetPassword, link.kind, link.address);
        let address = self.addresses(link.kind).get(&link.address);
        newest == link.newest && address.is_some_and(|it| it.user == user && it.value == link.value)
    }
}
