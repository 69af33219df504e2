//! What `PhoneAuth::builder` refuses.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::time::Duration;

use phone_auth::signals::{
    ResetPasswordEmail, ResetPasswordPhone, Signals, VerifyEmail, VerifyPhone,
};
use phone_auth::{BuildError, BuildErrorKind, PhoneAuth, PhoneAuthBuilder, SecretKey};

/// A builder that lacks nothing.
fn whole(folder: &tempfile::TempDir) -> PhoneAuthBuilder {
    PhoneAuth::builder()
        .site("https://example.org")
        .secret_key(SecretKey::generate().unwrap())
        .database(format!(
            "sqlite:{}",
            folder.path().join("x.sqlite3").display()
        ))
        .unreceived::<ResetPasswordEmail>()
        .unreceived::<ResetPasswordPhone>()
        .unreceived::<VerifyEmail>()
        .unreceived::<VerifyPhone>()
}

async fn refusal(change: impl FnOnce(PhoneAuthBuilder) -> PhoneAuthBuilder) -> BuildError {
    let folder = tempfile::tempdir().unwrap();
    change(whole(&folder)).build().await.unwrap_err()
}

#[tokio::test]
async fn whole_builder_builds() {
    let folder = tempfile::tempdir().unwrap();
    let auth = whole(&folder).build().await.unwrap();
    assert_eq!(auth.site().as_str(), "https://example.org");
    assert!(
        auth.accounts()
            .people_after(None, 1)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn wrong_parts_are_named() {
    let refused = refusal(|builder| builder.site("https://example.org/path")).await;
    assert_eq!(refused.kind(), BuildErrorKind::Site);
    for name in ["app.sqlite3", "sqlite:", "postgres://x", "sqlite::memory:"] {
        let refused = refusal(|builder| builder.database(name)).await;
        assert_eq!(refused.kind(), BuildErrorKind::Database, "{name}");
    }
    let refused = refusal(|builder| builder.database("sqlite:/nowhere/at/all/x.sqlite3")).await;
    assert_eq!(refused.kind(), BuildErrorKind::Store);
    let refused = refusal(|builder| {
        let mut settings = phone_auth::Settings::default();
        settings.login_redirect_url = "//evil.example".to_owned();
        builder.settings(settings)
    })
    .await;
    assert_eq!(refused.kind(), BuildErrorKind::Settings);
    let refused = refusal(|builder| builder.switch_off("nobody")).await;
    assert_eq!(refused.kind(), BuildErrorKind::Signals);
    let refused = refusal(|builder| builder.provide(1_u8).provide(2_u8)).await;
    assert_eq!(refused.kind(), BuildErrorKind::Signals);
}

#[tokio::test]
async fn foreign_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let keys: Vec<_> = (0..3).map(|_| SecretKey::generate().unwrap()).collect();
    let key = |number: usize| SecretKey::new(keys.get(number).unwrap().reveal()).unwrap();
    let builder = |number| whole(&folder).secret_key(key(number));
    let refused = async |number| builder(number).build().await.unwrap_err().kind();
    drop(builder(0).build().await.unwrap());
    drop(builder(0).build().await.unwrap());
    assert_eq!(refused(1).await, BuildErrorKind::ForeignKey);
    // Whoever only looks changes nothing.
    drop(builder(1).danger_skip_key_check().build().await.unwrap());
    assert_eq!(refused(1).await, BuildErrorKind::ForeignKey);
    // A declared change of keys, node by node.
    drop(builder(1).fallback_key(key(0)).build().await.unwrap());
    drop(builder(0).build().await.unwrap());
    drop(builder(1).build().await.unwrap());
    assert_eq!(refused(0).await, BuildErrorKind::ForeignKey);
    // All keys were lost.
    assert_eq!(refused(2).await, BuildErrorKind::ForeignKey);
    drop(builder(2).danger_replace_key().build().await.unwrap());
    drop(builder(2).build().await.unwrap());
    assert_eq!(refused(1).await, BuildErrorKind::ForeignKey);
}

#[tokio::test]
async fn missing_parts_are_named() {
    let key = || SecretKey::generate().unwrap();
    let nothing = PhoneAuth::builder().build().await.unwrap_err();
    assert_eq!(nothing.kind(), BuildErrorKind::Site);
    let no_key = PhoneAuth::builder()
        .site("http://x.test")
        .build()
        .await
        .unwrap_err();
    assert_eq!(no_key.kind(), BuildErrorKind::SecretKey);
    let no_receiver = PhoneAuth::builder()
        .site("http://x.test")
        .secret_key(key())
        .unreceived::<VerifyPhone>()
        .build()
        .await
        .unwrap_err();
    assert_eq!(
        no_receiver.unreceived(),
        [
            "reset_password_email",
            "reset_password_phone",
            "verify_email"
        ]
    );
    let no_database = PhoneAuth::builder()
        .site("http://x.test")
        .secret_key(key())
        .unreceived::<ResetPasswordEmail>()
        .unreceived::<ResetPasswordPhone>()
        .unreceived::<VerifyEmail>()
        .unreceived::<VerifyPhone>()
        .build()
        .await
        .unwrap_err();
    assert_eq!(no_database.kind(), BuildErrorKind::Database);
}

#[tokio::test]
async fn unneeded_messages_need_no_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = phone_auth::Settings::default();
    settings.authentication_methods.phone = false;
    let hub = Signals::isolated();
    let verified = hub.connect(|_: &VerifyEmail| {});
    let reset = hub.connect(|_: &ResetPasswordEmail| {});
    let refused = PhoneAuth::builder()
        .site("https://example.org")
        .secret_key(SecretKey::generate().unwrap())
        .database(format!(
            "sqlite:{}",
            folder.path().join("x.sqlite3").display()
        ))
        .settings(settings)
        .signals(hub)
        .build()
        .await
        .unwrap_err();
    assert_eq!(refused.unreceived(), ["verify_phone"]);
    drop((verified, reset));
}

