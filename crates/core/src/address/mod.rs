//! Addresses at which a user can be reached: email addresses and phone numbers.
//!
//! Both are one [`Address`] with a kind, so that every flow treats them by the same code.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::outbox::Notices;
use crate::user_id::UserId;

mod email;
mod losses;
mod phone;
mod region;
mod removal;
mod spellings;
mod typed_number;

pub use phone_auth_events::AddressKind;

pub use email::{EmailAddress, EmailAddressError};
pub use losses::{Loss, Losses};
pub use phone::{NumberType, PhoneNumber, PhoneNumberError};
pub use region::Region;
pub use removal::{AddressRemoval, ProofByHand, RemovalOutcome, WaysIn};
pub use spellings::{EmailSpellings, PhoneSpellings, SEPARATORS, digits_of, is_e164};
pub(crate) use typed_number::in_ascii;

/// An address in its one canonical form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "mirrors `AddressKind`, which is exhaustive for its own reason"
)]
pub enum Address {
    /// An email address.
    Email(EmailAddress),
    /// A phone number.
    Phone(PhoneNumber),
}

impl Address {
    /// Which kind this address is.
    pub const fn kind(&self) -> AddressKind {
        match self {
            Self::Email(_) => AddressKind::Email,
            Self::Phone(_) => AddressKind::Phone,
        }
    }

    /// The canonical text, as it is stored and compared.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Email(email) => email.as_str(),
            Self::Phone(phone) => phone.as_str(),
        }
    }
}

/// The number of an address row. Email addresses and phone numbers are counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct AddressId(i64);

impl AddressId {
    /// The number of the first claim. Rows of addresses count from 1 and never come that far, so that a number says by
    /// itself which of the two it is.
    pub const FIRST_CLAIM: i64 = 1 << 62;

    /// Whether this is a claim: an address that someone else holds without proof, and that this user has added as well.
    /// It names nobody at log-in and receives no reset links; its proof makes it an address like any other, and takes
    /// it from who held it.
    pub const fn is_claim(self) -> bool {
        self.0 >= Self::FIRST_CLAIM
    }

    /// The id of the row with this number.
    pub const fn new(id: i64) -> Self {
        Self(id)
    }

    /// The number of the row.
    pub const fn get(self) -> i64 {
        self.0
    }
}

/// An address as it is stored: whose it is, and whether it is proven.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct AddressRecord {
    /// The number of the row among those of its kind.
    pub id: AddressId,
    /// Which kind of address it is.
    pub kind: AddressKind,
    /// The text as stored. Rows written by django-phone-auth may be in another form than [`Address`] gives.
    pub value: String,
    /// Whose it is.
    pub user: UserId,
    /// Whether its owner has opened a link that was sent to it.
    pub is_verified: bool,
}

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

/// How many addresses a user may have when one more is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct AddressCaps {
    /// The most, of both kinds together.
    pub all: u32,
    /// The most of them that are not verified.
    pub unverified: u32,
    /// Which of the user's addresses of the same kind the new one is to take the place of, and when that was asked for: kept
    /// with the new one, as by [`replace_address`](crate::store::ReplacementStore::replace_address), or not at all.
    pub replaces: Option<(AddressId, DateTime<Utc>)>,
}

/// Which addresses of a new user are stored as [claims](AddressId::is_claim).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a store must have an answer for each"
)]
pub enum Claiming {
    /// None: what someone else has is taken.
    Never,
    /// Those that only others have, and none of them verified.
    Unproven,
    /// All, whether or not someone has them.
    Always,
}
