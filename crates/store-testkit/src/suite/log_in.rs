//! Logging in: one transaction, refused unless all is as it was when the password was checked.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::Duration;
use phone_auth_core::session::NewLogIn;
use phone_auth_core::store::StoreErrorKind;
use phone_auth_core::user::{User, UserId};

use super::Subject;
use super::sample::{
    HASH, at, digest, hash, is_alive, log_in, logged_in, replacement, stored, user_now,
    without_address,
};

pub(super) async fn log_in_is_recorded(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    assert!(store.log_in(&log_in(ann.id, 1, at(10))).await.unwrap());
    let expected = User {
        last_login: Some(at(10)),
        ..ann
    };
    assert_eq!(user_now(store, expected.id).await, expected);
    assert_eq!(user_now(store, bob.id).await, bob);

    let session = store.session(&digest(1), at(11)).await.unwrap().unwrap();
    assert_eq!((session.digest, session.user), (digest(1), expected));
    assert_eq!(session.expires_at, at(10) + Duration::hours(1));
}

pub(super) async fn old_session_is_ended(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    logged_in(store, ann.id, 1).await;
    logged_in(store, ann.id, 2).await;
    // The browser may have been another user's, or bring a session that is long gone.
    for (ends, number) in [(1, 3), (77, 4)] {
        let change = NewLogIn {
            ends: Some(digest(ends)),
            ..log_in(bob.id, number, at(0))
        };
        assert!(store.log_in(&change).await.unwrap());
    }
    for (number, alive) in [(1, false), (2, true), (3, true), (4, true)] {
        assert_eq!(is_alive(store, number).await, alive, "{number}");
    }
}

pub(super) async fn weaker_hash_is_upgraded(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let change = NewLogIn {
        upgraded_password: Some(hash("stronger")),
        ..log_in(ann.id, 1, at(0))
    };
    assert!(store.log_in(&change).await.unwrap());
    let read = user_now(store, ann.id).await;
    assert_eq!(read.password, hash("stronger"));
    assert_eq!(read.last_login, Some(at(0)));
}

pub(super) async fn changed_hash_is_refused(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    logged_in(store, ann.id, 1).await;
    let before = user_now(store, ann.id).await;
    let change = NewLogIn {
        checked_password: hash("other"),
        upgraded_password: Some(hash("stronger")),
        ends: Some(digest(1)),
        ..log_in(ann.id, 2, at(10))
    };
    assert!(!store.log_in(&change).await.unwrap());
    assert_eq!(user_now(store, ann.id).await, before);
    assert!(is_alive(store, 1).await);
    assert!(store.session(&digest(2), at(11)).await.unwrap().is_none());
}

pub(super) async fn inactive_and_missing_users_are_refused(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    assert!(store.set_active(ann.id, false).await.unwrap());
    let before = user_now(store, ann.id).await;
    assert!(!store.log_in(&log_in(ann.id, 1, at(0))).await.unwrap());
    assert_eq!(user_now(store, ann.id).await, before);
    let nobody = UserId::new(ann.id.get() + 1);
    assert!(!store.log_in(&log_in(nobody, 2, at(0))).await.unwrap());

    assert!(store.set_active(ann.id, true).await.unwrap());
    assert!(!is_alive(store, 1).await);
    assert!(!is_alive(store, 2).await);
}

pub(super) async fn used_digest_is_never_overwritten(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    logged_in(store, ann.id, 1).await;
    logged_in(store, ann.id, 2).await;
    // Not an expired one either, and not the one that the browser came with.
    for (ends, time) in [(2, at(10)), (2, at(100_000)), (1, at(10))] {
        let change = NewLogIn {
            upgraded_password: Some(hash("stronger")),
            ends: Some(digest(ends)),
            ..log_in(bob.id, 1, time)
        };
        let error = store.log_in(&change).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::SessionExists);
    }
    assert_eq!(user_now(store, bob.id).await, bob);
    let first = store.session(&digest(1), at(1)).await.unwrap().unwrap();
    assert_eq!((first.user.id, first.expires_at), (ann.id, at(3_600)));
    assert!(is_alive(store, 2).await);
}

