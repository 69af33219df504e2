//! What the proof of an address ends that was there before it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is an address that is not there"
)]

use phone_auth_core::address::{
    Address, AddressCaps, AddressKind, AddressRecord, Losses, VerificationClaim,
    VerificationOutcome,
};
use phone_auth_core::link::{LinkRequest, OpenedLink};
use phone_auth_core::outbox::{Notices, Purpose};
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::user::{User, UserId};

use super::Subject;
use super::claims;
use super::sample::{address_of, at, email_address, phone, replacement, stored, whole};
use crate::external_writer::ExternalChange;

const KINDS: [(AddressKind, AddressKind); 2] = [
    (AddressKind::Email, AddressKind::Phone),
    (AddressKind::Phone, AddressKind::Email),
];

/// Resets the password of a user by a link to an address, asked for just before.
pub(super) async fn reset(subject: &Subject, address: &AddressRecord, seconds: i64) -> bool {
    let store = subject.store();
    let (kind, id) = (address.kind, address.id);
    let purpose = Purpose::ResetPassword;
    asked(subject, purpose, address, seconds).await;
    let target = store.link_target(purpose, kind, id).await.unwrap().unwrap();
    let change = PasswordReplacement {
        link: Some(OpenedLink::of(&target, at(seconds))),
        ..replacement(address.user, "new")
    };
    store.replace_password(&change).await.unwrap()
}

async fn asked(subject: &Subject, purpose: Purpose, address: &AddressRecord, seconds: i64) {
    let request = LinkRequest {
        purpose,
        kind: address.kind,
        address: Some(address.id),
        at: at(seconds),
        half_life: None,
        code_half_life: None,
    };
    subject.store().request_link(&request).await.unwrap();
}

/// Opens the newest verification link of an address at a time.
async fn verified(subject: &Subject, address: &AddressRecord, seconds: i64) -> VerificationOutcome {
    let store = subject.store();
    let purpose = Purpose::Verify;
    let target = store.link_target(purpose, address.kind, address.id).await;
    let claim = VerificationClaim {
        kind: address.kind,
        id: address.id,
        user: address.user,
        value: address.value.clone(),
        newest: target.unwrap().unwrap().newest,
        issued_at: at(seconds),
        at: at(seconds),
        in_session: true,
        notices: Notices::default(),
        losses: Losses::default(),
        account: None,
    };
    store.verify_address(&claim).await.unwrap()
}

/// Which kinds of addresses of a user are verified.
async fn proven(subject: &Subject, user: UserId) -> Vec<AddressKind> {
    let addresses = subject.store().addresses_of(user, 100).await.unwrap();
    let proven = addresses.into_iter().filter(|it| it.is_verified);
    proven.map(|it| it.kind).collect()
}

pub(super) async fn reset_proves_its_address(subject: &Subject) {
    let store = subject.store();
    for (number, (kind, other)) in (1..).zip(KINDS) {
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let address = address_of(store, ann.id, kind).await;
        assert!(reset(subject, &address, 5).await);
        assert_eq!(proven(subject, ann.id).await, [kind], "not the {other}");
        // It counts as a proof of that time: links from before it are used.
        let change = ExternalChange::SetVerified(kind, address.id, false);
        subject.outside(change).await;
        assert_eq!(
            verified(subject, &address, 5).await,
            VerificationOutcome::Gone
        );
        assert_eq!(
            verified(subject, &address, 6).await,
            VerificationOutcome::Verified
        );
    }
}

