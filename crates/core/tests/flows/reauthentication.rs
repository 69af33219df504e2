//! Proving once more who one is: what counts, for how long, and for which session.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use crate::common::{HORSE, Kit, STAPLE, failure, refusal};
use phone_auth_core::accounts::{CurrentUser, FailureKind, FlowError, ReauthenticationRefusal};
use phone_auth_core::clock::Clock as _;
use phone_auth_core::password::Password;
use phone_auth_core::session::SessionKey;

async fn current_user(kit: &Kit, key: &SessionKey) -> CurrentUser {
    kit.accounts.current_user(key).await.unwrap().unwrap()
}

/// Whether what changes who can get in asks the holder of this key for the password.
async fn must_prove(kit: &Kit, key: &SessionKey) -> bool {
    let current_user = current_user(kit, key).await;
    kit.accounts.require_recent_proof(&current_user).is_err()
}

async fn try_to_prove(
    kit: &Kit,
    user: &CurrentUser,
    typed: &str,
) -> Result<SessionKey, FlowError<ReauthenticationRefusal>> {
    let password = Password::new(typed);
    kit.accounts.reauthenticate(user, &password).await
}

async fn proven(kit: &Kit, key: &SessionKey) -> SessionKey {
    let user = current_user(kit, key).await;
    try_to_prove(kit, &user, HORSE).await.unwrap()
}

#[tokio::test]
async fn recent_log_in_is_no_proof() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    assert!(must_prove(&kit, &key).await);
}

#[tokio::test]
async fn proof_counts_for_its_time() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let key = proven(&kit, &key).await;
    assert!(!must_prove(&kit, &key).await);
    kit.clock
        .advance(Duration::from_mins(5) - Duration::from_micros(1));
    assert!(!must_prove(&kit, &key).await);
    kit.clock.advance(Duration::from_micros(1));
    assert!(must_prove(&kit, &key).await);
}

/// The server that noted the proof has a clock that is ahead of this one's: by as much as a proof lasts, it counts.
#[tokio::test]
async fn proof_far_ahead_is_none() {
    let lasts = Duration::from_mins(5);
    for (ahead, counts) in [
        (lasts.saturating_sub(Duration::from_micros(1)), true),
        (lasts, false),
    ] {
        let kit = Kit::with_ann().await;
        let key = kit.log_in("ann", HORSE).await.key;
        let ann = current_user(&kit, &key).await;
        let now = kit.clock.now();
        kit.clock.advance(ahead);
        let key = try_to_prove(&kit, &ann, HORSE).await.unwrap();
        kit.clock.set(now);
        assert_eq!(must_prove(&kit, &key).await, !counts, "{ahead:?}");
    }
}

#[tokio::test]
async fn proof_belongs_to_one_session() {
    let kit = Kit::with_ann().await;
    let thief = kit.log_in("ann", HORSE).await.key;
    let before = kit.log_in("ann", HORSE).await.key;
    let after = proven(&kit, &before).await;
    assert!(must_prove(&kit, &thief).await, "another session");
    let old = kit.accounts.current_user(&before).await.unwrap();
    assert!(old.is_none(), "anyone who had the key from before is out");

    // It does not come along to the next log-in, and does to the new key after a change of the password.
    let password = Password::new(HORSE);
    let next = kit.accounts.log_in("ann", &password, Some(&after)).await;
    let next = next.unwrap().key;
    assert!(must_prove(&kit, &next).await);
    let next = proven(&kit, &next).await;
    let new = Password::new("another long password");
    let ann = current_user(&kit, &next).await;
    let changed = kit.accounts.change_password(&ann, &password, &new, &new);
    assert!(!must_prove(&kit, &changed.await.unwrap()).await);
}

#[tokio::test]
async fn wrong_proof_changes_nothing() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let ann = current_user(&kit, &key).await;
    for (typed, expected, told) in [
        ("", ReauthenticationRefusal::Missing, vec![]),
        (
            "a guess",
            ReauthenticationRefusal::WrongPassword,
            vec!["user_login_failed reauthenticate ann WrongPassword"],
        ),
    ] {
        kit.record.forget();
        let refused = try_to_prove(&kit, &ann, typed).await;
        assert_eq!(refusal(refused), expected);
        assert_eq!(kit.record.take(), told);
        assert!(must_prove(&kit, &key).await);
    }
}

