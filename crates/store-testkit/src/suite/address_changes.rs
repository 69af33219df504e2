//! What becomes of an address once it is there: removed, put first, verified by hand; and another username.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::{
    AddressKind, AddressRecord, AddressRemoval, Losses, ProofByHand, RemovalOutcome,
    VerificationClaim, VerificationOutcome, WaysIn,
};
use phone_auth_core::link::LinkRequest;
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::store::{Store, UniqueName};
use phone_auth_core::user::{User, UserId};

use super::Subject;
use super::sample::{
    AMPLE, address_of, assert_taken, at, email, email_address, phone, stored, user_now, whole,
    without_address,
};
use crate::external_writer::ExternalChange;

const BOTH: Option<WaysIn> = Some(WaysIn {
    email: true,
    phone: true,
});
const EMAIL: Option<WaysIn> = Some(WaysIn {
    email: true,
    phone: false,
});
const PHONE: Option<WaysIn> = Some(WaysIn {
    email: false,
    phone: true,
});

fn removal(address: &AddressRecord, needs: Option<WaysIn>) -> AddressRemoval {
    AddressRemoval {
        kind: address.kind,
        id: address.id,
        user: address.user,
        needs,
        replaced_by: None,
        notices: Notices::default(),
    }
}

fn proof(address: &AddressRecord, is_verified: bool) -> ProofByHand {
    ProofByHand {
        kind: address.kind,
        id: address.id,
        user: address.user,
        is_verified,
        at: at(5),
        notices: Notices::default(),
        losses: Losses::default(),
    }
}

/// The email address and the phone number of a user.
async fn both_of(store: &dyn Store, user: UserId) -> [AddressRecord; 2] {
    [
        address_of(store, user, AddressKind::Email).await,
        address_of(store, user, AddressKind::Phone).await,
    ]
}

pub(super) async fn last_way_in_is_not_removed(subject: &Subject) {
    let store = subject.store();
    // Which of the two are verified, which is removed, by what users get in, and what becomes of it.
    let (removed, kept) = (RemovalOutcome::Removed, RemovalOutcome::LastWayIn);
    let cases = [
        ([false, false], 0, None, removed),
        ([false, false], 0, BOTH, removed),
        ([false, false], 0, PHONE, removed),
        ([false, false], 0, EMAIL, kept),
        ([false, false], 1, BOTH, removed),
        ([false, false], 1, PHONE, kept),
        ([true, false], 0, BOTH, kept),
        ([true, false], 0, None, removed),
        ([true, false], 1, BOTH, removed),
        ([true, false], 1, PHONE, kept),
        ([false, true], 0, BOTH, removed),
        ([false, true], 1, BOTH, kept),
        ([true, true], 0, BOTH, removed),
        ([true, true], 1, EMAIL, removed),
        ([true, true], 1, PHONE, kept),
    ];
    for (number, (verified, which, needs, expected)) in (1..).zip(cases) {
        let user = stored(store, &whole(&format!("p{number}"), number))
            .await
            .id;
        let addresses = both_of(store, user).await;
        for (address, is_verified) in addresses.iter().zip(verified) {
            let set = store.set_verified(&proof(address, is_verified)).await;
            assert_eq!(set.unwrap(), is_verified);
        }
        let address = addresses.get(which).unwrap();
        let outcome = store.remove_address(&removal(address, needs)).await;
        assert_eq!(outcome.unwrap(), expected, "{verified:?} {which} {needs:?}");
        let left = store.addresses_of(user, 100).await.unwrap();
        let is_there = left.iter().any(|it| it.value == address.value);
        assert_eq!(is_there, expected == kept);
        let again = store.remove_address(&removal(address, needs)).await;
        let again_expected = if expected == kept {
            kept
        } else {
            RemovalOutcome::Gone
        };
        assert_eq!(again.unwrap(), again_expected);
    }
}

