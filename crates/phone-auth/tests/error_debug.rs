//! What a `main` prints that returns one of our errors: sentences, not the fields of a struct.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::error::Error;
use std::sync::Arc;

use phone_auth::core::accounts::SignUpForm;
use phone_auth::core::address::{EmailAddress, PhoneNumber};
use phone_auth::core::language::Language;
use phone_auth::core::limits::Rate;
use phone_auth::core::outbox::Receipts;
use phone_auth::core::password::{HashError, HashErrorKind, Password};
use phone_auth::core::randomness::RandomnessError;
use phone_auth::core::session::SessionKey;
use phone_auth::core::store::{StoreError, StoreErrorKind};
use phone_auth::core::username::Username;
use phone_auth::{Accounts, Database, Keyring, SecretKey, Settings, Signals, SiteOrigin};
use phone_auth_store_testkit::MemoryStore;

/// The sentences of an error and its causes, each once.
fn sentences(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    let mut sentences: Vec<_> = causes.map(ToString::to_string).collect();
    sentences.dedup();
    sentences.join(": ")
}

/// Checks that an error is shown as its sentences.
#[track_caller]
fn check(error: &dyn Error) {
    assert_eq!(format!("{error:?}"), sentences(error));
}

#[tokio::test]
async fn errors_at_the_start_are_sentences() {
    let mut elsewhere = Settings::default();
    elsewhere.login_redirect_url = "https://elsewhere.example".to_owned();
    let mut errors: Vec<Box<dyn Error>> = vec![
        Box::new(SiteOrigin::parse("no origin").unwrap_err()),
        Box::new(
            Signals::builder()
                .isolated()
                .disable_receiver("x")
                .build()
                .unwrap_err(),
        ),
        Box::new(SecretKey::new("short").unwrap_err()),
        Box::new(elsewhere.validate().unwrap_err()),
        Box::new(
            Database::open("sqlite:/not/there/at/all.db")
                .await
                .unwrap_err(),
        ),
        Box::new(Database::open("postgres://").await.unwrap_err()),
    ];
    let signals = Signals::isolated();
    signals
        .connect::<phone_auth::signals::UserLoggedIn>(|_| Err("the lamp is broken"))
        .forever();
    let user = phone_auth::signals::User::new(1, "ann", "", "");
    errors.push(Box::new(
        signals
            .send(&phone_auth::signals::UserLoggedIn::new(
                phone_auth::signals::Sender::new("log_in"),
                user,
            ))
            .await
            .unwrap_err(),
    ));
    for error in errors {
        check(&*error);
    }
}

#[test]
fn errors_of_what_was_read_are_sentences() {
    let routes = phone_auth::urls::Routes::accounts("/accounts/").unwrap();
    let errors: [Box<dyn Error>; 10] = [
        Box::new(routes.reverse("nowhere", &[]).unwrap_err()),
        Box::new("30 a minute".parse::<Rate>().unwrap_err()),
        Box::new(PhoneNumber::parse("none").unwrap_err()),
        Box::new(EmailAddress::parse("none").unwrap_err()),
        Box::new(Username::parse("no name").unwrap_err()),
        Box::new(Language::parse("no tag").unwrap_err()),
        Box::new(Receipts::from_text("none").unwrap_err()),
        Box::new(HashError::with_source(HashErrorKind::Broken, "no memory")),
        Box::new(RandomnessError::with_source("no device")),
        Box::new(StoreError::with_source(StoreErrorKind::Broken, "no table")),
    ];
    for error in errors {
        check(&*error);
    }
}

#[tokio::test]
async fn errors_of_flows_are_sentences() {
    let store = MemoryStore::new();
    let keyring = Keyring::new(SecretKey::generate().unwrap());
    let accounts = Accounts::builder(Arc::new(store.clone()), keyring);
    let accounts = accounts.signals(Signals::isolated()).build().unwrap();
    let nothing = SignUpForm {
        first_name: "",
        last_name: "",
        username: "",
        email: "",
        phone: "",
        password: Password::new(""),
        confirm_password: None,
    };
    let refused = accounts.sign_up(nothing).await.unwrap_err();
    check(&refused);
    assert_eq!(format!("{refused:?}"), "the form has problems");
    store.fail_with(StoreErrorKind::Unavailable);
    let password = Password::new("correct horse");
    let failed = accounts.log_in("ann", &password, None).await.unwrap_err();
    check(&failed);
    assert_eq!(format!("{failed:?}"), "the store is not available");
    let key = SessionKey::from_bytes(&[7; 32]);
    check(&accounts.log_out(&key).await.unwrap_err());
}
