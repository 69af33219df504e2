//! The end of an account: nothing of it is left, and nobody else loses anything.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::sync::Arc;

use phone_auth_core::address::{AddressKind, Losses, VerificationClaim, VerificationOutcome};
use phone_auth_core::challenge::{ChallengeId, ChallengeSubject, NewChallenge};
use phone_auth_core::link::LinkRequest;
use phone_auth_core::outbox::{
    AttemptOutcome, LeaseState, NewMessage, Notices, Purpose, Recipient,
};
use phone_auth_core::store::{Closed, EndOfUser, Store};
use phone_auth_core::user::{AccountName, User};

use super::Subject;
use super::claims::{add, anns, challenge, link};
use super::message_sample::{all, claimed, closed_event, keys, notice, now, to};
use super::sample::{address_of, at, is_alive, log_in, logged_in, stored, whole, without_address};

const PLACEHOLDER: &str = "closed-0123";

/// A user of whom there is something in every table of a store: a session and a challenge of this number among it.
async fn whole_life(subject: &Subject, username: &str, number: u8) -> User {
    let store = subject.store();
    let user = stored(store, &whole(username, number.into())).await;
    logged_in(store, user.id, number).await;
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let address = address_of(store, user.id, kind).await;
        let request = LinkRequest {
            purpose: Purpose::Verify,
            kind,
            address: Some(address.id),
            at: at(1),
            half_life: None,
            code_half_life: None,
        };
        let newest = store.request_link(&request).await.unwrap();
        let claim = VerificationClaim {
            kind,
            id: address.id,
            user: user.id,
            value: address.value,
            newest: Some(newest),
            issued_at: at(1),
            at: at(2),
            in_session: true,
            notices: Notices::default(),
            losses: Losses::default(),
            account: None,
        };
        let verified = store.verify_address(&claim).await.unwrap();
        assert_eq!(verified, VerificationOutcome::Verified);
    }
    let email = address_of(store, user.id, AddressKind::Email).await;
    let challenge = NewChallenge {
        id: ChallengeId::from_bytes([number; 32]),
        previous: None,
        purpose: Purpose::Verify,
        subject: ChallengeSubject::from_bytes([number; 8]),
        email: Some(email.id),
        phone: None,
        attempts: 5,
        created_at: at(0),
        expires_at: at(600),
        sends: 1,
        resend_at: at(30),
    };
    store.begin_challenge(&challenge).await.unwrap();
    user
}

/// The tables that have rows of a user, each as often as it has.
async fn tables(subject: &Subject, user: &User) -> Vec<String> {
    let rows = subject.store().rows_of(user.id).await.unwrap();
    let mut tables: Vec<_> = rows.into_iter().map(|row| row.table).collect();
    tables.sort_unstable();
    tables
}

pub(super) async fn closed_user_leaves_nothing(subject: &Subject) {
    let store = subject.store();
    let ann = whole_life(subject, "ann", 1).await;
    let bob = whole_life(subject, "bob", 2).await;
    let bobs = tables(subject, &bob).await;

    let closed = store
        .close_user(&EndOfUser::now(ann.id, PLACEHOLDER))
        .await
        .unwrap();
    assert_eq!(closed, Closed::Removed);
    assert_eq!(store.user(ann.id).await.unwrap(), None);
    assert_eq!(store.addresses_of(ann.id, 9).await.unwrap(), []);
    assert!(tables(subject, &ann).await.is_empty());
    assert!(!is_alive(store, 1).await);
    let challenge = ChallengeId::from_bytes([1; 32]);
    let attempt = store.attempt_challenge(&challenge, Purpose::Verify, at(1));
    assert_eq!(attempt.await.unwrap(), None);
    assert!(!store.log_in(&log_in(ann.id, 3, at(3))).await.unwrap());

    assert!(is_alive(store, 2).await);
    assert_eq!(tables(subject, &bob).await, bobs, "another user");
    let again = stored(store, &whole("ann", 1)).await;
    assert_ne!(again.id, ann.id, "the names are free, the number is not");
    let name = AccountName {
        username: Some(PLACEHOLDER.to_owned()),
        ..AccountName::default()
    };
    assert!(store.find_user(&name).await.unwrap().is_none());
}

pub(super) async fn missing_user_is_not_closed(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &whole("ann", 1)).await;
    for closed in [Closed::Removed, Closed::NoSuchUser] {
        assert_eq!(
            store
                .close_user(&EndOfUser::now(ann.id, PLACEHOLDER))
                .await
                .unwrap(),
            closed
        );
    }
}

pub(super) async fn closings_at_once_have_one_winner(subject: &Subject) {
    let ann = whole_life(subject, "ann", 1).await.id;
    let close = |store: Arc<dyn Store>, _| async move {
        store
            .close_user(&EndOfUser::now(ann, PLACEHOLDER))
            .await
            .unwrap()
    };
    let mut closed = subject.at_once(8, close).await;
    closed.retain(|closed| *closed != Closed::NoSuchUser);
    assert_eq!(closed, [Closed::Removed]);
}

pub(super) async fn log_in_does_not_outlive_closing(subject: &Subject) {
    let ann = whole_life(subject, "ann", 1).await.id;
    let act = |store: Arc<dyn Store>, number: u32| async move {
        let number = u8::try_from(number).unwrap() + 10;
        if number % 4 == 0 {
            store
                .close_user(&EndOfUser::now(ann, PLACEHOLDER))
                .await
                .unwrap();
        } else {
            store.log_in(&log_in(ann, number, at(3))).await.unwrap();
        }
    };
    subject.at_once(12, act).await;
    for number in 10..22 {
        assert!(!is_alive(subject.store(), number).await);
    }
}

