//! Proofs of who someone is, kept with their session.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use chrono::Duration;
use phone_auth_core::session::{KeptSession, NewProof, PasswordDigest, PasswordReplacement};
use phone_auth_core::store::StoreErrorKind;

use super::Subject;
use super::sample::{
    HASH, at, digest, hash, is_alive, logged_in, replacement, stored, user_now, without_address,
};

/// A proof by a password, after which the session has another number.
fn proof(number: u8, becomes: u8, password: &str) -> NewProof {
    NewProof {
        digest: digest(number),
        becomes: digest(becomes),
        password: PasswordDigest::of(&hash(password)),
        at: at(7) + Duration::microseconds(1),
    }
}

pub(super) async fn proof_moves_with_its_session(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    logged_in(store, ann.id, 1).await;
    logged_in(store, ann.id, 2).await;
    let proven_at = async |number| {
        let session = store.session(&digest(number), at(1)).await.unwrap();
        session.unwrap().proven_at
    };
    assert_eq!(proven_at(1).await, None, "a log-in is no proof");

    assert!(store.prove_session(&proof(1, 3, HASH)).await.unwrap());
    assert!(!is_alive(store, 1).await, "the old key");
    let when = Some(at(7) + Duration::microseconds(1));
    assert_eq!(proven_at(3).await, when);
    assert_eq!(proven_at(2).await, None, "another session");
    assert_eq!(user_now(store, ann.id).await.last_login, Some(at(0)));

    let change = PasswordReplacement {
        keeps: Some(KeptSession {
            digest: digest(3),
            becomes: digest(4),
        }),
        ..replacement(ann.id, "argon2$new")
    };
    assert!(store.replace_password(&change).await.unwrap());
    assert_eq!(proven_at(4).await, when, "after a change of the password");
}

pub(super) async fn proof_needs_the_checked_password(subject: &Subject) {
    let store = subject.store();
    let ann = stored(store, &without_address("ann")).await;
    logged_in(store, ann.id, 1).await;
    logged_in(store, ann.id, 2).await;
    for refused in [proof(1, 3, "argon2$other"), proof(9, 3, HASH)] {
        assert!(!store.prove_session(&refused).await.unwrap());
    }
    let taken = store.prove_session(&proof(1, 2, HASH)).await;
    assert_eq!(
        taken.unwrap_err().kind(),
        StoreErrorKind::SessionExists,
        "the key of another session"
    );
    for number in [1, 2] {
        let session = store.session(&digest(number), at(1)).await.unwrap();
        assert_eq!(session.unwrap().proven_at, None);
    }
    assert!(!is_alive(store, 3).await);
}