#[cfg(all(feature = "smtp", feature = "sms-gateway"))]
#[tokio::test]
async fn ready_receivers_are_receivers() {
    use phone_auth::SiteOrigin;
    use phone_auth::delivery::{Secret, sms_gateway, smtp::Smtp};

    let folder = tempfile::tempdir().unwrap();
    let site = || SiteOrigin::parse("https://example.org").unwrap();
    let builder = || {
        let name = folder.path().join("x.sqlite3");
        PhoneAuth::builder()
            .site("https://example.org")
            .secret_key(SecretKey::generate().unwrap())
            .database(format!("sqlite:{}", name.display()))
            .smtp(
                Smtp::builder(site(), "mail.example", "a@b.example")
                    .build()
                    .unwrap(),
            )
    };
    let refused = builder().build().await.unwrap_err();
    assert_eq!(refused.kind(), BuildErrorKind::NoReceiver);
    let sender = sms_gateway::TwilioSender::From("+15005550006".to_owned());
    let account = sms_gateway::Twilio::new("AC0", Secret::new("x"), sender);
    let gateway = sms_gateway::SmsGateway::twilio(site(), account)
        .build()
        .unwrap();
    let auth = builder().sms_gateway(gateway).build().await.unwrap();
    assert!(auth.signals().has_receiver::<VerifyPhone>());
}

/// The webhook with the signals that it takes.
#[cfg(feature = "webhook")]
fn webhook(signals: &[&str]) -> phone_auth::delivery::webhook::Webhook {
    use phone_auth::delivery::Secret;
    use phone_auth::delivery::webhook::Webhook;
    let site = phone_auth::SiteOrigin::parse("https://example.org").unwrap();
    let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    Webhook::builder(site, "https://sender.example/", secret)
        .only(signals.iter().copied())
        .build()
        .unwrap()
}

