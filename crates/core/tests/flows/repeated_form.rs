//! A form that sets a password and comes twice: what its token proves, and what it does not.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use crate::common::{HORSE, Kit, STAPLE};
use phone_auth_core::password::{EncodedPassword, Password};
use phone_auth_core::user::User;
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

/// The user as a page was shown to them, before the password was set that is stored by now.
fn before(user: &User) -> User {
    let mut before = user.clone();
    before.password = EncodedPassword::new("argon2$of another password");
    before
}

/// Anyone who has seen the page has its token. The password that is stored by now is what proves who asks.
#[tokio::test]
async fn form_token_alone_proves_nothing() {
    let kit = Kit::new();
    let user = kit.sign_up_ann().await;
    let token = kit.accounts.password_form_token(&before(&user));
    kit.record.forget();
    for (new1, new2, is_done, told) in [
        (HORSE, HORSE, true, 0),
        (STAPLE, STAPLE, false, 1),
        (HORSE, STAPLE, false, 0),
        ("", "", false, 0),
    ] {
        let (new1, new2) = (Password::new(new1), Password::new(new2));
        let done = kit.accounts.repeated_reset(&token, &new1, &new2).await;
        assert_eq!(done.unwrap().is_some(), is_done);
        // A wrong password is told as one of a log-in is: a form is no way to guess unseen.
        assert_eq!(kit.record.take().len(), told);
    }
}

#[tokio::test]
async fn disabled_user_repeats_no_form() {
    let kit = Kit::new();
    let user = kit.sign_up_ann().await;
    let token = kit.accounts.password_form_token(&before(&user));
    let horse = Password::new(HORSE);
    kit.record.forget();
    let again = kit.accounts.repeated_change(&token, &horse, &horse).await;
    assert!(again.unwrap().is_some());
    // The session that it begins is told as any other.
    assert_eq!(kit.record.take().len(), 1);
    for change in [
        // Nor does one who has no password any more: nothing is guessed at.
        ExternalChange::SetPassword(user.id, "!nothing".to_owned()),
        ExternalChange::SetActive(user.id, false),
    ] {
        kit.store.make(change).await;
        let again = kit.accounts.repeated_reset(&token, &horse, &horse).await;
        assert!(again.unwrap().is_none());
        assert_eq!(kit.record.take(), [""; 0]);
    }
}

/// A page stays open for an hour: until then its form is known, also as one whose password was not changed.
#[tokio::test]
async fn form_is_known_for_an_hour() {
    let hour = Duration::from_hours(1);
    let second = Duration::from_secs(1);
    for (age, is_changed, is_repeat) in [
        (hour, true, true),
        (hour + second, true, false),
        (hour, false, false),
        (hour + second, false, false),
    ] {
        let kit = Kit::new();
        let user = kit.sign_up_ann().await;
        let shown = if is_changed { before(&user) } else { user };
        let token = kit.accounts.password_form_token(&shown);
        kit.clock.advance(age);
        let horse = Password::new(HORSE);
        let done = kit.accounts.repeated_reset(&token, &horse, &horse).await;
        assert_eq!(done.unwrap().is_some(), is_repeat, "{age:?} {is_changed}");
    }
}

/// Which form a password is typed into, by someone who has seen a page of the user's.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Reset,
    Change,
    Proof,
}

/// A form without a session is no way round the limit of the session: whichever takes the guesses, it is one count.
#[tokio::test]
async fn guesses_at_forms_are_counted_together() {
    for asked in [Asked::Reset, Asked::Change, Asked::Proof] {
        let kit = Kit::limited();
        kit.sign_up_ann().await;
        let ann = kit.current_user("ann", HORSE).await;
        let token = kit.accounts.password_form_token(&before(ann.user()));
        let guess = Password::new("a guess at a password");
        for _ in 0..5 {
            let wrong = kit.accounts.repeated_proof(&token, &guess).await;
            assert!(wrong.unwrap().is_none(), "{asked:?}");
        }
        let hashed = kit.hasher.checked();
        let accounts = &kit.accounts;
        let horse = Password::new(HORSE);
        let failure = match asked {
            Asked::Reset => accounts.repeated_reset(&token, &horse, &horse).await.err(),
            Asked::Change => accounts.repeated_change(&token, &horse, &horse).await.err(),
            Asked::Proof => accounts.repeated_proof(&token, &horse).await.err(),
        };
        let is_limited = failure.is_some_and(|it| it.limited_for().is_some());
        assert!(is_limited, "{asked:?}");
        assert_eq!(kit.hasher.checked(), hashed, "{asked:?}: nothing is hashed");
    }
}

/// A thief may have kept the token of a session that is over: guesses with it use up nothing of what the user has.
#[tokio::test]
async fn guesses_at_forms_keep_no_owner_out() {
    let kit = Kit::limited();
    kit.sign_up_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    let token = kit.accounts.password_form_token(&before(ann.user()));
    let guess = Password::new("a guess at a password");
    for number in 0..10 {
        let wrong = kit.accounts.repeated_proof(&token, &guess).await;
        assert_eq!(wrong.is_err(), number >= 5, "{number}");
    }
    let horse = Password::new(HORSE);
    kit.accounts.reauthenticate(&ann, &horse).await.unwrap();
    let changed = kit.accounts.change_password(&ann, &horse, &guess, &guess);
    changed.await.unwrap();
    // An operator ends all of it.
    assert!(kit.accounts.clear_limits(ann.user().id).await.unwrap() >= 2);
    kit.clock.advance(Duration::from_secs(5));
    let wrong = kit.accounts.repeated_proof(&token, &horse).await;
    assert!(wrong.unwrap().is_none());
}

/// A form sets a password: while the one that was stored at its page is stored, it was not sent before.
#[tokio::test]
async fn unchanged_password_is_no_repeat() {
    let kit = Kit::with_ann().await;
    let ann = kit.current_user("ann", HORSE).await;
    let token = kit.accounts.password_form_token(ann.user());
    let (horse, hashed) = (Password::new(HORSE), kit.hasher.checked());
    let again = kit.accounts.repeated_reset(&token, &horse, &horse).await;
    assert!(again.unwrap().is_none());
    assert_eq!(kit.hasher.checked(), hashed, "and nothing is compared");
    // That of a proof sets none.
    let again = kit.accounts.repeated_proof(&token, &horse).await;
    assert!(again.unwrap().is_some());
}

/// Where the password was not changed meanwhile, no form was here before: the new password is no second guess.
#[tokio::test]
async fn new_password_is_no_guess_at_the_old_one() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
    kit.record.forget();
    let (wrong, horse) = (Password::new(STAPLE), Password::new(HORSE));
    let changed = kit.accounts.change_password(&ann, &wrong, &horse, &horse);
    assert!(changed.await.is_err());
    let told = kit.record.take_flows();
    assert!(
        matches!(&*told, [line] if line.starts_with("user_login_failed")),
        "{told:?}"
    );
}
