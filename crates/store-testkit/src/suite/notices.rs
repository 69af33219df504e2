//! Security notices: committed with the change that they tell of, and each a row of its own.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and so is a notice that is not there"
)]

use phone_auth_core::address::{
    Address, AddressKind, Losses, VerificationClaim, VerificationOutcome,
};
use phone_auth_core::outbox::{
    AttemptOutcome, Claim, LeaseState, MessageSignal, Notices, Queue, Queues, Requeued,
};
use phone_auth_core::session::PasswordReplacement;
use phone_auth_core::user::{NewUser, User, UserId};

use super::Subject;
use super::message_sample::{all, claimed, dead, event, finished, keys, notice, now, requeue};
use super::sample::{
    AMPLE, address_of, at, email_address, hash, phone, replacement, stored, whole,
};
use crate::external_writer::ExternalChange;

/// Notices with these keys.
fn notices(keys: &[&str], user: UserId) -> Notices {
    Notices::new(keys.iter().map(|key| notice(key, user)).collect())
}

/// The keys of all that is in the outbox, which is emptied.
async fn taken(subject: &Subject) -> Vec<String> {
    let claimed = claimed(subject.outbox(), now(subject.outbox()).await, 99).await;
    for message in &claimed {
        let end = AttemptOutcome::Finished;
        finished(subject.outbox(), &message.lease(), &end).await;
    }
    let mut keys: Vec<_> = keys(&claimed).into_iter().map(str::to_owned).collect();
    keys.sort_unstable();
    keys
}

async fn ann(subject: &Subject) -> User {
    stored(subject.store(), &whole("ann", 1)).await
}

pub(super) async fn notices_are_committed_with_the_change(subject: &Subject) {
    let (store, ann) = (subject.store(), ann(subject).await);

    let bob = |key: &str| NewUser {
        // Whose number is not known yet.
        notices: Notices::new(vec![event(key, UserId::new(0))]),
        ..whole("bob", 2)
    };
    let stored = store.create_user(&bob("made")).await.unwrap();
    assert!(store.create_user(&bob("taken")).await.is_err());
    let pending = all(subject.outbox()).await;
    assert_eq!(pending[0].message, event("made", stored.id));
    assert_eq!(taken(subject).await, ["made"]);

    let replaced = |old: &str, key: &str| PasswordReplacement {
        old: hash(old),
        notices: notices(&[key, "other"], ann.id),
        ..replacement(ann.id, "argon2$new")
    };
    let wrong = replaced("argon2$wrong", "refused password");
    assert!(!store.replace_password(&wrong).await.unwrap());
    assert!(taken(subject).await.is_empty());
    let right = PasswordReplacement {
        old: ann.password.clone(),
        ..replaced("", "password")
    };
    assert!(store.replace_password(&right).await.unwrap());
    assert_eq!(taken(subject).await, ["other", "password"]);

    for (kind, key, address) in [
        (AddressKind::Email, "e", email_address("new@example.org")),
        (AddressKind::Phone, "p", Address::Phone(phone(7))),
    ] {
        let add = |key: String| {
            let (notices, address) = (notices(&[&key], ann.id), &address);
            async move { store.add_address(ann.id, address, AMPLE, &notices).await }
        };
        add(format!("{key} added")).await.unwrap();
        assert!(add(format!("{key} taken")).await.is_err());
        assert_eq!(taken(subject).await, [format!("{key} added")]);

        let record = address_of(store, ann.id, kind).await;
        let claim = |key: &str| VerificationClaim {
            kind,
            id: record.id,
            user: ann.id,
            value: record.value.clone(),
            newest: None,
            issued_at: at(0),
            at: at(1),
            in_session: true,
            notices: notices(&[key], ann.id),
            losses: Losses::default(),
            account: None,
        };
        let verified = format!("{key} verified");
        let first = store.verify_address(&claim(&verified)).await.unwrap();
        assert_eq!(first, VerificationOutcome::Verified);
        let second = store.verify_address(&claim("again")).await.unwrap();
        assert_eq!(second, VerificationOutcome::AlreadyVerified);
        assert_eq!(taken(subject).await, [verified]);
    }
}

pub(super) async fn notice_comes_back_as_stored(subject: &Subject) {
    let (outbox, ann) = (subject.outbox(), ann(subject).await);
    let stored = [notice("one", ann.id), event("two", ann.id)];
    for message in &stored {
        outbox.enqueue_message(message).await.unwrap();
    }
    let all = all(outbox).await;
    assert_eq!(all.len(), 2);
    for (row, stored) in all.iter().zip(&stored) {
        assert_eq!(row.message, *stored);
        assert_eq!(row.requested_at, None);
    }
    // However many events wait for a receiver, they keep no message from being taken.
    assert_eq!(outbox.pending_messages(9).await.unwrap(), 1);
    // Each waits in a queue of its own.
    for (queue, left) in [
        (MessageSignal::SecurityNoticeEmail.into(), "two"),
        (Queue::Event, "one"),
    ] {
        let now = now(outbox).await;
        let claim = Claim {
            now,
            until: now,
            limit: 9,
            without: Queues::default().with(queue),
        };
        let claimed = outbox.claim_messages(&claim).await.unwrap();
        assert_eq!(keys(&claimed), [left]);
    }
}

pub(super) async fn notices_supersede_nothing(subject: &Subject) {
    let (outbox, ann) = (subject.outbox(), ann(subject).await);
    for key in ["one", "two", "three"] {
        let message = notice(key, ann.id);
        outbox.enqueue_message(&message).await.unwrap();
    }
    let claimed = claimed(outbox, now(outbox).await, 9).await;
    assert_eq!(keys(&claimed), ["one", "two", "three"]);
    for message in &claimed {
        let state = finished(outbox, &message.lease(), &dead(0)).await;
        assert_eq!(state, LeaseState::Held);
    }
    // None is older than another: each tells of a change of its own.
    let letters = all(outbox).await;
    assert_eq!(keys(&letters), ["one", "two", "three"]);
    let again = requeue(letters[0].id, "again");
    let requeued = outbox.requeue_message(&again).await.unwrap();
    assert_eq!(requeued, Requeued::Pending);
    let again = self::claimed(outbox, now(outbox).await, 9).await;
    assert_eq!(keys(&again), ["again"]);
    assert_eq!(again[0].message.notice, claimed[0].message.notice);
}

pub(super) async fn notice_goes_with_its_user(subject: &Subject) {
    let (outbox, ann) = (subject.outbox(), ann(subject).await);
    for message in [notice("one", ann.id), event("event", ann.id)] {
        outbox.enqueue_message(&message).await.unwrap();
    }
    let delete = ExternalChange::DeleteUser(ann.id);
    subject.outside(delete).await;
    assert!(all(outbox).await.is_empty());
    for message in [notice("two", ann.id), event("three", ann.id)] {
        outbox.enqueue_message(&message).await.unwrap();
    }
    assert!(all(outbox).await.is_empty(), "nobody is there to be told");
}
