//! All who have an address, and all who claim it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed unwrap is a failed test"
)]

use phone_auth_core::address::{Address, AddressId, AddressKind, ProofByHand};
use phone_auth_core::store::Store;
use phone_auth_core::user::UserId;

use super::Subject;
use super::claims::{add, anns, by_hand, link, opened};
use super::sample::{address_of, at, email_address, stored, whole, without_address};
use crate::external_writer::ExternalChange;

/// Who has an address or claims it: whose each is, and whether it is a claim and is verified.
async fn holders(store: &dyn Store, address: &Address, limit: u32) -> Vec<(UserId, bool, bool)> {
    let holders = store.holders_of(address, limit).await.unwrap();
    let ids: Vec<AddressId> = holders.iter().map(|(held, _)| held.id).collect();
    assert!(ids.is_sorted());
    for (held, user) in &holders {
        assert_eq!((held.user, held.kind), (user.id, address.kind()));
        let (read, owner) = store.address(held.kind, held.id).await.unwrap().unwrap();
        assert_eq!((&read, &owner), (held, user));
    }
    let told = holders.into_iter();
    told.map(|(held, user)| (user.id, held.id.is_claim(), held.is_verified))
        .collect()
}

pub(super) async fn holders_come_with_claimants(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await.id;
    let mut claimants = Vec::new();
    for name in ["bob", "carl", "dora"] {
        claimants.push(stored(store, &without_address(name)).await.id);
    }
    let nobodys = email_address("nobody@example.org");
    assert_eq!(holders(store, &nobodys, 10).await, []);
    for address in anns() {
        assert_eq!(holders(store, &address, 10).await, [(ann, false, false)]);
        let mut claims = Vec::new();
        for user in &claimants {
            claims.push(add(store, *user, &address).await);
        }
        let of_claims = claimants.iter().map(|user| (*user, true, false));
        let all: Vec<_> = [(ann, false, false)].into_iter().chain(of_claims).collect();
        assert_eq!(holders(store, &address, 10).await, all);
        // Of many claims the newest.
        let [row, _, newest @ ..] = &all[..] else {
            panic!("{all:?}");
        };
        let newest: Vec<_> = [row].into_iter().chain(newest).copied().collect();
        assert_eq!(holders(store, &address, 2).await, newest);
        // A row that another program has spelled in its own way is meant as well.
        let held = address_of(store, ann, address.kind()).await;
        let odd = match &address {
            Address::Email(email) => email.as_str().to_uppercase(),
            Address::Phone(phone) => phone.as_str().replace('+', "00"),
        };
        let spelled = ExternalChange::EditAddress(held.kind, held.id, odd);
        subject.outside(spelled).await;
        assert_eq!(holders(store, &address, 10).await, all);
        // What is proven is claimed by nobody, and a claim that was proven is an address.
        let [first, ..] = &claims[..] else {
            panic!("{claims:?}");
        };
        let sent = link(store, first, 1).await;
        let _ = opened(store, &sent).await;
        let owner = (first.user, false, true);
        assert_eq!(holders(store, &address, 10).await, [owner]);
        let own = address_of(store, first.user, address.kind()).await;
        assert!(store.set_verified(&by_hand(&own, false)).await.unwrap());
        let owner = (first.user, false, false);
        assert_eq!(holders(store, &address, 10).await, [owner]);
    }
}

pub(super) async fn oldest_proof_comes_first(subject: &Subject) {
    let store = subject.store();
    let (email, phone) = (AddressKind::Email, AddressKind::Phone);
    let (mut users, mut all) = (Vec::new(), Vec::new());
    let since = |kind, seconds| (kind, Some(seconds));
    let unknown = |kind| (kind, None);
    for (number, (proofs, oldest)) in [
        (vec![], None),
        (vec![since(phone, 1)], Some(phone)),
        (vec![since(email, 1), since(phone, 2)], Some(email)),
        (vec![since(email, 2), since(phone, 1)], Some(phone)),
        (vec![since(email, 1), since(phone, 1)], Some(email)),
        // Of another program's proof no time is known.
        (vec![since(email, 1), unknown(phone)], Some(phone)),
        (vec![unknown(email), unknown(phone)], Some(email)),
    ]
    .into_iter()
    .enumerate()
    {
        let expected = proofs.clone();
        let name = format!("user{number}");
        let user = stored(store, &whole(&name, u32::try_from(number).unwrap()))
            .await
            .id;
        for (kind, seconds) in proofs {
            let address = address_of(store, user, kind).await;
            let Some(seconds) = seconds else {
                let verified = ExternalChange::SetVerified(kind, address.id, true);
                subject.outside(verified).await;
                continue;
            };
            let proof = ProofByHand {
                at: at(seconds),
                ..by_hand(&address, true)
            };
            assert!(store.set_verified(&proof).await.unwrap());
        }
        assert_eq!(store.oldest_proof(user).await.unwrap(), oldest, "{name}");
        let mut told: Vec<_> = expected
            .into_iter()
            .map(|(kind, _)| (user, kind, Some(kind) == oldest))
            .collect();
        told.sort_by_key(|(_, kind, _)| kind.as_str());
        assert_eq!(reached(store, &[user], 9).await, told, "{name}");
        users.push(user);
        all.extend(told);
    }
    // Of many users at once, in whatever order they are named; of nobody, and of one who is gone, nothing.
    users.reverse();
    users.push(UserId::new(9_999));
    assert_eq!(reached(store, &users, 9).await, all);
    assert_eq!(reached(store, &[], 9).await, []);
    let one = users.get(1).copied().unwrap();
    let more = add(store, one, &email_address("more@example.org")).await;
    assert!(store.set_verified(&by_hand(&more, true)).await.unwrap());
    let of_each = reached(store, &[one], 1).await;
    assert_eq!(of_each.len(), 2, "{of_each:?}");
    // The limit takes them by their ids, and the oldest is that of all.
    let one = users.get(3).copied().unwrap();
    let more = add(store, one, &email_address("most@example.org")).await;
    let oldest = ProofByHand {
        at: at(-1),
        ..by_hand(&more, true)
    };
    assert!(store.set_verified(&oldest).await.unwrap());
    let of_one = |kind, is_oldest| (one, kind, is_oldest);
    let limited = [of_one(email, false), of_one(phone, false)];
    assert_eq!(reached(store, &[one], 1).await, limited);
    let all = [
        of_one(email, false),
        of_one(email, true),
        of_one(phone, false),
    ];
    assert_eq!(reached(store, &[one], 9).await, all);
}

/// Which kinds of addresses these users have verified, and whether each is what they have verified for the longest.
async fn reached(
    store: &dyn Store,
    users: &[UserId],
    limit: u32,
) -> Vec<(UserId, AddressKind, bool)> {
    let verified = store.verified_addresses_of(users, limit).await.unwrap();
    assert!(
        verified
            .iter()
            .all(|(it, _)| it.is_verified && !it.id.is_claim())
    );
    let verified = verified.into_iter();
    verified
        .map(|(it, is_oldest)| (it.user, it.kind, is_oldest))
        .collect()
}
