//! The outbox: messages that are owed, claimed and settled.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, SubsecRound, Utc};
use phone_auth_core::address::AddressKind;
use phone_auth_core::language::Language;
use phone_auth_core::outbox::{
    Binding, Claim, DeadLetter, Lease, LeaseState, MessageId, MessagePurpose, NewMessage, NextDue,
    OutboxMessage, Queue, Queues, Receipt, ReceiptOutcome, Receipts, Recipient, Revival, Revived,
    Settlement,
};
use phone_auth_core::person::Person;
use phone_auth_core::store::OutboxStore;

use super::Subject;
use super::sample::{address_of, at, stored, whole};
use crate::outsider::OutsideChange;

/// The time by the clock of the outbox.
async fn now(outbox: &dyn OutboxStore) -> DateTime<Utc> {
    let clock = outbox.clock().await.unwrap();
    clock.unwrap_or_else(Utc::now).trunc_subsecs(6)
}

/// A message to somebody's address, promised at `at(0)`.
fn to_address(key: &str, recipient: Option<Recipient>) -> NewMessage {
    NewMessage {
        key: key.to_owned(),
        purpose: MessagePurpose::ResetPassword,
        kind: AddressKind::Email,
        recipient,
        binding: Binding::from_stored([7; 32], Some("2 a=b".to_owned())),
        language: None,
        created_at: at(0),
        expires_at: at(0) + Duration::hours(1),
    }
}

/// A message to an address of a person, promised at `at(0)`.
async fn to(subject: &Subject, person: &Person, kind: AddressKind, key: &str) -> NewMessage {
    let address = address_of(subject.store(), person.id, kind).await;
    let recipient = Recipient {
        person: person.id,
        address: address.id,
    };
    NewMessage {
        kind,
        language: Some(Language::parse("pt-br").unwrap()),
        ..to_address(key, Some(recipient))
    }
}

/// A message to an address of somebody new, promised at this time.
async fn to_another(subject: &Subject, key: &str, created_at: DateTime<Utc>) -> NewMessage {
    let people = subject.store().people_after(None, 1000).await.unwrap();
    let number = u32::try_from(people.len()).unwrap() + 1;
    let person = stored(subject.store(), &whole(&format!("user{number}"), number)).await;
    NewMessage {
        created_at,
        expires_at: created_at + Duration::hours(1),
        ..to(subject, &person, AddressKind::Email, key).await
    }
}

/// Owes a message to somebody new.
async fn owed(subject: &Subject, key: &str, created_at: DateTime<Utc>) -> NewMessage {
    let message = to_another(subject, key, created_at).await;
    subject.outbox().owe_message(&message).await.unwrap();
    message
}

/// Claims what is due at a time, for a minute.
async fn claimed(outbox: &dyn OutboxStore, now: DateTime<Utc>, limit: u32) -> Vec<OutboxMessage> {
    let claim = Claim {
        now,
        until: now + Duration::minutes(1),
        limit,
        without: Queues::default(),
    };
    outbox.claim_messages(&claim).await.unwrap()
}

fn keys(messages: &[OutboxMessage]) -> Vec<&str> {
    messages.iter().map(|it| it.message.key.as_str()).collect()
}

fn receipts(outcome: ReceiptOutcome) -> Receipts {
    let mut receipts = Receipts::default();
    receipts.note(Receipt::new("app::mail", outcome, "why; \"quoted\" é"));
    receipts
}

/// Another attempt after so many seconds, for a receiver that failed.
fn again(due_at: DateTime<Utc>) -> Settlement {
    Settlement::Again {
        due_at,
        failures: 3,
        receipts: receipts(ReceiptOutcome::Failed),
    }
}

fn dead(seconds: i64) -> Settlement {
    Settlement::Dead {
        letter: DeadLetter {
            at: at(seconds),
            reason: "no such mailbox".to_owned(),
        },
        receipts: receipts(ReceiptOutcome::Refused),
    }
}

fn revival(id: MessageId, key: &str) -> Revival {
    Revival {
        id,
        key: key.to_owned(),
        binding: Binding::from_stored([8; 32], Some("2 c=d".to_owned())),
        now: at(500),
        expires_at: at(900),
        receipts: receipts(ReceiptOutcome::Done),
    }
}

/// Ends an attempt; what was left of its lease.
async fn settled(outbox: &dyn OutboxStore, lease: &Lease, settlement: &Settlement) -> LeaseState {
    outbox.settle_message(lease, settlement).await.unwrap()
}

