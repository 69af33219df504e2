//! Replacing a password: compare-and-swap, with one winner.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::{DateTime, Duration, Utc};
use phone_auth_core::session::{KeptSession, PasswordReplacement};
use phone_auth_core::store::StoreErrorKind;
use phone_auth_core::user::UserId;

use super::Subject;
use super::sample::{
    HASH, at, digest, hash, is_alive, logged_in, replacement, stored, user_now, without_address,
};
use crate::external_writer::ExternalChange;

pub(super) async fn replacement_needs_the_old_hash(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    for old in ["", "other", &HASH.to_uppercase(), &format!("{HASH} ")] {
        let wrong = PasswordReplacement {
            old: hash(old),
            ..replacement(ann.id, "new")
        };
        assert!(!store.replace_password(&wrong).await.unwrap());
    }
    let nobody = replacement(UserId::new(-1), "new");
    assert!(!store.replace_password(&nobody).await.unwrap());
    assert_eq!(user_now(store, ann.id).await, ann);

    let right = replacement(ann.id, "new");
    assert!(store.replace_password(&right).await.unwrap());
    assert_eq!(user_now(store, ann.id).await.password, hash("new"));
    assert_eq!(user_now(store, bob.id).await, bob);
    assert!(!store.replace_password(&right).await.unwrap());
}

pub(super) async fn replacement_needs_an_active_user(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    assert!(store.set_active(ann.id, false).await.unwrap());
    assert!(
        !store
            .replace_password(&replacement(ann.id, "new"))
            .await
            .unwrap()
    );
    assert_eq!(user_now(store, ann.id).await.password, hash(HASH));
}

pub(super) async fn replacement_needs_the_last_log_in(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let micro = Duration::microseconds(1);
    let whole_second = at(0) - Duration::microseconds(123_456);
    let never: Option<DateTime<Utc>> = None;
    let cases = [
        (never, never, true),
        (never, Some(at(0)), false),
        (Some(at(0)), never, false),
        (Some(at(0)), Some(at(0)), true),
        (Some(at(0)), Some(at(0) + micro), false),
        (Some(at(0)), Some(at(0) - micro), false),
        (Some(whole_second), Some(whole_second), true),
        (Some(whole_second), Some(whole_second + micro), false),
    ];
    let mut old = HASH.to_owned();
    for (number, (stored, expected, replaced)) in cases.into_iter().enumerate() {
        subject
            .outside(ExternalChange::SetLastLogin(ann.id, stored))
            .await;
        let new = format!("hash {number}");
        let change = PasswordReplacement {
            old: hash(&old),
            last_login: Some(expected),
            ..replacement(ann.id, &new)
        };
        let answer = store.replace_password(&change).await.unwrap();
        assert_eq!(answer, replaced, "{stored:?} {expected:?}");
        if replaced {
            old = new;
        }
        assert_eq!(user_now(store, ann.id).await.password, hash(&old));
    }
}

pub(super) async fn replacement_ends_other_sessions(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    for number in 1..=3 {
        logged_in(store, ann.id, number).await;
    }
    logged_in(store, bob.id, 4).await;
    let keeps_second = PasswordReplacement {
        keeps: Some(KeptSession {
            digest: digest(2),
            becomes: digest(5),
        }),
        ..replacement(ann.id, "new")
    };
    let before = store.session(&digest(2), at(1)).await.unwrap().unwrap();
    assert!(store.replace_password(&keeps_second).await.unwrap());
    for (number, alive) in [(1, false), (2, false), (3, false), (4, true), (5, true)] {
        assert_eq!(is_alive(store, number).await, alive, "{number}");
    }
    let after = store.session(&digest(5), at(1)).await.unwrap().unwrap();
    assert_eq!((after.user.id, after.digest), (ann.id, digest(5)));
    assert_eq!(after.expires_at, before.expires_at);
    let keeps_nothing = PasswordReplacement {
        old: hash("new"),
        ..replacement(ann.id, "newer")
    };
    assert!(store.replace_password(&keeps_nothing).await.unwrap());
    assert!(!is_alive(store, 5).await);
    assert!(is_alive(store, 4).await);
}

pub(super) async fn kept_session_takes_no_others_name(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let bob = stored(store, &without_address("bob")).await;
    logged_in(store, ann.id, 1).await;
    logged_in(store, bob.id, 2).await;
    let keeping = |kept, becomes| PasswordReplacement {
        keeps: Some(KeptSession {
            digest: digest(kept),
            becomes: digest(becomes),
        }),
        ..replacement(ann.id, "new")
    };
    let error = store.replace_password(&keeping(1, 2)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::SessionExists);
    assert_eq!(user_now(store, ann.id).await.password, hash(HASH));
    assert!(is_alive(store, 1).await && is_alive(store, 2).await);

    // Nor does it take what is another user's along, and one that is gone by now does not come back.
    assert!(store.replace_password(&keeping(3, 4)).await.unwrap());
    for (number, alive) in [(1, false), (2, true), (3, false), (4, false)] {
        assert_eq!(is_alive(store, number).await, alive, "{number}");
    }
}

pub(super) async fn lost_replacement_changes_nothing(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    logged_in(store, ann.id, 1).await;
    let before = user_now(store, ann.id).await;
    let wrong = PasswordReplacement {
        old: hash("other"),
        ..replacement(ann.id, "new")
    };
    assert!(!store.replace_password(&wrong).await.unwrap());
    assert_eq!(user_now(store, ann.id).await, before);
    assert!(is_alive(store, 1).await);
}

pub(super) async fn equal_replacements_have_one_winner(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    let answers = subject
        .at_once(20, |store, number| async move {
            let change = replacement(ann.id, &format!("new {number}"));
            store.replace_password(&change).await.unwrap()
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
    assert_eq!(read.password, hash(&format!("new {number}")));
}
