//! The outbox: a newer message in the place of an older one, and what is told of that.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::sync::Arc;

use chrono::Duration;
use phone_auth_core::address::AddressKind;
use phone_auth_core::outbox::{
    AttemptOutcome, Binding, Channel, LeaseState, NewMessage, NextDue, OutboxMessage, Purpose,
    Receipt, ReceiptOutcome, Receipts, Requeue, Requeued, Superseded,
};
use phone_auth_core::store::OutboxStore;

use super::Subject;
use super::message_sample::{
    again, all, claimed, dead, enqueued, finished, keys, now, receipts, requeue, to, to_another,
    until,
};
use super::sample::{at, stored, whole};

pub(super) async fn newer_message_keeps_the_place(subject: &Subject) {
    let outbox = subject.outbox();
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let bob = stored(subject.store(), &whole("bob", 2)).await;
    let old = to(subject, &ann, AddressKind::Email, "old").await;
    let others = [
        old.clone(),
        to(subject, &ann, AddressKind::Phone, "phone").await,
        to(subject, &bob, AddressKind::Email, "bob").await,
        NewMessage {
            purpose: Purpose::Verify,
            key: "verify".to_owned(),
            ..old.clone()
        },
    ];
    for message in &others {
        outbox.enqueue_message(message).await.unwrap();
    }
    let before = all(outbox).await;
    assert_eq!(keys(&before), ["old", "phone", "bob", "verify"]);
    let channels = [Channel::Voice, Channel::Whatsapp, Channel::Email];
    for (number, channel) in (0..).zip(channels) {
        let newer = NewMessage {
            key: format!("new {number}"),
            binding: Binding::from_stored([9; 32], None),
            language: None,
            channel,
            created_at: at(1_801 * (number + 1)),
            expires_at: at(1_801 * (number + 1) + 900),
            ..old.clone()
        };
        outbox.enqueue_message(&newer).await.unwrap();
        let after = all(outbox).await;
        assert_eq!(after[0].message, newer);
        assert!(after[0].requested_at > before[0].requested_at);
        assert_eq!((after[0].id, after[0].due_at), (before[0].id, at(0)));
        assert_eq!(after[0].attempts, 0);
        assert_eq!(after[1..], before[1..]);
    }
    assert_eq!(keys(&claimed(outbox, at(9), 1).await), ["new 2"]);
}

pub(super) async fn newer_message_waits_for_the_lease(subject: &Subject) {
    let outbox = subject.outbox();
    let start = now(outbox).await;
    let old = enqueued(subject, "old", start).await;
    let lease = claimed(outbox, start, 9).await[0].lease();
    for key in ["newer", "newest"] {
        let newer = NewMessage {
            key: key.to_owned(),
            ..old.clone()
        };
        outbox.enqueue_message(&newer).await.unwrap();
    }
    let soon = start + Duration::seconds(59);
    assert_eq!(claimed(outbox, soon, 9).await, [], "one at a time");
    for outcome in [AttemptOutcome::Finished, again(soon), dead(1)] {
        let late = finished(outbox, &lease, &outcome).await;
        assert_eq!(late, LeaseState::Superseded, "{outcome:?}");
    }
    let longer = until(start + Duration::minutes(2));
    let done = receipts(ReceiptOutcome::Done);
    let extended = outbox.extend_lease(&lease, longer, &done).await;
    assert_eq!(extended.unwrap(), LeaseState::Superseded);
    assert_eq!(claimed(outbox, start + Duration::minutes(1), 9).await, []);

    let mut failed = receipts(ReceiptOutcome::Failed);
    failed.note(Receipt::new("app::audit", ReceiptOutcome::Done, ""));
    let released = outbox.release_superseded(&lease, 5, &failed).await;
    assert!(released.unwrap());
    assert_eq!(outbox.next_due().await.unwrap(), NextDue::Now);
    let next = claimed(outbox, start, 9).await.remove(0);
    assert_eq!((next.message.key.as_str(), next.failures), ("newest", 5));
    assert!(next.attempts > lease.attempt + 1 && next.ready_attempt + 1 == next.attempts);
    assert_eq!(
        next.receipts,
        receipts(ReceiptOutcome::Failed),
        "who failed may want to be left alone; who had the older has not had this one"
    );
    for lease in [&lease, &next.lease()] {
        let released = outbox.release_superseded(lease, 0, &failed).await;
        assert!(!released.unwrap());
    }
}