pub(super) async fn removals_at_once_leave_a_way_in(subject: &Subject) {
    let store = subject.store();
    for number in 1..=8 {
        let user = stored(store, &whole(&format!("p{number}"), number))
            .await
            .id;
        let addresses = both_of(store, user).await;
        let outcomes = subject
            .at_once(2, |store, at| {
                let address = addresses.get(usize::try_from(at).unwrap()).unwrap();
                let removal = removal(address, BOTH);
                async move { store.remove_address(&removal).await.unwrap() }
            })
            .await;
        let removed = outcomes.iter().filter(|it| **it == RemovalOutcome::Removed);
        assert_eq!(removed.count(), 1, "{outcomes:?}");
        assert_eq!(store.addresses_of(user, 100).await.unwrap().len(), 1);
    }
}

pub(super) async fn removed_address_is_free_and_leads_nowhere(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &without_address("bob")).await;
    for address in both_of(store, ann.id).await {
        let request = LinkRequest {
            purpose: Purpose::Verify,
            kind: address.kind,
            address: Some(address.id),
            at: at(1),
            half_life: None,
            code_half_life: None,
        };
        let newest = store.request_link(&request).await.unwrap();
        let others = AddressRemoval {
            user: bob.id,
            ..removal(&address, None)
        };
        let refused = store.remove_address(&others).await.unwrap();
        assert_eq!(refused, RemovalOutcome::Gone, "another user's");
        let removed = store.remove_address(&removal(&address, None)).await;
        assert_eq!(removed.unwrap(), RemovalOutcome::Removed);

        let target = store.link_target(Purpose::Verify, address.kind, address.id);
        assert!(target.await.unwrap().is_none());
        let claim = VerificationClaim {
            kind: address.kind,
            id: address.id,
            user: ann.id,
            value: address.value.clone(),
            newest: Some(newest),
            issued_at: at(1),
            at: at(2),
            in_session: true,
            notices: Notices::default(),
            losses: Losses::default(),
            account: None,
        };
        let verified = store.verify_address(&claim).await.unwrap();
        assert_eq!(verified, VerificationOutcome::Gone);
    }
    assert_eq!(user_now(store, ann.id).await.email, "");
    let again = [
        email_address("ann@example.org"),
        phone_auth_core::address::Address::Phone(phone(1)),
    ];
    for address in again {
        let nothing = Notices::default();
        let added = store.add_address(bob.id, &address, AMPLE, &nothing).await;
        assert_eq!(added.unwrap().user, bob.id);
    }
}

pub(super) async fn own_row_has_the_primary_address(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &whole("bob", 2)).await;
    let mut emails = vec![address_of(store, ann.id, AddressKind::Email).await];
    for name in ["two@example.org", "three@example.org"] {
        let address = email_address(name);
        let nothing = Notices::default();
        let added = store.add_address(ann.id, &address, AMPLE, &nothing).await;
        emails.push(added.unwrap());
    }
    let [one, two, three] = &emails[..] else {
        unreachable!("three were added");
    };
    let row = async || user_now(store, ann.id).await.email;
    let primary = async |user, id| {
        let nothing = Notices::default();
        store.make_primary(user, id, &nothing).await.unwrap()
    };
    assert!(!primary(ann.id, two.id).await, "not verified");
    assert!(store.set_verified(&proof(two, true)).await.unwrap());
    assert!(store.set_verified(&proof(three, true)).await.unwrap());
    assert!(!primary(bob.id, two.id).await, "another's");
    assert_eq!(row().await, "ann@example.org");
    assert!(primary(ann.id, three.id).await);
    assert_eq!(row().await, "three@example.org");
    // Of two at once the second is no change of which anyone is told.
    assert!(!primary(ann.id, three.id).await, "it is there already");

    // What is removed gives way to the oldest that is verified; of another the row knows nothing.
    for (address, expected) in [
        (one, "three@example.org"),
        (three, "two@example.org"),
        (two, ""),
    ] {
        store.remove_address(&removal(address, None)).await.unwrap();
        assert_eq!(row().await, expected);
    }
    assert_eq!(user_now(store, bob.id).await.email, "bob@example.org");
    assert!(!primary(ann.id, two.id).await, "removed");
}

