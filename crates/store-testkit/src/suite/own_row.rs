//! The email address in the user's own row, which Django and other programs write to: it follows what is proven.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "what is not there is a failed test"
)]

use phone_auth_core::address::{
    AddressKind, AddressRecord, Losses, ProofByHand, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::outbox::Notices;

use super::Subject;
use super::proofs::{freed_by, reset};
use super::sample::{AMPLE, address_of, at, email_address, stored, user_now, whole};
use crate::external_writer::ExternalChange;

fn by_hand(address: &AddressRecord, is_verified: bool) -> ProofByHand {
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

async fn verify(subject: &Subject, address: &AddressRecord, seconds: i64) {
    let claim = VerificationClaim {
        kind: address.kind,
        id: address.id,
        user: address.user,
        value: address.value.clone(),
        newest: None,
        issued_at: at(seconds),
        at: at(seconds),
        in_session: true,
        notices: Notices::default(),
        losses: Losses::default(),
        account: None,
    };
    let outcome = subject.store().verify_address(&claim).await.unwrap();
    assert_eq!(outcome, VerificationOutcome::Verified);
}

/// Another email address of a user.
async fn another(subject: &Subject, of: &AddressRecord, name: &str) -> AddressRecord {
    let address = email_address(&format!("{name}@example.org"));
    let none = Notices::default();
    let added = subject
        .store()
        .add_address(of.user, &address, AMPLE, &none)
        .await;
    added.unwrap()
}

/// By a link, by hand and by a reset, and what is proven of another kind does not stand there.
pub(super) async fn proof_fills_an_empty_row(subject: &Subject) {
    let store = subject.store();
    let mut number = 0;
    for is_empty in [true, false] {
        for way in ["link", "hand", "reset"] {
            for kind in [AddressKind::Phone, AddressKind::Email] {
                number += 1;
                let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
                let address = address_of(store, ann.id, kind).await;
                let own = if is_empty {
                    ""
                } else {
                    "own@elsewhere.example"
                };
                let change = ExternalChange::SetOwnEmail(ann.id, own.to_owned());
                subject.outside(change).await;
                match way {
                    "link" => verify(subject, &address, 1).await,
                    "hand" => {
                        let proof = by_hand(&address, true);
                        assert!(store.set_verified(&proof).await.unwrap());
                    }
                    _ => assert!(reset(subject, &address, 1).await),
                }
                let expected = match kind {
                    AddressKind::Email if is_empty => address.value.as_str(),
                    _ => own,
                };
                let row = user_now(store, ann.id).await.email;
                assert_eq!(row, expected, "{way} {kind:?} {is_empty}");
            }
        }
    }
}

/// An operator who marks an address as unverified, and a reset by an address that was there before.
pub(super) async fn row_gives_way_with_the_proof(subject: &Subject) {
    let store = subject.store();
    // What the own row has, by what, and what it has then: of the first address, the second and the third, each proven later
    // than the one before.
    let cases = [
        (2, "hand", 0),
        (0, "hand", 1),
        (2, "reset", 0),
        (1, "reset", 0),
        (0, "reset", 0),
    ];
    for (number, (has, way, expected)) in (1..).zip(cases) {
        let ann = stored(store, &whole(&format!("ann{number}"), number)).await;
        let mut emails = vec![address_of(store, ann.id, AddressKind::Email).await];
        for name in ["two", "three"] {
            emails.push(another(subject, &emails[0], &format!("{name}{number}")).await);
        }
        for (seconds, email) in (1..).zip(&emails) {
            verify(subject, email, seconds).await;
        }
        let nothing = Notices::default();
        let primary = store.make_primary(ann.id, emails[has].id, &nothing).await;
        assert_eq!(primary.unwrap(), has > 0, "the first is there already");
        if way == "hand" {
            let proof = by_hand(&emails[has], false);
            assert!(store.set_verified(&proof).await.unwrap());
        } else {
            assert!(reset(subject, &emails[0], 9).await);
        }
        let row = user_now(store, ann.id).await.email;
        assert_eq!(row, emails[expected].value, "{has} {way}");
    }
    // A reset by the number leaves none.
    let ann = stored(store, &whole("carl", 50)).await;
    let email = address_of(store, ann.id, AddressKind::Email).await;
    verify(
        subject,
        &address_of(store, ann.id, AddressKind::Phone).await,
        1,
    )
    .await;
    verify(subject, &email, 2).await;
    assert!(
        reset(
            subject,
            &address_of(store, ann.id, AddressKind::Phone).await,
            9
        )
        .await
    );
    assert_eq!(user_now(store, ann.id).await.email, "");
    verify(subject, &email, 10).await;
    assert_eq!(user_now(store, ann.id).await.email, email.value);
    // Nor does one of a stranger that nobody has proven, beside the number that resets.
    let dora = stored(store, &whole("dora", 51)).await;
    let phone = address_of(store, dora.id, AddressKind::Phone).await;
    let unproven = address_of(store, dora.id, AddressKind::Email).await;
    assert_eq!(user_now(store, dora.id).await.email, unproven.value);
    verify(subject, &phone, 1).await;
    assert!(reset(subject, &phone, 9).await);
    assert_eq!(user_now(store, dora.id).await.email, "");
    // In whatever case it stands there; and what is no address of theirs stays.
    for (own, expected) in [
        ("CARL@example.org", ""),
        ("other@example.org", "other@example.org"),
    ] {
        let change = ExternalChange::SetOwnEmail(ann.id, own.to_owned());
        subject.outside(change).await;
        store.set_verified(&by_hand(&email, true)).await.unwrap();
        assert!(store.set_verified(&by_hand(&email, false)).await.unwrap());
        assert_eq!(user_now(store, ann.id).await.email, expected);
    }
}

/// A claim that was proven, whose address another program has marked as unverified.
pub(super) async fn freed_address_leaves_no_claim(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    let own = address_of(store, ann.id, AddressKind::Email).await;
    let none = Notices::default();
    let value = email_address("claimed@example.org");
    let claim = store.claim_address(ann.id, &value, AMPLE, &none).await;
    verify(subject, &claim.unwrap(), 1).await;
    // It is the only email address, so that its link is asked for.
    let change = ExternalChange::DeleteAddress(own.kind, own.id);
    subject.outside(change).await;
    let claimed = address_of(store, ann.id, AddressKind::Email).await;
    assert_eq!(claimed.value, "claimed@example.org");
    let change = ExternalChange::SetVerified(claimed.kind, claimed.id, false);
    subject.outside(change).await;
    let [_, link] = freed_by(subject, &ann).await;
    assert!(store.free_address(ann.id, &link, &none).await.unwrap());
    let rows = store.rows_of(ann.id).await.unwrap();
    let claims: Vec<_> = rows
        .iter()
        .filter(|it| it.table == "phone_auth_claim")
        .collect();
    assert!(claims.is_empty(), "{claims:?}");
}