pub(super) async fn newer_message_passes_no_receiver_over(subject: &Subject) {
    let outbox = subject.outbox();
    let start = now(outbox).await;
    let old = enqueued(subject, "old", start).await;
    let lease = claimed(outbox, start, 9).await[0].lease();
    let mut told = receipts(ReceiptOutcome::Failed);
    told.note(Receipt::new("app::audit", ReceiptOutcome::Done, ""));
    let later = start + Duration::minutes(5);
    let put_off = AttemptOutcome::Retry {
        wait: until(later),
        failures: 3,
        receipts: told,
    };
    assert_eq!(finished(outbox, &lease, &put_off).await, LeaseState::Held);
    for key in ["newer", "newest"] {
        let newer = NewMessage {
            key: key.to_owned(),
            ..old.clone()
        };
        outbox.enqueue_message(&newer).await.unwrap();
        let next = claimed(outbox, now(outbox).await, 9).await.remove(0);
        assert_eq!((next.message.key.as_str(), next.failures), (key, 3));
        assert_eq!(next.receipts, receipts(ReceiptOutcome::Failed));
        // What the worker has found is kept, also of the receiver that waits.
        let mut told = next.receipts.clone();
        told.note(Receipt::new("app::audit", ReceiptOutcome::Done, ""));
        let put_off = AttemptOutcome::Retry {
            wait: until(later),
            failures: 3,
            receipts: told,
        };
        let lease = next.lease();
        assert_eq!(finished(outbox, &lease, &put_off).await, LeaseState::Held);
    }
}

pub(super) async fn messages_at_once_leave_one(subject: &Subject) {
    let outbox = subject.shared_outbox();
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let message = to(subject, &ann, AddressKind::Email, "").await;
    for round in 0..5 {
        let enqueueing: Vec<_> = (0..8)
            .map(|number| {
                let outbox = Arc::clone(&outbox);
                let message = NewMessage {
                    key: format!("{round} {number}"),
                    ..message.clone()
                };
                tokio::spawn(async move { outbox.enqueue_message(&message).await })
            })
            .collect();
        for enqueueing in enqueueing {
            enqueueing.await.unwrap().unwrap();
        }
        assert_eq!(all(outbox.as_ref()).await.len(), 1);
    }
}

pub(super) async fn letter_gives_way_to_a_newer_message(subject: &Subject) {
    let outbox = subject.outbox();
    let message = enqueued(subject, "a", at(0)).await;
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    assert_eq!(finished(outbox, &lease, &dead(1)).await, LeaseState::Held);
    let newer = NewMessage {
        key: "b".to_owned(),
        ..message
    };
    outbox.enqueue_message(&newer).await.unwrap();
    let requeued = outbox.requeue_message(&requeue(lease.id, "z")).await;
    assert_eq!(requeued.unwrap(), Requeued::Superseded);
    assert_eq!(keys(&claimed(outbox, at(9), 9).await), ["b"]);
}

