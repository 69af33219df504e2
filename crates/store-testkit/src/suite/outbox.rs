//! The outbox: messages that are owed, claimed and settled.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Duration, Utc};
use phone_auth_core::address::AddressKind;
use phone_auth_core::language::Language;
use phone_auth_core::outbox::{
    Binding, Claim, DeadLetter, Lease, MessageId, MessagePurpose, NewMessage, OutboxMessage,
    Receipt, ReceiptOutcome, Receipts, Recipient, Revival, Settlement,
};
use phone_auth_core::person::Person;
use phone_auth_core::store::OutboxStore;

use super::Subject;
use super::sample::{address_of, at, stored, whole};
use crate::outsider::OutsideChange;

/// A message to nobody, promised at this time.
fn to_nobody(key: &str, created_at: DateTime<Utc>) -> NewMessage {
    NewMessage {
        key: key.to_owned(),
        purpose: MessagePurpose::ResetPassword,
        kind: AddressKind::Email,
        recipient: None,
        binding: Binding::from_bytes([7; 32]),
        language: None,
        created_at,
        expires_at: created_at + Duration::hours(1),
    }
}

/// A message to an address of a person, promised at `at(0)`.
async fn to(subject: &Subject, person: &Person, kind: AddressKind, key: &str) -> NewMessage {
    let address = address_of(subject.store(), person.id, kind).await;
    NewMessage {
        kind,
        recipient: Some(Recipient {
            person: person.id,
            address: address.id,
        }),
        language: Some(Language::parse("pt-br").unwrap()),
        ..to_nobody(key, at(0))
    }
}

