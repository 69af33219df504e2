//! Challenges: attempts are exact, asking again gives none back, and nobody's are bounded.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{DateTime, Duration, Utc};
use phone_auth_core::address::AddressId;
use phone_auth_core::challenge::{Challenge, ChallengeId, NewChallenge};
use phone_auth_core::outbox::Purpose;

use super::Subject;
use super::sample::at;

const RESET: Purpose = Purpose::ResetPassword;

/// The id of a key, as spread as a digest.
fn id(number: u8) -> ChallengeId {
    let mut bytes = [number; 32];
    bytes[0] = number.wrapping_mul(37);
    bytes[31] = 0xA5;
    ChallengeId::from_bytes(bytes)
}

/// A challenge of the e-mail address 7, which begins at 0 and lives for ten minutes.
fn new(number: u8) -> NewChallenge {
    NewChallenge {
        id: id(number),
        previous: None,
        purpose: RESET,
        email: Some(AddressId::new(7)),
        phone: None,
        attempts: 5,
        created_at: at(0),
        expires_at: at(600),
    }
}

async fn begin(subject: &Subject, new: NewChallenge) {
    subject.store().begin_challenge(&new).await.unwrap();
}

async fn attempt(subject: &Subject, number: u8, now: DateTime<Utc>) -> Option<Challenge> {
    let store = subject.store();
    store
        .attempt_challenge(&id(number), RESET, now)
        .await
        .unwrap()
}

/// How many attempts a challenge has.
async fn attempts(subject: &Subject, number: u8, now: DateTime<Utc>) -> u32 {
    let mut made = 0;
    while attempt(subject, number, now).await.is_some() {
        made += 1;
        assert!(made <= 10, "without end");
    }
    made
}

pub(super) async fn attempts_are_counted_down(subject: &Subject) {
    begin(subject, new(1)).await;
    for left in (0..5).rev() {
        let taken = attempt(subject, 1, at(1)).await;
        let expected = Challenge {
            email: Some(AddressId::new(7)),
            phone: None,
            attempts_left: left,
        };
        assert_eq!(taken, Some(expected));
    }
    assert_eq!(attempt(subject, 1, at(1)).await, None);
    // Another one is not meant.
    let both = NewChallenge {
        phone: Some(AddressId::new(8)),
        ..new(2)
    };
    begin(subject, both).await;
    let taken = attempt(subject, 2, at(1)).await.unwrap();
    assert_eq!((taken.email, taken.phone), (both.email, both.phone));
    assert_eq!(attempt(subject, 3, at(1)).await, None, "there is none");
}

pub(super) async fn attempts_at_once_are_exact(subject: &Subject) {
    let challenge = NewChallenge {
        attempts: 50,
        ..new(1)
    };
    begin(subject, challenge).await;
    let taken = subject
        .at_once(200, |store, _| async move {
            store.attempt_challenge(&id(1), RESET, at(1)).await.unwrap()
        })
        .await;
    let mut left: Vec<_> = taken
        .into_iter()
        .flatten()
        .map(|it| it.attempts_left)
        .collect();
    left.sort_unstable();
    assert_eq!(left, (0..50).collect::<Vec<_>>());
}

pub(super) async fn challenge_is_for_one_purpose_and_time(subject: &Subject) {
    begin(subject, new(1)).await;
    let store = subject.store();
    let other = store
        .attempt_challenge(&id(1), Purpose::Verify, at(1))
        .await;
    assert_eq!(other.unwrap(), None);
    let micro = Duration::microseconds(1);
    assert!(attempt(subject, 1, at(600) - micro).await.is_some());
    assert_eq!(attempt(subject, 1, at(600)).await, None);
}