/// Everything in the outbox, all of which can be read.
async fn all(outbox: &dyn OutboxStore) -> Vec<OutboxMessage> {
    let rows = outbox.outbox_after(None, 1000).await.unwrap();
    rows.into_iter()
        .map(|row| row.into_message().unwrap())
        .collect()
}

pub(super) async fn owed_message_comes_back_as_stored(subject: &Subject) {
    let outbox = subject.outbox();
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let before = now(outbox).await - Duration::minutes(1);
    let mut owed = vec![
        to(subject, &ann, AddressKind::Email, "one").await,
        to(subject, &ann, AddressKind::Phone, "two").await,
    ];
    owed[1].purpose = MessagePurpose::Verify;
    owed[1].binding = Binding::from_stored([9; 32], None);
    for message in &owed {
        outbox.owe_message(message).await.unwrap();
    }
    let listed = all(outbox).await;
    for (message, expected) in listed.iter().zip(&owed) {
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
    assert_eq!(listed.len(), owed.len());
    let page = outbox.outbox_after(Some(listed[0].id), 1).await.unwrap();
    assert_eq!(page[0].id(), listed[1].id);
    let beyond = MessageId::new(listed[1].id.get() + 1);
    assert_eq!(outbox.outbox_message(beyond).await.unwrap(), None);
}

pub(super) async fn message_to_nobody_leaves_nothing(subject: &Subject) {
    let outbox = subject.outbox();
    let gone = Recipient {
        person: phone_auth_core::person::PersonId::new(77),
        address: phone_auth_core::address::AddressId::new(77),
    };
    for (key, recipient) in [("nobody", None), ("gone", Some(gone)), ("nobody", None)] {
        let message = to_address(key, recipient);
        outbox.owe_message(&message).await.unwrap();
        assert_eq!(all(outbox).await, [], "{key}");
        assert_eq!(outbox.next_due().await.unwrap(), NextDue::Never);
        assert_eq!(claimed(outbox, at(9_999), 9).await, []);
    }
}

pub(super) async fn pending_messages_are_counted(subject: &Subject) {
    let outbox = subject.outbox();
    for number in 0..4 {
        owed(subject, &number.to_string(), at(0)).await;
    }
    let lease = claimed(outbox, at(0), 1).await[0].lease();
    for (at_most, count) in [(0, 0), (1, 1), (3, 3), (4, 4), (9, 4)] {
        assert_eq!(outbox.pending_messages(at_most).await.unwrap(), count);
    }
    assert_eq!(settled(outbox, &lease, &dead(1)).await, LeaseState::Held);
    assert_eq!(outbox.pending_messages(9).await.unwrap(), 3);
}

pub(super) async fn fresh_message_is_due_whatever_the_clock_says(subject: &Subject) {
    let outbox = subject.outbox();
    assert_eq!(outbox.next_due().await.unwrap(), NextDue::Never);
    // As when the clock is set back after it was promised.
    let ahead = now(outbox).await + Duration::hours(1);
    let first = owed(subject, "a", ahead).await;
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
        settled(outbox, &lease, &again(ahead)).await,
        LeaseState::Held
    );
    assert_eq!(outbox.next_due().await.unwrap(), NextDue::At(ahead));
    let newer = NewMessage {
        key: "b".to_owned(),
        ..first
    };
    outbox.owe_message(&newer).await.unwrap();
    let claims = claimed(outbox, at(0), 9).await;
    assert_eq!(keys(&claims), ["b"]);
    let lease = claims[0].lease();
    assert_eq!(settled(outbox, &lease, &dead(1)).await, LeaseState::Held);
    let revived = outbox.revive_message(&revival(lease.id, "c")).await;
    assert_eq!(revived.unwrap(), Revived::Pending);
    assert_eq!(keys(&claimed(outbox, at(0), 9).await), ["c"]);
}

pub(super) async fn longest_waiting_comes_first(subject: &Subject) {
    let outbox = subject.outbox();
    for (key, seconds) in [("late", 20), ("early", 10), ("last", 30)] {
        owed(subject, key, at(seconds)).await;
    }
    let claims = claimed(outbox, at(40), 1).await;
    assert_eq!(keys(&claims), ["early"]);
    let lease = claims[0].lease();
    assert_eq!(
        settled(outbox, &lease, &again(at(25))).await,
        LeaseState::Held
    );
    for expected in ["late", "early", "last"] {
        assert_eq!(keys(&claimed(outbox, at(40), 1).await), [expected]);
    }
}