/// Claims what is due at a time, for a minute.
async fn claimed(outbox: &dyn OutboxStore, now: DateTime<Utc>, limit: u32) -> Vec<OutboxMessage> {
    let claim = Claim {
        now,
        until: now + Duration::minutes(1),
        limit,
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

fn dead(seconds: i64) -> Settlement {
    Settlement::Dead {
        letter: DeadLetter {
            at: at(seconds),
            reason: "no such mailbox".to_owned(),
        },
        receipts: receipts(ReceiptOutcome::Refused),
    }
}

/// Everything in the outbox.
async fn all(outbox: &dyn OutboxStore) -> Vec<OutboxMessage> {
    outbox.outbox_after(None, 1000).await.unwrap()
}

pub(super) async fn owed_message_comes_back_as_stored(subject: &Subject) {
    let outbox = subject.outbox();
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let mut owed = vec![
        to(subject, &ann, AddressKind::Email, "one").await,
        to(subject, &ann, AddressKind::Phone, "two").await,
        to_nobody("three", at(0)),
    ];
    owed[1].purpose = MessagePurpose::Verify;
    for message in &owed {
        outbox.owe_message(message).await.unwrap();
    }
    let listed = all(outbox).await;
    for (message, expected) in listed.iter().zip(&owed) {
        let whole = OutboxMessage {
            id: message.id,
            message: expected.clone(),
            requested_at: Some(at(0)),
            attempts: 0,
            due_at: at(0),
            receipts: Receipts::default(),
            dead: None,
        };
        assert_eq!(message, &whole);
        let one = outbox.outbox_message(message.id).await.unwrap();
        assert_eq!(one.as_ref(), Some(message));
    }
    assert_eq!(listed.len(), owed.len());
    let pages = outbox.outbox_after(Some(listed[0].id), 1).await.unwrap();
    assert_eq!(keys(&pages), ["two"]);
    let beyond = MessageId::new(listed[2].id.get() + 1);
    assert_eq!(outbox.outbox_message(beyond).await.unwrap(), None);
}

pub(super) async fn message_is_due_from_its_time(subject: &Subject) {
    let outbox = subject.outbox();
    assert_eq!(outbox.next_due().await.unwrap(), None);
    for (key, seconds) in [("late", 20), ("early", 10)] {
        let message = to_nobody(key, at(seconds));
        outbox.owe_message(&message).await.unwrap();
    }
    assert_eq!(outbox.next_due().await.unwrap(), Some(at(10)));
    let before = at(10) - Duration::microseconds(1);
    assert_eq!(claimed(outbox, before, 9).await, []);
    assert_eq!(keys(&claimed(outbox, at(20), 1).await), ["early"]);
    assert_eq!(keys(&claimed(outbox, at(20), 9).await), ["late"]);
}

pub(super) async fn claimed_message_is_leased(subject: &Subject) {
    let outbox = subject.outbox();
    outbox.owe_message(&to_nobody("a", at(0))).await.unwrap();
    let first = claimed(outbox, at(0), 9).await;
    assert_eq!((first[0].attempts, first[0].due_at), (1, at(60)));
    assert_eq!(claimed(outbox, at(59), 9).await, []);
    assert_eq!(outbox.next_due().await.unwrap(), Some(at(60)));
    let second = claimed(outbox, at(60), 9).await;
    assert_eq!(
        second[0].attempts, 2,
        "who died gives back when the lease ends"
    );
    let receipts = receipts(ReceiptOutcome::Done);
    for settlement in [Settlement::Settled, dead(61)] {
        let late = outbox.settle_message(first[0].lease(), &settlement).await;
        assert!(!late.unwrap(), "the first has lost its lease");
    }
    let late = outbox
        .extend_lease(first[0].lease(), at(999), &receipts)
        .await;
    assert!(!late.unwrap());
    let lease = second[0].lease();
    assert!(
        outbox
            .settle_message(lease, &Settlement::Settled)
            .await
            .unwrap()
    );
    assert_eq!(all(outbox).await, []);
    assert!(
        !outbox
            .settle_message(lease, &Settlement::Settled)
            .await
            .unwrap()
    );
}

pub(super) async fn extended_lease_keeps_receipts(subject: &Subject) {
    let outbox = subject.outbox();
    outbox.owe_message(&to_nobody("a", at(0))).await.unwrap();
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    let receipts = receipts(ReceiptOutcome::Done);
    assert!(
        outbox
            .extend_lease(lease, at(100), &receipts)
            .await
            .unwrap()
    );
    assert_eq!(claimed(outbox, at(99), 9).await, []);
    let again = claimed(outbox, at(100), 9).await;
    assert_eq!(again[0].receipts, receipts);
}

pub(super) async fn failed_message_is_due_again(subject: &Subject) {
    let outbox = subject.outbox();
    outbox.owe_message(&to_nobody("a", at(0))).await.unwrap();
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    let again = Settlement::Again {
        due_at: at(5),
        receipts: receipts(ReceiptOutcome::Failed),
    };
    assert!(outbox.settle_message(lease, &again).await.unwrap());
    assert_eq!(claimed(outbox, at(4), 9).await, []);
    let second = claimed(outbox, at(5), 9).await;
    assert_eq!(second[0].attempts, 2);
    assert_eq!(second[0].receipts, receipts(ReceiptOutcome::Failed));
}

pub(super) async fn concurrent_claims_share_nothing(subject: &Subject) {
    let outbox = subject.shared_outbox();
    for number in 0..50 {
        let message = to_nobody(&number.to_string(), at(0));
        outbox.owe_message(&message).await.unwrap();
    }
    let claims: Vec<_> = (0..8)
        .map(|_| {
            let outbox = Arc::clone(&outbox);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let claimed = claimed(outbox.as_ref(), at(0), 3).await;
                    if claimed.is_empty() {
                        return mine;
                    }
                    mine.extend(claimed.into_iter().map(|message| message.id));
                }
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

pub(super) async fn newer_message_supersedes(subject: &Subject) {
    let outbox = subject.outbox();
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let bob = stored(subject.store(), &whole("bob", 2)).await;
    let old = to(subject, &ann, AddressKind::Email, "old").await;
    outbox.owe_message(&old).await.unwrap();
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    let mut others = vec![
        to(subject, &ann, AddressKind::Phone, "phone").await,
        to(subject, &bob, AddressKind::Email, "bob").await,
        NewMessage {
            purpose: MessagePurpose::Verify,
            key: "verify".to_owned(),
            ..old.clone()
        },
        to_nobody("nobody", at(0)),
    ];
    for message in &others {
        outbox.owe_message(message).await.unwrap();
    }
    assert_eq!(
        keys(&all(outbox).await),
        ["old", "phone", "bob", "verify", "nobody"]
    );
    others.push(NewMessage {
        key: "new".to_owned(),
        ..old
    });
    outbox.owe_message(&others[4]).await.unwrap();
    assert_eq!(
        keys(&all(outbox).await),
        ["phone", "bob", "verify", "nobody", "new"]
    );
    let late = outbox.settle_message(lease, &dead(1)).await.unwrap();
    assert!(!late, "who was just delivering the old one records nothing");
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
    let ann = stored(subject.store(), &whole("ann", 1)).await;
    let message = to(subject, &ann, AddressKind::Email, "a").await;
    outbox.owe_message(&message).await.unwrap();
    let lease = claimed(outbox, at(0), 9).await[0].lease();
    assert!(outbox.settle_message(lease, &dead(3)).await.unwrap());
    assert_eq!(outbox.next_due().await.unwrap(), None);
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
    assert!(!outbox.settle_message(lease, &dead(4)).await.unwrap());
}

pub(super) async fn dead_letter_can_be_revived(subject: &Subject) {
    let outbox = subject.outbox();
    outbox.owe_message(&to_nobody("a", at(0))).await.unwrap();
    let message = claimed(outbox, at(0), 9).await.remove(0);
    let revival = Revival {
        id: message.id,
        key: "z".to_owned(),
        now: at(500),
        expires_at: at(900),
        receipts: receipts(ReceiptOutcome::Done),
    };
    assert!(
        !outbox.revive_message(&revival).await.unwrap(),
        "it is not dead"
    );
    let lease = message.lease();
    assert!(outbox.settle_message(lease, &dead(1)).await.unwrap());
    assert!(outbox.revive_message(&revival).await.unwrap());
    assert_eq!(claimed(outbox, at(499), 9).await, []);
    let again = claimed(outbox, at(500), 9).await.remove(0);
    assert_eq!(again.message.key, "z");
    assert_eq!(again.attempts, 1);
    assert_eq!(again.dead, None);
    assert_eq!(again.receipts, revival.receipts);
    assert_eq!(again.message.created_at, at(500));
    assert_eq!(again.message.expires_at, at(900));
}

pub(super) async fn old_dead_letters_are_purged(subject: &Subject) {
    let outbox = subject.outbox();
    for (key, died) in [("a", Some(10)), ("b", Some(20)), ("c", None)] {
        outbox.owe_message(&to_nobody(key, at(0))).await.unwrap();
        let lease = claimed(outbox, at(0), 9).await[0].lease();
        if let Some(died) = died {
            assert!(outbox.settle_message(lease, &dead(died)).await.unwrap());
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
    let listed = all(outbox).await;
    assert_eq!(listed[0].message.recipient, None, "it is to nobody now");
}

pub(super) async fn unknown_lease_is_lost(subject: &Subject) {
    let outbox = subject.outbox();
    let lease = Lease {
        id: MessageId::new(1),
        attempt: 1,
    };
    let extended = outbox
        .extend_lease(lease, at(1), &Receipts::default())
        .await;
    assert!(!extended.unwrap());
    assert!(!outbox.settle_message(lease, &dead(1)).await.unwrap());
    let revival = Revival {
        id: lease.id,
        key: "z".to_owned(),
        now: at(0),
        expires_at: at(1),
        receipts: Receipts::default(),
    };
    assert!(!outbox.revive_message(&revival).await.unwrap());
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
        let ended = outbox.settle_message(first.lease(), &dead(0)).await;
        assert!(ended.unwrap());

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

        // A dead letter that is owed anew is a request like any other.
        let revival = Revival {
            id: first.id,
            key: format!("{kind} again"),
            now: at(0),
            expires_at: at(3600),
            receipts: Receipts::default(),
        };
        assert!(outbox.revive_message(&revival).await.unwrap());
        let revived = outbox.outbox_message(first.id).await.unwrap().unwrap();
        assert_eq!(revived.requested_at, Some(at(0) + micro * 3));
        assert_eq!(newest().await, revived.requested_at);
        // What is no dead letter is not, and changes nothing.
        assert!(!outbox.revive_message(&revival).await.unwrap());
        assert_eq!(newest().await, revived.requested_at);
        for message in all(outbox).await {
            let claimed = claimed(outbox, at(60 * 60), 10).await;
            for one in claimed.iter().filter(|one| one.id == message.id) {
                assert!(
                    outbox
                        .settle_message(one.lease(), &Settlement::Settled)
                        .await
                        .unwrap()
                );
            }
        }
    }
    let nobody = to_nobody("nobody", at(0));
    outbox.owe_message(&nobody).await.unwrap();
}
