//! Changing a password that one knows.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use crate::common::{ANNS_PHONE, HORSE, Kit, STAPLE, failure, refusal};
use phone_auth_core::accounts::{
    ChangePasswordRefusal, CurrentUser, FailureKind, FlowError, LogInRefusal,
};
use phone_auth_core::address::Losses;
use phone_auth_core::form::{Field, FieldProblem, Problem};
use phone_auth_core::password::Password;
use phone_auth_core::session::{KeptSession, SessionKey};
use phone_auth_core::store::StoreErrorKind;
use phone_auth_store_testkit::{ExternalChange, ExternalWriter};

async fn change(
    kit: &Kit,
    current_user: &CurrentUser,
    [old, new1, new2]: [&str; 3],
) -> Result<SessionKey, FlowError<ChangePasswordRefusal>> {
    let [old, new1, new2] = [old, new1, new2].map(Password::new);
    kit.accounts
        .change_password(current_user, &old, &new1, &new2)
        .await
}

/// The same, refused.
async fn refused(kit: &Kit, current_user: &CurrentUser, typed: [&str; 3]) -> ChangePasswordRefusal {
    refusal(change(kit, current_user, typed).await)
}

#[tokio::test]
async fn only_this_session_lives() {
    let kit = Kit::with_ann().await;
    kit.sign_up_bob().await;
    let own = kit.log_in("ann", HORSE).await.key;
    let other = kit.log_in("ann", HORSE).await.key;
    let bobs = kit.log_in("bob", HORSE).await.key;
    let current_user = kit.accounts.current_user(&own).await.unwrap().unwrap();
    kit.record.forget();

    let key = change(&kit, &current_user, [HORSE, STAPLE, STAPLE])
        .await
        .unwrap();
    assert_eq!(kit.record.take(), ["password_changed change_password ann"]);
    // Anyone who had this session's key before, because they stole it, has nothing any more.
    for (key, lives) in [(&key, true), (&own, false), (&other, false), (&bobs, true)] {
        assert_eq!(
            kit.accounts.current_user(key).await.unwrap().is_some(),
            lives
        );
    }
    let old = kit
        .accounts
        .log_in("ann", &Password::new(HORSE), None)
        .await;
    assert_eq!(refusal(old), LogInRefusal::InvalidCredentials);
    kit.log_in("ann", STAPLE).await;
}

#[tokio::test]
async fn problems_keep_everything() {
    let kit = Kit::with_ann().await;
    let own = kit.log_in("ann", HORSE).await.key;
    let other = kit.log_in("ann", HORSE).await.key;
    let current_user = kit.accounts.current_user(&own).await.unwrap().unwrap();
    kit.record.forget();
    let required = Problem::Required;
    for (typed, problems) in [
        (
            [STAPLE, "another good one", "another good one"],
            vec![(Field::OldPassword, Problem::WrongOldPassword)],
        ),
        (
            ["correct horse ", STAPLE, STAPLE],
            vec![(Field::OldPassword, Problem::WrongOldPassword)],
        ),
        (
            [HORSE, STAPLE, HORSE],
            vec![(Field::NewPassword2, Problem::PasswordsDiffer)],
        ),
        (
            ["", "", ""],
            vec![
                (Field::OldPassword, required),
                (Field::NewPassword1, required),
                (Field::NewPassword2, required),
            ],
        ),
        (
            ["wrong", "smith-x77", "short"],
            vec![
                (Field::OldPassword, Problem::WrongOldPassword),
                (
                    Field::NewPassword1,
                    Problem::PasswordTooSimilar {
                        to: Field::LastName,
                    },
                ),
                (Field::NewPassword2, Problem::PasswordsDiffer),
            ],
        ),
        (
            [HORSE, "new\r\nlines here", "new\r\nlines here"],
            vec![(Field::NewPassword1, Problem::InvalidCharacters)],
        ),
        // Of the user's row nothing is like it, but of the addresses.
        (
            [HORSE, ANNS_PHONE, ANNS_PHONE],
            vec![
                (
                    Field::NewPassword1,
                    Problem::PasswordTooSimilar { to: Field::Phone },
                ),
                (Field::NewPassword1, Problem::PasswordTooCommon),
            ],
        ),
    ] {
        let problems = problems
            .into_iter()
            .map(|(field, problem)| FieldProblem::new(field, problem));
        let expected = ChangePasswordRefusal::Invalid(problems.collect());
        assert_eq!(refused(&kit, &current_user, typed).await, expected);
        let is_guess = typed[0] != HORSE && !typed[0].is_empty();
        let told = is_guess.then_some("user_login_failed change_password ann WrongPassword");
        assert_eq!(kit.record.take(), Vec::from_iter(told));
        for key in [&own, &other] {
            assert!(kit.accounts.current_user(key).await.unwrap().is_some());
        }
    }
    kit.log_in("ann", HORSE).await;
}

