//! Settings that choose among several.

use crate::address::{NumberType, PhoneNumber};

/// The types of phone numbers that are sent nothing and cannot be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "mirrors `NumberType`, less the ordinary one"
)]
pub struct RefusedNumberTypes {
    /// Numbers whose owners earn by each message.
    pub premium_rate: bool,
    /// Numbers whose owners pay only a part of what a message costs.
    pub shared_cost: bool,
    /// Numbers of satellites and of networks without a country.
    pub satellite: bool,
}

impl RefusedNumberTypes {
    /// None of them: whatever is a number may be sent messages.
    pub const NONE: Self = Self {
        premium_rate: false,
        shared_cost: false,
        satellite: false,
    };

    /// Whether this number is of a type that is refused.
    pub fn refuse(self, number: &PhoneNumber) -> bool {
        if self == Self::NONE {
            return false;
        }
        match number.number_type() {
            NumberType::Ordinary => false,
            NumberType::PremiumRate => self.premium_rate,
            NumberType::SharedCost => self.shared_cost,
            NumberType::Satellite => self.satellite,
        }
    }
}

impl Default for RefusedNumberTypes {
    fn default() -> Self {
        Self {
            premium_rate: true,
            shared_cost: true,
            satellite: true,
        }
    }
}

/// By which kinds of verified addresses users are told what was changed about their account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a caller has an answer for each, and must not forget one"
)]
pub enum NoticesBy {
    /// Nobody is told.
    Off,
    /// By email.
    Email,
    /// By email; by text message, which costs money, to users without a verified email address, to those who verified a phone
    /// number before their email addresses, and to a number that is removed. An email address that came later does not stand
    /// in for the number: it may be that of a thief.
    #[default]
    EmailElsePhone,
    /// By email and by text message.
    All,
}
