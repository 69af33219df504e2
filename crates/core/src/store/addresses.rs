//! Addresses in a store.

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::StoreError;
use crate::address::{
    Address, AddressCaps, AddressId, AddressKind, AddressRecord, AddressRemoval, ProofByHand,
    RemovalOutcome, VerificationClaim, VerificationOutcome,
};
use crate::link::{LinkRequest, LinkTarget, OpenedLink};
use crate::outbox::{Notices, Purpose};
use crate::user::{User, UserId};

/// Keeps email addresses and phone numbers.
///
/// # Errors
/// As for [`UserStore`](super::UserStore).
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait AddressStore: Send + Sync {
    /// Stores an unverified address of a user, and enqueues these notices with it. What only others have, and none of them
    /// verified, is stored as a [claim](AddressId::is_claim), beside which theirs stays as it is.
    ///
    /// # Errors
    /// - [`NoSuchUser`](super::StoreErrorKind::NoSuchUser) when there is no such user.
    /// - [`Taken`](super::StoreErrorKind::Taken) when this user has it, in any spelling
    ///   ([`EmailSpellings`](crate::address::EmailSpellings), [`PhoneSpellings`](crate::address::PhoneSpellings)), or claims it
    ///   already, or someone else has it verified, or as a username, or in their own row and not among their addresses.
    /// - [`TooManyAddresses`](super::StoreErrorKind::TooManyAddresses) or
    ///   [`TooManyUnverified`](super::StoreErrorKind::TooManyUnverified) when the user has as many as the caps allow,
    ///   however many are added at once. This is told before whether the address is taken: who has as many as they may
    ///   have learns nothing about others.
    async fn add_address(
        &self,
        user: UserId,
        address: &Address,
        caps: AddressCaps,
        notices: &Notices,
    ) -> Result<AddressRecord, StoreError>;

    /// Stores an address of a user as a [claim](AddressId::is_claim), whether or not someone else has it, and enqueues these
    /// notices with it. The same work for every address.
    ///
    /// # Errors
    /// As for [`add_address`](Self::add_address), but it is [`Taken`](super::StoreErrorKind::Taken) only when this user has
    /// it, or claims it already.
    async fn claim_address(
        &self,
        user: UserId,
        address: &Address,
        caps: AddressCaps,
        notices: &Notices,
    ) -> Result<AddressRecord, StoreError>;

    /// At most `limit` addresses of each kind that a user has, claims among them, email before phone, in the order of their
    /// ids. Which ones, if there are more, is left to the store.
    async fn addresses_of(
        &self,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<AddressRecord>, StoreError>;

    /// An address or a claim, and whose it is, in one query. A claim that was proven is verified.
    async fn address(
        &self,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<(AddressRecord, User)>, StoreError>;

    /// All who have an address in whatever spelling, and all who claim it: at most `limit` rows, and the newest `limit` claims
    /// that are not proven, in the order of their ids. However many others claim it, a claim that was just made is among them.
    async fn holders_of(
        &self,
        address: &Address,
        limit: u32,
    ) -> Result<Vec<(AddressRecord, User)>, StoreError>;

    /// Of which kind the address is that a user has verified for the longest; none where none is verified. A proof whose time is
    /// not known is older than all, and of proofs of the same time that of an email address comes first.
    async fn oldest_proof(&self, user: UserId) -> Result<Option<AddressKind>, StoreError>;

    /// The verified addresses of these users, at most `limit` of each kind of each, and whether one is what its user has verified
    /// [for the longest](Self::oldest_proof): in the order of users, email before phone, and of ids. The oldest of all is looked for, also where the
    /// limit leaves it out.
    async fn verified_addresses_of(
        &self,
        users: &[UserId],
        limit: u32,
    ) -> Result<Vec<(AddressRecord, bool)>, StoreError>;

    /// Keeps that a link was asked for, and returns the time under which that is known.
    ///
    /// That is the time known before, if it lies between [`repeats_from`](LinkRequest::repeats_from) and
    /// [`repeats_until`](LinkRequest::repeats_until), both counted in, and the address was not verified by a link at that
    /// second or later: the same link is meant. Else it is the time of the request, or the smallest later time that is
    /// newer than what was asked for before, whatever the clocks of several machines say. One statement decides: of
    /// requests at once each sees the others. A request for nobody, or for an address that is gone, takes the same work.
    async fn request_link(&self, request: &LinkRequest) -> Result<DateTime<Utc>, StoreError>;

    /// An address or a claim, as [`address`](Self::address) gives it, and the newest request for a link of this purpose, in one
    /// query.
    async fn link_target(
        &self,
        purpose: Purpose,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<LinkTarget>, StoreError>;

    /// At most `limit` addresses of each kind that a user has, as [`addresses_of`](Self::addresses_of) gives them but without
    /// claims, each with the newest request for a link of this purpose.
    async fn link_requests_of(
        &self,
        purpose: Purpose,
        user: UserId,
        limit: u32,
    ) -> Result<Vec<(AddressRecord, Option<DateTime<Utc>>)>, StoreError>;

    /// Ends a link that was opened, and the code beside it: while it is the newest of its purpose at this address, and the
    /// address is the user's, is verified and has this text; and with it all others of its purpose that were sent to addresses,
    /// or claims, of this user. Of several uses at once, of one or of several of them, one is told that it was. The next request
    /// is for another link.
    async fn end_link(
        &self,
        purpose: Purpose,
        user: UserId,
        link: &OpenedLink,
    ) -> Result<bool, StoreError>;

    /// Takes back that a link was [ended](Self::end_link) which was sent to this target, and the code beside it, for what it was to
    /// begin was not begun: unless another was asked for meanwhile, or the address is gone. Not of a claim.
    async fn restore_link(&self, purpose: Purpose, target: &LinkTarget) -> Result<(), StoreError>;

    /// Removes an unverified address from a user who has a verified one, while the reset link to it that was opened is the
    /// newest, and enqueues these notices then. A copy in the user's own row goes along, and so does a claim that it came from.
    /// `false`, and nothing changed, when not all of this is so.
    async fn free_address(
        &self,
        user: UserId,
        link: &OpenedLink,
        notices: &Notices,
    ) -> Result<bool, StoreError>;

    /// Marks an address as verified, if all that the claim says is still so, and enqueues its notices then. Keeps when it was:
    /// what someone marks as unverified again needs a newer link. An email address is put into the user's own row, if there is
    /// none.
    ///
    /// Keeps also whether the user was [signed in](VerificationClaim::in_session), for
    /// [`link_target`](Self::link_target); of an address that is verified already too, where they were, and then its age stays
    /// as it is. A [reset](super::UserStore::replace_password) by a link to an address, and a proof
    /// [by hand](Self::set_verified), count as in a session.
    ///
    /// All claims on it end, unless [those of others are kept](crate::address::Losses::keeps_claims), and who loses one is told
    /// in the same transaction. They end in whatever spelling it is stored; those on a number that is stored without its calling code stay,
    /// and cannot be proven. One that is itself proven becomes an address of its user, unless it is
    /// [`Taken`](super::StoreErrorKind::Taken) by now; who held it without proof has it no more, and no copy of it in their own
    /// row. The same claim once more is [`AlreadyVerified`](VerificationOutcome::AlreadyVerified). Of a holder and of those who claim
    /// the address, who prove it at the same moment, one has it, and none of the calls fails for it.
    ///
    /// A claim that proves [the account](VerificationClaim::account) as well is proven with all that this says, or not at all. The
    /// sessions of the user end with it, the links that would verify another address of theirs or another claim, and what was [to
    /// take the place](super::ReplacementStore) of another, but for the claim itself.
    async fn verify_address(
        &self,
        claim: &VerificationClaim,
    ) -> Result<VerificationOutcome, StoreError>;

    /// Removes an address of a user if enough remains, and enqueues its notices then. Of several that are removed at once,
    /// each sees the others. A copy in the user's own row gives way to the verified one that [takes its
    /// place](AddressRemoval::replaced_by), else to their oldest verified email address, or to none. With the address end the links and codes that were sent to it.
    async fn remove_address(&self, removal: &AddressRemoval) -> Result<RemovalOutcome, StoreError>;

    /// Puts a verified email address of a user into their own row, where Django and others look for it, and enqueues these
    /// notices. `false`, and nothing changed, when it is there already, or there is none, it is not the user's, or not verified.
    async fn make_primary(
        &self,
        user: UserId,
        email: AddressId,
        notices: &Notices,
    ) -> Result<bool, StoreError>;

    /// Marks an address as verified or as not, and enqueues its notices if that changed anything. When it was verified is
    /// kept, what becomes of claims is decided, and an empty row of the user filled, as in
    /// [`verify_address`](Self::verify_address). Where a proof is taken, a copy in the user's own row gives way to their oldest
    /// verified email address, or to none. `false` when nothing changed: it is so already, or not there.
    async fn set_verified(&self, proof: &ProofByHand) -> Result<bool, StoreError>;
}
