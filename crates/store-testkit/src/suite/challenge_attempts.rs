//! Attempts at a challenge: they are exact, and one that was not made is given back.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use phone_auth_core::address::AddressId;
use phone_auth_core::challenge::{Challenge, ChallengeId, NewChallenge};
use phone_auth_core::outbox::Purpose;

use super::Subject;
use super::challenges::{RESET, WHOSE, attempt, attempts, begin, id, neighbour, new, renewal};
use super::right_codes::code;
use super::sample::at;

pub(super) async fn attempts_are_counted_down(subject: &Subject) {
    begin(subject, new(1)).await;
    for left in (0..5).rev() {
        let taken = attempt(subject, 1, at(1)).await;
        let expected = Challenge {
            email: Some(AddressId::new(7)),
            phone: None,
            subject: Some(new(1).subject),
            attempts_left: left,
            expires_at: at(600),
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

/// One that was begun is not begun again, however it stands, and of many at once one is.
pub(super) async fn opened_challenge_stays_as_it_is(subject: &Subject) {
    let store = subject.store();
    store.open_challenge(&new(1)).await.unwrap();
    attempt(subject, 1, at(1)).await.unwrap();
    store.open_challenge(&new(1)).await.unwrap();
    assert_eq!(attempts(subject, 1, at(1)).await, 4);
    store.open_challenge(&new(1)).await.unwrap();
    assert_eq!(attempts(subject, 1, at(1)).await, 0, "used up");
    store.open_challenge(&new(2)).await.unwrap();
    let code = code(subject, RESET, 1).await;
    assert!(store.end_challenge(&id(2), &code, at(1)).await.unwrap());
    store.open_challenge(&new(2)).await.unwrap();
    let ended = store.challenge(&id(2), RESET).await.unwrap().unwrap();
    assert_eq!((ended.proven_at, ended.attempts_left), (Some(at(1)), 0));
    // Each opens it and takes an attempt.
    let taken = subject
        .at_once(50, |store, _| async move {
            store.open_challenge(&new(3)).await.unwrap();
            store.attempt_challenge(&id(3), RESET, at(1)).await.unwrap()
        })
        .await;
    assert_eq!(taken.iter().flatten().count(), 5);
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

/// What was taken and not used is there again, once for each; for someone and for nobody.
pub(super) async fn returned_attempt_is_there_again(subject: &Subject) {
    let store = subject.store();
    for (number, email) in [(1, WHOSE[0]), (2, WHOSE[1])] {
        let give_back = async |id: ChallengeId, purpose, expires_at| {
            let given = store.return_attempt(&id, purpose, expires_at, 5);
            given.await.unwrap();
        };
        let left = async || {
            let kept = store.challenge(&id(number), RESET).await.unwrap();
            kept.unwrap().attempts_left
        };
        let challenge = NewChallenge {
            email,
            ..new(number)
        };
        begin(subject, challenge).await;
        for _ in 0..5 {
            let taken = attempt(subject, number, at(1)).await.unwrap();
            assert_eq!(taken.expires_at, at(600));
        }
        // Not for another purpose, life or key.
        give_back(id(number), Purpose::Verify, at(600)).await;
        give_back(id(number), RESET, at(601)).await;
        give_back(neighbour(77), RESET, at(600)).await;
        assert_eq!(left().await, 0, "{email:?}");
        give_back(id(number), RESET, at(600)).await;
        assert_eq!(left().await, 1, "{email:?}");
        assert!(attempt(subject, number, at(1)).await.is_some());
        for _ in 0..9 {
            give_back(id(number), RESET, at(600)).await;
        }
        assert_eq!(left().await, 5, "never more than there were: {email:?}");
        // One of before it was renewed.
        let sent = store.renew_challenge(&renewal(number, 1, 60)).await;
        assert!(sent.unwrap());
        assert!(attempt(subject, number, at(61)).await.is_some());
        give_back(id(number), RESET, at(600)).await;
        assert_eq!(left().await, 4, "{email:?}");
    }
    begin(subject, new(3)).await;
    let code = code(subject, RESET, 1).await;
    assert!(store.end_challenge(&id(3), &code, at(1)).await.unwrap());
    let given = store.return_attempt(&id(3), RESET, at(600), 5).await;
    given.unwrap();
    assert_eq!(attempts(subject, 3, at(1)).await, 0, "its code was right");
    // However many do so at once, no more are used than there were.
    begin(subject, new(4)).await;
    let used = subject
        .at_once(60, |store, number| async move {
            let taken = store.attempt_challenge(&id(4), RESET, at(1)).await;
            let Some(taken) = taken.unwrap() else {
                return 0;
            };
            if number % 2 == 0 {
                return 1;
            }
            let (id, until) = (id(4), taken.expires_at);
            store.return_attempt(&id, RESET, until, 5).await.unwrap();
            0
        })
        .await;
    let used: u32 = used.into_iter().sum();
    assert_eq!(used + attempts(subject, 4, at(1)).await, 5);
}

/// What was ended for nothing is as it was before; at another time it was another code that ended it.
pub(super) async fn reopened_challenge_is_there_again(subject: &Subject) {
    let store = subject.store();
    begin(subject, new(1)).await;
    let before = store.challenge(&id(1), RESET).await.unwrap();
    let code = code(subject, RESET, 1).await;
    let reopen = |number, proven_at| {
        let id = id(number);
        async move {
            let reopened = store.reopen_challenge(&id, &code, proven_at, 5);
            reopened.await.unwrap()
        }
    };
    assert!(!reopen(1, at(2)).await, "it has not ended");
    assert!(!reopen(9, at(2)).await, "there is none");
    for ended_at in [at(2), at(3)] {
        // The code is there again as well.
        let ended = store.end_challenge(&id(1), &code, ended_at).await;
        assert!(ended.unwrap());
        assert!(!reopen(1, at(4)).await);
        assert!(reopen(1, ended_at).await);
        assert!(!reopen(1, ended_at).await);
        assert_eq!(store.challenge(&id(1), RESET).await.unwrap(), before);
    }
    assert!(attempt(subject, 1, at(5)).await.is_some());
}