#[cfg(feature = "webhook")]
#[tokio::test]
async fn receiver_that_leaves_a_signal_alone_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let alone = |hook| {
        PhoneAuth::builder()
            .site("https://example.org")
            .secret_key(SecretKey::generate().unwrap())
            .database(format!(
                "sqlite:{}",
                folder.path().join("x.sqlite3").display()
            ))
            .webhook(hook)
    };
    let refused = alone(webhook(&["verify_phone", "verify_email"]));
    let text = refused.build().await.unwrap_err().to_string();
    assert!(
        text.contains("reset_password_email") && text.contains("reset_password_phone"),
        "{text}"
    );
    assert!(!text.contains("verify"), "{text}");
    let unreceived = alone(webhook(&["verify_phone", "verify_email"]))
        .unreceived::<ResetPasswordEmail>()
        .unreceived::<ResetPasswordPhone>();
    unreceived.build().await.unwrap();
}

#[tokio::test]
async fn whoever_shuts_down_again_waits_again() {
    let folder = tempfile::tempdir().unwrap();
    let signals = Signals::isolated();
    let (begin, mut at_work) = tokio::sync::mpsc::unbounded_channel();
    let (go, gone) = tokio::sync::watch::channel(false);
    signals
        .connect_async(move |_: ResetPasswordEmail| {
            let (begin, mut gone) = (begin.clone(), gone.clone());
            async move {
                begin.send(()).unwrap();
                gone.wait_for(|gone| *gone).await.unwrap();
            }
        })
        .forever();
    let auth = whole(&folder).signals(signals).build().await.unwrap();
    let mut form = phone_auth::core::accounts::SignUpForm {
        first_name: "Ann",
        last_name: "Lee",
        username: "ann",
        email: "ann@example.org",
        phone: "+91 98765 43210",
        password: phone_auth::core::password::Password::new("correct horse"),
        confirm_password: None,
    };
    form.confirm_password = Some(form.password.clone());
    auth.accounts().sign_up(form).await.unwrap();
    let asked = auth.accounts().request_password_reset("ann@example.org");
    asked.await.unwrap();
    at_work.recv().await.unwrap();
    for _ in 0..2 {
        assert!(!auth.shut_down(Duration::from_millis(5)).await);
    }
    assert!(!auth.clone().shut_down(Duration::from_millis(5)).await);
    go.send(true).unwrap();
    assert!(auth.shut_down(Duration::from_secs(30)).await);
    assert!(auth.shut_down(Duration::ZERO).await);
}

#[tokio::test]
async fn unreceived_message_is_not_promised() {
    let folder = tempfile::tempdir().unwrap();
    let auth = whole(&folder).build().await.unwrap();
    for login in ["ann@example.org", "+41446681800"] {
        let asked = auth.accounts().request_password_reset(login).await;
        assert!(asked.is_err(), "{login}");
    }
    let hub = Signals::isolated();
    let _somebody = hub.connect(|_: &ResetPasswordEmail| {});
    let folder = tempfile::tempdir().unwrap();
    let auth = whole(&folder).signals(hub).build().await.unwrap();
    let asked = auth.accounts().request_password_reset("ann@example.org");
    asked.await.unwrap();
}

#[cfg(feature = "development")]
#[tokio::test]
async fn development_is_for_own_machine() {
    use std::num::NonZeroUsize;

    use phone_auth::SiteOrigin;
    use phone_auth::delivery::development::{LinePrinter, Mailbox};

    for (site, is_own) in [
        ("http://127.0.0.1:8000", true),
        ("https://app.localhost", true),
        ("https://example.org", false),
        ("http://localhost.example.org", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mailbox = Mailbox::new(SiteOrigin::parse(site).unwrap(), NonZeroUsize::MIN);
        let built = whole(&folder)
            .site(site)
            .development(mailbox, LinePrinter::new(std::io::sink()))
            .build()
            .await;
        let refused = built.err().map(|error| error.kind());
        let expected = (!is_own).then_some(BuildErrorKind::Development);
        assert_eq!(refused, expected, "{site}");
    }
}
