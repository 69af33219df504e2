//! The outbox: messages that are pending, claimed and finished.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::collections::HashSet;
use std::sync::Arc;

use chrono::Duration;
use phone_auth_core::address::AddressKind;
use phone_auth_core::challenge::{ChallengeId, ChallengeSubject, NewChallenge};
use phone_auth_core::outbox::{
    AttemptOutcome, Binding, Claim, Lease, LeaseState, MessageId, MessageSignal, NewMessage,
    NextDue, OutboxMessage, Purpose, Queues, ReceiptOutcome, Receipts, Recipient, Requeued,
};

use super::Subject;
use super::message_sample::{
    again, all, claimed, dead, enqueued, finished, keys, notice, now, receipts, requeue, to,
    to_address, until,
};
use super::sample::{at, stored, whole};
use crate::external_writer::ExternalChange;

pub(super) async fn enqueued_message_comes_back_as_stored(subject: &Subject) {
    let outbox = subject.outbox();
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let before = now(outbox).await - Duration::minutes(1);
    let mut enqueued = vec![
        to(subject, &ann, AddressKind::Email, "one").await,
        to(subject, &ann, AddressKind::Phone, "two").await,
    ];
    enqueued[1].purpose = Purpose::Verify;
    enqueued[1].binding = Binding::from_stored([9; 32], None);
    for message in &enqueued {
        outbox.enqueue_message(message).await.unwrap();
    }
    let listed = all(outbox).await;
    for (message, expected) in listed.iter().zip(&enqueued) {
        let whole = OutboxMessage {
            id: message.id,
            message: expected.clone(),
            requested_at: Some(at(0)),
            enqueued_at: message.enqueued_at,
            attempts: 0,
            ready_attempt: 0,
            failures: 0,
            due_at: at(0),
            receipts: Receipts::default(),
            dead: None,
            is_in_doubt: false,
        };
        assert_eq!(message, &whole);
        assert!(message.enqueued_at == at(0) || message.enqueued_at > before);
        let lifetime = message.deadline() - message.enqueued_at;
        assert_eq!(lifetime, Duration::hours(1));
        let one = outbox.outbox_message(message.id).await.unwrap().unwrap();
        assert_eq!(
            (one.id(), one.into_message().as_ref()),
            (message.id, Some(message))
        );
    }
    assert_eq!(listed.len(), enqueued.len());
    let page = outbox.outbox_after(Some(listed[0].id), 1).await.unwrap();
    assert_eq!(page[0].id(), listed[1].id);
    let beyond = MessageId::new(listed[1].id.get() + 1);
    assert_eq!(outbox.outbox_message(beyond).await.unwrap(), None);
}

pub(super) async fn both_messages_are_enqueued_or_neither(subject: &Subject) {
    let outbox = subject.outbox();
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let email = to(subject, &ann, AddressKind::Email, "one").await;
    let mut phone = to(subject, &ann, AddressKind::Phone, "two").await;
    phone.challenge = Some(challenge(email.recipient, phone.recipient));
    outbox.enqueue_both([&email, &phone]).await.unwrap();
    let mut stored = all(outbox).await.into_iter();
    for expected in [&email, &phone] {
        let expected = NewMessage {
            challenge: None,
            ..expected.clone()
        };
        assert_eq!(stored.next().unwrap().message, expected);
    }
    let begun = phone.challenge.unwrap();
    let kept = subject.store().challenge(&begun.id, begun.purpose).await;
    let kept = kept.unwrap().unwrap();
    assert_eq!((kept.email, kept.phone), (begun.email, begun.phone));
    // To nobody it is the same work, and leaves nothing.
    let nobody = |key| to_address(key, None);
    let (first, second) = (nobody("three"), nobody("four"));
    outbox.enqueue_both([&first, &second]).await.unwrap();
    assert_eq!(all(outbox).await.len(), 2);
    // Where the second cannot be kept, the first is not kept either: a key may be there once.
    let bob = whole("bob", 2);
    let bob = subject.store().create_user(&bob).await.unwrap();
    let first = to(subject, &bob, AddressKind::Email, "five").await;
    let second = to(subject, &bob, AddressKind::Phone, "one").await;
    let refused = outbox.enqueue_both([&first, &second]).await.is_err();
    let left = all(outbox).await.len();
    assert_eq!(left, if refused { 2 } else { 4 });
}

