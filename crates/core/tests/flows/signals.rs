//! What is told, and that nobody who listens can change an answer.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![expect(clippy::panic, reason = "receivers that panic are what is tested")]

use std::sync::Arc;
use std::time::Duration;

use crate::common::{ANNS_EMAIL, HORSE, Kit, SECRET, STAPLE, ann, keyring};
use phone_auth_core::accounts::{Accounts, Dispatch};
use phone_auth_core::address::AddressKind;
use phone_auth_core::password::Password;
use phone_auth_events::{ResetPasswordEmail, Signals, UserLoggedIn, UserSignedUp};
use phone_auth_store_testkit::MemoryStore;

#[tokio::test]
async fn every_flow_tells_once() {
    let kit = Kit::new();
    let accounts = &kit.accounts;
    let (horse, staple) = (Password::new(HORSE), Password::new(STAPLE));

    accounts.sign_up(ann()).await.unwrap();
    accounts.log_in("ann", &staple, None).await.unwrap_err();
    accounts.log_in("nobody", &horse, None).await.unwrap_err();
    let key = accounts.log_in("ann", &horse, None).await.unwrap().key;
    let current_user = accounts.current_user(&key).await.unwrap().unwrap();
    for (kind, text) in [
        (AddressKind::Email, "ann@work.example"),
        (AddressKind::Phone, "+442079460018"),
    ] {
        let added = accounts
            .add_address(&current_user, kind, text)
            .await
            .unwrap();
        let sent = accounts
            .request_verification(&current_user, kind, added.id)
            .await;
        let _ = sent.unwrap();
        let (id, token) = kit.record.messages().pop().unwrap().parts();
        let _ = accounts.verify_address(&id, &token).await.unwrap();
    }
    let key = accounts
        .change_password(&current_user, &horse, &staple, &staple)
        .await
        .unwrap();
    accounts.log_out(&key).await.unwrap();
    for login in ["+442079460018", "ann@work.example"] {
        accounts.request_password_reset(login).await.unwrap();
    }
    let (id, token) = kit.record.messages().pop().unwrap().parts();
    accounts.open_reset_link(&id, &token).await.unwrap();
    accounts.check_reset_link(&id, &token).await.unwrap();
    accounts
        .reset_password(&id, &token, &horse, &horse)
        .await
        .unwrap();
    accounts.open_reset_link(&id, &token).await.unwrap_err();
    let ann = current_user.user().id;
    accounts.export(ann).await.unwrap().unwrap();
    accounts.close(ann).await.unwrap();
    assert!(accounts.drain(Duration::from_secs(10)).await);

    let expected = [
        "user_signed_up sign_up ann",
        "user_login_failed log_in ann WrongPassword",
        "user_login_failed log_in - UnknownIdentifier",
        "user_logged_in log_in ann",
        "email_added add_address ann ann@work.example",
        "token_issued tokens - verify-email",
        "verify_email request_verification ann ann@work.example",
        "link_followed urls - phone_email_verification_confirm",
        "email_verified verify_address ann ann@work.example",
        "phone_added add_address ann +442079460018",
        "token_issued tokens - verify-phone",
        "verify_phone request_verification ann +442079460018",
        "link_followed urls - phone_email_verification_confirm",
        "phone_verified verify_address ann +442079460018",
        "password_changed change_password ann",
        "user_logged_out log_out ann",
        "token_issued tokens - reset-phone",
        "reset_password_phone request_password_reset ann +442079460018",
        "token_issued tokens - reset-email",
        "reset_password_email request_password_reset ann ann@work.example",
        "link_followed urls - phone_password_reset_confirm",
        "password_was_reset reset_password ann",
        "link_followed urls - phone_password_reset_confirm",
        "token_refused tokens - reset-email Forged",
        "account_exporting export ann",
        "account_closing close ann",
        "account_closed close ann",
    ];
    assert_eq!(kit.record.take(), expected);
}

#[tokio::test]
async fn bad_receivers_change_no_answer() {
    let kit = Kit::new();
    let _panics = kit
        .signals
        .connect(|_: &UserSignedUp| -> () { panic!("a receiver") });
    let _fails = kit
        .signals
        .connect(|_: &UserLoggedIn| Err::<(), _>(std::fmt::Error));
    let _panics_too = kit
        .signals
        .connect(|_: &ResetPasswordEmail| -> () { panic!("another") });
    kit.accounts.sign_up(ann()).await.unwrap();
    kit.log_in("ann", HORSE).await;
    kit.accounts
        .request_password_reset(ANNS_EMAIL)
        .await
        .unwrap();
    // Those that are well are told all the same.
    let expected = [
        "user_signed_up sign_up ann",
        "user_logged_in log_in ann",
        "reset_password_email request_password_reset ann ann@example.org",
    ];
    assert_eq!(kit.record.take_flows(), expected);
}

#[tokio::test(start_paused = true)]
async fn hanging_receiver_is_given_up() {
    let signals = Signals::isolated();
    let accounts = Accounts::builder(Arc::new(MemoryStore::new()), keyring(SECRET))
        .signals(signals.clone())
        .dispatch_timeout(Duration::from_secs(5))
        .build()
        .unwrap();
    let _hangs = signals.connect_async(|_: UserSignedUp| std::future::pending::<()>());
    let began = tokio::time::Instant::now();
    accounts.sign_up(ann()).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn background_answers_before_receivers_end() {
    let kit = Kit::build(|_| {}, Dispatch::Background);
    kit.accounts.sign_up(ann()).await.unwrap();
    assert!(kit.accounts.drain(Duration::from_secs(10)).await);
    kit.record.forget();

    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let (told, opened) = (Arc::new(tokio::sync::Semaphore::new(0)), Arc::clone(&gate));
    let tell = Arc::clone(&told);
    let _slow = kit.signals.connect_async(move |_: ResetPasswordEmail| {
        let (opened, tell) = (Arc::clone(&opened), Arc::clone(&tell));
        async move {
            opened.acquire().await.unwrap().forget();
            tell.add_permits(1);
        }
    });
    kit.accounts
        .request_password_reset(ANNS_EMAIL)
        .await
        .unwrap();
    assert_eq!(told.available_permits(), 0, "the answer did not wait");
    assert!(!kit.accounts.drain(Duration::from_millis(1)).await);
    gate.add_permits(1);
    assert!(kit.accounts.drain(Duration::from_secs(10)).await);
    assert_eq!(told.available_permits(), 1);
}

#[tokio::test]
async fn abandoned_caller_does_not_stop_background() {
    let kit = Kit::build(|_| {}, Dispatch::Background);
    kit.accounts.sign_up(ann()).await.unwrap();
    kit.accounts.drain(Duration::from_secs(10)).await;
    kit.record.forget();
    let accounts = kit.accounts.clone();
    let request = async move { accounts.request_password_reset(ANNS_EMAIL).await.unwrap() };
    tokio::spawn(request).await.unwrap();
    assert!(kit.accounts.drain(Duration::from_secs(10)).await);
    let expected = ["reset_password_email request_password_reset ann ann@example.org"];
    assert_eq!(kit.record.take_flows(), expected);
}