/// What is ready, and what became due, of each queue and without each choice of them.
pub(super) async fn claims_leave_queues_out(subject: &Subject) {
    let outbox = subject.outbox();
    let person = stored(subject.store(), &whole("ann", 1)).await;
    for (index, queue) in Queue::ALL.into_iter().enumerate() {
        let message = NewMessage {
            purpose: queue.purpose,
            ..to(subject, &person, queue.kind, &index.to_string()).await
        };
        outbox.owe_message(&message).await.unwrap();
    }
    for minute in 0..32_u32 {
        let now = at(0) + Duration::minutes(minute.into());
        let is_out = |index: &usize| (minute >> index) & 1 == 1;
        let out = Queue::ALL.into_iter().enumerate();
        let out = out.filter(|(index, _)| is_out(index));
        let without = out.fold(Queues::default(), |all, (_, queue)| all.with(queue));
        let claim = Claim {
            now,
            until: now + Duration::seconds(30),
            limit: 9,
            without,
        };
        let claims = outbox.claim_messages(&claim).await.unwrap();
        let expected: Vec<_> = (0..4).filter(|index| !is_out(index)).collect();
        let expected: Vec<_> = expected.iter().map(usize::to_string).collect();
        let mut found = keys(&claims);
        found.sort_unstable();
        assert_eq!(found, expected, "{without:?}");
        for message in &claims {
            let again = again(now + Duration::seconds(30));
            let state = settled(outbox, &message.lease(), &again).await;
            assert_eq!(state, LeaseState::Held);
        }
    }
}

pub(super) async fn claimed_message_is_leased(subject: &Subject) {
    let outbox = subject.outbox();
    owed(subject, "a", at(0)).await;
    let first = claimed(outbox, at(0), 9).await;
    assert_eq!((first[0].attempts, first[0].due_at), (1, at(60)));
    assert_eq!(claimed(outbox, at(59), 9).await, []);
    assert_eq!(outbox.next_due().await.unwrap(), NextDue::At(at(60)));
    let second = claimed(outbox, at(60), 9).await;
    assert_eq!(
        second[0].attempts, 2,
        "who died gives back when the lease ends"
    );
    for settlement in [Settlement::Settled, dead(61), again(at(61))] {
        let late = settled(outbox, &first[0].lease(), &settlement).await;
        assert_eq!(late, LeaseState::Lost);
    }
    let receipts = receipts(ReceiptOutcome::Done);
    let late = outbox
        .extend_lease(&first[0].lease(), at(999), &receipts)
        .await;
    assert_eq!(late.unwrap(), LeaseState::Lost);
    let lease = second[0].lease();
    let done = Settlement::Settled;
    assert_eq!(settled(outbox, &lease, &done).await, LeaseState::Held);
    assert_eq!(all(outbox).await, []);
    assert_eq!(settled(outbox, &lease, &done).await, LeaseState::Lost);
}

pub(super) async fn extended_lease_keeps_receipts(subject: &Subject) {
    let outbox = subject.outbox();
    owed(subject, "a", at(0)).await;
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    let receipts = receipts(ReceiptOutcome::Done);
    let extended = outbox.extend_lease(&lease, at(100), &receipts).await;
    assert_eq!(extended.unwrap(), LeaseState::Held);
    assert_eq!(claimed(outbox, at(99), 9).await, []);
    let again = claimed(outbox, at(100), 9).await;
    assert_eq!(again[0].receipts, receipts);
}

