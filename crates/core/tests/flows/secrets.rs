//! Nothing secret is printed.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::error::Error;
use std::fmt::Debug;

use crate::common::{ANNS_EMAIL, HORSE, Kit, SECRET, STAPLE, ann};
use phone_auth_core::password::Password;
use phone_auth_core::session::SessionKey;

/// What `Debug` shows, in both forms, of a value and of everything in it.
fn shown(value: &dyn Debug) -> String {
    format!("{value:?}\n{value:#?}")
}

fn all_texts(error: &dyn Error) -> String {
    let mut texts = shown(&error);
    let mut next = Some(error);
    while let Some(error) = next {
        texts.push_str(&error.to_string());
        next = error.source();
    }
    texts
}

#[tokio::test]
async fn debug_shows_no_secret() {
    let kit = Kit::with_ann().await;
    let logged_in = kit.log_in("ann", HORSE).await;
    let current_user = kit
        .accounts
        .current_user(&logged_in.key)
        .await
        .unwrap()
        .unwrap();
    let (id, token) = kit.reset_link(ANNS_EMAIL).await;
    let link = kit.accounts.open_reset_link(&id, &token).await.unwrap();
    let encoded = kit.stored(current_user.user()).await.password;
    let hash = encoded.reveal().rsplit('$').next().unwrap().to_owned();
    let texts = [
        shown(&kit.accounts),
        shown(&logged_in),
        shown(&current_user),
        shown(&link),
        shown(&encoded),
        shown(&ann()),
        shown(&Password::new(HORSE)),
        shown(&logged_in.key),
        shown(&logged_in.key.digest()),
        shown(&phone_auth_core::password::Argon2Hasher::new()),
    ]
    .concat();
    for secret in [
        HORSE,
        "horse",
        SECRET,
        &hash,
        logged_in.key.reveal(),
        &token,
    ] {
        assert!(!texts.contains(secret), "{secret} is in {texts}");
    }
}

#[tokio::test]
async fn errors_show_nothing_typed() {
    let kit = Kit::with_ann().await;
    let current_user = kit.current_user("ann", HORSE).await;
    let secret = Password::new("s3cr3t-typed");
    let accounts = &kit.accounts;
    let form = phone_auth_core::accounts::SignUpForm {
        username: "typed-name",
        email: "typed@nowhere",
        phone: "typed",
        password: Password::new("typed"),
        ..ann()
    };
    let texts = [
        all_texts(&accounts.sign_up(form).await.unwrap_err()),
        all_texts(&accounts.log_in("typed", &secret, None).await.unwrap_err()),
        all_texts(
            &accounts
                .open_reset_link("typed", "typed")
                .await
                .unwrap_err(),
        ),
        all_texts(
            &accounts
                .reset_password("typed", "typed", &secret, &secret)
                .await
                .unwrap_err(),
        ),
        all_texts(&accounts.verify_address("typed", "typed").await.unwrap_err()),
        all_texts(
            &accounts
                .change_password(&current_user, &secret, &secret, &Password::new(STAPLE))
                .await
                .unwrap_err(),
        ),
    ];
    for text in texts {
        assert!(!text.contains("typed"), "{text}");
    }
}

#[test]
fn passwords_compare_by_value() {
    assert_eq!(Password::new(HORSE), Password::new(HORSE));
    assert_ne!(Password::new(HORSE), Password::new(STAPLE));
    assert_ne!(
        SessionKey::from_bytes(&[1; 32]).digest(),
        SessionKey::from_bytes(&[2; 32]).digest()
    );
}