#[tokio::test]
async fn ended_session_proves_nothing() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let ann = current_user(&kit, &key).await;
    kit.accounts.log_out(&key).await.unwrap();
    let refused = try_to_prove(&kit, &ann, HORSE).await;
    assert_eq!(refusal(refused), ReauthenticationRefusal::NotLoggedIn);
    assert!(kit.accounts.record_proof(&ann).await.is_err());
}

#[tokio::test]
async fn guesses_of_one_user_are_limited() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let ann = current_user(&kit, &key).await;
    let guess = Password::new("a guess");
    for _ in 0..5 {
        let refused = try_to_prove(&kit, &ann, "a guess").await;
        assert_eq!(refusal(refused), ReauthenticationRefusal::WrongPassword);
    }
    // Here and where the password is changed, they are counted together; the right one is not tried either.
    let right = Password::new(HORSE);
    let limited = kit.accounts.reauthenticate(&ann, &right).await;
    assert!(matches!(
        failure(limited).kind(),
        FailureKind::Limited { .. }
    ));
    let change = kit.accounts.change_password(&ann, &right, &guess, &guess);
    assert!(matches!(
        failure(change.await).kind(),
        FailureKind::Limited { .. }
    ));
    kit.clock.advance(Duration::from_mins(1));
    assert!(kit.accounts.reauthenticate(&ann, &right).await.is_ok());
}

/// A thief in one session guesses, and the owner in another is not kept from what ends it.
#[tokio::test]
async fn guesses_in_one_session_are_of_no_other() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let thief = kit.log_in("ann", HORSE).await.key;
    let thief = current_user(&kit, &thief).await;
    let owner = kit.log_in("ann", HORSE).await.key;
    let owner = current_user(&kit, &owner).await;
    kit.hasher.forget();
    let (right, new) = (Password::new(HORSE), Password::new(STAPLE));
    let mut has_begun = false;
    // As often as there is room: there is an end.
    for _ in 0..500 {
        let guess = Password::new("a guess");
        let guess = kit.accounts.reauthenticate(&thief, &guess);
        if let FlowError::Failed(failure) = guess.await.unwrap_err() {
            let wait = failure.limited_for().unwrap();
            if wait > Duration::from_hours(24) {
                break;
            }
            kit.clock.advance(wait);
        }
        if kit.hasher.checked() == 5 && !has_begun {
            has_begun = true;
            let wrong = Password::new("a typo");
            let typo = kit.accounts.change_password(&owner, &wrong, &new, &new);
            assert!(matches!(typo.await, Err(FlowError::Refused(_))));
        }
    }
    assert_eq!(kit.hasher.checked(), 100 + 1);
    let changed = kit.accounts.change_password(&owner, &right, &new, &new);
    assert!(changed.await.is_ok());
}

#[tokio::test]
async fn right_password_ends_the_row_of_a_session() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let mut ann = current_user(&kit, &key).await;
    let kept = async || {
        kit.clock.advance(Duration::from_mins(10));
        kit.accounts.remove_empty_limits().await.unwrap();
        kit.store.limit_count()
    };
    let before = kept().await;
    for round in 0..3 {
        for number in 0..9 {
            kit.clock.advance(Duration::from_secs(15));
            let refused = try_to_prove(&kit, &ann, "a guess").await;
            let expected = ReauthenticationRefusal::WrongPassword;
            assert_eq!(refusal(refused), expected, "{round} {number}");
        }
        kit.clock.advance(Duration::from_secs(15));
        let right = Password::new(HORSE);
        let key = kit.accounts.reauthenticate(&ann, &right).await.unwrap();
        ann = current_user(&kit, &key).await;
    }
    // What has come to its end keeps no row.
    assert_eq!(kept().await, before);
}

#[tokio::test]
async fn form_sent_twice_is_answered_alike() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let ann = current_user(&kit, &key).await;
    let form = kit.accounts.password_form_token(ann.user());
    proven(&kit, &key).await;
    let password = Password::new(HORSE);
    let again = kit.accounts.repeated_proof(&form, &password).await.unwrap();
    assert!(!must_prove(&kit, &again.unwrap()).await);
    let guess = Password::new("a guess");
    let again = kit.accounts.repeated_proof(&form, &guess).await.unwrap();
    assert!(again.is_none());
}