pub(super) async fn failed_message_is_due_again(subject: &Subject) {
    let outbox = subject.outbox();
    owed(subject, "a", at(0)).await;
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    assert_eq!(
        settled(outbox, &lease, &again(at(5))).await,
        LeaseState::Held
    );
    // An extension that was on its way when the attempt ended comes too late.
    let late = outbox
        .extend_lease(&lease, at(999), &Receipts::default())
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
        owed(subject, &number.to_string(), at(0)).await;
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
            purpose: MessagePurpose::Verify,
            key: "verify".to_owned(),
            ..old.clone()
        },
    ];
    for message in &others {
        outbox.owe_message(message).await.unwrap();
    }
    let before = all(outbox).await;
    assert_eq!(keys(&before), ["old", "phone", "bob", "verify"]);
    for number in 0..3 {
        let newer = NewMessage {
            key: format!("new {number}"),
            binding: Binding::from_stored([9; 32], None),
            language: None,
            created_at: at(number),
            expires_at: at(900 + number),
            ..old.clone()
        };
        outbox.owe_message(&newer).await.unwrap();
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
    let old = owed(subject, "old", start).await;
    let lease = claimed(outbox, start, 9).await[0].lease();
    for key in ["newer", "newest"] {
        let newer = NewMessage {
            key: key.to_owned(),
            ..old.clone()
        };
        outbox.owe_message(&newer).await.unwrap();
    }
    let soon = start + Duration::seconds(59);
    assert_eq!(claimed(outbox, soon, 9).await, [], "one at a time");
    for settlement in [Settlement::Settled, again(soon), dead(1)] {
        let late = settled(outbox, &lease, &settlement).await;
        assert_eq!(late, LeaseState::Superseded, "{settlement:?}");
    }
    let until = start + Duration::minutes(2);
    let done = receipts(ReceiptOutcome::Done);
    let extended = outbox.extend_lease(&lease, until, &done).await;
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
    let old = owed(subject, "old", start).await;
    let lease = claimed(outbox, start, 9).await[0].lease();
    let mut told = receipts(ReceiptOutcome::Failed);
    told.note(Receipt::new("app::audit", ReceiptOutcome::Done, ""));
    let later = start + Duration::minutes(5);
    let put_off = Settlement::Again {
        due_at: later,
        failures: 3,
        receipts: told,
    };
    assert_eq!(settled(outbox, &lease, &put_off).await, LeaseState::Held);
    for key in ["newer", "newest"] {
        let newer = NewMessage {
            key: key.to_owned(),
            ..old.clone()
        };
        outbox.owe_message(&newer).await.unwrap();
        let next = claimed(outbox, now(outbox).await, 9).await.remove(0);
        assert_eq!((next.message.key.as_str(), next.failures), (key, 3));
        assert_eq!(next.receipts, receipts(ReceiptOutcome::Failed));
        // What the worker has found is kept, also of the receiver that waits.
        let mut told = next.receipts.clone();
        told.note(Receipt::new("app::audit", ReceiptOutcome::Done, ""));
        let put_off = Settlement::Again {
            due_at: later,
            failures: 3,
            receipts: told,
        };
        let lease = next.lease();
        assert_eq!(settled(outbox, &lease, &put_off).await, LeaseState::Held);
    }
}

pub(super) async fn lease_of_the_dead_holds_nothing(subject: &Subject) {
    let outbox = subject.outbox();
    let old = owed(subject, "old", at(0)).await;
    // Its lease ended long ago.
    let stalled = claimed(outbox, at(0), 9).await[0].lease();
    let newer = NewMessage {
        key: "newer".to_owned(),
        ..old
    };
    outbox.owe_message(&newer).await.unwrap();
    // On a clock that stands at the lease's beginning it holds still.
    let later = at(61);
    let next = claimed(outbox, later, 9).await;
    assert_eq!(keys(&next), ["newer"]);
    let late = settled(outbox, &stalled, &Settlement::Settled).await;
    assert_eq!(late, LeaseState::Lost);
    assert_eq!(keys(&all(outbox).await), ["newer"]);
}

pub(super) async fn messages_at_once_leave_one(subject: &Subject) {
    let outbox = subject.shared_outbox();
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let message = to(subject, &ann, AddressKind::Email, "").await;
    for round in 0..5 {
        let owing: Vec<_> = (0..8)
            .map(|number| {
                let outbox = Arc::clone(&outbox);
                let message = NewMessage {
                    key: format!("{round} {number}"),
                    ..message.clone()
                };
                tokio::spawn(async move { outbox.owe_message(&message).await })
            })
            .collect();
        for owing in owing {
            owing.await.unwrap().unwrap();
        }
        assert_eq!(all(outbox.as_ref()).await.len(), 1);
    }
}

pub(super) async fn dead_letter_is_kept(subject: &Subject) {
    let outbox = subject.outbox();
    let message = owed(subject, "a", at(0)).await;
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    assert_eq!(settled(outbox, &lease, &dead(3)).await, LeaseState::Held);
    assert_eq!(outbox.next_due().await.unwrap(), NextDue::Never);
    assert_eq!(claimed(outbox, at(9_999), 9).await, []);
    let newer = NewMessage {
        key: "b".to_owned(),
        ..message
    };
    outbox.owe_message(&newer).await.unwrap();
    let listed = all(outbox).await;
    assert_eq!(keys(&listed), ["a", "b"], "a newer message leaves it");
    let letter = listed[0].dead.clone().unwrap();
    assert_eq!(
        (letter.at, letter.reason.as_str()),
        (at(3), "no such mailbox")
    );
    assert_eq!(listed[0].receipts, receipts(ReceiptOutcome::Refused));
    assert_eq!(settled(outbox, &lease, &dead(4)).await, LeaseState::Lost);
}

