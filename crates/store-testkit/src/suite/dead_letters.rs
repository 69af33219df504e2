//! The outbox: messages that were given up.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use phone_auth_core::outbox::{
    AttemptOutcome, LeaseState, NewMessage, NextDue, Purpose, ReceiptOutcome, Receipts, Requeued,
};

use super::Subject;
use super::message_sample::{
    again, all, claimed, dead, enqueued, finished, keys, receipts, requeue, to_another,
};
use super::sample::at;

pub(super) async fn dead_letter_is_kept(subject: &Subject) {
    let outbox = subject.outbox();
    let message = enqueued(subject, "a", at(0)).await;
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    assert_eq!(finished(outbox, &lease, &dead(3)).await, LeaseState::Held);
    assert_eq!(outbox.next_due().await.unwrap(), NextDue::Never);
    assert_eq!(claimed(outbox, at(9_999), 9).await, []);
    let newer = NewMessage {
        key: "b".to_owned(),
        ..message
    };
    outbox.enqueue_message(&newer).await.unwrap();
    let listed = all(outbox).await;
    assert_eq!(keys(&listed), ["a", "b"], "a newer message leaves it");
    let letter = listed[0].dead.clone().unwrap();
    assert_eq!(
        (letter.at, letter.reason.as_str()),
        (at(3), "no such mailbox")
    );
    assert_eq!(listed[0].receipts, receipts(ReceiptOutcome::Refused));
    assert_eq!(finished(outbox, &lease, &dead(4)).await, LeaseState::Lost);
}

pub(super) async fn one_dead_letter_is_kept_for_an_address(subject: &Subject) {
    let outbox = subject.outbox();
    let ann = to_another(subject, "ann", at(0)).await;
    let bob = to_another(subject, "bob", at(0)).await;
    let verify = NewMessage {
        purpose: Purpose::Verify,
        key: "verify".to_owned(),
        ..ann.clone()
    };
    let again = |number: i32| NewMessage {
        key: format!("ann {number}"),
        ..ann.clone()
    };
    for message in [&ann, &bob, &verify, &again(1), &again(2)] {
        outbox.enqueue_message(message).await.unwrap();
        let lease = claimed(outbox, at(0), 1).await[0].lease();
        assert_eq!(finished(outbox, &lease, &dead(3)).await, LeaseState::Held);
    }
    assert_eq!(keys(&all(outbox).await), ["bob", "verify", "ann 2"]);
}

pub(super) async fn dead_letter_can_be_requeued(subject: &Subject) {
    let outbox = subject.outbox();
    enqueued(subject, "a", at(0)).await;
    let message = claimed(outbox, at(0), 9).await.remove(0);
    let requeue = requeue(message.id, "z");
    let requeued = outbox.requeue_message(&requeue).await.unwrap();
    assert_eq!(requeued, Requeued::NoSuchLetter, "it is not dead");
    let lease = message.lease();
    assert_eq!(
        finished(outbox, &lease, &again(at(1))).await,
        LeaseState::Held
    );
    let message = claimed(outbox, at(1), 9).await.remove(0);
    let lease = message.lease();
    assert_eq!(finished(outbox, &lease, &dead(1)).await, LeaseState::Held);
    let requeued = outbox.requeue_message(&requeue).await.unwrap();
    assert_eq!(requeued, Requeued::Pending);
    let again = claimed(outbox, at(500), 9).await.remove(0);
    assert_eq!(again.message.key, "z");
    assert_eq!(again.message.binding, requeue.binding);
    assert_eq!(again.failures, 0);
    assert_eq!(again.dead, None);
    assert_eq!(again.receipts, requeue.receipts);
    assert_eq!(again.message.created_at, at(500));
    assert_eq!(again.message.expires_at, at(900));
}

pub(super) async fn requeued_message_is_nobodys_from_before(subject: &Subject) {
    let outbox = subject.outbox();
    enqueued(subject, "a", at(0)).await;
    // Anyone who stalls has one of these leases, and comes back after the message was given up and requeued.
    let mut stalled = Vec::new();
    for round in 0..4 {
        let message = claimed(outbox, at(round), 9).await.remove(0);
        let lease = message.lease();
        stalled.push(lease.clone());
        assert_eq!(finished(outbox, &lease, &dead(1)).await, LeaseState::Held);
        let requeued = outbox
            .requeue_message(&requeue(lease.id, &format!("{round}")))
            .await;
        assert_eq!(requeued.unwrap(), Requeued::Pending);
        let pending = all(outbox).await.remove(0);
        assert!(
            pending.attempts > lease.attempt,
            "{round}: they never go back"
        );
        for is_claimed in [false, true] {
            for lease in &stalled {
                for outcome in [AttemptOutcome::Finished, again(at(9)), dead(9)] {
                    let late = finished(outbox, lease, &outcome).await;
                    assert_eq!(late, LeaseState::Lost, "{round} {is_claimed}");
                }
                let none = Receipts::default();
                let released = outbox.release_superseded(lease, 0, &none).await;
                assert!(!released.unwrap());
            }
            if !is_claimed {
                let next = claimed(outbox, at(round), 9).await.remove(0);
                let lease = next.lease();
                assert!(stalled.iter().all(|old| old.attempt < lease.attempt));
                let put_off = again(at(round));
                assert_eq!(finished(outbox, &lease, &put_off).await, LeaseState::Held);
                stalled.push(lease);
            }
        }
    }
    assert_eq!(all(outbox).await.len(), 1);
}

pub(super) async fn old_dead_letters_are_purged(subject: &Subject) {
    let outbox = subject.outbox();
    for (key, died) in [("a", Some(10)), ("b", Some(20)), ("c", None)] {
        enqueued(subject, key, at(0)).await;
        let lease = claimed(outbox, at(0), 9).await[0].lease();
        if let Some(died) = died {
            assert_eq!(
                finished(outbox, &lease, &dead(died)).await,
                LeaseState::Held
            );
        }
    }
    assert_eq!(outbox.purge_dead_letters(at(20)).await.unwrap(), 1);
    assert_eq!(keys(&all(outbox).await), ["b", "c"]);
    assert_eq!(outbox.purge_dead_letters(at(9_999)).await.unwrap(), 1);
    assert_eq!(keys(&all(outbox).await), ["c"], "what is pending stays");
}

pub(super) async fn lease_of_the_dead_holds_nothing(subject: &Subject) {
    let outbox = subject.outbox();
    let old = enqueued(subject, "old", at(0)).await;
    // Its lease ended long ago.
    let stalled = claimed(outbox, at(0), 9).await[0].lease();
    let newer = NewMessage {
        key: "newer".to_owned(),
        ..old
    };
    outbox.enqueue_message(&newer).await.unwrap();
    // On a clock that stands at the lease's beginning it holds still.
    let later = at(61);
    let next = claimed(outbox, later, 9).await;
    assert_eq!(keys(&next), ["newer"]);
    let late = finished(outbox, &stalled, &AttemptOutcome::Finished).await;
    assert_eq!(late, LeaseState::Lost);
    assert_eq!(keys(&all(outbox).await), ["newer"]);
}