pub(super) async fn reset_ends_links_to_other_addresses(subject: &Subject) {
    // Anyone who had the password before asked for them, and would be back in by a reset of their own.
    let store = subject.store();
    for (number, (kind, other)) in (1..).zip(KINDS) {
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let bob = stored(store, &whole(&format!("bob{number}"), number + 10)).await;
        let address = address_of(store, ann.id, kind).await;
        let pending = address_of(store, ann.id, other).await;
        let bobs = address_of(store, bob.id, other).await;
        asked(subject, Purpose::Verify, &pending, 1).await;
        asked(subject, Purpose::Verify, &bobs, 1).await;
        let target = |it: &AddressRecord| store.link_target(Purpose::Verify, it.kind, it.id);
        let before = target(&pending).await.unwrap().unwrap().newest;
        assert!(before.is_some());
        assert!(reset(subject, &address, 5).await);
        let claim = VerificationClaim {
            kind: other,
            id: pending.id,
            user: ann.id,
            value: pending.value.clone(),
            newest: before,
            issued_at: at(1),
            at: at(6),
            in_session: true,
            notices: Notices::default(),
            losses: Losses::default(),
            account: None,
        };
        let outcome = store.verify_address(&claim).await.unwrap();
        assert_eq!(outcome, VerificationOutcome::Gone);
        assert_eq!(
            verified(subject, &bobs, 6).await,
            VerificationOutcome::Verified
        );
    }
}

pub(super) async fn reset_ends_younger_proofs(subject: &Subject) {
    // When each address is proven, by nothing that we know of for none; and whether that of the other kind stays.
    let cases = [
        (Some(1), Some(2), false),
        (Some(2), Some(1), true),
        (Some(1), Some(1), true),
        (None, Some(2), false),
        (Some(1), None, true),
        (None, None, true),
    ];
    let store = subject.store();
    let mut number = 0;
    for (kind, other) in KINDS {
        for (first, second, stays) in cases {
            number += 1;
            let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
            let bystander = stored(store, &whole(&format!("bob{number}"), number + 100)).await;
            let address = address_of(store, ann.id, kind).await;
            let younger = address_of(store, ann.id, other).await;
            let bobs = address_of(store, bystander.id, other).await;
            for (address, time) in [(&address, first), (&younger, second), (&bobs, Some(9))] {
                if let Some(time) = time {
                    let _ = verified(subject, address, time).await;
                } else {
                    let change = ExternalChange::SetVerified(address.kind, address.id, true);
                    subject.outside(change).await;
                }
            }
            assert_eq!(proven(subject, ann.id).await.len(), 2);
            assert!(reset(subject, &address, 10).await);
            let left = proven(subject, ann.id).await;
            assert!(left.contains(&kind), "{first:?} {second:?}");
            assert_eq!(left.contains(&other), stays, "{first:?} {second:?}");
            assert_eq!(proven(subject, bystander.id).await, [other], "another's");
        }
    }
}

pub(super) async fn change_ends_no_proof(subject: &Subject) {
    let store = subject.store();
    for (number, by_reset) in (1..).zip([false, true]) {
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let mut own = store.addresses_of(ann.id, 100).await.unwrap();
        if !by_reset {
            let held = format!("bob{number}");
            stored(store, &whole(&held, number + 10)).await;
            let held = email_address(&format!("{held}@example.org"));
            own.push(claims::add(store, ann.id, &held).await);
        }
        let mut links = Vec::new();
        for address in &own {
            let link = claims::link(store, address, 1).await;
            let opened = claims::opened(store, &link).await;
            assert_eq!(opened, VerificationOutcome::Verified);
            links.push(link);
        }
        if by_reset {
            assert!(reset(subject, &own[0], 10).await);
        } else {
            let change = replacement(ann.id, "new");
            assert!(store.replace_password(&change).await.unwrap());
        }
        assert_eq!(proven(subject, ann.id).await.len(), own.len());
        // Nor a link that was used: who opens it again is told that.
        for link in &links {
            let target = store.link_target(Purpose::Verify, link.kind, link.id).await;
            assert_eq!(target.unwrap().unwrap().newest, link.newest, "{link:?}");
            let again = claims::opened(store, link).await;
            assert_eq!(again, VerificationOutcome::AlreadyVerified, "{link:?}");
        }
    }
}