pub(super) async fn one_dead_letter_is_kept_for_an_address(subject: &Subject) {
    let outbox = subject.outbox();
    let ann = to_another(subject, "ann", at(0)).await;
    let bob = to_another(subject, "bob", at(0)).await;
    let verify = NewMessage {
        purpose: MessagePurpose::Verify,
        key: "verify".to_owned(),
        ..ann.clone()
    };
    let again = |number: i32| NewMessage {
        key: format!("ann {number}"),
        ..ann.clone()
    };
    for message in [&ann, &bob, &verify, &again(1), &again(2)] {
        outbox.owe_message(message).await.unwrap();
        let lease = claimed(outbox, at(0), 1).await[0].lease();
        assert_eq!(settled(outbox, &lease, &dead(3)).await, LeaseState::Held);
    }
    assert_eq!(keys(&all(outbox).await), ["bob", "verify", "ann 2"]);
}

pub(super) async fn dead_letter_can_be_revived(subject: &Subject) {
    let outbox = subject.outbox();
    owed(subject, "a", at(0)).await;
    let message = claimed(outbox, at(0), 9).await.remove(0);
    let revival = revival(message.id, "z");
    let revived = outbox.revive_message(&revival).await.unwrap();
    assert_eq!(revived, Revived::NoSuchLetter, "it is not dead");
    let lease = message.lease();
    assert_eq!(
        settled(outbox, &lease, &again(at(1))).await,
        LeaseState::Held
    );
    let message = claimed(outbox, at(1), 9).await.remove(0);
    let lease = message.lease();
    assert_eq!(settled(outbox, &lease, &dead(1)).await, LeaseState::Held);
    let revived = outbox.revive_message(&revival).await.unwrap();
    assert_eq!(revived, Revived::Pending);
    let again = claimed(outbox, at(500), 9).await.remove(0);
    assert_eq!(again.message.key, "z");
    assert_eq!(again.message.binding, revival.binding);
    assert_eq!(again.failures, 0);
    assert_eq!(again.dead, None);
    assert_eq!(again.receipts, revival.receipts);
    assert_eq!(again.message.created_at, at(500));
    assert_eq!(again.message.expires_at, at(900));
}

