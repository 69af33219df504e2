//! Verification: once, and only of what the link was sent for.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::{
    AddressId, AddressKind, AddressRecord, Losses, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::outbox::Notices;
use phone_auth_core::user::UserId;

use super::Subject;
use super::sample::{at, stored, whole, without_address};
use crate::external_writer::ExternalChange;

/// What a link that was sent to this address claims.
fn claim(record: &AddressRecord) -> VerificationClaim {
    VerificationClaim {
        kind: record.kind,
        id: record.id,
        user: record.user,
        value: record.value.clone(),
        newest: None,
        issued_at: at(0),
        at: at(1),
        in_session: true,
        notices: Notices::default(),
        losses: Losses::default(),
        account: None,
    }
}

/// The addresses of a new user, one of each kind.
async fn addresses(subject: &Subject, username: &str, number: u32) -> Vec<AddressRecord> {
    let user = stored(subject.store(), &whole(username, number)).await;
    subject.store().addresses_of(user.id, 100).await.unwrap()
}

/// An address as it is now.
async fn now(subject: &Subject, record: &AddressRecord) -> Option<AddressRecord> {
    let read = subject.store().address(record.kind, record.id).await;
    read.unwrap().map(|(record, _)| record)
}

pub(super) async fn address_is_verified_once(subject: &Subject) {
    let store = subject.store();
    for record in addresses(subject, "ann", 1).await {
        let claim = claim(&record);
        let first = store.verify_address(&claim).await.unwrap();
        assert_eq!(first, VerificationOutcome::Verified);
        let second = store.verify_address(&claim).await.unwrap();
        assert_eq!(second, VerificationOutcome::AlreadyVerified);
        let expected = AddressRecord {
            is_verified: true,
            ..record.clone()
        };
        assert_eq!(now(subject, &record).await, Some(expected));
    }
}

pub(super) async fn used_link_stays_used(subject: &Subject) {
    let store = subject.store();
    for record in addresses(subject, "ann", 1).await {
        let first = claim(&record);
        let outcome = store.verify_address(&first).await.unwrap();
        assert_eq!(outcome, VerificationOutcome::Verified);
        let (kind, id) = (record.kind, record.id);
        let unverified = ExternalChange::SetVerified(kind, id, false);
        subject.outside(unverified.clone()).await;
        // Neither the link that was used, nor one that was issued before that.
        for issued_at in [at(-1), at(0), at(1)] {
            let old = VerificationClaim {
                issued_at,
                at: at(5),
                ..first.clone()
            };
            let outcome = store.verify_address(&old).await.unwrap();
            assert_eq!(outcome, VerificationOutcome::Gone, "{issued_at}");
            assert_eq!(now(subject, &record).await, Some(record.clone()));
        }
        let newer = VerificationClaim {
            issued_at: at(2),
            at: at(3),
            ..first.clone()
        };
        let outcome = store.verify_address(&newer).await.unwrap();
        assert_eq!(outcome, VerificationOutcome::Verified);
        subject.outside(unverified).await;
        let outcome = store.verify_address(&newer).await.unwrap();
        assert_eq!(outcome, VerificationOutcome::Gone, "the newer is used too");
    }
}

pub(super) async fn equal_verifications_have_one_winner(subject: &Subject) {
    for record in addresses(subject, "ann", 1).await {
        let claim = claim(&record);
        let answers = subject
            .at_once(20, |store, _| {
                let claim = claim.clone();
                async move { store.verify_address(&claim).await.unwrap() }
            })
            .await;
        let count = |wanted| answers.iter().filter(|it| **it == wanted).count();
        assert_eq!(count(VerificationOutcome::Verified), 1);
        assert_eq!(count(VerificationOutcome::AlreadyVerified), 19);
    }
}

pub(super) async fn other_claims_are_gone(subject: &Subject) {
    let store = subject.store();
    let other = stored(store, &without_address("other")).await;
    for record in addresses(subject, "ann", 1).await {
        let right = claim(&record);
        let wrong = [
            VerificationClaim {
                value: record.value.to_uppercase() + " ",
                ..right.clone()
            },
            VerificationClaim {
                value: String::new(),
                ..right.clone()
            },
            VerificationClaim {
                user: other.id,
                ..right.clone()
            },
            VerificationClaim {
                user: UserId::new(-1),
                ..right.clone()
            },
            VerificationClaim {
                id: AddressId::new(record.id.get() + 1),
                ..right.clone()
            },
        ];
        for claim in wrong {
            let outcome = store.verify_address(&claim).await.unwrap();
            assert_eq!(outcome, VerificationOutcome::Gone, "{claim:?}");
        }
        assert_eq!(now(subject, &record).await, Some(record.clone()));

        subject
            .outside(ExternalChange::MoveAddress(
                record.kind,
                record.id,
                other.id,
            ))
            .await;
        let outcome = store.verify_address(&right).await.unwrap();
        assert_eq!(outcome, VerificationOutcome::Gone);
        assert!(!now(subject, &record).await.unwrap().is_verified);
    }
    // The case of a text counts: what was sent to one spelling proves that spelling only.
    let record = addresses(subject, "bob", 2).await.remove(0);
    subject
        .outside(ExternalChange::EditAddress(
            AddressKind::Email,
            record.id,
            "BOB@example.org".to_owned(),
        ))
        .await;
    let outcome = store.verify_address(&claim(&record)).await.unwrap();
    assert_eq!(outcome, VerificationOutcome::Gone);
}

pub(super) async fn edit_and_verification_lose_nothing(subject: &Subject) {
    // Whichever comes first, the edit stays, and "gone" never verifies.
    for round in 0..10 {
        let record = addresses(subject, &format!("ann{round}"), round)
            .await
            .remove(0);
        let edited = format!("new{round}@example.org");
        let claim = claim(&record);
        let (answers, ()) = tokio::join!(
            subject.at_once(1, |store, _| {
                let claim = claim.clone();
                async move { store.verify_address(&claim).await.unwrap() }
            }),
            subject.outside(ExternalChange::EditAddress(
                record.kind,
                record.id,
                edited.clone(),
            )),
        );
        let read = now(subject, &record).await.unwrap();
        assert_eq!(read.value, edited);
        let expected = [if read.is_verified {
            VerificationOutcome::Verified
        } else {
            VerificationOutcome::Gone
        }];
        assert_eq!(answers, expected);
    }
}

pub(super) async fn deletion_and_verification_lose_nothing(subject: &Subject) {
    // A deleted address stays deleted: verifying must not write the row anew.
    for round in 0..10 {
        let record = addresses(subject, &format!("ann{round}"), round)
            .await
            .remove(0);
        let claim = claim(&record);
        let (answers, ()) = tokio::join!(
            subject.at_once(1, |store, _| {
                let claim = claim.clone();
                async move { store.verify_address(&claim).await.unwrap() }
            }),
            subject.outside(ExternalChange::DeleteAddress(record.kind, record.id)),
        );
        assert_eq!(now(subject, &record).await, None);
        assert_ne!(answers, [VerificationOutcome::AlreadyVerified]);
        let again = subject.store().verify_address(&claim).await.unwrap();
        assert_eq!(again, VerificationOutcome::Gone);
    }
}