pub(super) async fn equal_upgrades_have_one_winner(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let answers = subject
        .at_once(20, |store, number| async move {
            let change = NewLogIn {
                upgraded_password: Some(hash(&format!("stronger {number}"))),
                ..log_in(ann.id, u8::try_from(number).unwrap(), at(0))
            };
            store.log_in(&change).await.unwrap()
        })
        .await;
    let winners: Vec<_> = answers
        .iter()
        .enumerate()
        .filter(|(_, won)| **won)
        .collect();
    assert_eq!(winners.len(), 1);
    let (number, _) = winners.first().unwrap();
    let read = user_now(store, ann.id).await;
    assert_eq!(read.password, hash(&format!("stronger {number}")));
    for other in 0..20 {
        let alive = is_alive(store, other).await;
        assert_eq!(alive, usize::from(other) == *number, "{other}");
    }
}

pub(super) async fn upgrade_never_undoes_a_replacement(subject: &Subject) {
    // A user resets the password while someone logs in with the old one: the new one stays.
    let store = subject.store();
    for round in 0..10_u8 {
        let ann = stored(store, &without_address(&format!("ann{round}"))).await;
        let answers = subject
            .at_once(2, |store, side| async move {
                if side == 0 {
                    let change = replacement(ann.id, "reset");
                    return store.replace_password(&change).await.unwrap();
                }
                let change = NewLogIn {
                    upgraded_password: Some(hash("stronger")),
                    ..log_in(ann.id, round, at(0))
                };
                store.log_in(&change).await.unwrap()
            })
            .await;
        let password = user_now(store, ann.id).await.password;
        assert_ne!(password, hash(HASH));
        let reset_won = password == hash("reset");
        assert_eq!(answers, [reset_won, !reset_won]);
        assert_eq!(is_alive(store, round).await, !reset_won);
    }
}

/// How many users are logged in by many at once while something else happens to them.
const ROUNDS: u32 = 8;

/// Logs a new user in, many times at once, while their password is replaced or they are disabled;
/// which of the log-ins are still good afterwards.
async fn sessions_left(subject: &Subject, round: u32, keep_out: bool) -> Vec<u32> {
    let store = subject.store();
    let ann = stored(store, &without_address(&format!("ann{round}"))).await;
    let numbers = subject
        .at_once(16, move |store, number| async move {
            // One amid the others: some log-ins come before, some after.
            if number == 8 && keep_out {
                assert!(store.set_active(ann.id, false).await.unwrap());
            } else if number == 8 {
                let change = replacement(ann.id, "new");
                assert!(store.replace_password(&change).await.unwrap());
            } else {
                let digest = u8::try_from(16 * round + number).unwrap();
                store.log_in(&log_in(ann.id, digest, at(0))).await.unwrap();
            }
            number
        })
        .await;
    if keep_out {
        assert!(store.set_active(ann.id, true).await.unwrap());
    }
    let mut left = Vec::new();
    for number in numbers {
        if is_alive(store, u8::try_from(16 * round + number).unwrap()).await {
            left.push(number);
        }
    }
    left
}

pub(super) async fn no_session_outlives_a_replacement(subject: &Subject) {
    // A log-in that checked the old password is refused if it comes after, and its session ended if it
    // came before: also when both come at once.
    for round in 0..ROUNDS {
        assert_eq!(sessions_left(subject, round, false).await, [] as [u32; 0]);
    }
}

pub(super) async fn no_session_outlives_keeping_out(subject: &Subject) {
    for round in 0..ROUNDS {
        assert_eq!(sessions_left(subject, round, true).await, [] as [u32; 0]);
    }
}