pub(super) async fn proof_by_hand_uses_links_up(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    for address in both_of(store, ann.id).await {
        assert!(!store.set_verified(&proof(&address, false)).await.unwrap());
        assert!(store.set_verified(&proof(&address, true)).await.unwrap());
        assert!(!store.set_verified(&proof(&address, true)).await.unwrap());
        let is_verified = async || address_of(store, ann.id, address.kind).await.is_verified;
        assert!(is_verified().await);
        let others = ProofByHand {
            user: UserId::new(ann.id.get() + 1),
            ..proof(&address, false)
        };
        assert!(!store.set_verified(&others).await.unwrap());
        assert!(store.set_verified(&proof(&address, false)).await.unwrap());
        assert!(!is_verified().await);
        // A link from before is used up; one from after works.
        for (issued_at, expected) in [
            (at(4), VerificationOutcome::Gone),
            (at(6), VerificationOutcome::Verified),
        ] {
            let claim = VerificationClaim {
                kind: address.kind,
                id: address.id,
                user: ann.id,
                value: address.value.clone(),
                newest: None,
                issued_at,
                at: at(7),
                in_session: true,
                notices: Notices::default(),
                losses: Losses::default(),
                account: None,
            };
            assert_eq!(store.verify_address(&claim).await.unwrap(), expected);
        }
    }
}

pub(super) async fn other_username_obeys_the_one_space(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &whole("bob", 2)).await;
    let own = ExternalChange::SetOwnEmail(bob.id, "own@example.org".to_owned());
    subject.outside(own).await;
    for taken in [
        "bob",
        "BOB",
        "bob@example.org",
        "OWN@example.org",
        phone(2).as_str(),
    ] {
        let renamed = store.rename_user(ann.id, taken).await;
        assert_taken(renamed, UniqueName::Username);
    }
    for free in ["ANN", "anna", "anna"] {
        assert!(store.rename_user(ann.id, free).await.unwrap());
        assert_eq!(user_now(store, ann.id).await.username, free);
    }
    assert_eq!(
        user_now(store, ann.id).await.email,
        email("ann@example.org").as_str()
    );
    let nobody = UserId::new(bob.id.get() + 1);
    assert!(!store.rename_user(nobody, "carl").await.unwrap());

    let winners = subject
        .at_once(10, |store, number| {
            let id = if number.is_multiple_of(2) {
                ann.id
            } else {
                bob.id
            };
            async move { store.rename_user(id, "eve").await.is_ok().then_some(id) }
        })
        .await;
    let winners: Vec<_> = winners.into_iter().flatten().collect();
    let one = winners.first().unwrap();
    assert!(winners.iter().all(|it| it == one), "{winners:?}");
}

pub(super) async fn other_names_are_of_one_user(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &whole("bob", 2)).await;
    for (first, last) in [("Anna", "Jones"), ("", ""), ("\u{c5}sa", "O'Neil")] {
        let set = store.set_names(ann.id, Some(first), Some(last));
        assert!(set.await.unwrap());
        let expected = User {
            first_name: first.to_owned(),
            last_name: last.to_owned(),
            ..ann.clone()
        };
        assert_eq!(user_now(store, ann.id).await, expected);
    }
    assert_eq!(user_now(store, bob.id).await, bob);
    // One that is not given stays, as it is now.
    for (names, expected) in [
        ((Some("Eve"), None), ("Eve", "O'Neil")),
        ((None, Some("Lee")), ("Eve", "Lee")),
        ((Some(""), None), ("", "Lee")),
        ((None, None), ("", "Lee")),
    ] {
        assert!(store.set_names(ann.id, names.0, names.1).await.unwrap());
        let now = user_now(store, ann.id).await;
        let now = (now.first_name.as_str(), now.last_name.as_str());
        assert_eq!(now, expected, "{names:?}");
    }
    let nobody = UserId::new(bob.id.get() + 1);
    let set = store.set_names(nobody, Some("Carl"), Some("Lee"));
    assert!(!set.await.unwrap());
}