/// A challenge of a code that was sent to these.
fn challenge(email: Option<Recipient>, phone: Option<Recipient>) -> NewChallenge {
    NewChallenge {
        id: ChallengeId::from_bytes([1; 32]),
        previous: None,
        purpose: Purpose::ResetPassword,
        subject: ChallengeSubject::from_bytes([1; 8]),
        email: email.map(|it| it.address),
        phone: phone.map(|it| it.address),
        attempts: 5,
        created_at: at(0),
        expires_at: at(600),
        sends: 1,
        resend_at: at(30),
    }
}

pub(super) async fn message_to_nobody_leaves_nothing(subject: &Subject) {
    let outbox = subject.outbox();
    let gone = Recipient {
        user: phone_auth_core::user::UserId::new(77),
        address: phone_auth_core::address::AddressId::new(77),
    };
    for (key, recipient) in [("nobody", None), ("gone", Some(gone)), ("nobody", None)] {
        let message = to_address(key, recipient);
        outbox.enqueue_message(&message).await.unwrap();
        assert_eq!(all(outbox).await, [], "{key}");
        assert_eq!(outbox.next_due().await.unwrap(), NextDue::Never);
        assert_eq!(claimed(outbox, at(9_999), 9).await, []);
    }
}

pub(super) async fn pending_messages_are_counted(subject: &Subject) {
    let outbox = subject.outbox();
    for number in 0..4 {
        enqueued(subject, &number.to_string(), at(0)).await;
    }
    let lease = claimed(outbox, at(0), 1).await[0].lease();
    for (at_most, count) in [(0, 0), (1, 1), (3, 3), (4, 4), (9, 4)] {
        assert_eq!(outbox.pending_messages(at_most).await.unwrap(), count);
    }
    assert_eq!(finished(outbox, &lease, &dead(1)).await, LeaseState::Held);
    assert_eq!(outbox.pending_messages(9).await.unwrap(), 3);
}

pub(super) async fn fresh_message_is_due_whatever_the_clock_says(subject: &Subject) {
    let outbox = subject.outbox();
    assert_eq!(outbox.next_due().await.unwrap(), NextDue::Never);
    // As when the clock is set back after it was enqueued.
    let ahead = now(outbox).await + Duration::hours(1);
    let first = enqueued(subject, "a", ahead).await;
    assert_eq!(outbox.next_due().await.unwrap(), NextDue::Now);
    let claims = claimed(outbox, at(0), 9).await;
    assert_eq!(keys(&claims), ["a"]);
    assert_eq!(
        outbox.next_due().await.unwrap(),
        NextDue::At(at(60)),
        "under way it goes by the clock"
    );
    assert_eq!(claimed(outbox, at(59), 9).await, []);
    // Two that take its place: while it waits, and after it died.
    let lease = claims[0].lease();
    assert_eq!(
        finished(outbox, &lease, &again(ahead)).await,
        LeaseState::Held
    );
    assert_eq!(outbox.next_due().await.unwrap(), NextDue::At(ahead));
    let newer = NewMessage {
        key: "b".to_owned(),
        ..first
    };
    outbox.enqueue_message(&newer).await.unwrap();
    let claims = claimed(outbox, at(0), 9).await;
    assert_eq!(keys(&claims), ["b"]);
    let lease = claims[0].lease();
    assert_eq!(finished(outbox, &lease, &dead(1)).await, LeaseState::Held);
    let requeued = outbox.requeue_message(&requeue(lease.id, "c")).await;
    assert_eq!(requeued.unwrap(), Requeued::Pending);
    assert_eq!(keys(&claimed(outbox, at(0), 9).await), ["c"]);
}

