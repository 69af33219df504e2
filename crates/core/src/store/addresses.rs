//! Addresses in a store.

use async_trait::async_trait;

use super::StoreError;
use crate::address::{
    Address, AddressId, AddressKind, AddressRecord, VerificationClaim, VerificationOutcome,
};
use crate::person::{Person, PersonId};

/// Keeps e-mail addresses and phone numbers.
///
/// # Errors
/// As for [`PersonStore`](super::PersonStore).
///
/// # Cancel safety
/// A dropped call happened whole or not at all.
#[async_trait]
pub trait AddressStore: Send + Sync {
    /// Stores an unverified address of a person.
    ///
    /// # Errors
    /// [`Taken`](super::StoreErrorKind::Taken) when anyone, this person too, has it in any ASCII case,
    /// or has it only in their own row, as an address or as a username, unless that is this person's.
    async fn add_address(
        &self,
        person: PersonId,
        address: &Address,
    ) -> Result<AddressRecord, StoreError>;

    /// The addresses of a person, e-mail before phone, in the order of their ids.
    async fn addresses_of(&self, person: PersonId) -> Result<Vec<AddressRecord>, StoreError>;

    /// An address and whose it is, in one query.
    async fn address(
        &self,
        kind: AddressKind,
        id: AddressId,
    ) -> Result<Option<(AddressRecord, Person)>, StoreError>;

    /// Marks an address as verified, if all that the claim says is still so. Writes that one column, and
    /// keeps when it was: what somebody marks as unverified again needs a newer link.
    async fn verify_address(
        &self,
        claim: &VerificationClaim,
    ) -> Result<VerificationOutcome, StoreError>;
}
