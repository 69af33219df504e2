//! What a `main` prints that returns one of our errors: sentences, not the fields of a struct.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::error::Error;

use phone_auth::{Database, SecretKey, Settings, Signals, SiteOrigin};

/// The sentences of an error and its causes.
fn sentences(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
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
        assert_eq!(format!("{error:?}"), sentences(&*error));
    }
}