pub(super) async fn asking_again_gives_no_attempts_back(subject: &Subject) {
    let again = |number, previous| NewChallenge {
        previous: Some(id(previous)),
        ..new(number)
    };
    begin(subject, new(1)).await;
    for _ in 0..3 {
        assert!(attempt(subject, 1, at(1)).await.is_some());
    }
    begin(subject, again(2, 1)).await;
    assert_eq!(attempt(subject, 1, at(1)).await, None, "it has ended");
    assert_eq!(attempts(subject, 2, at(1)).await, 2);
    begin(subject, again(3, 2)).await;
    assert_eq!(attempts(subject, 3, at(1)).await, 0);

    // One for something else, one that is over and one that never was are no reason.
    let others = [
        NewChallenge {
            purpose: Purpose::Verify,
            ..new(10)
        },
        NewChallenge {
            email: Some(AddressId::new(8)),
            ..new(10)
        },
        NewChallenge {
            phone: Some(AddressId::new(7)),
            ..new(10)
        },
        NewChallenge {
            email: None,
            phone: Some(AddressId::new(7)),
            ..new(10)
        },
        NewChallenge {
            expires_at: at(0),
            ..new(10)
        },
    ];
    for other in others {
        begin(
            subject,
            NewChallenge {
                attempts: 1,
                ..other
            },
        )
        .await;
        begin(subject, again(11, 10)).await;
        assert_eq!(attempts(subject, 11, at(1)).await, 5, "{other:?}");
    }
    begin(subject, again(12, 99)).await;
    assert_eq!(attempts(subject, 12, at(1)).await, 5);
}

pub(super) async fn challenge_ends_once(subject: &Subject) {
    begin(subject, new(1)).await;
    let ended = subject
        .at_once(20, |store, _| async move {
            store.end_challenge(&id(1)).await.unwrap()
        })
        .await;
    assert_eq!(ended.into_iter().filter(|ended| *ended).count(), 1);
    assert_eq!(attempt(subject, 1, at(1)).await, None);
}

/// Nobody's are attempted like all others, and two keys that share a place share it in time.
pub(super) async fn challenges_of_nobody_are_bounded(subject: &Subject) {
    let nobodys = |id: ChallengeId| NewChallenge {
        id,
        email: None,
        ..new(1)
    };
    let with_end = |end: u8| {
        let mut bytes = *id(1).as_bytes();
        bytes[31] = end;
        ChallengeId::from_bytes(bytes)
    };
    begin(subject, nobodys(with_end(1))).await;
    let store = subject.store();
    let taken = store
        .attempt_challenge(&with_end(1), RESET, at(1))
        .await
        .unwrap();
    assert_eq!(taken.unwrap().attempts_left, 4);
    // It ends by time alone: no code answers it.
    assert!(!store.end_challenge(&with_end(1)).await.unwrap());
    let taken = store
        .attempt_challenge(&with_end(2), RESET, at(1))
        .await
        .unwrap();
    assert_eq!(taken.unwrap().attempts_left, 3, "the same place");
    begin(subject, nobodys(with_end(2))).await;
    let taken = store
        .attempt_challenge(&with_end(1), RESET, at(1))
        .await
        .unwrap();
    assert_eq!(taken.unwrap().attempts_left, 4, "overwritten");

    // Someone's with a key for that place is found first.
    let theirs = NewChallenge {
        id: with_end(3),
        ..new(1)
    };
    begin(subject, theirs).await;
    let taken = store
        .attempt_challenge(&with_end(3), RESET, at(1))
        .await
        .unwrap();
    assert_eq!(taken.unwrap().email, theirs.email);

    for end in 0..=255 {
        begin(subject, nobodys(with_end(end))).await;
    }
    let removed = store
        .remove_expired_challenges(at(600), 1_000)
        .await
        .unwrap();
    assert_eq!(removed, 2);
}

pub(super) async fn expired_challenges_are_removed(subject: &Subject) {
    for number in 1..=20 {
        let expires_at = at(i64::from(number) * 60);
        begin(
            subject,
            NewChallenge {
                expires_at,
                ..new(number)
            },
        )
        .await;
    }
    let store = subject.store();
    let micro = Duration::microseconds(1);
    for (time, limit, removed) in [
        (at(60) - micro, 100, 0),
        (at(60), 100, 1),
        (at(600), 4, 4),
        (at(600), 100, 5),
        (at(600), 100, 0),
        (at(10_000), 100, 10),
    ] {
        let answer = store.remove_expired_challenges(time, limit).await.unwrap();
        assert_eq!(answer, removed, "{time} {limit}");
    }
}
