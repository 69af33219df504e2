//! The verification of an address: what a store is asked, and what it answers.

use chrono::{DateTime, Utc};

use super::{AccountProof, AddressId, AddressKind, Losses};
use crate::outbox::Notices;
use crate::user_id::UserId;

/// An address that is to be verified, exactly as the link was issued for it.
///
/// The store verifies it only while all of this is still true.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct VerificationClaim {
    /// Which kind of address.
    pub kind: AddressKind,
    /// Which row.
    pub id: AddressId,
    /// Whose it must still be.
    pub user: UserId,
    /// What its text must still be.
    pub value: String,
    /// The newest request for a verification link, as it was when the link was checked. If another was made since, this
    /// link is over.
    pub newest: Option<DateTime<Utc>>,
    /// When the link was issued. If the address was verified by a link then or later, and is not any
    /// more, this link is used up.
    pub issued_at: DateTime<Utc>,
    /// When the link was opened, and not before it was issued.
    pub at: DateTime<Utc>,
    /// Whether the user was signed in where it was: see [`LinkTarget::in_session`](crate::link::LinkTarget::in_session).
    pub in_session: bool,
    /// What is enqueued with it.
    pub notices: Notices,
    /// What becomes of others who have the address without proof.
    pub losses: Losses,
    /// What becomes of the account, where the proof of a [claim](AddressId::is_claim) makes it the account of the one who
    /// gives it; `None` where only the address is proven.
    pub account: Option<AccountProof>,
}

/// What became of a [`VerificationClaim`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a conditional update has these outcomes and no others"
)]
pub enum VerificationOutcome {
    /// The address was unverified and is verified now.
    Verified,
    /// It was verified before; nothing changed.
    AlreadyVerified,
    /// It is gone, another's, or another text, or the link is used up or over; nothing changed.
    Gone,
}
