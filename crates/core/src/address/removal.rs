//! Removing an address: what a store is asked, and what must remain to the user.

use super::{AddressId, AddressKind, Losses};
use crate::outbox::Notices;
use crate::user_id::UserId;

/// An address that is to be removed from its user.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct AddressRemoval {
    /// Which kind of address.
    pub kind: AddressKind,
    /// Which row.
    pub id: AddressId,
    /// Whose it must be.
    pub user: UserId,
    /// By which of their other addresses the user must be able to get in afterwards; `None` when nothing need remain.
    pub needs: Option<WaysIn>,
    /// The address of the same kind that takes its place, where one does: it is [`Gone`](RemovalOutcome::Gone) unless it is still
    /// [to take it](crate::store::ReplacementStore), and that ends with it. Of several who finish a replacement, and of one who
    /// keeps the address meanwhile, one comes first.
    pub replaced_by: Option<AddressId>,
    /// What is enqueued with it.
    pub notices: Notices,
}

/// By which kinds of address users get in. One that is not verified does not stand in for one that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct WaysIn {
    /// By email addresses.
    pub email: bool,
    /// By phone numbers.
    pub phone: bool,
}

/// What became of an [`AddressRemoval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a conditional deletion has these outcomes and no others"
)]
pub enum RemovalOutcome {
    /// It was removed.
    Removed,
    /// What would remain is not enough; nothing changed.
    LastWayIn,
    /// The user has no such address; nothing changed.
    Gone,
}

/// What an operator says about the proof of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct ProofByHand {
    /// Which kind of address.
    pub kind: AddressKind,
    /// Which row.
    pub id: AddressId,
    /// Whose it must be.
    pub user: UserId,
    /// Whether it counts as verified from now on.
    pub is_verified: bool,
    /// When that was said.
    pub at: chrono::DateTime<chrono::Utc>,
    /// What is enqueued with it.
    pub notices: Notices,
    /// What becomes of others who have the address without proof.
    pub losses: Losses,
}
