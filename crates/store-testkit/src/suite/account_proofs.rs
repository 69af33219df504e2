//! Accounts that nobody has proven, and that are proven with an address: all of it at once, or nothing.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::{
    AccountProof, AddressCaps, AddressKind, AddressRecord, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::challenge::TypedNames;
use phone_auth_core::outbox::Notices;
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::store::Store;
use phone_auth_core::user::UserId;

use super::Subject;
use super::claims::{anns, link, opened, reset_by};
use super::sample::{
    AMPLE, HASH, address_of, at, hash, is_alive, logged_in, stored, user_now, whole,
};
use crate::external_writer::ExternalChange;

/// An account of a form that nobody has proven: its address, with the newest link to it, another that a link would verify, and a
/// session.
struct Unproven {
    user: UserId,
    address: AddressRecord,
    proof: VerificationClaim,
    other: AddressRecord,
    others_link: VerificationClaim,
    session: u8,
}

impl Unproven {
    async fn new(store: &dyn Store, number: u8, kind: AddressKind, is_claim: bool) -> Self {
        let name = format!("bob{number}");
        let user = stored(store, &whole(&name, u32::from(number))).await.id;
        let address = if is_claim {
            let claimed = anns().into_iter().find(|it| it.kind() == kind).unwrap();
            // In the place of the one that stands there: that is not over with what is proven.
            let caps = AddressCaps {
                replaces: Some((address_of(store, user, kind).await.id, at(5))),
                ..AMPLE
            };
            let nothing = Notices::default();
            let added = store.add_address(user, &claimed, caps, &nothing);
            added.await.unwrap()
        } else {
            address_of(store, user, kind).await
        };
        let other = match kind {
            AddressKind::Email => AddressKind::Phone,
            AddressKind::Phone => AddressKind::Email,
        };
        let other = address_of(store, user, other).await;
        logged_in(store, user, number).await;
        Self {
            user,
            proof: link(store, &address, 1).await,
            others_link: link(store, &other, 1).await,
            address,
            other,
            session: number,
        }
    }

    /// Proves it, as an account with this password; whether it was.
    async fn prove(&self, store: &dyn Store, old: &str) -> bool {
        let names = Some(TypedNames {
            first_name: "Zoë".to_owned(),
            last_name: String::new(),
        });
        let (old, new) = (hash(old), hash("argon2$new"));
        if self.address.id.is_claim() {
            let proof = VerificationClaim {
                account: Some(AccountProof { old, new, names }),
                ..self.proof.clone()
            };
            return opened(store, &proof).await == VerificationOutcome::Verified;
        }
        let reset = PasswordReplacement {
            old,
            new,
            names,
            ..reset_by(store, &self.address).await
        };
        store.replace_password(&reset).await.unwrap()
    }

    /// The names, whether the password is the new one, whether the address is verified, and whether the session is alive.
    async fn state(&self, store: &dyn Store) -> ([String; 2], bool, bool, bool) {
        let user = user_now(store, self.user).await;
        let own = store.addresses_of(self.user, 10).await.unwrap();
        let mut own = own.iter().filter(|it| it.value == self.address.value);
        (
            [user.first_name, user.last_name],
            user.password == hash("argon2$new"),
            own.any(|it| it.is_verified),
            is_alive(store, self.session).await,
        )
    }
}

pub(super) async fn account_is_proven_whole(subject: &Subject) {
    let store = subject.store();
    stored(store, &whole("ann", 1)).await;
    let mut number = 1;
    for (kind, is_claim) in [
        (AddressKind::Email, true),
        (AddressKind::Phone, true),
        (AddressKind::Email, false),
        (AddressKind::Phone, false),
    ] {
        for case in ["another is verified", "another password", "disabled", "so"] {
            number += 1;
            let bob = Unproven::new(store, number, kind, is_claim).await;
            let mut old = HASH;
            match case {
                "another is verified" => {
                    let of = (bob.other.kind, bob.other.id);
                    let change = ExternalChange::SetVerified(of.0, of.1, true);
                    subject.outside(change).await;
                }
                "another password" => old = "argon2$older",
                "disabled" => {
                    let change = ExternalChange::SetActive(bob.user, false);
                    subject.outside(change).await;
                }
                _ => {}
            }
            let is_so = case == "so";
            let told = format!("{kind:?} {is_claim} {case}");
            assert_eq!(bob.prove(store, old).await, is_so, "{told}");
            // One who is disabled has no session, whatever became of its row.
            let is_alive = !is_so && case != "disabled";
            let names = if is_so { ["Zoë", ""] } else { ["Ann", "Lee"] };
            let expected = (names.map(str::to_owned), is_so, is_so, is_alive);
            assert_eq!(bob.state(store).await, expected, "{told}");
            if !is_so {
                continue;
            }
            let others = opened(store, &bob.others_link).await;
            assert_eq!(others, VerificationOutcome::Gone, "{told}");
            let again = opened(store, &bob.proof).await;
            assert_eq!(again, VerificationOutcome::AlreadyVerified, "{told}");
            let (kind, new) = (bob.address.kind, bob.address.id);
            let replaced = store.replaced_address(bob.user, kind, new, at(5));
            assert_eq!(replaced.await.unwrap().is_some(), is_claim, "{told}");
        }
    }
}
