//! What operations are measured with.

use phone_auth_core::address::{AddressCaps, AddressRecord, Losses, VerificationClaim};
use phone_auth_core::outbox::Notices;
use phone_auth_core::password::EncodedPassword;
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::user::User;

use super::now;

/// Another hash in the place of a user's: the same would be no change, which SQLite does not write.
pub(super) fn replacement(user: &User) -> PasswordReplacement {
    PasswordReplacement {
        user: user.id,
        old: user.password.clone(),
        new: EncodedPassword::new("argon2$argon2id$v=19$m=19456,t=2,p=1$cGVwcGVy$aGFzaA"),
        last_login: None,
        link: None,
        keeps: None,
        notices: Notices::default(),
        losses: Losses::default(),
        names: None,
    }
}

/// No caps.
pub(super) const AMPLE: AddressCaps = AddressCaps {
    all: u32::MAX,
    unverified: u32::MAX,
    replaces: None,
};

/// What the link to an address claims.
pub(super) fn claim(address: &AddressRecord) -> VerificationClaim {
    VerificationClaim {
        kind: address.kind,
        id: address.id,
        user: address.user,
        value: address.value.clone(),
        newest: None,
        issued_at: now(),
        at: now(),
        in_session: true,
        notices: Notices::default(),
        losses: Losses::default(),
        account: None,
    }
}