pub(super) async fn rows_of_a_user_are_told(subject: &Subject) {
    let ann = whole_life(subject, "ann", 1).await;
    let expected = [
        "auth_user",
        "phone_auth_challenge",
        "phone_auth_email_verified",
        "phone_auth_link_request",
        "phone_auth_link_request",
        "phone_auth_phone_verified",
        "phone_auth_session",
    ];
    assert_eq!(tables(subject, &ann).await, expected);
}

/// What waits for a code that was sent to a claim is a user's as well: it is told, and goes with them.
pub(super) async fn challenges_at_claims_are_told(subject: &Subject) {
    let store = subject.store();
    stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &without_address("bob")).await;
    let of_challenges = async || {
        let tables = tables(subject, &bob).await.into_iter();
        let of_them = tables.filter(|it| it == "phone_auth_challenge");
        of_them.count()
    };
    let mut begun = Vec::new();
    for (number, address) in (1..).zip(anns()) {
        let claim = add(store, bob.id, &address).await;
        assert!(claim.id.is_claim());
        let new = challenge(&claim);
        store.begin_challenge(&new).await.unwrap();
        assert_eq!(of_challenges().await, number, "{address:?}");
        begun.push(new.id);
    }
    let end = EndOfUser::now(bob.id, PLACEHOLDER);
    assert_eq!(store.close_user(&end).await.unwrap(), Closed::Removed);
    assert_eq!(of_challenges().await, 0);
    for id in begun {
        let left = store.challenge(&id, Purpose::Verify).await.unwrap();
        assert!(left.is_none());
    }
}

pub(super) async fn closing_removes_messages(subject: &Subject) {
    let (store, outbox) = (subject.store(), subject.outbox());
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &whole("bob", 2)).await;
    let message = to(subject, &ann, AddressKind::Email, "reset").await;
    for message in [message, notice("told", ann.id), notice("other", bob.id)] {
        outbox.enqueue_message(&message).await.unwrap();
    }
    let mut told = tables(subject, &ann).await;
    told.retain(|table| table == "phone_auth_outbox");
    assert_eq!(
        told.len(),
        2,
        "what goes to an address, and what tells of a change"
    );
    store
        .close_user(&EndOfUser::now(ann.id, PLACEHOLDER))
        .await
        .unwrap();
    let left = all(outbox).await;
    let keys: Vec<_> = left.iter().map(|row| row.message.key.as_str()).collect();
    assert_eq!(keys, ["other"]);
}

/// What tells of the end is committed with it, is nobody's, and says who it was.
pub(super) async fn closing_enqueues_its_event(subject: &Subject) {
    let (store, outbox) = (subject.store(), subject.outbox());
    let ann = stored(store, &whole("ann", 1)).await;
    let event = closed_event("gone", &ann);
    let end = EndOfUser {
        due_by: Some(at(60)),
        event: Some(event.clone()),
        ..EndOfUser::now(ann.id, PLACEHOLDER)
    };
    let early = store.close_user(&end).await.unwrap();
    assert_eq!(early, Closed::NoSuchUser);
    assert!(
        all(outbox).await.is_empty(),
        "nothing is told of what was not done"
    );
    let end = EndOfUser {
        due_by: None,
        ..end
    };
    for (closed, kept) in [(Closed::Removed, 1), (Closed::NoSuchUser, 1)] {
        assert_eq!(store.close_user(&end).await.unwrap(), closed);
        let rows = all(outbox).await;
        assert_eq!(rows.len(), kept);
        assert_eq!(rows[0].message.event, event.event);
        assert_eq!(rows[0].message.key, "gone");
    }
    // A user who is stored after has nothing to do with it.
    let again = stored(store, &whole("ann", 1)).await;
    assert!(
        !tables(subject, &again)
            .await
            .iter()
            .any(|it| it == "phone_auth_outbox")
    );
    store
        .close_user(&EndOfUser::now(again.id, PLACEHOLDER))
        .await
        .unwrap();
    let claimed = claimed(outbox, now(outbox).await, 9).await;
    assert_eq!(keys(&claimed), ["gone"]);
    let lease = claimed[0].lease();
    let finished = outbox.finish_message(&lease, &AttemptOutcome::Finished);
    assert_eq!(finished.await.unwrap(), LeaseState::Held);
    assert!(all(outbox).await.is_empty());
}

/// Whether a link was sent is whether someone else has proven the address, which an export of the claimant must not tell.
pub(super) async fn export_tells_nothing_of_claims(subject: &Subject) {
    let (store, outbox) = (subject.store(), subject.outbox());
    let ann = stored(store, &whole("ann", 1)).await;
    let bob = stored(store, &without_address("bob")).await;
    let mut exported = Vec::new();
    for (number, address) in anns().into_iter().enumerate() {
        let claim = add(store, bob.id, &address).await;
        assert!(claim.id.is_claim());
        let before = store.rows_of(bob.id).await.unwrap();
        link(store, &claim, 1).await;
        let key = format!("claim {number}");
        let message = NewMessage {
            recipient: Some(Recipient {
                user: bob.id,
                address: claim.id,
            }),
            ..to(subject, &ann, claim.kind, &key).await
        };
        outbox.enqueue_message(&message).await.unwrap();
        let after = store.rows_of(bob.id).await.unwrap();
        assert_eq!(after, before);
        exported.extend(after);
    }
    let of_claims = exported
        .iter()
        .filter(|row| row.table == "phone_auth_claim");
    assert_eq!(of_claims.count(), 3);
}
