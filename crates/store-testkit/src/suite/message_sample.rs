//! Messages that the cases of the outbox enqueue, and how they are claimed and finished.
#![expect(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and so is a message that is not there"
)]

use chrono::{DateTime, Duration, SubsecRound, Utc};
use phone_auth_core::address::AddressKind;
use phone_auth_core::language::Language;
use phone_auth_core::outbox::{
    AccountChange, AttemptOutcome, Binding, Channel, Claim, DeadLetter, DurableSignal, Lease,
    LeaseState, MessageId, NewMessage, Notice, OutboxMessage, PendingEvent, Purpose, Queues,
    Receipt, ReceiptOutcome, Receipts, Recipient, Requeue, Wait,
};
use phone_auth_core::store::OutboxStore;
use phone_auth_core::user::{User, UserId};

use super::Subject;
use super::sample::{address_of, at, stored, whole};

/// The time by the clock of the outbox.
pub(super) async fn now(outbox: &dyn OutboxStore) -> DateTime<Utc> {
    let clock = outbox.clock().await.unwrap();
    clock.unwrap_or_else(Utc::now).trunc_subsecs(6)
}

/// A message to another user's address, enqueued at `at(0)`.
pub(super) fn to_address(key: &str, recipient: Option<Recipient>) -> NewMessage {
    NewMessage {
        key: key.to_owned(),
        purpose: Purpose::ResetPassword,
        kind: AddressKind::Email,
        recipient,
        notice: None,
        event: None,
        binding: Binding::from_stored([7; 32], Some("2 a=b".to_owned())),
        language: None,
        channel: Channel::Email,
        created_at: at(0),
        code_half_life: None,
        challenge: None,
        expires_at: at(0) + Duration::hours(1),
    }
}

/// A message to an address of a user, enqueued at `at(0)`.
pub(super) async fn to(subject: &Subject, user: &User, kind: AddressKind, key: &str) -> NewMessage {
    let address = address_of(subject.store(), user.id, kind).await;
    let recipient = Recipient {
        user: user.id,
        address: address.id,
    };
    NewMessage {
        kind,
        channel: Channel::usual(kind),
        language: Some(Language::parse("pt-br").unwrap()),
        ..to_address(key, Some(recipient))
    }
}

/// A notice to an address that is no row of anybody's.
pub(super) fn notice(key: &str, user: UserId) -> NewMessage {
    NewMessage {
        key: key.to_owned(),
        purpose: Purpose::SecurityNotice,
        kind: AddressKind::Email,
        recipient: None,
        notice: Some(Notice {
            user,
            to: "removed@example.org".to_owned(),
            change: AccountChange::AddressRemoved("removed@example.org".to_owned()),
        }),
        event: None,
        binding: Binding::from_stored([], None),
        language: Some(Language::parse("pt-br").unwrap()),
        channel: Channel::Email,
        created_at: at(0),
        expires_at: at(0) + Duration::hours(72),
        code_half_life: None,
        challenge: None,
    }
}

/// An event for durable receivers that tells of both addresses.
pub(super) fn event(key: &str, user: UserId) -> NewMessage {
    NewMessage {
        purpose: Purpose::Event,
        notice: None,
        event: Some(PendingEvent {
            closed: None,
            user,
            signal: DurableSignal::UserSignedUp,
            sender: "sign_up".into(),
            email: Some("ann@example.org".to_owned()),
            phone: Some("+919876543210".to_owned()),
        }),
        language: None,
        ..notice(key, user)
    }
}

/// An event that tells of the end of a user.
pub(super) fn closed_event(key: &str, user: &User) -> NewMessage {
    NewMessage {
        event: Some(PendingEvent {
            user: user.id,
            signal: DurableSignal::AccountClosed,
            sender: "close".into(),
            email: None,
            phone: None,
            closed: Some(user.to_event_user()),
        }),
        ..event(key, user.id)
    }
}

/// A message to an address of someone new, enqueued at this time.
pub(super) async fn to_another(
    subject: &Subject,
    key: &str,
    created_at: DateTime<Utc>,
) -> NewMessage {
    let users = subject.store().users_after(None, 1000).await.unwrap();
    let number = u32::try_from(users.len()).unwrap() + 1;
    let user = stored(subject.store(), &whole(&format!("user{number}"), number)).await;
    NewMessage {
        created_at,
        code_half_life: None,
        challenge: None,
        expires_at: created_at + Duration::hours(1),
        ..to(subject, &user, AddressKind::Email, key).await
    }
}

/// Enqueues a message to someone new.
pub(super) async fn enqueued(
    subject: &Subject,
    key: &str,
    created_at: DateTime<Utc>,
) -> NewMessage {
    let message = to_another(subject, key, created_at).await;
    subject.outbox().enqueue_message(&message).await.unwrap();
    message
}

/// Claims what is due at a time, for a minute.
pub(super) async fn claimed(
    outbox: &dyn OutboxStore,
    now: DateTime<Utc>,
    limit: u32,
) -> Vec<OutboxMessage> {
    let claim = Claim {
        now,
        until: now + Duration::minutes(1),
        limit,
        without: Queues::default(),
    };
    outbox.claim_messages(&claim).await.unwrap()
}

pub(super) fn keys(messages: &[OutboxMessage]) -> Vec<&str> {
    messages.iter().map(|it| it.message.key.as_str()).collect()
}

pub(super) fn receipts(outcome: ReceiptOutcome) -> Receipts {
    let mut receipts = Receipts::default();
    receipts.note(Receipt::new("app::mail", outcome, "why; \"quoted\" é"));
    receipts
}

/// A wait that begins at `at(0)`, or a minute before it ends if it ends before that.
pub(super) fn until(end: DateTime<Utc>) -> Wait {
    Wait {
        since: at(0).min(end - Duration::minutes(1)),
        until: end,
    }
}

/// Another attempt at this time, for a receiver that failed.
pub(super) fn again(due_at: DateTime<Utc>) -> AttemptOutcome {
    AttemptOutcome::Retry {
        wait: until(due_at),
        failures: 3,
        receipts: receipts(ReceiptOutcome::Failed),
    }
}

pub(super) fn dead(seconds: i64) -> AttemptOutcome {
    AttemptOutcome::DeadLettered {
        letter: DeadLetter {
            at: at(seconds),
            reason: "no such mailbox".to_owned(),
        },
        receipts: receipts(ReceiptOutcome::Refused),
    }
}

pub(super) fn requeue(id: MessageId, key: &str) -> Requeue {
    Requeue {
        id,
        key: key.to_owned(),
        binding: Binding::from_stored([8; 32], Some("2 c=d".to_owned())),
        now: at(500),
        expires_at: at(900),
        receipts: receipts(ReceiptOutcome::Done),
    }
}

/// Ends an attempt; what was left of its lease.
pub(super) async fn finished(
    outbox: &dyn OutboxStore,
    lease: &Lease,
    outcome: &AttemptOutcome,
) -> LeaseState {
    outbox.finish_message(lease, outcome).await.unwrap()
}

/// Everything in the outbox, all of which can be read.
pub(super) async fn all(outbox: &dyn OutboxStore) -> Vec<OutboxMessage> {
    let rows = outbox.outbox_after(None, 1000).await.unwrap();
    rows.into_iter()
        .map(|row| row.into_message().unwrap())
        .collect()
}