pub(super) async fn retry_and_newer_message_leave_the_newer(subject: &Subject) {
    let (store, outbox) = (subject.store(), subject.shared_outbox());
    let ann = stored(store, &whole("ann", 1)).await;
    for round in 0..60 {
        let message = to(subject, &ann, AddressKind::Email, &format!("{round} old")).await;
        let address = message.recipient.unwrap().address;
        outbox.enqueue_message(&message).await.unwrap();
        let lease = claimed(outbox.as_ref(), at(0), 9).await[0].lease();
        let state = finished(outbox.as_ref(), &lease, &dead(1)).await;
        assert_eq!(state, LeaseState::Held);
        let requeue = requeue(lease.id, &format!("{round} again"));
        let newer = NewMessage {
            key: format!("{round} newer"),
            created_at: at(501),
            ..message.clone()
        };
        let (retrying, enqueueing) = (Arc::clone(&outbox), Arc::clone(&outbox));
        let retrying = tokio::spawn(async move { retrying.requeue_message(&requeue).await });
        let newest = newer.clone();
        let enqueueing = tokio::spawn(async move { enqueueing.enqueue_message(&newest).await });
        let requeued = retrying.await.unwrap().unwrap();
        enqueueing.await.unwrap().unwrap();
        let rows = all(outbox.as_ref()).await;
        let pending: Vec<_> = rows.iter().filter(|row| row.dead.is_none()).collect();
        let keys: Vec<_> = pending.iter().map(|row| &row.message.key).collect();
        assert_eq!(keys, [&newer.key], "{requeued:?}");
        let target = store.link_target(message.purpose, message.kind, address);
        let requested_at = target.await.unwrap().unwrap().newest;
        assert_eq!(pending[0].requested_at, requested_at, "its link works");
        let next = claimed(outbox.as_ref(), at(0), 9).await;
        let lease = next[0].lease();
        let state = finished(outbox.as_ref(), &lease, &AttemptOutcome::Finished).await;
        assert_eq!(state, LeaseState::Held);
        let all_letters = chrono::Utc::now();
        outbox.purge_dead_letters(all_letters).await.unwrap();
    }
}

pub(super) async fn message_is_a_request_for_a_link(subject: &Subject) {
    let (store, outbox) = (subject.store(), subject.outbox());
    let ann = stored(store, &whole("ann", 1)).await;
    for kind in [AddressKind::Email, AddressKind::Phone] {
        let message = to(subject, &ann, kind, &format!("{kind} 1")).await;
        let address = message.recipient.unwrap().address;
        let newest = async || {
            let target = store.link_target(message.purpose, kind, address).await;
            target.unwrap().unwrap().newest
        };
        assert_eq!(newest().await, None);
        outbox.enqueue_message(&message).await.unwrap();
        assert_eq!(newest().await, Some(at(0)));
        let first = claimed(outbox, at(0), 1).await.remove(0);
        assert_eq!(first.requested_at, Some(at(0)));
        let lease = first.lease();
        assert_eq!(finished(outbox, &lease, &dead(0)).await, LeaseState::Held);

        // The same link again, as it was made: nobody gains time, or ends it, by asking.
        for (number, created_at) in [(2, at(0)), (3, at(600)), (4, at(-100))] {
            let again = NewMessage {
                key: format!("{kind} {number}"),
                created_at,
                expires_at: created_at + Duration::hours(1),
                ..message.clone()
            };
            outbox.enqueue_message(&again).await.unwrap();
            assert_eq!(newest().await, Some(at(0)), "{number}");
        }
        let fourth = claimed(outbox, at(0), 1).await.remove(0);
        assert_eq!(fourth.message.key, format!("{kind} 4"));
        assert_eq!(fourth.requested_at, Some(at(0)));
        assert_eq!(fourth.message.created_at, at(0));
        assert_eq!(fourth.message.expires_at, at(0) + Duration::hours(1));

        // A dead letter that is requeued is a request for a newer one; one that is refused, or is none, changes nothing.
        let requeue = requeue(first.id, &format!("{kind} again"));
        let refused = outbox.requeue_message(&requeue).await.unwrap();
        assert_eq!(refused, Requeued::Superseded);
        assert_eq!(newest().await, fourth.requested_at);
        let done = AttemptOutcome::Finished;
        assert_eq!(
            finished(outbox, &fourth.lease(), &done).await,
            LeaseState::Held
        );
        let refused = outbox.requeue_message(&requeue).await.unwrap();
        assert_eq!(refused, Requeued::Superseded, "the newer one is delivered");
        assert_eq!(newest().await, fourth.requested_at, "its link still works");

        // Half of its life later a newer one, whatever the clock says after that.
        let micro = Duration::microseconds(1);
        let half = at(1_800) + micro;
        for (number, created_at, known_as) in [(5, half, half), (6, at(1_000), half + micro)] {
            let newer = NewMessage {
                key: format!("{kind} {number}"),
                created_at,
                expires_at: created_at + Duration::hours(1),
                ..message.clone()
            };
            outbox.enqueue_message(&newer).await.unwrap();
            assert_eq!(newest().await, Some(known_as), "{number}");
        }
        let fourth = claimed(outbox, half, 1).await.remove(0);
        assert_eq!(fourth.message.created_at, at(1_000));
        assert_eq!(
            finished(outbox, &fourth.lease(), &dead(0)).await,
            LeaseState::Held
        );
        let requeue = Requeue {
            id: fourth.id,
            now: at(0),
            ..requeue
        };
        let requeued = outbox.requeue_message(&requeue).await.unwrap();
        assert_eq!(requeued, Requeued::Pending);
        let requeued = claimed(outbox, at(0), 1).await.remove(0);
        assert_eq!(requeued.requested_at, Some(half + micro * 2));
        assert_eq!(newest().await, requeued.requested_at);
        let refused = outbox.requeue_message(&requeue).await.unwrap();
        assert_eq!(refused, Requeued::NoSuchLetter);
        assert_eq!(newest().await, requeued.requested_at);
        assert_eq!(
            finished(outbox, &requeued.lease(), &done).await,
            LeaseState::Held
        );
    }
}

