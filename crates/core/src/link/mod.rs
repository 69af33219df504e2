//! When links were asked for, and what a link that was opened relies on.
//!
//! Of the links that were asked for with one purpose at one address, the newest works; anyone who asks again in the first
//! half of its life gets the same one. So a store keeps when it was asked for, the token of a link is bound to that, and
//! anyone who uses a link says again what was found when it was checked.

mod links;

use chrono::{DateTime, TimeDelta, Utc};
use phone_auth_tokens::CLOCK_SKEW;

use crate::address::{AddressId, AddressKind, AddressRecord};
use crate::outbox::Purpose;
use crate::user::User;

pub(crate) use links::{Addressed, Links, LogIns, SentTo};

/// A request for a link: for the same one again while the newest is young and unused, else for a newer one, which ends
/// those that were asked for before with this purpose at this address.
///
/// # Security
/// Anyone may ask for a reset. Were each request to end the link before it, a stranger who asks every second would keep the
/// owner from ever using one. So a link that is not used works for half of its life at least.
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
    /// For how long after the newest request this one is for the same link; `None` when it is for a newer one in any case.
    pub half_life: Option<TimeDelta>,
    /// For how long after the code of this link was first sent it is sent again, when a code is asked for; later it is
    /// another one. `None` when only the link is.
    pub code_half_life: Option<TimeDelta>,
}

impl LinkRequest {
    /// In how many places requests for nobody are kept. More than one, so that those who ask at the same moment seldom
    /// wait for each other.
    pub const SLOTS: i64 = 64;

    /// The place for nobody that this request would have: below zero, where no row of an address is.
    pub fn slot(&self) -> i64 {
        Self::slot_at(self.at)
    }

    /// Since when the newest request must have been made for this one to be for the same link.
    pub fn repeats_from(&self) -> DateTime<Utc> {
        self.half_life
            .and_then(|half_life| self.at.checked_sub_signed(half_life))
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Since when the code of the link must have been sent for this request to be for the same code; `None` when no code is
    /// asked for.
    pub fn code_repeats_from(&self) -> Option<DateTime<Utc>> {
        let from = self.at.checked_sub_signed(self.code_half_life?);
        Some(from.unwrap_or(DateTime::<Utc>::MIN_UTC))
    }

    /// Until when it must have been made: clocks of servers may differ. A later time is from before a clock was set back.
    pub fn repeats_until(&self) -> DateTime<Utc> {
        self.at + CLOCK_SKEW
    }

    /// When the link was made that is known under this time: it counts its age from there.
    pub fn made_at(&self, requested_at: DateTime<Utc>) -> DateTime<Utc> {
        if requested_at > self.repeats_until() {
            self.at
        } else {
            requested_at
        }
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
    /// Since when its code counts its age; `None` when no code was asked for.
    pub code_at: Option<DateTime<Utc>>,
    /// Whether the address was proven by someone who was signed in to the account, or who then set its password, or by an
    /// operator: the one who has the password has shown the address too. Not where a link was opened elsewhere, where another
    /// program has marked one that had not been shown so before, or the proof is from before this was kept.
    pub in_session: bool,
}

/// A code that was right, as it was when it was compared. It is used only while it is still the code of its link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a plain argument list with names; stores of other crates take it apart"
)]
pub struct RightCode {
    /// What it is for.
    pub purpose: Purpose,
    /// Which kind of address it was sent to.
    pub kind: AddressKind,
    /// Which row, or claim.
    pub address: AddressId,
    /// Since when it counts its age.
    pub code_at: DateTime<Utc>,
}

impl RightCode {
    /// The code that was sent to this target, which was right; none where there is none.
    pub fn of(purpose: Purpose, target: &LinkTarget) -> Option<Self> {
        Some(Self {
            purpose,
            kind: target.address.kind,
            address: target.address.id,
            code_at: target.code_at?,
        })
    }

    /// Since when the code counts its age that takes the place of this one. A code is made of that time among others, so that
    /// of a reset or a log-in is another one, of the same link and as old: in the other browsers that have asked for this one it
    /// is wrong, also where what it proves is a new password that has yet to be chosen. So is one that confirms who a user is. Of a
    /// code that verifies an address there is one challenge: it stays as it is.
    pub fn next_code_at(&self) -> DateTime<Utc> {
        self.code_at - Self::step(self.purpose)
    }

    /// Since when the code counted its age whose place one with this time has taken.
    pub(crate) fn code_at_before(purpose: Purpose, code_at: DateTime<Utc>) -> DateTime<Utc> {
        code_at + Self::step(purpose)
    }

    const fn step(purpose: Purpose) -> TimeDelta {
        match purpose {
            Purpose::ResetPassword | Purpose::LogIn | Purpose::Confirm => {
                TimeDelta::microseconds(1)
            }
            Purpose::Verify | Purpose::SecurityNotice | Purpose::Event => TimeDelta::zero(),
        }
    }
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
    /// When it is used: that proves the address.
    pub at: DateTime<Utc>,
}

impl OpenedLink {
    /// What using a link at this time relies on that was sent to this target.
    pub fn of(target: &LinkTarget, at: DateTime<Utc>) -> Self {
        Self {
            kind: target.address.kind,
            address: target.address.id,
            value: target.address.value.clone(),
            newest: target.newest,
            at,
        }
    }
}