#[tokio::test]
async fn upgraded_hash_does_not_disturb() {
    // The user was read before another log-in replaced the hash by a better one.
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let user = kit.stored(current_user.user()).await;
    let replacement = phone_auth_core::session::PasswordReplacement {
        user: user.id,
        old: user.password,
        new: kit.encoded(HORSE).await,
        last_login: None,
        link: None,
        keeps: Some(KeptSession {
            digest: current_user.session().digest,
            becomes: current_user.session().digest,
        }),
        notices: phone_auth_core::outbox::Notices::default(),
        losses: Losses::default(),
        names: None,
    };
    let store: &dyn phone_auth_core::store::UserStore = &kit.store;
    assert!(store.replace_password(&replacement).await.unwrap());
    change(&kit, &current_user, [HORSE, STAPLE, STAPLE])
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_changes_wins() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let mut tasks = Vec::new();
    for number in 0..8 {
        let (accounts, current_user) = (kit.accounts.clone(), current_user.clone());
        tasks.push(tokio::spawn(async move {
            let (old, new) = (
                Password::new(HORSE),
                Password::new(format!("battery staple {number}")),
            );
            accounts
                .change_password(&current_user, &old, &new, &new)
                .await
        }));
    }
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            refused => {
                let wrong = FieldProblem::new(Field::OldPassword, Problem::WrongOldPassword);
                let invalid = ChangePasswordRefusal::Invalid(vec![wrong]);
                assert_eq!(refusal(refused), invalid);
            }
        }
    }
    assert_eq!(won, 1);
    let mut told = kit.record.take();
    told.retain(|line| !line.starts_with("user_login_failed"));
    assert_eq!(told, ["password_changed change_password ann"]);
}

#[tokio::test]
async fn inactive_users_change_nothing() {
    for gone in [false, true] {
        let kit = Kit::with_ann().await;
        let current_user = kit.current_user("ann", HORSE).await;
        let id = current_user.user().id;
        kit.store
            .make(if gone {
                ExternalChange::DeleteUser(id)
            } else {
                ExternalChange::SetActive(id, false)
            })
            .await;
        let expected = ChangePasswordRefusal::NotLoggedIn;
        assert_eq!(
            refused(&kit, &current_user, [HORSE, STAPLE, STAPLE]).await,
            expected
        );
    }
}

#[tokio::test]
async fn failing_store_changes_nothing() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    for calls in 0..3 {
        kit.store.fail_after(calls, StoreErrorKind::Unavailable);
        let failure = failure(change(&kit, &current_user, [HORSE, STAPLE, STAPLE]).await);
        assert_eq!(failure.kind(), FailureKind::Unavailable);
        kit.store.recover();
    }
    assert_eq!(kit.record.take(), [""; 0]);
    kit.log_in("ann", HORSE).await;
}

/// The first of two forms has changed the password and ended the session that both were sent in.
#[tokio::test]
async fn second_form_goes_on_as_the_session_did() {
    for keeps in [false, true] {
        let kit = Kit::with_settings(|settings| {
            settings.short_session_lifetime = Some(Duration::from_hours(12));
        });
        kit.sign_up_ann().await;
        let accounts = kit.accounts.keeping_signed_in(keeps);
        let begun = accounts.log_in("ann", &Password::new(HORSE), None).await;
        let ann = kit.accounts.current_user(&begun.unwrap().key).await;
        let ann = ann.unwrap().unwrap();
        let typed = [HORSE, STAPLE, STAPLE];
        let first = change(&kit, &ann, typed).await.unwrap();
        let second = change(&kit, &ann, typed).await.unwrap();
        assert_ne!(first.reveal(), second.reveal());
        for key in [&first, &second] {
            let it = kit.accounts.current_user(key).await.unwrap().unwrap();
            assert_eq!(kit.accounts.ends_with_browser(&it), !keeps, "{keeps}");
        }
        // A form with more that is wrong was not here before.
        let problems = [
            (Field::OldPassword, Problem::WrongOldPassword),
            (Field::NewPassword2, Problem::PasswordsDiffer),
        ];
        let problems = problems.map(|(field, problem)| FieldProblem::new(field, problem));
        assert_eq!(
            refused(&kit, &ann, [HORSE, STAPLE, HORSE]).await,
            ChangePasswordRefusal::Invalid(problems.to_vec())
        );
    }
}

/// The password was changed elsewhere to what the form asks for, and this session was kept: no other begins.
#[tokio::test]
async fn session_that_goes_on_keeps_its_key() {
    let kit = Kit::with_ann().await;
    let key = kit.log_in("ann", HORSE).await.key;
    let ann = kit.accounts.current_user(&key).await.unwrap().unwrap();
    let user = kit.stored(ann.user()).await;
    let replacement = phone_auth_core::session::PasswordReplacement {
        user: user.id,
        old: user.password,
        new: kit.encoded(STAPLE).await,
        last_login: None,
        link: None,
        keeps: Some(KeptSession {
            digest: key.digest(),
            becomes: key.digest(),
        }),
        notices: phone_auth_core::outbox::Notices::default(),
        losses: Losses::default(),
        names: None,
    };
    let store: &dyn phone_auth_core::store::UserStore = &kit.store;
    assert!(store.replace_password(&replacement).await.unwrap());
    let same = change(&kit, &ann, [HORSE, STAPLE, STAPLE]).await.unwrap();
    assert_eq!(same.reveal(), key.reveal());
    assert_eq!(kit.store.session_count(), 1);
}
