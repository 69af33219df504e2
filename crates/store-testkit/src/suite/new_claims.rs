//! Claims of new users, and claims on what may be anyone's.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is an address that is not there"
)]

use phone_auth_core::address::{Address, AddressCaps, Claiming, VerificationOutcome};
use phone_auth_core::outbox::Notices;
use phone_auth_core::store::{StoreErrorKind, UniqueName};
use phone_auth_core::user::{NewUser, UserId};

use super::Subject;
use super::claims::{anns, by_hand, link, named, opened, values};
use super::sample::{
    AMPLE, assert_taken, email, email_address, phone, stored, whole, without_address,
};
use crate::external_writer::ExternalChange;

/// Someone who signs up with what Ann has.
fn as_new(username: &str) -> NewUser {
    NewUser {
        email: Some(email("ann@example.org")),
        ..whole(username, 1)
    }
}

pub(super) async fn new_user_claims_what_nobody_has_proven(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let never = store.create_user(&as_new("bob")).await;
    assert_taken(never, UniqueName::Email);
    let bob = as_new("bob");
    let claiming = store.create_user_claiming(&bob, Claiming::Unproven);
    let bob = claiming.await.unwrap();
    assert_eq!(bob.email, "", "a claim is nobody's name");
    let claims = store.addresses_of(bob.id, 10).await.unwrap();
    assert!(claims.len() == 2 && claims.iter().all(|it| it.id.is_claim()));
    for address in anns() {
        assert_eq!(named(store, &address).await, Some(ann.id));
    }
    // What is free is theirs as ever.
    let carl = NewUser {
        email: Some(email("carl@example.org")),
        ..as_new("carl")
    };
    let carl = store
        .create_user_claiming(&carl, Claiming::Unproven)
        .await
        .unwrap();
    assert_eq!(carl.email, "carl@example.org");
    let addresses = store.addresses_of(carl.id, 10).await.unwrap();
    let are_claims: Vec<_> = addresses.iter().map(|it| it.id.is_claim()).collect();
    assert_eq!(are_claims, [false, true]);
    // What is proven is kept, and so is a username and what stands in a row of another program alone.
    let held = store.addresses_of(ann.id, 10).await.unwrap();
    assert!(store.set_verified(&by_hand(&held[0], true)).await.unwrap());
    let dora = as_new("dora");
    let refused = store.create_user_claiming(&dora, Claiming::Unproven);
    assert_taken(refused.await, UniqueName::Email);
    assert!(store.set_verified(&by_hand(&held[1], true)).await.unwrap());
    let dora = NewUser {
        email: Some(email("dora@example.org")),
        ..as_new("dora")
    };
    let refused = store.create_user_claiming(&dora, Claiming::Unproven);
    assert_taken(refused.await, UniqueName::Phone);
    let named_carl = as_new("CARL");
    for claiming in [Claiming::Unproven, Claiming::Always] {
        let refused = store.create_user_claiming(&named_carl, claiming).await;
        assert_taken(refused, UniqueName::Username);
    }
    let change = ExternalChange::SetOwnEmail(carl.id, "row@example.org".to_owned());
    subject.outside(change).await;
    let in_a_row = NewUser {
        email: Some(email("row@example.org")),
        phone: None,
        ..as_new("dora")
    };
    let refused = store.create_user_claiming(&in_a_row, Claiming::Unproven);
    assert_taken(refused.await, UniqueName::Email);
    assert_eq!(store.users_after(None, 10).await.unwrap().len(), 3);
}

pub(super) async fn any_address_can_be_a_claim(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    for held in store.addresses_of(ann.id, 10).await.unwrap() {
        assert!(store.set_verified(&by_hand(&held, true)).await.unwrap());
    }
    let always = |new| async move {
        store
            .create_user_claiming(&new, Claiming::Always)
            .await
            .unwrap()
    };
    let bob = always(as_new("bob")).await;
    let carl = always(whole("carl", 3)).await;
    for user in [&bob, &carl] {
        assert_eq!(user.email, "");
        let claims = store.addresses_of(user.id, 10).await.unwrap();
        assert!(claims.len() == 2 && claims.iter().all(|it| it.id.is_claim() && !it.is_verified));
    }
    let nothing = Notices::default();
    let dora = stored(store, &without_address("dora")).await;
    for address in anns() {
        let claim = store.claim_address(dora.id, &address, AMPLE, &nothing);
        let claim = claim.await.unwrap();
        assert!(claim.id.is_claim());
        let name = match address {
            Address::Email(_) => UniqueName::Email,
            Address::Phone(_) => UniqueName::Phone,
        };
        let again = store.claim_address(dora.id, &address, AMPLE, &nothing);
        assert_taken(again.await, name);
        let own = store.claim_address(ann.id, &address, AMPLE, &nothing);
        assert_taken(own.await, name);
        // What its owner has proven is kept from all of them.
        for user in [bob.id, dora.id] {
            let claims = store.addresses_of(user, 10).await.unwrap();
            let claim = claims.iter().find(|it| it.kind == address.kind()).unwrap();
            let sent = link(store, claim, 3).await;
            assert_eq!(opened(store, &sent).await, VerificationOutcome::Gone);
        }
        assert_eq!(named(store, &address).await, Some(ann.id));
    }
    let free = email_address("free@example.org");
    let caps = AddressCaps {
        all: 100,
        unverified: 2,
        replaces: None,
    };
    let refused = store.claim_address(dora.id, &free, caps, &nothing).await;
    assert_eq!(
        refused.unwrap_err().kind(),
        StoreErrorKind::TooManyUnverified
    );
    let claim = store.claim_address(dora.id, &free, AMPLE, &nothing);
    let claim = claim.await.unwrap();
    assert!(claim.id.is_claim());
    assert_eq!(named(store, &free).await, None);
    let sent = link(store, &claim, 4).await;
    assert_eq!(opened(store, &sent).await, VerificationOutcome::Verified);
    assert_eq!(named(store, &free).await, Some(dora.id));
    let missing = store.claim_address(UserId::new(99), &free, AMPLE, &nothing);
    assert_eq!(
        missing.await.unwrap_err().kind(),
        StoreErrorKind::NoSuchUser
    );
    // A claim that is proven becomes the name of who signed up with it.
    let claims = store.addresses_of(carl.id, 10).await.unwrap();
    let sent = link(store, &claims[0], 6).await;
    assert_eq!(opened(store, &sent).await, VerificationOutcome::Verified);
    assert_eq!(
        store.user(carl.id).await.unwrap().unwrap().email,
        claims[0].value
    );
}

pub(super) async fn sign_ups_at_once_all_claim(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let users = subject
        .at_once(10, |store, number| async move {
            let claiming = if number % 2 == 0 {
                Claiming::Unproven
            } else {
                Claiming::Always
            };
            let new = as_new(&format!("user{number}"));
            let user = store.create_user_claiming(&new, claiming).await;
            user.unwrap().id
        })
        .await;
    let expected = ["ann@example.org", phone(1).as_str()].map(str::to_owned);
    for user in users {
        assert_eq!(values(store, user).await, expected);
    }
    for address in anns() {
        assert_eq!(named(store, &address).await, Some(ann.id));
    }
}
