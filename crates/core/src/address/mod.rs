//! Addresses at which a user can be reached: email addresses and phone numbers.
//!
//! Both are one [`Address`] with a kind, so that every flow treats them by the same code.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::user_id::UserId;

mod account_proof;
mod email;
mod losses;
mod phone;
mod region;
mod removal;
mod spellings;
mod typed_number;
mod verification;

pub use phone_auth_events::AddressKind;

pub use account_proof::AccountProof;
pub use email::{EmailAddress, EmailAddressError};
pub use losses::{Loss, Losses};
pub use phone::{NumberType, PhoneNumber, PhoneNumberError};
pub use region::Region;
pub use removal::{AddressRemoval, ProofByHand, RemovalOutcome, WaysIn};
pub use spellings::{EmailSpellings, PhoneSpellings, SEPARATORS, digits_of, is_e164};
pub(crate) use typed_number::in_ascii;
pub use verification::{VerificationClaim, VerificationOutcome};

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