pub(super) async fn revived_message_is_nobodys_from_before(subject: &Subject) {
    let outbox = subject.outbox();
    owed(subject, "a", at(0)).await;
    // Whoever stalls has one of these leases, and comes back after the message was given up and revived.
    let mut stalled = Vec::new();
    for round in 0..4 {
        let message = claimed(outbox, at(round), 9).await.remove(0);
        let lease = message.lease();
        stalled.push(lease.clone());
        assert_eq!(settled(outbox, &lease, &dead(1)).await, LeaseState::Held);
        let revived = outbox
            .revive_message(&revival(lease.id, &format!("{round}")))
            .await;
        assert_eq!(revived.unwrap(), Revived::Pending);
        for is_claimed in [false, true] {
            for lease in &stalled {
                for settlement in [Settlement::Settled, again(at(9)), dead(9)] {
                    let late = settled(outbox, lease, &settlement).await;
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
                assert_eq!(settled(outbox, &lease, &put_off).await, LeaseState::Held);
                stalled.push(lease);
            }
        }
    }
    assert_eq!(all(outbox).await.len(), 1);
}

pub(super) async fn letter_gives_way_to_a_newer_message(subject: &Subject) {
    let outbox = subject.outbox();
    let message = owed(subject, "a", at(0)).await;
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    assert_eq!(settled(outbox, &lease, &dead(1)).await, LeaseState::Held);
    let newer = NewMessage {
        key: "b".to_owned(),
        ..message
    };
    outbox.owe_message(&newer).await.unwrap();
    let revived = outbox.revive_message(&revival(lease.id, "z")).await;
    assert_eq!(revived.unwrap(), Revived::Superseded);
    assert_eq!(keys(&claimed(outbox, at(9), 9).await), ["b"]);
}

pub(super) async fn old_dead_letters_are_purged(subject: &Subject) {
    let outbox = subject.outbox();
    for (key, died) in [("a", Some(10)), ("b", Some(20)), ("c", None)] {
        owed(subject, key, at(0)).await;
        let lease = claimed(outbox, at(0), 9).await[0].lease();
        if let Some(died) = died {
            assert_eq!(settled(outbox, &lease, &dead(died)).await, LeaseState::Held);
        }
    }
    assert_eq!(outbox.purge_dead_letters(at(20)).await.unwrap(), 1);
    assert_eq!(keys(&all(outbox).await), ["b", "c"]);
    assert_eq!(outbox.purge_dead_letters(at(9_999)).await.unwrap(), 1);
    assert_eq!(keys(&all(outbox).await), ["c"], "what is owed stays");
}

pub(super) async fn deleted_person_is_owed_nothing(subject: &Subject) {
    let outbox = subject.outbox();
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let message = to(subject, &ann, AddressKind::Email, "before").await;
    outbox.owe_message(&message).await.unwrap();
    subject.outside(OutsideChange::DeletePerson(ann.id)).await;
    assert_eq!(all(outbox).await, []);
    let after = NewMessage {
        key: "after".to_owned(),
        ..message
    };
    outbox.owe_message(&after).await.unwrap();
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
    let extended = outbox.extend_lease(&lease, at(1), &none).await;
    assert_eq!(extended.unwrap(), LeaseState::Lost);
    assert_eq!(settled(outbox, &lease, &dead(1)).await, LeaseState::Lost);
    let released = outbox.release_superseded(&lease, 0, &none).await;
    assert!(!released.unwrap());
    let revived = outbox.revive_message(&revival(lease.id, "z")).await;
    assert_eq!(revived.unwrap(), Revived::NoSuchLetter);
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
        outbox.owe_message(&message).await.unwrap();
        assert_eq!(newest().await, Some(at(0)));
        let first = claimed(outbox, at(0), 1).await.remove(0);
        assert_eq!(first.requested_at, Some(at(0)));
        let lease = first.lease();
        assert_eq!(settled(outbox, &lease, &dead(0)).await, LeaseState::Held);

        // Another one at the same moment, by a clock that is behind even.
        for (number, created_at) in [(2, at(0)), (3, at(-100))] {
            let again = NewMessage {
                key: format!("{kind} {number}"),
                created_at,
                ..message.clone()
            };
            outbox.owe_message(&again).await.unwrap();
        }
        let micro = Duration::microseconds(1);
        let third = claimed(outbox, at(0), 1).await.remove(0);
        assert_eq!(third.message.key, format!("{kind} 3"));
        assert_eq!(third.requested_at, Some(at(0) + micro * 2));
        assert_eq!(third.message.created_at, at(-100));
        assert_eq!(newest().await, third.requested_at);

        // A dead letter that is owed anew is a request like any other; one that is refused, or is none, changes nothing.
        let revival = revival(first.id, &format!("{kind} again"));
        let refused = outbox.revive_message(&revival).await.unwrap();
        assert_eq!(refused, Revived::Superseded);
        assert_eq!(newest().await, third.requested_at);
        let done = Settlement::Settled;
        assert_eq!(
            settled(outbox, &third.lease(), &done).await,
            LeaseState::Held
        );
        let refused = outbox.revive_message(&revival).await.unwrap();
        assert_eq!(refused, Revived::Superseded, "the newer one is delivered");
        assert_eq!(newest().await, third.requested_at, "its link still works");
        let fourth = NewMessage {
            key: format!("{kind} 4"),
            ..message.clone()
        };
        outbox.owe_message(&fourth).await.unwrap();
        let fourth = claimed(outbox, at(0), 1).await.remove(0);
        assert_eq!(
            settled(outbox, &fourth.lease(), &dead(0)).await,
            LeaseState::Held
        );
        let revival = Revival {
            id: fourth.id,
            now: at(0),
            ..revival
        };
        let revived = outbox.revive_message(&revival).await.unwrap();
        assert_eq!(revived, Revived::Pending);
        let revived = claimed(outbox, at(0), 1).await.remove(0);
        assert_eq!(revived.requested_at, Some(at(0) + micro * 4));
        assert_eq!(newest().await, revived.requested_at);
        let refused = outbox.revive_message(&revival).await.unwrap();
        assert_eq!(refused, Revived::NoSuchLetter);
        assert_eq!(newest().await, revived.requested_at);
        assert_eq!(
            settled(outbox, &revived.lease(), &done).await,
            LeaseState::Held
        );
    }
}