/// What becomes of a message before another takes its place.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Untried,
    /// A worker has it.
    UnderWay,
    /// A worker had it and never ended.
    Killed,
    /// The same, and another was told that it is not sent.
    KilledAndPutOff,
    PutOff,
    /// It was put off, and a worker has it again.
    PutOffAndUnderWay,
    DeadLettered,
    Delivered,
}

impl Fate {
    async fn meet(self, outbox: &dyn OutboxStore) {
        let start = now(outbox).await;
        let claim = async || claimed(outbox, start, 9).await.remove(0);
        let end = async |message: &OutboxMessage, outcome: AttemptOutcome| {
            let left = finished(outbox, &message.lease(), &outcome).await;
            assert_eq!(left, LeaseState::Held, "{self:?}");
        };
        match self {
            Self::Untried => {}
            Self::UnderWay => drop(claim().await),
            Self::Killed => end_lease(outbox, &claim().await).await,
            Self::KilledAndPutOff => {
                let first = claim().await;
                assert!(!first.is_in_doubt, "{self:?}");
                end_lease(outbox, &first).await;
                let second = claim().await;
                assert!(second.is_in_doubt, "{self:?}");
                end(&second, again(start)).await;
                // It is for good, however often it is tried.
                let third = claim().await;
                assert!(third.is_in_doubt, "{self:?}");
                end(&third, again(start)).await;
            }
            Self::PutOff => end(&claim().await, again(start)).await,
            Self::PutOffAndUnderWay => {
                end(&claim().await, again(start)).await;
                assert!(!claim().await.is_in_doubt, "{self:?}");
            }
            Self::DeadLettered => end(&claim().await, dead(1)).await,
            Self::Delivered => end(&claim().await, AttemptOutcome::Finished).await,
        }
    }
}

/// Has a lease end, as if its time had passed.
async fn end_lease(outbox: &dyn OutboxStore, message: &OutboxMessage) {
    let over = until(now(outbox).await - Duration::hours(1));
    let (lease, none) = (message.lease(), Receipts::default());
    let extended = outbox.extend_lease(&lease, over, &none).await;
    assert_ne!(extended.unwrap(), LeaseState::Lost);
}

/// The same message once more, as it is asked for again.
fn newer(old: &NewMessage, key: &str) -> NewMessage {
    NewMessage {
        key: key.to_owned(),
        binding: Binding::from_stored([9; 32], Some(format!("2 {key}=d"))),
        ..old.clone()
    }
}

