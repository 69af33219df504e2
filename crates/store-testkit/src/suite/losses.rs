//! Who has an address without proof when another user proves it: they lose it and are told so in the same transaction, or keep a
//! claim that is worth nothing.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a user who is not there"
)]

use phone_auth_core::address::{
    Address, AddressKind, AddressRecord, Loss, Losses, ProofByHand, RemovalOutcome,
    VerificationClaim, VerificationOutcome,
};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::store::{Store, UniqueName};
use phone_auth_core::user::User;

use super::Subject;
use super::claims::{
    add, added, by_hand, challenge, link, named, opened, removal_of, reset_by, values,
};
use super::message_sample::{all, notice};
use super::proofs::freed_by;
use super::sample::{
    AMPLE, address_of, assert_taken, at, email_address, phone, stored, whole, without_address,
};

/// How someone proves an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Link,
    Hand,
    Reset,
}

/// Ann has an address without proof; Bob and Carl claim it.
struct Case {
    users: [User; 3],
    records: [AddressRecord; 3],
    address: Address,
    name: UniqueName,
}

impl Case {
    async fn new(store: &dyn Store, number: u32, kind: AddressKind) -> Self {
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let bob = stored(store, &without_address(&format!("bob{number}"))).await;
        let carl = stored(store, &without_address(&format!("carl{number}"))).await;
        let (address, name) = match kind {
            AddressKind::Email => {
                let address = email_address(&format!("ann{number}@example.org"));
                (address, UniqueName::Email)
            }
            AddressKind::Phone => (Address::Phone(phone(number)), UniqueName::Phone),
        };
        let records = [
            address_of(store, ann.id, kind).await,
            add(store, bob.id, &address).await,
            add(store, carl.id, &address).await,
        ];
        Self {
            users: [ann, bob, carl],
            records,
            address,
            name,
        }
    }

    /// One of the three proves the address.
    async fn prove(&self, store: &dyn Store, (who, way): (usize, Way), losses: &Losses) {
        let (record, losses) = (&self.records[who], losses.clone());
        let is_proven = match way {
            Way::Link => {
                let link = link(store, record, 2).await;
                let claim = VerificationClaim { losses, ..link };
                opened(store, &claim).await == VerificationOutcome::Verified
            }
            Way::Hand => {
                let proof = ProofByHand {
                    losses,
                    ..by_hand(record, true)
                };
                store.set_verified(&proof).await.unwrap()
            }
            Way::Reset => {
                let reset = reset_by(store, record).await;
                let reset = PasswordReplacement { losses, ..reset };
                store.replace_password(&reset).await.unwrap()
            }
        };
        assert!(is_proven, "{who} {way:?}");
        let owner = named(store, &self.address).await;
        assert_eq!(owner, Some(self.users[who].id), "{who} {way:?}");
    }
}

/// Everyone who can prove it, by everything that does.
fn proofs() -> impl Iterator<Item = (u32, AddressKind, (usize, Way))> {
    let ways = [
        (0, Way::Link),
        (0, Way::Hand),
        (0, Way::Reset),
        (1, Way::Link),
        (1, Way::Hand),
    ];
    let kinds = [AddressKind::Email, AddressKind::Phone];
    let all = kinds.into_iter().flat_map(move |kind| {
        let ways = ways.into_iter();
        ways.map(move |way| (kind, way))
    });
    (1..)
        .zip(all)
        .map(|(number, (kind, way))| (number, kind, way))
}

