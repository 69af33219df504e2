//! The outbox: a newer message in the place of an older one.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::sync::Arc;

use chrono::Duration;
use phone_auth_core::address::AddressKind;
use phone_auth_core::outbox::{
    AttemptOutcome, Binding, Channel, LeaseState, NewMessage, NextDue, Purpose, Receipt,
    ReceiptOutcome, Requeue, Requeued,
};

use super::Subject;
use super::message_sample::{
    again, all, claimed, dead, enqueued, finished, keys, now, receipts, requeue, to, until,
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