fn as_it_was(message: &NewMessage, receipts: Receipts) -> Superseded {
    Superseded {
        created_at: message.created_at,
        binding_parts: message.binding.parts().map(str::to_owned),
        receipts,
    }
}

pub(super) async fn superseded_message_is_told_of(subject: &Subject) {
    let outbox = subject.outbox();
    let failed = || Some(receipts(ReceiptOutcome::Failed));
    for (fate, told) in [
        (Fate::Untried, Some(Receipts::default())),
        (Fate::UnderWay, None),
        (Fate::Killed, None),
        (Fate::KilledAndPutOff, None),
        (Fate::PutOff, failed()),
        (Fate::PutOffAndUnderWay, None),
        (Fate::DeadLettered, None),
        (Fate::Delivered, None),
    ] {
        let start = now(outbox).await;
        let old = to_another(subject, &format!("old {fate:?}"), start).await;
        assert_eq!(
            outbox.enqueue_message(&old).await.unwrap(),
            None,
            "{fate:?}"
        );
        fate.meet(outbox).await;
        let next = newer(&old, &format!("next{fate:?}"));
        let superseded = outbox.enqueue_message(&next).await.unwrap();
        let expected = told.map(|receipts| as_it_was(&old, receipts));
        assert_eq!(superseded, expected, "{fate:?}");
        // Nobody has tried that one, no matter who is delivering the one before.
        let newest = newer(&old, &format!("newest{fate:?}"));
        let superseded = outbox.enqueue_message(&newest).await.unwrap();
        let expected = Some(as_it_was(&next, Receipts::default()));
        assert_eq!(superseded, expected, "{fate:?}");
        // The user asks for no more: what is left is out of the way of the next case.
        let nothing = AttemptOutcome::Finished;
        for left in claimed(outbox, now(outbox).await, 9).await {
            assert!(!left.is_in_doubt, "{fate:?}: it is another message");
            let ended = finished(outbox, &left.lease(), &nothing).await;
            assert_eq!(ended, LeaseState::Held, "{fate:?}");
        }
    }
}

pub(super) async fn both_superseded_messages_are_told_of(subject: &Subject) {
    let outbox = subject.outbox();
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let email = to(subject, &ann, AddressKind::Email, "email").await;
    let phone = to(subject, &ann, AddressKind::Phone, "phone").await;
    let none = outbox.enqueue_both([&email, &phone]).await.unwrap();
    assert_eq!(none, [None, None]);
    let lease = claimed(outbox, now(outbox).await, 1).await[0].lease();
    assert_eq!(lease.key, "email");
    let next = [newer(&email, "next email"), newer(&phone, "next phone")];
    let told = outbox.enqueue_both([&next[0], &next[1]]).await.unwrap();
    assert_eq!(told, [None, Some(as_it_was(&phone, Receipts::default()))]);
}

/// What a killed worker had is in doubt; what takes its place is not, nor is a letter that is sent again.
pub(super) async fn doubt_ends_with_its_message(subject: &Subject) {
    let outbox = subject.outbox();
    let start = now(outbox).await;
    let old = enqueued(subject, "old", start).await;
    let first = claimed(outbox, start, 9).await.remove(0);
    let next = newer(&old, "next");
    assert_eq!(outbox.enqueue_message(&next).await.unwrap(), None);
    end_lease(outbox, &first).await;
    let second = claimed(outbox, start, 9).await.remove(0);
    assert_eq!(second.message.key, "next");
    assert!(!second.is_in_doubt, "nobody had this one");
    assert_eq!(second.ready_attempt + 1, second.attempts, "it is its first");
    end_lease(outbox, &second).await;
    let third = claimed(outbox, start, 9).await.remove(0);
    assert!(third.is_in_doubt);
    let lease = third.lease();
    assert_eq!(finished(outbox, &lease, &dead(1)).await, LeaseState::Held);
    let requeued = outbox.requeue_message(&requeue(third.id, "again")).await;
    assert_eq!(requeued.unwrap(), Requeued::Pending);
    assert!(!claimed(outbox, start, 9).await[0].is_in_doubt);
}
