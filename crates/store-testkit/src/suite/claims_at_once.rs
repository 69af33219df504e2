//! Claims, and the proofs of those who hold what is claimed, at the same moment: one of them has the address, and each is
//! answered.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::sync::Arc;

use phone_auth_core::address::{
    Address, AddressKind, AddressRecord, EmailSpellings, PhoneSpellings, VerificationClaim,
    VerificationOutcome,
};
use phone_auth_core::outbox::Notices;
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::store::{Store, StoreErrorKind};
use phone_auth_core::user::UserId;

use super::Subject;
use super::claims::{add, by_hand, edit, link, named, opened, reset_by, values};
use super::sample::{AMPLE, address_of, email_address, phone, stored, whole, without_address};

/// So many pairs of users prove an address at the same moment.
const PAIRS: u32 = 8;

/// How someone proves an address.
#[derive(Clone)]
enum Proof {
    Link(VerificationClaim),
    Hand(AddressRecord),
    Reset(PasswordReplacement),
}

impl Proof {
    /// Whether the address is theirs now.
    async fn give(&self, store: Arc<dyn Store>) -> bool {
        match self {
            Self::Link(link) => {
                let outcome = store.verify_address(link).await.unwrap();
                outcome == VerificationOutcome::Verified
            }
            Self::Hand(address) => store.set_verified(&by_hand(address, true)).await.unwrap(),
            Self::Reset(change) => store.replace_password(change).await.unwrap(),
        }
    }
}

/// Gives all of these proofs at the same moment; which of them were taken.
async fn given(subject: &Subject, proofs: &[Proof]) -> Vec<bool> {
    let count = u32::try_from(proofs.len()).unwrap();
    subject
        .at_once(count, |store, number| {
            let proof = proofs.get(number as usize).cloned().unwrap();
            async move { proof.give(store).await }
        })
        .await
}

pub(super) async fn holder_and_claim_have_one_winner(subject: &Subject) {
    let store = subject.store();
    let mut number = 0;
    for kind in [AddressKind::Email, AddressKind::Phone] {
        for way in ["link", "hand", "reset"] {
            for is_foreign in [false, true] {
                let mut proofs = Vec::new();
                let mut pairs = Vec::new();
                for _ in 0..PAIRS {
                    number += 1;
                    let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
                    let bob = stored(store, &without_address(&format!("bob{number}"))).await;
                    let address = match kind {
                        AddressKind::Email => email_address(&format!("ann{number}@example.org")),
                        AddressKind::Phone => Address::Phone(phone(number)),
                    };
                    let own = address_of(store, ann.id, kind).await;
                    if is_foreign {
                        let text = match kind {
                            AddressKind::Email => format!("Ann{number}@Example.org "),
                            AddressKind::Phone => format!("+91 98765 {number:05}"),
                        };
                        edit(subject, ann.id, kind, own.id, &text).await;
                    }
                    let own = address_of(store, ann.id, kind).await;
                    let claim = add(store, bob.id, &address).await;
                    proofs.push(match way {
                        "link" => Proof::Link(link(store, &own, 1).await),
                        "hand" => Proof::Hand(own),
                        _ => Proof::Reset(reset_by(store, &own).await),
                    });
                    proofs.push(Proof::Link(link(store, &claim, 1).await));
                    pairs.push((ann.id, bob.id, address));
                }
                let taken = given(subject, &proofs).await;
                for (taken, (holder, claimer, address)) in taken.chunks(2).zip(pairs) {
                    let what = format!("{kind} {way} {is_foreign} {taken:?}");
                    let (winner, loser) = match taken {
                        [true, false] => (holder, claimer),
                        [false, true] => (claimer, holder),
                        _ => unreachable!("one of the two wins: {what}"),
                    };
                    assert_eq!(named(store, &address).await, Some(winner), "{what}");
                    let left = values(store, loser).await;
                    assert!(!left.iter().any(|it| is_it(&address, it)), "{what}");
                }
            }
        }
    }
}

/// Whether a stored text is this address, in whatever spelling.
fn is_it(address: &Address, stored: &str) -> bool {
    match address {
        Address::Email(email) => EmailSpellings::from(email).has(stored),
        Address::Phone(phone) => PhoneSpellings::from(phone).has(stored),
    }
}

/// Two users who hold, without proof, what is the other's.
pub(super) async fn claims_on_each_other_are_both_proven(subject: &Subject) {
    let store = subject.store();
    let name = |number: u32| format!("user{number}");
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let first = match kind {
            AddressKind::Email => 1,
            AddressKind::Phone => 1 + 2 * PAIRS,
        };
        let mut users = Vec::new();
        for number in first..first + 2 * PAIRS {
            users.push(stored(store, &whole(&name(number), number)).await.id);
        }
        let mut proofs = Vec::new();
        let mut wanted = Vec::new();
        for (number, user) in (first..).zip(&users) {
            let other = if (number - first) % 2 == 0 {
                number + 1
            } else {
                number - 1
            };
            let address = match kind {
                AddressKind::Email => email_address(&format!("{}@example.org", name(other))),
                AddressKind::Phone => Address::Phone(phone(other)),
            };
            let claim = add(store, *user, &address).await;
            proofs.push(Proof::Link(link(store, &claim, 1).await));
            wanted.push((*user, address));
        }
        let taken = given(subject, &proofs).await;
        assert!(taken.iter().all(|it| *it), "{kind} {taken:?}");
        for (user, address) in wanted {
            assert_eq!(named(store, &address).await, Some(user));
        }
    }
}

pub(super) async fn claim_added_beside_the_proof_of_the_holder_ends(subject: &Subject) {
    let store = subject.store();
    for round in 0..PAIRS {
        let ann = stored(store, &whole(&format!("ann{round}"), 1 + round)).await;
        let address = Address::Phone(phone(1 + round));
        let own = address_of(store, ann.id, AddressKind::Phone).await;
        let own = link(store, &own, 1).await;
        let mut users = Vec::new();
        for number in 0..4 {
            let new = without_address(&format!("bob{round}of{number}"));
            users.push(stored(store, &new).await.id);
        }
        let claimers: Vec<UserId> = users.clone();
        subject
            .at_once(5, |store, number| {
                let (own, address) = (own.clone(), address.clone());
                let claimer = claimers.get(number as usize).copied();
                async move {
                    let Some(user) = claimer else {
                        let outcome = opened(store.as_ref(), &own).await;
                        assert_eq!(outcome, VerificationOutcome::Verified);
                        return;
                    };
                    let nothing = Notices::default();
                    let added = store.add_address(user, &address, AMPLE, &nothing).await;
                    let refused = added.err().map(|error| error.kind());
                    assert!(
                        matches!(refused, None | Some(StoreErrorKind::Taken(_))),
                        "{refused:?}"
                    );
                }
            })
            .await;
        for user in users {
            assert_eq!(values(store, user).await, [""; 0]);
        }
    }
}