/// Anyone who had the password before may have added an address, and wait with its link.
pub(super) async fn change_ends_what_is_about_to_be_proven(subject: &Subject) {
    let store = subject.store();
    let (ann, bob) = (
        stored(store, &whole("ann", 1)).await,
        stored(store, &whole("bob", 2)).await,
    );
    let held = store.addresses_of(bob.id, 100).await.unwrap();
    for address in &held {
        let value = match address.kind {
            AddressKind::Email => email_address(&address.value),
            AddressKind::Phone => Address::Phone(phone(2)),
        };
        assert!(claims::add(store, ann.id, &value).await.id.is_claim());
    }
    let own = store.addresses_of(ann.id, 100).await.unwrap();
    assert_eq!(own.len(), 4, "two of which are claims");
    let newest = async |address: &AddressRecord| {
        let target = store.link_target(Purpose::Verify, address.kind, address.id);
        target.await.unwrap().unwrap().newest
    };
    for address in own.iter().chain(&held) {
        asked(subject, Purpose::Verify, address, 1).await;
        assert!(newest(address).await.is_some());
    }
    let change = replacement(ann.id, "new");
    assert!(store.replace_password(&change).await.unwrap());
    for address in &own {
        assert_eq!(newest(address).await, None, "{}", address.value);
    }
    for address in &held {
        assert!(newest(address).await.is_some(), "another's");
    }
}

pub(super) async fn unproven_address_is_freed_by_its_link(subject: &Subject) {
    let store = subject.store();
    for (number, (kind, other)) in (1..).zip(KINDS) {
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let bob = stored(store, &whole(&format!("bob{number}"), number + 10)).await;
        let address = address_of(store, ann.id, kind).await;
        let proof = address_of(store, ann.id, other).await;
        let older = opened(subject, &address, 1).await;
        let link = opened(subject, &address, 2).await;
        let free = async |user, link: &OpenedLink| {
            let nothing = Notices::default();
            store.free_address(user, link, &nothing).await.unwrap()
        };
        assert!(!free(ann.id, &link).await, "nothing else is proven");
        verified(subject, &proof, 3).await;
        assert!(!free(ann.id, &older).await, "a newer one was asked for");
        assert!(!free(bob.id, &link).await, "another's");
        assert!(!reset(subject, &address, 4).await, "it resets nothing");
        let link = opened(subject, &address, 5).await;
        // The oldest that is proven stands in the user's own row afterwards, if it was the one that is gone.
        let caps = AddressCaps {
            all: 10,
            unverified: 10,
            replaces: None,
        };
        let none = Notices::default();
        let mut expected = store.user(ann.id).await.unwrap().unwrap().email;
        if kind == AddressKind::Email {
            assert_eq!(expected, address.value);
            expected = format!("proven{number}@example.org");
            let second = email_address(&expected);
            let second = store.add_address(ann.id, &second, caps, &none).await;
            verified(subject, &second.unwrap(), 6).await;
        }
        assert!(free(ann.id, &link).await);
        assert!(!free(ann.id, &link).await, "it is gone");
        let left = store.addresses_of(ann.id, 100).await.unwrap();
        assert!(left.iter().all(|it| it.is_verified), "{left:?}");
        let own = store.user(ann.id).await.unwrap().unwrap().email;
        assert_eq!(own, expected);
        // Others can have it now.
        let value = match kind {
            AddressKind::Email => email_address(&address.value),
            AddressKind::Phone => Address::Phone(phone(number)),
        };
        let taken = store.add_address(bob.id, &value, caps, &none).await;
        taken.unwrap();
        // What is proven is not freed.
        let link = opened(subject, &proof, 6).await;
        assert!(!free(ann.id, &link).await);
    }
}

/// Two links to the email address of a user whose number is proven: one that is over, and one that frees it.
pub(super) async fn freed_by(subject: &Subject, user: &User) -> [OpenedLink; 2] {
    let store = subject.store();
    let email = address_of(store, user.id, AddressKind::Email).await;
    let number = address_of(store, user.id, AddressKind::Phone).await;
    verified(subject, &number, 1).await;
    let older = opened(subject, &email, 2).await;
    [older, opened(subject, &email, 3).await]
}

/// A reset link to an address, asked for at a time.
async fn opened(subject: &Subject, address: &AddressRecord, seconds: i64) -> OpenedLink {
    let purpose = Purpose::ResetPassword;
    asked(subject, purpose, address, seconds).await;
    let target = subject
        .store()
        .link_target(purpose, address.kind, address.id)
        .await;
    OpenedLink::of(&target.unwrap().unwrap(), at(seconds))
}
