//! When links were asked for, and what a link that was opened relies on.
//!
//! Of the links that were asked for with one purpose at one address, the newest works. So a store keeps when that was,
//! the token of a link is bound to it, and anyone who uses a link says again what was found when it was checked.

mod links;

use chrono::{DateTime, Utc};

use crate::address::{AddressId, AddressKind, AddressRecord};
use crate::outbox::Purpose;
use crate::user::User;

pub(crate) use links::{Addressed, Links, LogIns, SentTo};

/// A request for a link, which ends the links that were asked for before with this purpose at this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct LinkRequest {
    /// What the link is for.
    pub purpose: Purpose,
    /// Which kind of address it goes to.
    pub kind: AddressKind,
    /// Which row; nobody's when the name that was given is nobody's. Then the same is written, in one of
    /// [`SLOTS`](Self::SLOTS) places that are overwritten again and again.
    pub address: Option<AddressId>,
    /// When it was made, by the clock of the one who asks.
    pub at: DateTime<Utc>,
}

impl LinkRequest {
    /// In how many places requests for nobody are kept. More than one, so that those who ask at the same moment seldom
    /// wait for each other.
    pub const SLOTS: i64 = 64;

    /// The place for nobody that this request would have: below zero, where no row of an address is.
    pub fn slot(&self) -> i64 {
        Self::slot_at(self.at)
    }

    /// The place for nobody of a request that is made at this time.
    pub fn slot_at(time: DateTime<Utc>) -> i64 {
        -1 - time.timestamp_micros().rem_euclid(Self::SLOTS)
    }
}

/// An address that a link may have been sent to, with all that checking the link asks, read in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "stores of other crates build it, and a field they forget must not compile"
)]
pub struct LinkTarget {
    /// The address.
    pub address: AddressRecord,
    /// Whose it is.
    pub user: User,
    /// The newest request for a link of the purpose that was asked about; `None` when there was none.
    pub newest: Option<DateTime<Utc>>,
}

/// A reset link that was opened, as it was when it was checked. The password is replaced only while all of this is so.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct OpenedLink {
    /// Which kind of address it was sent to.
    pub kind: AddressKind,
    /// Which row; it must still be the user's.
    pub address: AddressId,
    /// What its text must still be.
    pub value: String,
    /// The newest request, or that there was none.
    pub newest: Option<DateTime<Utc>>,
}

impl OpenedLink {
    /// What using a link that was sent to this target relies on.
    pub fn of(target: &LinkTarget) -> Self {
        Self {
            kind: target.address.kind,
            address: target.address.id,
            value: target.address.value.clone(),
            newest: target.newest,
        }
    }
}