pub(super) async fn longest_waiting_comes_first(subject: &Subject) {
    let outbox = subject.outbox();
    for (key, seconds) in [("late", 20), ("early", 10), ("last", 30)] {
        enqueued(subject, key, at(seconds)).await;
    }
    let claims = claimed(outbox, at(40), 1).await;
    assert_eq!(keys(&claims), ["early"]);
    let lease = claims[0].lease();
    assert_eq!(
        finished(outbox, &lease, &again(at(25))).await,
        LeaseState::Held
    );
    for expected in ["late", "early", "last"] {
        assert_eq!(keys(&claimed(outbox, at(40), 1).await), [expected]);
    }
}

/// What is ready, and what became due, of each queue and without each choice of them.
pub(super) async fn claims_leave_queues_out(subject: &Subject) {
    let outbox = subject.outbox();
    let user = stored(subject.store(), &whole("ann", 1)).await;
    for (index, queue) in MessageSignal::ALL.into_iter().enumerate() {
        let key = index.to_string();
        let message = if queue.has_link() {
            NewMessage {
                purpose: queue.purpose(),
                ..to(subject, &user, queue.kind(), &key).await
            }
        } else {
            NewMessage {
                kind: queue.kind(),
                ..notice(&key, user.id)
            }
        };
        outbox.enqueue_message(&message).await.unwrap();
        if queue.purpose() == Purpose::LogIn {
            // A code that confirms who a user is comes by the same signal, so it waits in that queue.
            let confirms = NewMessage {
                purpose: Purpose::Confirm,
                key: format!("{key} confirms"),
                ..message
            };
            outbox.enqueue_message(&confirms).await.unwrap();
        }
    }
    for minute in 0..128_u32 {
        let now = at(0) + Duration::minutes(minute.into());
        let is_out = |index: &usize| (minute >> index) & 1 == 1;
        let out = MessageSignal::ALL.into_iter().enumerate();
        let out = out.filter(|(index, _)| is_out(index));
        let without = out.fold(Queues::default(), |all, (_, queue)| all.with(queue));
        let claim = Claim {
            now,
            until: now + Duration::seconds(30),
            limit: 19,
            without,
        };
        let claims = outbox.claim_messages(&claim).await.unwrap();
        let queues = MessageSignal::ALL.into_iter().enumerate();
        let expected: Vec<_> = queues
            .filter(|(index, _)| !is_out(index))
            .flat_map(|(index, queue)| {
                let confirms = queue.purpose() == Purpose::LogIn;
                let confirms = confirms.then(|| format!("{index} confirms"));
                std::iter::once(index.to_string()).chain(confirms)
            })
            .collect();
        let mut found = keys(&claims);
        found.sort_unstable();
        assert_eq!(found, expected, "{without:?}");
        for message in &claims {
            let again = again(now + Duration::seconds(30));
            let state = finished(outbox, &message.lease(), &again).await;
            assert_eq!(state, LeaseState::Held);
        }
    }
}

pub(super) async fn claimed_message_is_leased(subject: &Subject) {
    let outbox = subject.outbox();
    enqueued(subject, "a", at(0)).await;
    let first = claimed(outbox, at(0), 9).await;
    assert_eq!((first[0].attempts, first[0].due_at), (1, at(60)));
    assert_eq!(claimed(outbox, at(59), 9).await, []);
    assert_eq!(outbox.next_due().await.unwrap(), NextDue::At(at(60)));
    let second = claimed(outbox, at(60), 9).await;
    assert_eq!(
        second[0].attempts, 2,
        "who died gives back when the lease ends"
    );
    for outcome in [AttemptOutcome::Finished, dead(61), again(at(61))] {
        let late = finished(outbox, &first[0].lease(), &outcome).await;
        assert_eq!(late, LeaseState::Lost);
    }
    let receipts = receipts(ReceiptOutcome::Done);
    let late = outbox
        .extend_lease(&first[0].lease(), until(at(999)), &receipts)
        .await;
    assert_eq!(late.unwrap(), LeaseState::Lost);
    let lease = second[0].lease();
    let done = AttemptOutcome::Finished;
    assert_eq!(finished(outbox, &lease, &done).await, LeaseState::Held);
    assert_eq!(all(outbox).await, []);
    assert_eq!(finished(outbox, &lease, &done).await, LeaseState::Lost);
}