/// Where accounts are concealed a claim says nothing of who has the address: it stays after the proof of another what it was.
pub(super) async fn kept_claim_looks_like_any_other(subject: &Subject) {
    let store = subject.store();
    for (number, kind, proof) in proofs() {
        let case = Case::new(store, number, kind).await;
        let (carl, claim) = (&case.users[2], &case.records[2]);
        let link_of_carl = link(store, claim, 1).await;
        store.begin_challenge(&challenge(claim)).await.unwrap();
        let before = store.addresses_of(carl.id, 100).await.unwrap();
        let losses = Losses {
            keeps_claims: true,
            ..Losses::default()
        };
        case.prove(store, proof, &losses).await;

        let after = store.addresses_of(carl.id, 100).await.unwrap();
        assert_eq!(after, before, "{proof:?}");
        let (read, _) = store.address(kind, claim.id).await.unwrap().unwrap();
        assert_eq!(read, *claim);
        let id = challenge(claim).id;
        let kept = store.challenge(&id, Purpose::Verify).await.unwrap();
        assert!(kept.is_some(), "{proof:?}");
        assert_taken(added(store, carl.id, &case.address).await, case.name);
        let nothing = Notices::default();
        let again = store.claim_address(carl.id, &case.address, AMPLE, &nothing);
        assert_taken(again.await, case.name);

        // Neither what was sent before nor what is asked for now proves it, nor an operator.
        let target = store.link_target(Purpose::Verify, kind, claim.id);
        assert_eq!(target.await.unwrap().unwrap().newest, None, "{proof:?}");
        assert_eq!(
            opened(store, &link_of_carl).await,
            VerificationOutcome::Gone
        );
        let newer = link(store, claim, 9).await;
        assert_eq!(opened(store, &newer).await, VerificationOutcome::Gone);
        let by_hand = by_hand(claim, true);
        assert!(!store.set_verified(&by_hand).await.unwrap());
        let owner = named(store, &case.address).await;
        assert_eq!(owner, Some(case.users[proof.0].id), "{proof:?}");

        // What the prover claimed is their address, once.
        let of_prover = values(store, case.users[proof.0].id).await;
        let times = of_prover.iter().filter(|it| *it == case.address.as_str());
        assert_eq!(times.count(), 1, "{proof:?}");
        // And it goes as any claim goes.
        let removed = store.remove_address(&removal_of(claim, carl)).await;
        assert_eq!(removed.unwrap(), RemovalOutcome::Removed);
    }
}

/// Nobody who has lost an address can be left untold: the notice is there as soon as the proof is.
pub(super) async fn losers_are_told_with_the_proof(subject: &Subject) {
    let store = subject.store();
    let keys = async || {
        let all = all(subject.outbox()).await;
        let mut keys: Vec<_> = all.into_iter().map(|row| row.message.key).collect();
        keys.sort_unstable();
        keys
    };
    let mut expected: Vec<String> = Vec::new();
    for (number, kind, proof) in proofs() {
        let case = Case::new(store, number, kind).await;
        let told = (0..3).map(|who| {
            let user = case.users[who].id;
            Loss {
                address: case.records[who].id,
                user,
                notices: Notices::new(vec![notice(&format!("{number} {who}"), user)]),
            }
        });
        // An id that is another user's says nothing.
        let others = Loss {
            address: case.records[2].id,
            user: case.users[0].id,
            notices: Notices::new(vec![notice(&format!("{number} wrong"), case.users[0].id)]),
        };
        let losses = Losses {
            told: told.chain([others]).collect(),
            ..Losses::default()
        };
        let refused = VerificationClaim {
            newest: Some(at(99)),
            losses: losses.clone(),
            ..link(store, &case.records[proof.0], 1).await
        };
        assert_eq!(opened(store, &refused).await, VerificationOutcome::Gone);
        assert_eq!(keys().await, expected, "{proof:?}: nothing was proven");

        case.prove(store, proof, &losses).await;
        let losers = (0..3).filter(|who| *who != proof.0);
        expected.extend(losers.map(|who| format!("{number} {who}")));
        expected.sort_unstable();
        assert_eq!(keys().await, expected, "{proof:?}");
    }
}

/// As is who loses it by a link that frees it.
pub(super) async fn loser_of_a_freed_address_is_told(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let told = |key: &str| Notices::new(vec![notice(key, ann.id)]);
    let [unproven, link] = freed_by(subject, &ann).await;
    assert!(
        !store
            .free_address(ann.id, &unproven, &told("no"))
            .await
            .unwrap()
    );
    assert!(
        store
            .free_address(ann.id, &link, &told("freed"))
            .await
            .unwrap()
    );
    let pending = all(subject.outbox()).await;
    let keys: Vec<_> = pending.iter().map(|row| &row.message.key).collect();
    assert_eq!(keys, ["freed"]);
}