pub(super) async fn extended_lease_keeps_receipts(subject: &Subject) {
    let outbox = subject.outbox();
    enqueued(subject, "a", at(0)).await;
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    let receipts = receipts(ReceiptOutcome::Done);
    let extended = outbox.extend_lease(&lease, until(at(100)), &receipts).await;
    assert_eq!(extended.unwrap(), LeaseState::Held);
    assert_eq!(claimed(outbox, at(99), 9).await, []);
    let again = claimed(outbox, at(100), 9).await;
    assert_eq!(again[0].receipts, receipts);
}

pub(super) async fn failed_message_is_due_again(subject: &Subject) {
    let outbox = subject.outbox();
    enqueued(subject, "a", at(0)).await;
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    assert_eq!(
        finished(outbox, &lease, &again(at(5))).await,
        LeaseState::Held
    );
    // An extension that was on its way when the attempt ended comes too late.
    let late = outbox
        .extend_lease(&lease, until(at(999)), &Receipts::default())
        .await;
    assert_eq!(late.unwrap(), LeaseState::Lost);
    assert_eq!(claimed(outbox, at(4), 9).await, []);
    let second = claimed(outbox, at(5), 9).await;
    assert_eq!((second[0].attempts, second[0].failures), (2, 3));
    assert_eq!(second[0].receipts, receipts(ReceiptOutcome::Failed));
}

pub(super) async fn concurrent_claims_share_nothing(subject: &Subject) {
    let outbox = subject.shared_outbox();
    for number in 0..50 {
        enqueued(subject, &number.to_string(), at(0)).await;
    }
    let claims: Vec<_> = (0..8)
        .map(|_| {
            let outbox = Arc::clone(&outbox);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while outbox.next_due().await.unwrap() == NextDue::Now {
                    let claimed = claimed(outbox.as_ref(), at(0), 3).await;
                    mine.extend(claimed.into_iter().map(|message| message.id));
                }
                mine
            })
        })
        .collect();
    let mut seen = HashSet::new();
    let mut count = 0;
    for claim in claims {
        for id in claim.await.unwrap() {
            count += 1;
            seen.insert(id);
        }
    }
    assert_eq!((count, seen.len()), (50, 50));
}

pub(super) async fn deleted_user_is_sent_nothing(subject: &Subject) {
    let outbox = subject.outbox();
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let message = to(subject, &ann, AddressKind::Email, "before").await;
    outbox.enqueue_message(&message).await.unwrap();
    subject.outside(ExternalChange::DeleteUser(ann.id)).await;
    assert_eq!(all(outbox).await, []);
    let after = NewMessage {
        key: "after".to_owned(),
        ..message
    };
    outbox.enqueue_message(&after).await.unwrap();
    assert_eq!(all(outbox).await, [], "it is to nobody now");
}

pub(super) async fn unknown_lease_is_lost(subject: &Subject) {
    let outbox = subject.outbox();
    let lease = Lease {
        id: MessageId::new(1),
        attempt: 1,
        key: "a".to_owned(),
    };
    let none = Receipts::default();
    let extended = outbox.extend_lease(&lease, until(at(1)), &none).await;
    assert_eq!(extended.unwrap(), LeaseState::Lost);
    assert_eq!(finished(outbox, &lease, &dead(1)).await, LeaseState::Lost);
    let released = outbox.release_superseded(&lease, 0, &none).await;
    assert!(!released.unwrap());
    let requeued = outbox.requeue_message(&requeue(lease.id, "z")).await;
    assert_eq!(requeued.unwrap(), Requeued::NoSuchLetter);
}
